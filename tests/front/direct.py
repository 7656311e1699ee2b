"""The test's own gateway: it speaks the wire contract on real WebSockets, and can be silent, lossy or gone."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

BATTEMENT = 0.5


class Direct:
    """One feed for every socket. ``histoire`` holds the frames of each subject that a reconnection can ask for."""

    def __init__(self) -> None:
        self.sockets: set[WebSocket] = set()
        self.connexions: list[str] = []
        self.recus: list[Any] = []
        self.histoire: dict[str, list[dict[str, Any]]] = {}
        self.versions: dict[str, int] = {}
        self.epoque = ""
        self.muet = False
        self.refuse = False
        self.oubli = False
        self.horloge: Any = None

    async def accueillir(self, websocket: WebSocket) -> None:
        """One connection: state, missed events (or resync), then a beat until it closes."""
        self.connexions.append(str(websocket.url.query))
        if self.refuse:
            await websocket.close(4000)
            return
        await websocket.accept()
        if not self.muet:
            await self._situer(websocket)
        self.sockets.add(websocket)
        battement = asyncio.create_task(self._battre(websocket))
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                self.recus.append(message)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            battement.cancel()
            self.sockets.discard(websocket)

    async def _situer(self, websocket: WebSocket) -> None:
        epoque = websocket.query_params.get("epoque", "")
        for demande in websocket.query_params.getlist("sujet"):
            trouve = re.fullmatch(r"([^@]+)(?:@(\d+))?", demande)
            assert trouve, demande
            sujet, depuis = trouve[1], int(trouve[2] or 0)
            version = self.versions[sujet]
            position = {"sujet": sujet, "epoque": self.epoque, "version": version}
            await websocket.send_json({"type": "etat", **position})
            manquees = [t for t in self.histoire.get(sujet, []) if t["version"] > depuis]
            complet = len(manquees) == version - depuis and epoque in ("", self.epoque) and not self.oubli
            for trame in manquees if complet else []:
                await websocket.send_json(trame)
            if not complet:
                await websocket.send_json({"type": "resync", **position})

    async def _battre(self, websocket: WebSocket) -> None:
        while True:
            if not self.muet:
                await websocket.send_json({"type": "frais", "a": self.horloge().isoformat()})
            await asyncio.sleep(BATTEMENT)

    def noter(self, trame: dict[str, Any]) -> None:
        """The event happened; nobody has been told."""
        self.histoire.setdefault(trame["sujet"], []).append(trame)
        self.versions[trame["sujet"]] = trame["version"]

    async def publier(self, *trames: dict[str, Any]) -> None:
        """The events happened and every socket is told, in the order given."""
        for trame in sorted(trames, key=lambda t: t.get("version", 0)):
            if "version" in trame:
                self.noter(trame)
        await self.envoyer(*trames)

    async def envoyer(self, *trames: dict[str, Any]) -> None:
        """Raw frames to every socket."""
        for websocket in list(self.sockets):
            for trame in trames:
                await websocket.send_text(json.dumps(trame))

    async def fermer(self, code: int) -> None:
        """Close every socket with a code."""
        for websocket in list(self.sockets):
            await websocket.close(code)
