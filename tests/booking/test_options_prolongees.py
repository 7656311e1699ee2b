"""« Garder 5 minutes de plus » against the end of the hold: what is told is what is in the database.

Whoever is told that the créneau is kept has it; whoever is told that it is lost has it no more. The purge runs in
another process: it may commit between the reading of the hold and its extension.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.booking import store
from app.booking.liens import empreinte
from app.booking.options import expire_options, extend_option, find_option, place_option
from app.booking.outils import Outils
from app.db import UnitOfWork
from app.errors import Introuvable
from app.tables import RendezVous
from loadtests import invariants
from tests.booking.outillage import creneaux_libres
from tests.fixtures.base import until
from tests.fixtures.donnees import MondeService, build_service

VIE = timedelta(minutes=5)
INSTANT = timedelta(milliseconds=1)
#: Extends the hold of a visit: True when the visitor is told that it is kept.
Prolonge = Callable[[Outils, MondeService, str, datetime], Coroutine[Any, Any, bool]]


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_service(conn, guichets=20)


async def place(outils: Outils, service: MondeService, rang: int, debut: int, a: datetime) -> str:
    """A hold placed at ``a``; its visit."""
    visite = f"{rang:043d}"
    await place_option(
        outils,
        service_id=service.id,
        motif_id=service.motifs[0],
        type_rdv="guichet",
        debut=debut,
        visite=visite,
        maintenant=a,
    )
    return visite


async def extend(outils: Outils, service: MondeService, visite: str, a: datetime) -> bool:
    """As the site does."""
    try:
        await extend_option(outils, service.id, visite, a)
    except Introuvable:
        return False
    return True


async def extend_blindly(outils: Outils, service: MondeService, visite: str, a: datetime) -> bool:
    """The same without looking whether the hold was still there to be changed: the negative control."""

    async def travail(uow: UnitOfWork) -> bool:
        option = await store.find_option(uow.conn, empreinte(visite), service.id, a)
        if option is None:
            return False
        await uow.conn.execute(
            update(RendezVous)
            .where(RendezVous.id == option["id"], RendezVous.etat == "option")
            .values(expire_a=option["expire_a"] + VIE)
        )
        return True

    return await outils.db.transaction(travail)


async def holds(outils: Outils, service: MondeService, visite: str, a: datetime) -> bool:
    """True when the database says that the créneau is the visitor's."""
    return await find_option(outils, service.id, visite, a) is not None


async def wait_for_a_waiter(outils: Outils) -> None:
    """Until some transaction of this database waits for another's row."""

    async def waits() -> bool:
        async with outils.db.read() as conn:
            return bool(
                (
                    await conn.exec_driver_sql(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND wait_event_type = 'Lock'"
                    )
                ).scalar()
            )

    await until(waits)


async def extend_while_purged(outils: Outils, service: MondeService, prolonge: Prolonge) -> tuple[bool, bool]:
    """The purge has removed the hold and not committed yet; the visitor, whose clock is a little late, extends.

    What the visitor is told, and what is true afterwards.
    """
    depart = clock.now()
    debut = (await creneaux_libres(outils, service))[0].debut
    visite = await place(outils, service, 1, debut, depart)
    fin = depart + VIE
    async with outils.db.engine.begin() as purge:
        assert len(await store.delete_options_mortes(purge, fin)) == 1
        dit = asyncio.create_task(prolonge(outils, service, visite, fin - INSTANT))
        await wait_for_a_waiter(outils)
    return await dit, await holds(outils, service, visite, fin - INSTANT)


class TestProlongationContreEcheance:
    """domain « Life of a rendez-vous »: a hold that is over is over, and says so."""

    async def test_purged_between_the_reading_and_the_writing_it_is_told_lost(
        self, outils: Outils, service: MondeService
    ) -> None:
        assert await extend_while_purged(outils, service, extend) == (False, False)

    async def test_the_harness_catches_an_extension_that_does_not_look(
        self, outils: Outils, service: MondeService
    ) -> None:
        assert await extend_while_purged(outils, service, extend_blindly) == (True, False), "negative control"

    async def test_extended_but_not_yet_committed_the_purge_leaves_it(
        self, outils: Outils, service: MondeService
    ) -> None:
        depart = clock.now()
        visite = await place(outils, service, 1, (await creneaux_libres(outils, service))[0].debut, depart)
        fin = depart + VIE
        async with outils.db.engine.begin() as prolongation:
            await prolongation.execute(update(RendezVous).values(expire_a=fin + VIE))
            assert await expire_options(outils, fin) == 0, "it neither waits nor takes what another is changing"
        assert await expire_options(outils, fin) == 0
        assert await holds(outils, service, visite, fin)

    async def test_whoever_wins_is_told_the_truth_a_hundred_times_at_once(
        self, outils: Outils, service: MondeService
    ) -> None:
        depart = clock.now()
        libres = [c.debut for c in await creneaux_libres(outils, service)]
        visites = [await place(outils, service, n, libres[n // 20], depart) for n in range(100)]
        fin = depart + VIE

        async def purge() -> None:
            for _ in range(20):
                await expire_options(outils, fin)
                await asyncio.sleep(0)

        dits = await asyncio.gather(*(extend(outils, service, v, fin - INSTANT) for v in visites), purge())
        vrais = [await holds(outils, service, visite, fin) for visite in visites]
        assert dits[:-1] == vrais, "told kept and gone, or told lost and kept"
        await expire_options(outils, fin)
        async with outils.db.read() as conn:
            restantes = (await conn.execute(select(func.count()).select_from(RendezVous))).scalar_one()
        assert restantes == sum(vrais)
        bilan = await invariants.check(outils.settings.database_url)
        assert bilan.ok, bilan.lines()

    async def test_beyond_ten_minutes_nothing_keeps_it(self, outils: Outils, service: MondeService) -> None:
        depart = clock.now()
        visite = await place(outils, service, 1, (await creneaux_libres(outils, service))[0].debut, depart)
        for minutes in (4, 8, 9):  # asked again and again: never more than the maximum
            await extend_option(outils, service.id, visite, depart + timedelta(minutes=minutes))
        assert await holds(outils, service, visite, depart + 2 * VIE - INSTANT)
        assert not await extend(outils, service, visite, depart + 2 * VIE)
        assert await expire_options(outils, depart + 2 * VIE) == 1
