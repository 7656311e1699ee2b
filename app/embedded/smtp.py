"""An embedded SMTP server that delivers to nobody: each message is filed in a Maildir folder.

It speaks real SMTP on 127.0.0.1, in a thread of the process that starts it, and can be told to misbehave
(``pannes``) the way real relays do, so that the sender's patience can be tested.
"""

from __future__ import annotations

import asyncio
import mailbox
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from app.embedded.boite import file_message, prune
from app.embedded.spawn import DemarrageImpossible

HOTE = "127.0.0.1"
TAILLE_MAX = 5 * 1024 * 1024
_KEPT = 2000
_PRUNE_EVERY = 100


@dataclass
class Pannes:
    """How to misbehave. Read at each command, so it can change while clients are connected.

    ``rcpt`` and ``data``: a whole reply (``"451 4.3.0 …"``) instead of accepting; ``lenteur_s``: seconds before
    each reply to RCPT and DATA (a tarpit); ``muet``: after DATA nothing is ever answered, nor filed.
    """

    rcpt: str | None = None
    data: str | None = None
    lenteur_s: float = 0.0
    muet: bool = False


class _Classeur:
    """aiosmtpd's handler: files what it accepts, misbehaves on request."""

    def __init__(self, boite: mailbox.Maildir, pannes: Pannes) -> None:
        self._boite, self._pannes = boite, pannes
        self.recus = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if self._pannes.lenteur_s:
            await asyncio.sleep(self._pannes.lenteur_s)
        if self._pannes.rcpt:
            return self._pannes.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._pannes.lenteur_s:
            await asyncio.sleep(self._pannes.lenteur_s)
        if self._pannes.data:
            return self._pannes.data
        if self._pannes.muet:
            await asyncio.Event().wait()
        contenu = envelope.content
        assert isinstance(contenu, bytes)
        file_message(self._boite, contenu, envelope.mail_from or "", list(envelope.rcpt_tos))
        self.recus += 1
        if self.recus % _PRUNE_EVERY == 0:
            prune(self._boite, _KEPT)
        return "250 2.0.0 filed"


@dataclass
class Smtp:
    """A running server. ``pannes`` may be changed at any time; ``stop`` then ``start`` keep the same port."""

    url: str
    port: int
    dossier: Path
    pannes: Pannes
    _classeur: _Classeur = field(repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)
    _server: asyncio.Server | None = field(default=None, repr=False)
    _clients: weakref.WeakSet[SMTP] = field(default_factory=weakref.WeakSet, repr=False)

    @property
    def recus(self) -> int:
        """How many messages were accepted since the start."""
        return self._classeur.recus

    def alive(self) -> bool:
        """True while it listens."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen. Raises DemarrageImpossible when the port is taken."""
        if self.alive():
            return
        pret: threading.Event = threading.Event()
        echec: list[OSError] = []

        def corps() -> None:
            loop = asyncio.new_event_loop()
            self._loop = loop
            try:
                self._server = loop.run_until_complete(loop.create_server(self._protocol, HOTE, self.port))
            except OSError as error:
                echec.append(error)
                loop.close()
                return
            finally:
                pret.set()
            loop.run_forever()
            loop.run_until_complete(self._close())
            loop.close()

        self._thread = threading.Thread(target=corps, name="embedded-smtp", daemon=True)
        self._thread.start()
        pret.wait()
        if echec:
            self._thread.join()
            raise DemarrageImpossible(f"The SMTP server cannot listen on {HOTE}:{self.port}: {echec[0]}")
        assert self._server is not None
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"smtp://{HOTE}:{self.port}"

    def restart(self) -> None:
        """Stop, then listen again on the same port."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Close the port and every connection, in the middle of a message if need be."""
        if self._thread is None or self._loop is None or not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _protocol(self) -> SMTP:
        protocole = SMTP(
            self._classeur,
            loop=self._loop,
            hostname="accueil.invalid",
            data_size_limit=TAILLE_MAX,
            enable_SMTPUTF8=True,
        )
        self._clients.add(protocole)
        return protocole

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for client in list(self._clients):
            if isinstance(client.transport, asyncio.WriteTransport):
                client.transport.abort()
        restants = asyncio.all_tasks() - {asyncio.current_task()}
        for tache in restants:
            tache.cancel()
        await asyncio.gather(*restants, return_exceptions=True)


def start_smtp(dossier: Path, port: int = 0, pannes: Pannes | None = None) -> Smtp:
    """Start a server that files in ``dossier``. ``port`` 0 takes a free one, then keeps it for life.

    Raises DemarrageImpossible when the port is taken.
    """
    dossier = dossier.absolute()
    dossier.parent.mkdir(parents=True, exist_ok=True)
    boite = mailbox.Maildir(dossier, create=True)
    dossier.chmod(0o700)
    prune(boite, _KEPT)
    pannes = pannes or Pannes()
    server = Smtp("", port, dossier, pannes, _Classeur(boite, pannes))
    server.start()
    return server
