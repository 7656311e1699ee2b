"""Arrivals marked and taken back by an agent through the API, one at a time: what the screens are timed on."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from loadtests.http_brut import Client
from loadtests.personnes import Personne
from loadtests.reservations import Ecart
from tests.fixtures.donnees import MondeService

#: Seconds between two changes, at random: the beats and the clients' own work must not fall in step with them.
REPOS_S: Final = (0.02, 0.08)
#: Seconds given to a change to be seen.
ATTENTE_S: Final = 10.0
#: First changes, not counted. Even, as the number of measures is: every arrival that was marked is taken back.
ECHAUFFEMENT: Final = 6
#: A connection idle for longer is opened anew before the clock starts: the server closes idle ones.
_REPOS_MAX_S: Final = 2.0


@dataclass
class Serie:
    """Seconds, one list by way of measuring."""

    envoi: list[float] = field(default_factory=list)
    reponse: list[float] = field(default_factory=list)
    peint: list[float] = field(default_factory=list)


class Agent:
    """An attached agent at work through the API."""

    def __init__(self, port: int, service: MondeService, cle: str) -> None:
        self._client = Client(port)
        self._service = service
        self._entetes = {"Authorization": f"Bearer {cle}", "Content-Type": "application/json"}
        self._dernier = 0.0

    async def book_today(self, jour: date, combien: int) -> list[int]:
        """RDV of today, one créneau each; their ids. Raises Ecart."""
        chemin = f"/api/v1/services/{self._service.id}/creneaux?motif={self._service.motifs[0]}&du={jour}&au={jour}"
        lu = await self._client.send("GET", chemin, entetes=self._entetes)
        if lu.statut != 200:
            raise Ecart(f"GET {chemin}: {lu.statut} {lu.corps[:300]!r}")
        debuts = [c["debut"] for c in lu.json()["elements"] for _ in range(c["libres"])][:combien]
        ids: list[int] = []
        for rang, debut in enumerate(debuts):
            corps = {
                "service": self._service.id,
                "motif": self._service.motifs[0],
                "type": "guichet",
                "debut": debut,
                "precision": "Essai de charge",
                "usager": Personne(20_000 + rang).as_json(),
            }
            reponse = await self._client.send(
                "POST",
                "/api/v1/rendez-vous",
                json.dumps(corps).encode(),
                self._entetes | {"Idempotency-Key": f"latence-{self._service.id}-{rang}"},
            )
            if reponse.statut != 201:
                raise Ecart(f"booking: {reponse.statut} {reponse.corps[:300]!r}")
            ids.append(reponse.json()["id"])
        if not ids:
            raise Ecart(f"no place is left today: {lu.corps[:500]!r}")
        return ids

    async def mark(self, rdv: int, *, arrivee: bool) -> tuple[float, float]:
        """Mark or take back an arrival; when it was sent and when the answer came (perf_counter). Raises Ecart."""
        if time.perf_counter() - self._dernier > _REPOS_MAX_S:
            await self._client.close()
            await self._client.open()
        self._dernier = envoi = time.perf_counter()
        methode = "PUT" if arrivee else "DELETE"
        reponse = await self._client.send(methode, f"/api/v1/rendez-vous/{rdv}/arrivee", entetes=self._entetes)
        if reponse.statut != 200:
            raise Ecart(f"arrival: {reponse.statut} {reponse.corps[:300]!r}")
        return envoi, envoi + reponse.duree_s

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()
