"""Saving a semaine type for 20 guichets: 200 ms at most, and as many statements as for two."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, text

from app import clock
from app.admin.plannings.changement import EcrirePlanning
from app.admin.plannings.publication import Vu, publish
from app.booking.outils import Auteur, Outils
from app.domain.changements import FichePlanning, JourEcrit
from app.domain.plannings import PlageType
from tests.booking.outillage import creneaux_libres, reserve
from tests.fixtures.donnees import MondeService, build_equipe, build_service

MAXIMUM_S = 0.2


#: A cycle of four weeks, each day on its own hours: 28 days per guichet.
def write_jours(decalage: int = 0) -> dict[tuple[int, int], JourEcrit]:
    return {
        (rang, iso): JourEcrit(plages=(PlageType(480 + 5 * iso, 720), PlageType(840, 960 + 5 * rang + decalage)))
        for rang in range(4)
        for iso in range(1, 8)
    }


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn, guichets=20, sages="5800999"))


async def save(
    outils: Outils, service: MondeService, guichets: int, nom: str, planning: int | None = None, decalage: int = 0
) -> int:
    """Publish a semaine type for that many guichets; its id."""
    async with outils.db.read() as conn:
        version = (
            await conn.execute(text("SELECT version_planning FROM agenda WHERE service_id = :s"), {"s": service.id})
        ).scalar_one()
    ids = tuple(service.guichets[:guichets])
    fiche = FichePlanning(nom, "semaine", 4, date(2027, 1, 4), None, ids, write_jours(decalage))
    auteur = Auteur("agent", agent_id=service.agents["chef"])
    ecrit = await publish(outils, auteur, service.id, EcrirePlanning(fiche, planning), clock.now(), Vu(version, ""))
    assert ecrit is not None
    return ecrit


@contextmanager
def count_statements(outils: Outils) -> Iterator[list[str]]:
    """Every statement sent meanwhile."""
    envoyes: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *reste: Any) -> None:
        envoyes.append(statement)

    moteur = outils.db.engine.sync_engine
    event.listen(moteur, "before_cursor_execute", note)
    try:
        yield envoyes
    finally:
        event.remove(moteur, "before_cursor_execute", note)


class TestVitesse:
    async def test_twenty_guichets_cost_as_many_statements_as_two(self, outils: Outils, service: MondeService) -> None:
        await save(outils, service, 1, "pour ses journées types: both then write the same things")
        await self._clear(outils)
        for creneau in (await creneaux_libres(outils, service))[:3]:
            await reserve(outils, service, debut=creneau.debut)
        nombres = []
        for guichets in (2, 20):
            with count_statements(outils) as envoyes:
                await save(outils, service, guichets, f"pour {guichets}")
            nombres.append(len(envoyes))
            await self._clear(outils)
        assert nombres[0] == nombres[1], "statements for 2 and for 20 guichets"
        assert nombres[1] <= 25

    async def _clear(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM planning WHERE nom LIKE 'pour%'"))

    async def test_a_semaine_type_of_twenty_guichets_is_saved_in_200_ms(
        self, outils: Outils, service: MondeService
    ) -> None:
        ident = await save(outils, service, 20, "Quatre semaines")
        durees = []
        for n in range(5):
            depart = time.perf_counter()
            ident = await save(outils, service, 20, f"Quatre semaines {n}", ident, decalage=n + 1)
            durees.append(time.perf_counter() - depart)
        assert min(durees) <= MAXIMUM_S, f"best of {[round(d * 1000) for d in durees]} ms"
