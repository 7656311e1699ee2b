"""Open screens, as the gateway sees them: sockets that follow a service, reconnect, and know how late they are.

A screen keeps what a page keeps: a version. A frame carries it one further; a ``resync`` makes it read the database
again, here the version that PostgreSQL has. What is late is judged against versions sampled in PostgreSQL itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Origin

#: Seconds between two looks at the versions in PostgreSQL.
_PAS_S = 0.25


@dataclass
class Ecran:
    """A screen of one service. ``sauts``: frames that left a hole, which no honest gateway sends."""

    port: int
    origine: str
    service: int
    jeton: str
    version: int = 0
    resyncs: int = 0
    trames: int = 0
    coupures: int = 0
    sauts: int = 0
    vues: list[tuple[float, int]] = field(default_factory=list)

    async def run(self, dsn: str) -> None:
        """Follow for ever, as a page does."""
        base = await asyncpg.create_pool(dsn, min_size=0, max_size=1)
        try:
            while True:
                with contextlib.suppress(
                    OSError, EOFError, InvalidHandshake, WebSocketException, asyncpg.PostgresError
                ):
                    if not self.version:
                        await self._reload(base)
                    await self._follow(base)
                self.coupures += 1
                await asyncio.sleep(0.5)
        finally:
            base.terminate()

    async def _follow(self, base: asyncpg.Pool) -> None:
        url = f"ws://127.0.0.1:{self.port}/temps-reel?sujet=service:{self.service}@{self.version}"
        entetes = {"Cookie": f"accueil_session={self.jeton}"}
        async with connect(
            url, additional_headers=entetes, origin=Origin(self.origine), compression=None, proxy=None
        ) as ws:
            async for message in ws:
                trame = json.loads(message)
                if trame["type"] == "resync":
                    self.resyncs += 1
                    await self._reload(base)
                elif trame["type"] not in ("etat", "frais") and trame["version"] > self.version:
                    self.sauts += trame["version"] != self.version + 1
                    self.trames += 1
                    self._stand(trame["version"])

    async def _reload(self, base: asyncpg.Pool) -> None:
        """Ask the database what it has."""
        self._stand(await base.fetchval("SELECT version FROM agenda WHERE service_id = $1", self.service))

    def _stand(self, version: int) -> None:
        if version > self.version:
            self.version = version
            self.vues.append((time.monotonic(), version))


@dataclass
class Veille:
    """Every screen, and the versions that PostgreSQL had meanwhile."""

    dsn: str
    ecrans: Sequence[Ecran]
    echantillons: list[tuple[float, int, int]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow during a ``with``."""
        taches = [asyncio.create_task(e.run(self.dsn)) for e in self.ecrans]
        taches.append(asyncio.create_task(self._sample()))
        try:
            yield
        finally:
            for tache in taches:
                tache.cancel()
            await asyncio.wait(taches)

    async def _sample(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                conn = await asyncpg.connect(self.dsn, timeout=2)
                try:
                    while True:
                        for ligne in await conn.fetch("SELECT service_id, version FROM agenda"):
                            self.echantillons.append((time.monotonic(), ligne["service_id"], ligne["version"]))
                        await asyncio.sleep(_PAS_S)
                finally:
                    conn.terminate()
            await asyncio.sleep(_PAS_S)

    async def converge(self, delai_s: float = 60.0) -> float:
        """Seconds until every screen is where the database is; infinite when one never is."""
        depart = time.monotonic()
        while time.monotonic() - depart < delai_s:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                conn = await asyncpg.connect(self.dsn, timeout=2)
                try:
                    versions = dict(await conn.fetch("SELECT service_id, version FROM agenda"))
                finally:
                    await conn.close()
                if all(e.version == versions[e.service] for e in self.ecrans):
                    return time.monotonic() - depart
            await asyncio.sleep(0.05)
        return float("inf")

    def worst_lateness(self) -> float:
        """The longest that a screen showed an older version than PostgreSQL had, in seconds."""
        pire = 0.0
        for ecran in self.ecrans:
            vues = iter(ecran.vues)
            vue = next(vues, None)
            for instant, service, version in self.echantillons:
                if service != ecran.service:
                    continue
                while vue is not None and vue[1] < version:
                    vue = next(vues, None)
                if vue is None:
                    break  # the end of the storm: ``converge`` judges it
                pire = max(pire, vue[0] - instant)
        return pire
