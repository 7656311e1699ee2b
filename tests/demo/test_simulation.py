"""The living day: through the use cases only, beside visitors, across outages."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.booking.outils import Outils
from app.config import RACINE
from app.db import Database, create_engine
from app.demo.donnees import seed
from app.demo.idees import Inspiration
from app.demo.monde import BOURGES, NEVERS
from app.demo.personnages import NOTE
from app.demo.reglages import ReglageSimulation, read_simulation, write_simulation
from app.demo.remplissage import read_acteurs
from app.embedded.postgres import start_postgres
from app.embedded.redis import start_redis
from app.embedded.smtp import Smtp
from app.errors import AppError
from app.migrations import migrate
from loadtests.invariants import check
from tests.demo.outillage import IMPORTE, assert_consistent, book_as_visitor, fetch
from tests.fixtures.base import SECRET, Site, make_settings, until

REVISIONS = (
    "SELECT r.id FROM rendez_vous r LEFT JOIN journal j ON j.rdv_id = r.id AND j.action LIKE 'rdv.%'"
    " WHERE r.etat <> 'option' GROUP BY r.id HAVING count(j.id) <> r.revision"
)


async def set_pace(dsn: str, reglage: ReglageSimulation, site: Any) -> None:
    db = Database(create_engine(replace(site, database_url=dsn), nom="tests"))
    async with db.engine.begin() as conn:
        await write_simulation(conn, reglage)
    await db.close()


async def count_acts(dsn: str) -> int:
    """Acts of the simulation since the seed, as the outbox tells them."""
    conn = await asyncpg.connect(dsn)
    try:
        return int(await conn.fetchval("""SELECT count(*) FROM outbox WHERE trame LIKE '{"type":"rdv.%'"""))
    finally:
        await conn.close()


def end(processus: subprocess.Popen[bytes]) -> float:
    """Ask it to stop; the seconds it took."""
    depart = time.monotonic()
    processus.send_signal(signal.SIGTERM)
    assert processus.wait(10) == 0
    return time.monotonic() - depart


class TestJournee:
    """screens « Demo door »: simulation on/off and its pace."""

    @pytest.mark.storm
    async def test_twenty_lively_seconds_on_the_real_site_leave_every_invariant_true(self, site_demo: Site) -> None:
        dsn = site_demo.settings.database_url
        await set_pace(dsn, ReglageSimulation(True, "vif"), site_demo.settings)
        avant = await count_acts(dsn)
        simulation = site_demo.start("simulate")
        await asyncio.sleep(20)
        assert simulation.poll() is None
        duree = end(simulation)
        journal = site_demo.journal.read_text()
        assert await count_acts(dsn) >= avant + 10
        assert duree < 3  # a second when the machine is not shared
        assert '"panne"' not in journal
        assert '"incident"' not in journal
        bilan = await check(dsn, sauf=IMPORTE)
        assert bilan.ok, bilan.lines()
        conn = await asyncpg.connect(dsn)
        assert not await conn.fetch(REVISIONS)
        await conn.close()

    @pytest.mark.storm
    async def test_on_pause_nothing_moves_and_the_pace_is_taken_up_at_once(self, site_demo: Site) -> None:
        dsn = site_demo.settings.database_url
        await set_pace(dsn, ReglageSimulation(False, "vif"), site_demo.settings)
        simulation = site_demo.start("simulate")
        try:
            await asyncio.sleep(4)
            avant = await count_acts(dsn)
            await asyncio.sleep(3)
            assert await count_acts(dsn) == avant
            await set_pace(dsn, ReglageSimulation(True, "vif"), site_demo.settings)

            async def moved() -> bool:
                return await count_acts(dsn) > avant

            await until(moved, delai_s=15, pas_s=0.3)
        finally:
            end(simulation)

    @pytest.mark.storm
    async def test_it_outlives_the_restart_of_the_database_and_of_redis(
        self, smtp_server: Smtp, tmp_path: Path
    ) -> None:
        dossier = tmp_path / "s"
        dossier.mkdir(mode=0o755)
        for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            parent.chmod(0o755)
        postgres, redis = start_postgres(dossier / "pg", durable=False), start_redis(dossier / "redis")
        processus: subprocess.Popen[bytes] | None = None
        try:
            url = postgres.create_database("simulee")
            await asyncio.to_thread(migrate, url)
            settings = make_settings(url, redis.url, smtp_server.url, tmp_path)
            await seed(settings)
            await set_pace(url, ReglageSimulation(True, "vif"), settings)
            env = {
                "DATABASE_URL": url,
                "REDIS_URL": redis.url,
                "SMTP_URL": smtp_server.url,
                "BASE_URL": settings.base_url,
                "SECRET_KEY": SECRET,
                "ACCUEIL_DEMO": "1",
                "PATH": "/usr/bin:/bin",
            }
            processus = subprocess.Popen([sys.executable, "-m", "app.cli", "simulate"], env=env, cwd=RACINE)

            async def acted(plus_que: int) -> int:
                nombre = await count_acts(url)
                return nombre if nombre > plus_que else 0

            actes = await until(lambda: acted(2), delai_s=30, pas_s=0.3)
            await asyncio.to_thread(redis.kill)
            actes = await until(lambda: acted(actes + 2), delai_s=30, pas_s=0.3)
            await asyncio.to_thread(redis.restart)
            await asyncio.to_thread(postgres.restart)
            await until(lambda: acted(actes + 2), delai_s=40, pas_s=0.3)
            assert processus.poll() is None
            end(processus)
            bilan = await check(url, sauf=IMPORTE)
            assert bilan.ok, bilan.lines()
        finally:
            if processus is not None and processus.poll() is None:
                processus.kill()
                processus.wait(5)
            redis.stop()
            postgres.destroy()


@pytest.fixture
async def inspiration(outils_demo: Outils) -> Inspiration:
    """Ideas without waiting between them."""
    async with outils_demo.db.read() as conn:
        acteurs = await read_acteurs(conn)

    async def no_pause(secondes: float) -> None:
        await asyncio.sleep(0)

    return Inspiration(outils_demo, acteurs, no_pause)


class TestIdees:
    """What is thought of stays within the rules, and away from visitors."""

    async def test_a_hundred_and_fifty_ideas_never_touch_a_visitor_nor_fill_a_day(
        self, outils_demo: Outils, inspiration: Inspiration
    ) -> None:
        visiteur = await book_as_visitor(outils_demo)
        for _ in range(150):
            await inspiration.have_one(0)
        assert sum(inspiration.comptes.values()) >= 100
        assert inspiration.comptes["réservations en ligne"] >= 20
        assert inspiration.comptes["annulations"] >= 3
        etat = await fetch(
            outils_demo, "SELECT etat, revision, note_interne FROM rendez_vous WHERE id = :id", id=visiteur
        )
        assert etat == [("prevu", 1, "")]
        touches = await fetch(
            outils_demo,
            "SELECT DISTINCT r.note_interne FROM journal j JOIN rendez_vous r ON r.id = j.rdv_id"
            " WHERE j.origine = 'simulation'",
        )
        assert touches == [(NOTE,)]
        await assert_consistent(outils_demo)

    async def test_some_book_through_the_delegation_and_both_services_have_it(
        self, outils_demo: Outils, inspiration: Inspiration
    ) -> None:
        """[G 2.3.5]: by the public use cases, like any usager of Nevers."""
        sql = (
            "SELECT o.sages AS de, s.sages AS vers, count(*) AS nombre FROM rendez_vous r"
            " JOIN service_fiscal o ON o.id = r.service_origine_id JOIN service_fiscal s ON s.id = r.service_id"
            " WHERE r.delegation_id IS NOT NULL AND r.etat = 'prevu' GROUP BY 1, 2"
        )
        for _ in range(60):
            with contextlib.suppress(AppError):
                await inspiration.book_online(0)
            if await fetch(outils_demo, sql):
                break
        assert [(ligne.de, ligne.vers) for ligne in await fetch(outils_demo, sql)] == [(NEVERS, BOURGES)]
        await assert_consistent(outils_demo)

    async def test_bookings_send_no_mail_where_there_is_no_mailbox(
        self, outils_demo: Outils, inspiration: Inspiration
    ) -> None:
        for _ in range(20):
            await inspiration.book_phone(0)
        assert not await fetch(outils_demo, "SELECT id FROM courrier WHERE envoye_a IS NULL")

    async def test_the_setting_survives_and_an_unreadable_one_is_the_ordinary_one(self, outils_demo: Outils) -> None:
        async with outils_demo.db.engine.begin() as conn:
            await write_simulation(conn, ReglageSimulation(False, "vif"))
            assert await read_simulation(conn) == ReglageSimulation(False, "vif")
        async with outils_demo.db.engine.begin() as conn:
            await conn.exec_driver_sql("UPDATE parametre SET valeur = '[1]' WHERE cle = 'demo.simulation'")
            assert await read_simulation(conn) == ReglageSimulation()
