"""One port for pages and sockets: ``/temps-reel`` and its health go to the gateway, the rest to the web.

``accueil serve --only web|gateway`` serves one of them alone, behind a proxy that splits by the same paths.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.config import Settings, load
from app.main import create_web
from app.realtime.gateway import create_gateway

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

#: What the gateway answers: sockets at one address, its health as pages. Anything else has the pages' own 404.
_PRISES, _SANTE = "/temps-reel", "/sante/passerelle"


class Compose:
    """Dispatch by path; the two lifespans run side by side and the process starts when both have."""

    def __init__(self, web: Application, gateway: Application) -> None:
        self._web = web
        self._gateway = gateway

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["path"].startswith(_PRISES if scope["type"] == "websocket" else _SANTE):
            await self._gateway(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._web(scope, receive, send)

    async def _lifespan(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        vies = [_Vie(app, scope) for app in (self._web, self._gateway)]
        try:
            for vie in vies:
                await vie.start()
        except Exception as erreur:  # reported to the server, which then exits with its message
            await send({"type": "lifespan.startup.failed", "message": f"{type(erreur).__name__}: {erreur}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for vie in reversed(vies):
            with contextlib.suppress(Exception):
                await vie.stop()
        await send({"type": "lifespan.shutdown.complete"})


class _Vie:
    """The lifespan of one application, driven step by step, with its own state."""

    def __init__(self, app: Application, scope: MutableMapping[str, Any]) -> None:
        self._entrant: asyncio.Queue[Message] = asyncio.Queue()
        self._sortant: asyncio.Queue[Message] = asyncio.Queue()
        self._app = app
        self._scope = {**scope, "state": {}}
        self._tache: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the startup. Raises RuntimeError when the application fails to start."""
        self._tache = asyncio.create_task(self._run())
        await self._step("startup")

    async def stop(self) -> None:
        """Run the shutdown."""
        if self._tache is not None and not self._tache.done():
            await self._step("shutdown")
            await self._tache

    async def _run(self) -> None:
        await self._app(self._scope, self._entrant.get, self._sortant.put)

    async def _step(self, etape: str) -> None:
        assert self._tache is not None
        await self._entrant.put({"type": f"lifespan.{etape}"})
        reponse = asyncio.create_task(self._sortant.get())
        await asyncio.wait({reponse, self._tache}, return_when=asyncio.FIRST_COMPLETED)
        if not reponse.done():
            reponse.cancel()
            await self._tache
            raise RuntimeError(f"the application ended during its {etape}")
        message = reponse.result()
        if message["type"] != f"lifespan.{etape}.complete":
            raise RuntimeError(message.get("message") or f"{etape} failed")


def create_app(settings: Settings | None = None) -> Compose:
    """Web and gateway behind one port."""
    settings = settings or load()
    return Compose(create_web(settings), create_gateway(settings))
