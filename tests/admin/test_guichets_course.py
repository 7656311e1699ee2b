"""Closing, renaming, deleting guichets while people book there: what the chef saw is what he left (promises)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from app.admin.guichets.ecritures import change_guichet, close_guichet, delete_guichet
from app.admin.guichets.effets import EffetsAConfirmer
from app.admin.guichets.formulaire import Valeurs
from app.booking.disponibilites import Disponibilites
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.domain.horaires import to_minute
from app.errors import AppError, CreneauPris, RegleRefusee
from app.tables import Guichet, RendezVous
from loadtests import invariants
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
RIVAUX = 20


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn, plages=((480, 1080),), jours_semaine=range(1, 8)))


def chef(service: MondeService) -> Auteur:
    return Auteur("agent", agent_id=service.agents["chef"])


async def book_all(
    outils: Outils, service: MondeService, guichet_id: int, jour: int
) -> list[RdvReserve | BaseException]:
    """Twenty agents book at that guichet, each with what its own process remembers, within a few milliseconds."""
    hasard = random.Random(jour)

    async def one(rang: int) -> RdvReserve:
        await asyncio.sleep(hasard.random() * 0.06)
        debut = LUNDI_9H + timedelta(days=jour, minutes=20 * rang)
        voulu = demande(service, to_minute(debut), rang, canal="rattache", origine="guichet", guichet_id=guichet_id)
        process = Outils(outils.db, outils.settings, Disponibilites())
        return await book(process, voulu, Auteur("agent", agent_id=service.agents["agent"]), LUNDI_9H)

    return list(await asyncio.gather(*(one(rang) for rang in range(RIVAUX)), return_exceptions=True))


Fermeture = Callable[[Outils, MondeService, int], Awaitable[list[int]]]


async def close_honestly(outils: Outils, service: MondeService, guichet_id: int) -> list[int]:
    """Close after having seen the list, as the page does; the ids that were seen at the closing."""
    vus, liste = "", list[int]()
    await asyncio.sleep(0.03)
    for _ in range(200):
        try:
            await close_guichet(outils, chef(service), service.id, guichet_id, vus, LUNDI_9H)
        except EffetsAConfirmer as refus:
            vus, liste = refus.details["vus"], refus.details["rdv"]
            await asyncio.sleep(0.002)
        else:
            return sorted(liste)
    raise AssertionError("never closed")


async def close_naively(outils: Outils, service: MondeService, guichet_id: int) -> list[int]:
    """The same without the service's lock: list, then close, once a booking has come between (a second at most)."""
    liste = await list_rdv(outils, guichet_id)
    for _ in range(200):
        await asyncio.sleep(0.005)
        if await list_rdv(outils, guichet_id) != liste:
            break
    async with outils.db.engine.begin() as conn:
        await conn.execute(update(Guichet).where(Guichet.id == guichet_id).values(ouvert=False))
        await conn.execute(
            text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"), {"s": service.id}
        )
    return sorted(liste)


async def list_rdv(outils: Outils, guichet_id: int) -> list[int]:
    async with outils.db.read() as conn:
        lignes = await conn.execute(
            select(RendezVous.id).where(RendezVous.guichet_id == guichet_id, RendezVous.etat == "prevu")
        )
        return sorted(lignes.scalars())


async def run_round(outils: Outils, service: MondeService, close: Fermeture, jour: int) -> tuple[list[int], list[int]]:
    """Twenty bookings and a closing together: what the chef saw, and what is at the closed guichet."""
    g = service.guichets[0]
    issues, vus = await asyncio.gather(book_all(outils, service, g, jour), close(outils, service, g))
    assert all(isinstance(i, RdvReserve | RegleRefusee | CreneauPris) for i in issues), issues
    restes = await list_rdv(outils, g)
    async with outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE guichet SET ouvert = TRUE"))
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
    return vus, restes


class TestFermerPendantQuOnReserve:
    """No booking slips between the list and the closing."""

    async def test_what_was_seen_is_what_is_left(self, outils: Outils, service: MondeService) -> None:
        partages = 0
        for jour in range(6):
            vus, restes = await run_round(outils, service, close_honestly, jour)
            assert vus == restes
            partages += len(restes) < RIVAUX * (jour + 1)
        assert partages, "no closing ever fell among the bookings"
        rapport = await invariants.check(outils.settings.database_url)
        assert rapport.ok, rapport

    async def test_without_the_lock_the_same_harness_sees_them_slip(
        self, outils: Outils, service: MondeService
    ) -> None:
        """The negative control."""
        for jour in range(8):
            vus, restes = await run_round(outils, service, close_naively, jour)
            if vus != restes:
                return
        raise AssertionError("eight closings without a lock and nothing slipped: the harness sees nothing")


class TestRenommerPendantQuOnReserve:
    """A rename keeps the row from bookings, and bookings from a rename: neither waits for the other for ever."""

    async def test_both_succeed(self, outils: Outils, service: MondeService) -> None:
        g = service.guichets[0]

        async def rename() -> float:
            debut = asyncio.get_running_loop().time()
            for i in range(15):
                valeurs = Valeurs(f"Nom {i}", None, None, None, (), True)
                assert await change_guichet(outils, chef(service), service.id, g, valeurs, None, "", LUNDI_9H) == 0
            return asyncio.get_running_loop().time() - debut

        for jour in range(3):
            issues, duree = await asyncio.gather(book_all(outils, service, g, jour), rename())
            assert all(isinstance(i, RdvReserve) for i in issues), issues
            assert duree < 8
        async with outils.db.read() as conn:
            assert (await conn.execute(select(Guichet.nom).where(Guichet.id == g))).scalar_one() == "Nom 14"

    async def test_a_deletion_never_takes_a_booking_with_it(self, outils: Outils, service: MondeService) -> None:
        g = service.guichets[0]

        async def delete() -> bool:
            await asyncio.sleep(0.01)
            try:
                await delete_guichet(outils, chef(service), service.id, g, "", LUNDI_9H)
            except AppError:
                return False
            return True

        issues, supprime = await asyncio.gather(book_all(outils, service, g, 0), delete())
        pris = [i for i in issues if isinstance(i, RdvReserve)]
        assert supprime == (not pris)
        assert not [i for i in issues if not isinstance(i, RdvReserve | AppError)], issues
