"""A client light enough to share two cores with what it loads: one socket, one request, one answer."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final

#: A connection idle for longer is opened anew: the server closes idle ones.
_REPOS_MAX_S: Final = 2.0
_LONGUEUR: Final = re.compile(r"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reponse:
    """Status, body and seconds from the first byte sent to the last received; status 0 when the connection broke.

    ``tete`` holds the header lines as they came.
    """

    statut: int
    corps: bytes
    duree_s: float
    tete: str = ""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.corps)

    def headers(self, nom: str) -> list[str]:
        """The values of a header, in order; none when it is absent."""
        lignes = (ligne.partition(":") for ligne in self.tete.split("\r\n"))
        return [valeur.strip() for cle, _, valeur in lignes if cle.lower() == nom.lower()]


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lecteur: asyncio.StreamReader | None = None
        self._plume: asyncio.StreamWriter | None = None
        self._dernier = 0.0

    async def open(self) -> None:
        """Connect; called by ``send`` when needed, or before a race so that connecting is not measured."""
        self._lecteur, self._plume = await asyncio.open_connection("127.0.0.1", self._port)
        self._dernier = time.monotonic()

    async def send(
        self, methode: str, chemin: str, corps: bytes = b"", entetes: dict[str, str] | None = None
    ) -> Reponse:
        """One request."""
        if self._plume is not None and time.monotonic() - self._dernier > _REPOS_MAX_S:
            await self.close()
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
            tete = (await self._lecteur.readuntil(b"\r\n\r\n")).decode("latin-1")
            longueur = _LONGUEUR.search(tete)
            lu = await self._lecteur.readexactly(int(longueur[1]) if longueur else 0)
            self._dernier = time.monotonic()
        except (OSError, asyncio.IncompleteReadError, IndexError, ValueError):
            self._plume = None
            return Reponse(0, b"", time.perf_counter() - depart)
        return Reponse(statut, lu, time.perf_counter() - depart, tete)

    async def close(self) -> None:
        """Hang up."""
        if self._plume is not None:
            self._plume.close()
            self._plume = None


def percentile(durees: list[float], part: float) -> float:
    """The value below which ``part`` (0..1) of the sorted durations lie."""
    rangees = sorted(durees)
    return rangees[min(len(rangees) - 1, int(len(rangees) * part))] if rangees else float("nan")
