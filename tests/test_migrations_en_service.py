"""A migration runs beside a service: millions of people are in the table, nobody waits, nothing is left half done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from alembic import command

from app.embedded.postgres import Postgres
from app.migrations import alembic_config

_RDV = """
    INSERT INTO rendez_vous (code, service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe, canal,
                             origine, cree_a, modifie_a)
    SELECT 'C' || g, 1 + g % 40, g, 1, 'guichet', timestamptz '2026-01-05 08:00Z', timestamptz '2026-01-05 08:20Z',
           date '2026-01-05', 'termine', TRUE, 'internet', 'internet', now(), now()
      FROM generate_series($1::int, $2::int) g RETURNING id
"""
_USAGERS = """
    INSERT INTO rdv_usager (rdv_id, nature, nom_usage, telephones, courriel, recherche)
    SELECT id, 'particulier', 'Nom' || id, ARRAY['+3361234' || lpad((id % 10000)::text, 4, '0')], 'u' || id || '@x.fr',
           ' NOM' || id % 500 || ' ' FROM rendez_vous
"""
_FAUX = """
    SELECT count(*) FROM rdv_usager u JOIN rendez_vous r ON r.id = u.rdv_id
     WHERE u.services IS DISTINCT FROM array_remove(ARRAY[r.service_id, r.service_origine_id], NULL)
"""
_COLONNE = """
    SELECT is_nullable, column_default FROM information_schema.columns
     WHERE table_name = 'rdv_usager' AND column_name = 'services'
"""
_INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_rdv_usager_cles')"
_TROUVES = """
    SELECT array_agg(rdv_id ORDER BY rdv_id) FROM rdv_usager
     WHERE cles_de_recherche(services, recherche, telephones, courriel) @@ CAST($1 AS tsquery)
"""
_ATTENDUS = """
    SELECT array_agg(rdv_id ORDER BY rdv_id) FROM rdv_usager JOIN rendez_vous r ON r.id = rdv_id
     WHERE recherche = ' NOM5 ' AND 6 IN (service_id, coalesce(service_origine_id, 0))
"""
_ATTENTE = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'accueil-migrate'
       AND wait_event_type = 'Lock' AND query LIKE $1
"""
_TUER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'accueil-migrate'
"""
#: What somebody who reads or books bears to wait, in milliseconds.
_MOMENT_MS = 2_000
_NOMBRE = 10_000


class Base:
    """A database of revision 0003 with people in it, and whoever uses it while it is migrated."""

    def __init__(self, url: str, conn: Any) -> None:
        self.url, self.conn = url, conn
        self._rang = _NOMBRE

    async def connect(self) -> Any:
        """Somebody's connection: what waits for a lock more than a moment fails."""
        return await asyncpg.connect(self.url, server_settings={"lock_timeout": str(_MOMENT_MS)})

    def go(self) -> asyncio.Task[None]:
        """The migration, under way."""
        return asyncio.create_task(asyncio.to_thread(command.upgrade, alembic_config(self.url), "0004"))

    async def wait_until_it_waits(self, ordre: str) -> None:
        """Until the migration waits for somebody in such a statement."""
        limite = time.monotonic() + 30
        while not await self.conn.fetchval(_ATTENTE, ordre):
            assert time.monotonic() < limite, ordre
            await asyncio.sleep(0.01)

    async def use(self, conn: Any) -> None:
        """What a service does all the time: read a person, book for one, entrust the RDV of another."""
        self._rang += 1
        assert await conn.fetchval("SELECT nom_usage FROM rdv_usager WHERE rdv_id = 5") == "Nom5"
        ident = await conn.fetchval(_RDV, self._rang, self._rang)
        await conn.execute(
            "INSERT INTO rdv_usager (rdv_id, nature, nom_usage) VALUES ($1, 'particulier', 'Neuf')", ident
        )
        await conn.execute(
            "UPDATE rendez_vous SET service_origine_id = service_id, service_id = 77 WHERE id = ANY($1)",
            [self._rang - _NOMBRE, ident],
        )

    async def kill(self) -> None:
        """End the migration wherever it is."""
        await self.conn.execute(_TUER)

    async def check_whole(self) -> None:
        """What the search relies on."""
        assert await self.conn.fetchval(_FAUX) == 0
        assert await self.conn.fetchval(_INDEX) is True
        assert tuple(await self.conn.fetchrow(_COLONNE)) == ("NO", "'{}'::bigint[]")
        assert await self.conn.fetchval("SELECT count(*) FROM pg_constraint WHERE conname = 'services_remplis'") == 0
        await self.conn.execute("SET enable_seqscan = off")
        trouves = await self.conn.fetchval(_TROUVES, "'6 NOM5'")
        assert len(trouves) >= _NOMBRE / 1_000
        assert trouves == await self.conn.fetchval(_ATTENDUS)


@pytest_asyncio.fixture
async def base(postgres_server: Postgres) -> AsyncIterator[Base]:
    url = postgres_server.create_database("migre_en_service")
    await asyncio.to_thread(command.upgrade, alembic_config(url), "0003")
    conn = await asyncpg.connect(url)
    for table in ("rendez_vous", "rdv_usager"):  # RDV of services, guichets and motifs that nobody has described
        for cle in await conn.fetch(
            "SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f'", table
        ):
            await conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {cle[0]}")
    await conn.execute(_RDV, 1, _NOMBRE)
    await conn.execute(_USAGERS)
    try:
        yield Base(url, conn)
    finally:
        await conn.close()
        postgres_server.drop_database("migre_en_service")


async def test_people_are_read_and_booked_all_along(base: Base) -> None:
    autre, migration = await base.connect(), base.go()
    while not migration.done():
        await base.use(autre)
    await migration
    await autre.close()
    await base.check_whole()


async def test_a_long_reader_makes_the_migration_wait_and_nobody_else(base: Base) -> None:
    lecteur, autre = await base.connect(), await base.connect()
    await lecteur.execute("BEGIN")
    await lecteur.fetchval("SELECT nom_usage FROM rdv_usager WHERE rdv_id = 7")
    migration = base.go()
    await base.wait_until_it_waits("%ALTER TABLE rdv_usager ADD COLUMN%")
    for _ in range(5):
        await base.use(autre)
    await lecteur.execute("COMMIT")
    await migration
    for conn in (lecteur, autre):
        await conn.close()
    await base.check_whole()


async def test_interrupted_while_it_fills_it_goes_on_when_it_is_run_again(base: Base) -> None:
    migration = base.go()
    while not migration.done():
        if await base.conn.fetchrow(_COLONNE) and await base.conn.fetchval(
            "SELECT EXISTS (SELECT FROM rdv_usager WHERE services IS NOT NULL)"
        ):
            await base.kill()
            break
    [fin] = await asyncio.gather(migration, return_exceptions=True)
    assert isinstance(fin, Exception)
    await base.use(base.conn)
    await base.go()
    await base.check_whole()


async def test_interrupted_while_it_indexes_it_begins_the_index_again(base: Base) -> None:
    vieux, autre = await base.connect(), await base.connect()
    await vieux.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    await vieux.fetchval("SELECT valeur FROM epoque")  # the index waits for whoever may see what it does not hold
    migration = base.go()
    await base.wait_until_it_waits("%CREATE INDEX CONCURRENTLY%")
    for _ in range(5):
        await base.use(autre)
    await base.kill()
    [fin] = await asyncio.gather(migration, return_exceptions=True)
    assert isinstance(fin, Exception)
    await vieux.execute("COMMIT")
    assert await base.conn.fetchval(_INDEX) is False
    await base.use(autre)
    for conn in (vieux, autre):
        await conn.close()
    await base.go()
    await base.check_whole()


async def test_it_is_undone_and_done_again(base: Base) -> None:
    await base.go()
    await asyncio.to_thread(command.downgrade, alembic_config(base.url), "0003")
    assert await base.conn.fetchval("SELECT to_regclass('ix_rdv_usager_cles')") is None
    assert await base.conn.fetchrow(_COLONNE) is None
    await base.use(base.conn)
    await base.go()
    await base.check_whole()


@pytest.mark.parametrize(
    "telephones", [[""], [None], ["+33612345678", None, ""], []], ids=["vide", "nul", "melange", "aucun"]
)
@pytest.mark.parametrize("courriel", ["", None, "a" * 3_000 + "@x.fr"], ids=["vide", "aucun", "long"])
async def test_the_index_refuses_nothing_that_the_table_takes(
    base_url: str, telephones: list[str | None], courriel: str | None
) -> None:
    conn = await asyncpg.connect(base_url)
    cles = await conn.fetchval(
        "SELECT tsvector_to_array(cles_de_recherche(ARRAY[7, NULL]::bigint[], ' UN  DEUX ', $1, $2))",
        telephones,
        courriel,
    )
    await conn.close()
    assert {"7 UN", "7 DEUX"} <= set(cles)
    assert ("+33612345678" in cles) == ("+33612345678" in telephones)
    assert "" not in cles
