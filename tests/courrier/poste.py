"""A mail server that can be told to misbehave towards one mailbox or all of them, on the tests' own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Recu:
    """What the server accepted: its envelope and its bytes."""

    de: str
    pour: tuple[str, ...]
    brut: bytes

    @property
    def courriel(self) -> EmailMessage:
        """Parsed as a mail program does."""
        return BytesParser(policy=policy.default).parsebytes(self.brut)

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return str(self.courriel["Message-ID"])


Reponse = Callable[[str], Awaitable[str | None]]


async def _accept(adresse: str) -> str | None:
    return None


@dataclass
class Poste:
    """``rcpt`` and ``data`` answer for an address: a reply, or None to accept; they may sleep as long as they like.

    ``apres`` runs once a message is filed and before the client is told.
    """

    port: int = 0
    rcpt: Reponse = _accept
    data: Reponse = _accept
    apres: Callable[[Recu], Awaitable[None]] | None = None
    recus: list[Recu] = field(default_factory=list)
    connexions: int = 0
    _server: asyncio.Server | None = None
    _clients: list[SMTP] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For ``SMTP_URL``."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def message_ids(self) -> list[str]:
        """Of every accepted message, in order."""
        return [recu.message_id for recu in self.recus]

    async def start(self) -> None:
        """Listen; on the same port the second time."""
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every conversation and close the port."""
        if self._server is not None:
            self._server.close()
            for client in self._clients:
                if isinstance(client.transport, asyncio.WriteTransport):
                    client.transport.abort()
            self._clients.clear()
            await asyncio.sleep(0.05)
            self._server = None

    def repair(self) -> None:
        """Accept everything again."""
        self.rcpt = self.data = _accept

    def _protocol(self) -> SMTP:
        self.connexions += 1
        client = SMTP(self, hostname="poste.test", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())
        self._clients.append(client)
        return client

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        refus = await self.rcpt(address)
        if refus is not None:
            return refus
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        refus = await self.data(envelope.rcpt_tos[0])
        if refus is not None:
            return refus
        assert isinstance(envelope.content, bytes)
        recu = Recu(envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.content)
        self.recus.append(recu)
        if self.apres is not None:
            await self.apres(recu)
        return "250 2.0.0 filed"
