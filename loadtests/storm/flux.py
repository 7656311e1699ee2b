"""A steady stream of bookings that nothing discourages: each has its key, and asks again with it until it is told.

Open loop: a booking leaves at its hour whether the ones before it have been answered or not. What the site acknowledged
is kept here, by key, and never read from the site again: it is what the database is judged by.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any, Final

import asyncpg

from loadtests.http_brut import Client, Reponse, percentile
from loadtests.monde import Monde
from loadtests.personnes import Personne
from loadtests.reservations import Ecart
from tests.fixtures.donnees import MondeService

_CLE: Final = "cle-exterieur-0"
#: Seconds between two tries of one booking, and before it is given up.
_ENTRE_ESSAIS_S: Final = 0.25
_PATIENCE_S: Final = 60.0


@dataclass
class Reservation:
    """One booking: what was asked, and what came of it. Seconds are those of the client's clock."""

    corps: bytes
    cle: str
    depart: float = 0.0
    premiere_s: float = 0.0
    premier: int = -1
    duree_s: float = 0.0
    code: str = ""
    id: int = 0


@dataclass
class Flux:
    """The stream. ``statuts`` counts every try; status 0 is a broken connection."""

    monde: Monde
    ports: Sequence[int]
    cadence: float
    reservations: list[Reservation] = field(default_factory=list)
    statuts: Counter[int] = field(default_factory=Counter)
    anomalies: list[str] = field(default_factory=list)
    _places: Iterator[tuple[MondeService, str]] = field(default_factory=lambda: iter(()))
    _libres: dict[int, list[Client]] = field(default_factory=dict)
    _fini: bool = False

    # --- Asking -------------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Read what is free, once: nobody else books, so that a 409 would be a fault. Raises Ecart."""
        listes = [await self._read_places(service) for service in self.monde.services]
        melees = chain.from_iterable(zip_longest(*listes))
        self._places = (place for place in melees if place is not None)

    async def _read_places(self, service: MondeService) -> list[tuple[MondeService, str]]:
        chemin = f"/api/v1/services/{service.id}/creneaux?motif={service.motifs[0]}&type=guichet"
        client = Client(self.ports[0])
        lu = await client.send("GET", chemin, entetes={"Authorization": f"Bearer {_CLE}"})
        await client.close()
        if lu.statut != 200:
            raise Ecart(f"GET {chemin}: {lu.statut} {lu.corps[:300]!r}")
        return [(service, c["debut"]) for c in lu.json()["elements"] for _ in range(c["libres"])]

    def _next(self) -> Reservation:
        place = next(self._places, None)
        if place is None:
            raise Ecart("the services are full: more of them, or a shorter storm")
        service, debut = place
        personne = Personne(50_000 + len(self.reservations))
        corps = {
            "service": service.id,
            "motif": service.motifs[0],
            "type": "guichet",
            "debut": debut,
            "precision": personne.precision,
            "usager": personne.as_json(),
        }
        reservation = Reservation(json.dumps(corps).encode(), str(uuid.uuid4()))
        self.reservations.append(reservation)
        return reservation

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Bookings leave during the ``with``; its end waits until every one has been answered, or given up."""
        self._fini = False
        tache = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._fini = True
            await tache

    async def _run(self) -> None:
        depart = time.perf_counter()
        async with asyncio.TaskGroup() as groupe:
            rang = 0
            while not self._fini:
                groupe.create_task(self._book(self._next(), rang))
                rang += 1
                await asyncio.sleep(max(0.0, depart + rang / self.cadence - time.perf_counter()))

    async def _book(self, reservation: Reservation, rang: int) -> None:
        reservation.depart = time.perf_counter()
        while time.perf_counter() - reservation.depart < _PATIENCE_S:
            reponse = await self.send(self.ports[rang % len(self.ports)], reservation)
            rang += 1  # as a balancer does, the next try goes to the other process
            if reservation.premier < 0:
                reservation.premier, reservation.premiere_s = reponse.statut, reponse.duree_s
            if reponse.statut in (200, 201):
                corps: dict[str, Any] = reponse.json()
                reservation.code, reservation.id = corps["code"], corps["id"]
                reservation.duree_s = time.perf_counter() - reservation.depart
                return
            if reponse.statut == 503 and not reponse.headers("retry-after"):
                self.anomalies.append("a 503 without Retry-After")
            if reponse.statut not in (0, 503):
                self.anomalies.append(f"{reponse.statut} {reponse.corps[:300].decode(errors='replace')}")
                if reponse.statut < 500:
                    return
            await asyncio.sleep(_ENTRE_ESSAIS_S)

    async def send(self, port: int, reservation: Reservation) -> Reponse:
        """One try, on a connection kept when it lives. Counted."""
        libres = self._libres.setdefault(port, [])
        client = libres.pop() if libres else Client(port)
        entetes = {
            "Authorization": f"Bearer {_CLE}",
            "Content-Type": "application/json",
            "Idempotency-Key": reservation.cle,
        }
        depart = time.perf_counter()
        try:
            async with asyncio.timeout(20):
                reponse = await client.send("POST", "/api/v1/rendez-vous", reservation.corps, entetes)
        except (OSError, TimeoutError):
            reponse = Reponse(0, b"", time.perf_counter() - depart)
        if reponse.statut:
            libres.append(client)
        else:
            await client.close()
        self.statuts[reponse.statut] += 1
        return reponse

    async def close(self) -> None:
        """Hang up everywhere."""
        for client in chain.from_iterable(self._libres.values()):
            await client.close()
        self._libres.clear()

    # --- Judging ------------------------------------------------------------------------------------------------------

    @property
    def acquittees(self) -> list[Reservation]:
        """Those that the site acknowledged."""
        return [r for r in self.reservations if r.code]

    def share_at_once(self) -> float:
        """The share of bookings whose very first try was acknowledged."""
        return sum(r.premier in (200, 201) for r in self.reservations) / max(1, len(self.reservations))

    def duration(self, part: float, *, premiere: bool = False) -> float:
        """A percentile, in seconds: from the first try to the acknowledgement, or the first answer alone."""
        return percentile([r.premiere_s if premiere else r.duree_s for r in self.acquittees], part)

    async def find_lost(self, dsn: str) -> list[str]:
        """Acknowledged codes that the database does not hold under that id; RDV that nobody was told of."""
        conn = await asyncpg.connect(dsn)
        try:
            lignes = await conn.fetch("SELECT id, code FROM rendez_vous WHERE etat <> 'option'")
        finally:
            await conn.close()
        connus = {ligne["code"]: ligne["id"] for ligne in lignes}
        perdus = [r.code for r in self.acquittees if connus.get(r.code) != r.id]
        trop = len(connus.keys() - {r.code for r in self.acquittees})
        return perdus + ([f"{trop} made and refused, or made twice"] if trop else [])

    async def find_replay_faults(self, combien: int) -> list[str]:
        """Ask again with keys already served: the same code must come back."""
        servies = self.acquittees
        fautes: list[str] = []
        for reservation in servies[:: max(1, len(servies) // combien)]:
            reponse = await self.send(self.ports[0], reservation)
            if reponse.statut not in (200, 201) or reponse.json()["code"] != reservation.code:
                fautes.append(f"{reservation.code} replayed: {reponse.statut} {reponse.corps[:200]!r}")
        return fautes
