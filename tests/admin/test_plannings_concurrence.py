"""A planning edited while 50 usagers book: no rendez-vous outside the law, none lost (design « a change and its
announcement are one transaction »)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from app import clock
from app.admin.plannings.changement import Changement, EcrireJournee
from app.admin.plannings.lecture import read_composition
from app.admin.plannings.publication import ADecider, Vu, publish
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.config import Settings
from app.db import Database, create_engine
from app.domain.creneaux import Creneau
from app.domain.horaires import heure_locale
from app.domain.plannings import PlageType
from app.errors import AppError, RegleRefusee
from app.outbox import Annonces
from loadtests import invariants
from tests.booking.outillage import USAGER, creneaux_libres, demande
from tests.fixtures.base import until
from tests.fixtures.donnees import MondeService, build_equipe, build_service

MATIN = PlageType(480, 720)
MIDI = 720

#: Rendez-vous outside the plages of the only planning, with the version that told their creation.
_HORS = text(
    """
    SELECT r.id, o.version FROM rendez_vous r JOIN service_fiscal s ON s.id = r.service_id
      JOIN outbox o ON o.sujet = 'service:' || r.service_id AND o.trame::json ->> 'type' = 'rdv.cree'
       AND (o.trame::json ->> 'rdv')::bigint = r.id
     WHERE r.etat = 'prevu' AND NOT EXISTS (
       SELECT 1 FROM planning p JOIN planning_jour j ON j.planning_id = p.id
         JOIN plage g ON g.journee_type_id = j.journee_type_id
        WHERE p.service_id = r.service_id AND j.jour_semaine = extract(isodow FROM r.jour)
          AND g.debut_minute <= extract(epoch FROM (r.debut AT TIME ZONE s.fuseau)::time) / 60
          AND extract(epoch FROM (r.fin AT TIME ZONE s.fuseau)::time) / 60 <= g.fin_minute)
    """
)
_VERSION_LOI = text("SELECT max(version) FROM outbox WHERE sujet = :s AND trame LIKE '%planning.modifie%'")
_EN_ATTENTE = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
async def large(settings: Settings) -> AsyncIterator[Outils]:
    """Tools with a connection for each usager: the race is in the database, not in the queue before it."""
    reglages = replace(settings, pool_size=60)
    db = Database(create_engine(reglages, nom="tests"))
    yield Outils(db, reglages)
    await db.close()


@pytest.fixture
async def service(large: Outils) -> MondeService:
    async with large.db.engine.begin() as conn:
        monde = await build_service(
            conn, guichets=4, jours_semaine=range(1, 8), sages=f"{random.randrange(10**6, 10**7)}"
        )
        return await build_equipe(conn, monde, f"-{monde.id}")


async def close_afternoons(outils: Outils, service: MondeService) -> tuple[Changement, int]:
    """« Le matin seulement », ready to be published; and the planning version that it was read at."""
    async with outils.db.read() as conn:
        comp = await read_composition(conn, service.id)
        version = (
            await conn.execute(text("SELECT version_planning FROM agenda WHERE service_id = :s"), {"s": service.id})
        ).scalar_one()
    (journee,) = comp.journees.values()
    return EcrireJournee(journee.nom, (MATIN,), journee.id, journee.revision), version


def is_afternoon(creneau: Creneau, service: MondeService) -> bool:
    """True when it begins after noon, in Paris."""
    heure, minute = heure_locale(creneau.debut, ZoneInfo(service.zone))
    return heure * 60 + minute >= MIDI


async def find_lawless(outils: Outils, service: MondeService) -> list[int]:
    """Rendez-vous outside the law that were committed after it."""
    async with outils.db.read() as conn:
        loi = (await conn.execute(_VERSION_LOI, {"s": f"service:{service.id}"})).scalar_one()
        return [ident for ident, version in await conn.execute(_HORS) if version > loi]


async def race(outils: Outils, service: MondeService) -> tuple[list[Creneau], list[Any]]:
    """50 bookings judged by the old law, held just before their commit until the new one is published."""
    creneaux = (await creneaux_libres(outils, service))[:50]
    changement, version = await close_afternoons(outils, service)
    chef = Auteur("agent", agent_id=service.agents["chef"])
    async with outils.db.engine.connect() as verrou:
        await verrou.execute(text("SELECT 1 FROM agenda WHERE service_id = :s FOR UPDATE"), {"s": service.id})
        publication = asyncio.create_task(publish(outils, chef, service.id, changement, clock.now(), Vu(version, "")))
        await _wait_for(outils, 1)
        reservations = [
            asyncio.create_task(book(outils, demande(service, c.debut, n), USAGER, clock.now()))
            for n, c in enumerate(creneaux)
        ]
        await _wait_for(outils, 51)
        await verrou.rollback()
    issues = await asyncio.gather(*reservations, return_exceptions=True)
    await publication
    return creneaux, issues


async def _wait_for(outils: Outils, nombre: int) -> None:
    async def attend() -> bool:
        async with outils.db.read() as conn:
            return int((await conn.execute(_EN_ATTENTE)).scalar_one()) >= nombre

    await until(attend, delai_s=6)


async def check_rien_perdu(outils: Outils, issues: Sequence[Any]) -> None:
    """Acknowledged ⊆ rows, refusals are reasons, and every invariant of a storm holds."""
    pris = {issue.code: issue.id for issue in issues if isinstance(issue, RdvReserve)}
    assert all(isinstance(issue, RdvReserve | AppError) for issue in issues), issues
    dsn = outils.settings.database_url
    assert await invariants.check_ledger(dsn, pris) == []
    bilan = await invariants.check(dsn)
    assert bilan.ok, bilan.lines()


class TestCinquanteUsagers:
    """The law published first is the law of who commits after."""

    async def test_bookings_judged_before_and_committed_after_obey_the_new_planning(
        self, large: Outils, service: MondeService
    ) -> None:
        creneaux, issues = await race(large, service)
        for creneau, issue in zip(creneaux, issues, strict=True):
            attendu = RegleRefusee if is_afternoon(creneau, service) else RdvReserve
            assert isinstance(issue, attendu), (creneau, issue)
        assert {is_afternoon(c, service) for c in creneaux} == {True, False}
        assert await find_lawless(large, service) == []
        await check_rien_perdu(large, issues)

    async def test_without_the_second_look_the_test_sees_rendez_vous_outside_the_law(
        self, large: Outils, service: MondeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Negative control: bookings no longer say which planning they were judged by."""
        monkeypatch.setattr(Annonces, "expect_planning", lambda *a: None)
        _, issues = await race(large, service)
        assert any(isinstance(issue, RdvReserve) for issue in issues)
        assert await find_lawless(large, service) != []

    async def test_in_the_open_the_chef_is_told_of_all_that_was_booked_before(
        self, large: Outils, service: MondeService
    ) -> None:
        creneaux = (await creneaux_libres(large, service))[:50]
        changement, version = await close_afternoons(large, service)
        chef = Auteur("agent", agent_id=service.agents["chef"])

        async def reserver(rang: int, creneau: Creneau) -> RdvReserve:
            await asyncio.sleep(random.random() * 0.5)
            return await book(large, demande(service, creneau.debut, rang), USAGER, clock.now())

        async def publier() -> int:
            await asyncio.sleep(0.2)
            vu, dits = Vu(version, ""), 0
            while True:
                try:
                    await publish(large, chef, service.id, changement, clock.now(), vu)
                except ADecider as refus:  # read again, and decided: as often as somebody books meanwhile
                    decide = Vu.parse(refus.details["vu"])
                    assert decide is not None
                    vu, dits = decide, int(refus.details["hors"])
                else:
                    return dits

        *issues, dits = await asyncio.gather(
            *(reserver(n, c) for n, c in enumerate(creneaux)), publier(), return_exceptions=True
        )
        async with large.db.read() as conn:
            dehors = len((await conn.execute(_HORS)).all())
        assert dehors == dits, "the chef was told of each rendez-vous left outside, and of no other"
        assert await find_lawless(large, service) == []
        await check_rien_perdu(large, issues)
