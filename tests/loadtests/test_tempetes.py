"""What the storms are judged by: a ledger that sees what is lost, screens that know how late they are."""

from __future__ import annotations

import asyncio
from datetime import date

import asyncpg
import pytest

from app.db import Database, create_engine
from loadtests.monde import Monde
from loadtests.storm.ecran import Ecran, Veille
from loadtests.storm.flux import Flux
from tests.fixtures.base import Site
from tests.fixtures.donnees import build_equipe, build_service


async def test_the_stream_is_acknowledged_followed_and_its_ledger_sees_a_loss(site: Site) -> None:
    db = Database(create_engine(site.settings, nom="tests"))
    async with db.engine.begin() as conn:
        service = await build_equipe(conn, await build_service(conn), "-0")
    monde = Monde(db, [service], date(2026, 1, 1))
    dsn = site.settings.database_url
    ecran = Ecran(site.port, site.url, service.id, await monde.open_session(service.agents["agent"]))
    veille = Veille(dsn, [ecran])
    flux = Flux(monde, [site.port], 10)
    await flux.prepare()
    async with veille.running():
        async with flux.running():
            await asyncio.sleep(1.5)
        assert await veille.converge(10) < 10
        assert (ecran.sauts, ecran.version > 1) == (0, True)
        assert veille.worst_lateness() < 5
    await db.close()
    assert len(flux.acquittees) == len(flux.reservations) >= 10
    assert (flux.share_at_once(), flux.anomalies) == (1.0, [])
    assert await flux.find_lost(dsn) == []
    assert await flux.find_replay_faults(5) == []
    await flux.close()

    premiere, seconde = flux.acquittees[:2]
    conn = await asyncpg.connect(dsn)
    await conn.execute("UPDATE rendez_vous SET code = 'PERDUE' WHERE code = $1", premiere.code)
    await conn.close()
    seconde.code = ""  # as if its client had been refused
    assert await flux.find_lost(dsn) == [premiere.code, "2 made and refused, or made twice"]


class TestLateness:
    """P6: from the instant when PostgreSQL had a version to the one when the screen had it, or a later one."""

    @pytest.mark.parametrize(
        ("vues", "retard"),
        [
            ([(0.0, 1), (12.0, 2)], 2.0),
            ([(0.0, 1), (30.0, 3)], 20.0),
            ([(0.0, 1), (10.5, 3)], 0.5),
            ([(0.0, 1)], 0.0),
        ],
        ids=["seen two seconds later", "skipped to the next", "ahead of the samples", "never again: not judged here"],
    )
    def test_it_is_the_worst_of_all(self, vues: list[tuple[float, int]], retard: float) -> None:
        ecran = Ecran(0, "", 7, "", vues=vues)
        veille = Veille("", [ecran], [(1.0, 7, 1), (10.0, 7, 2), (11.0, 8, 99), (20.0, 7, 2)])
        assert veille.worst_lateness() == retard
