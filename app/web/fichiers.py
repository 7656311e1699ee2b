"""Style sheets and scripts, compressed once per process: a phone on a slow line loads a fifth of their weight.

They are served under an address that changes with their content (``static_version``): what was compressed is right for
ever. Anything else goes through as it is.
"""

from __future__ import annotations

import gzip
from typing import Any, Final

from anyio import to_thread
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_COMPRESSIBLES: Final = (".css", ".js", ".svg", ".json", ".txt")
_NIVEAU: Final = 9


class FichiersCompresses:
    """Around the static files of one version."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._prets: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) != "http" or not scope["path"].endswith(_COMPRESSIBLES) or not _accepts_gzip(scope):
            await self.app(scope, receive, send)
            return
        pret = self._prets.get(scope["path"])
        if pret is None:
            statut, entetes, corps = await self._fetch(scope, receive)
            if statut != 200:
                await _answer(send, statut, entetes, corps)
                return
            comprime = await to_thread.run_sync(lambda: gzip.compress(corps, _NIVEAU, mtime=0))
            pret = self._prets[scope["path"]] = (_relabel(entetes, len(comprime)), comprime)
        await _answer(send, 200, *pret)

    async def _fetch(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The whole answer of the files themselves, whatever the browser holds already."""
        debut: dict[str, Any] = {}
        morceaux: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                debut.update(message)
            elif message["type"] == "http.response.body":
                morceaux.append(message.get("body", b""))

        sans = [(n, v) for n, v in scope["headers"] if n not in {b"if-none-match", b"if-modified-since", b"range"}]
        entier: Any = {**scope, "method": "GET", "headers": sans}
        await self.app(entier, receive, keep)
        return int(debut["status"]), list(debut["headers"]), b"".join(morceaux)


def _accepts_gzip(scope: Scope) -> bool:
    return any(n == b"accept-encoding" and b"gzip" in v for n, v in scope["headers"])


def _relabel(entetes: list[tuple[bytes, bytes]], taille: int) -> list[tuple[bytes, bytes]]:
    """The same headers for the compressed body. Its validator is another one."""
    autres = {b"content-length", b"content-encoding", b"vary", b"etag"}
    gardes = [(nom, valeur) for nom, valeur in entetes if nom.lower() not in autres]
    return [
        *gardes,
        (b"content-length", str(taille).encode()),
        (b"content-encoding", b"gzip"),
        (b"vary", b"accept-encoding"),
    ]


async def _answer(send: Send, statut: int, entetes: list[tuple[bytes, bytes]], corps: bytes) -> None:
    await send({"type": "http.response.start", "status": statut, "headers": entetes})
    await send({"type": "http.response.body", "body": corps, "more_body": False})
