"""A client light enough to share two cores with what it loads: one socket, one request, one answer."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reponse:
    """Status, body and seconds from the first byte sent to the last received; status 0 when the connection broke."""

    statut: int
    corps: bytes
    duree_s: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.corps)


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lecteur: asyncio.StreamReader | None = None
        self._plume: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect; called by ``send`` when needed, or before a race so that connecting is not measured."""
        self._lecteur, self._plume = await asyncio.open_connection("127.0.0.1", self._port)

    async def send(
        self, methode: str, chemin: str, corps: bytes = b"", entetes: dict[str, str] | None = None
    ) -> Reponse:
        """One request."""
        if self._plume is None:
            await self.open()
        assert self._lecteur is not None
        assert self._plume is not None
        lignes = [f"{methode} {chemin} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(corps)}"]
        lignes += [f"{nom}: {valeur}" for nom, valeur in (entetes or {}).items()]
        depart = time.perf_counter()
        try:
            self._plume.write(("\r\n".join(lignes) + "\r\n\r\n").encode() + corps)
            statut = int((await self._lecteur.readuntil(b"\r\n")).split()[1])
            tete = (await self._lecteur.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            taille = next((int(li.split(":")[1]) for li in tete.split("\r\n") if li.startswith("content-length:")), 0)
            lu = await self._lecteur.readexactly(taille)
        except (OSError, asyncio.IncompleteReadError, IndexError, ValueError):
            self._plume = None
            return Reponse(0, b"", time.perf_counter() - depart)
        return Reponse(statut, lu, time.perf_counter() - depart)

    async def close(self) -> None:
        """Hang up."""
        if self._plume is not None:
            self._plume.close()


def percentile(durees: list[float], part: float) -> float:
    """The value below which ``part`` (0..1) of the sorted durations lie."""
    rangees = sorted(durees)
    return rangees[min(len(rangees) - 1, int(len(rangees) * part))] if rangees else float("nan")
