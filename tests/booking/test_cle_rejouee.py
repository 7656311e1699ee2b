"""A key asked again while its first request is still under way, on the last place of all [P2].

The first request's client gave up (its web process was killed, its network was cut) and asks again elsewhere: the first
commits between the moment when the second looks for the key and the moment when it looks for a place.
"""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select, text

from app import clock
from app.booking.outils import Outils
from app.booking.reserver import book
from app.tables import RendezVous
from tests.booking.outillage import USAGER, creneaux_libres, demande
from tests.fixtures.base import until
from tests.fixtures.donnees import build_service


async def test_the_last_place_taken_by_the_key_itself_is_not_a_refusal(outils: Outils) -> None:
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, guichets=1)
    meme = demande(service, (await creneaux_libres(outils, service))[0].debut)
    elsewhere = Outils(outils.db, outils.settings)  # another process: it has to read the service first

    async def waits() -> bool:
        async with outils.db.read() as conn:
            requete = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'motif_service'::regclass"
            return bool((await conn.execute(text(requete))).scalar())

    async with outils.db.engine.begin() as barrage:  # holds the second between its two looks
        await barrage.execute(text("LOCK TABLE motif_service IN ACCESS EXCLUSIVE MODE"))
        seconde = asyncio.create_task(book(elsewhere, meme, USAGER, clock.now()))
        await until(waits)
        premiere = await book(outils, meme, USAGER, clock.now())
    assert (await seconde).code == premiere.code
    async with outils.db.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(RendezVous))).scalar() == 1
