"""Calls recorded before the figures were theirs: migration 0006 says what each was about, and bears to be run again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from alembic import command

from app.embedded.postgres import Postgres
from app.migrations import alembic_config

#: More than two lots.
_NOMBRE = 4_500
_RDV = """
    INSERT INTO rendez_vous (code, service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe, canal,
                             origine, cree_a, modifie_a)
    SELECT 'C' || g, 1 + g % 40, g, 1 + g % 7, 'guichet', timestamptz '2026-01-05 08:00Z',
           timestamptz '2026-01-05 08:20Z', date '2026-01-05', 'termine', TRUE, 'internet', 'internet', now(), now()
      FROM generate_series(1, $1::int) g
"""
_APPELS = """
    INSERT INTO contre_appel (rdv_id, agent_id, jour, resultat, commentaire, annule_rdv, cree_a)
    SELECT id, 1, date '2026-01-04', 'regle', 'Appel', FALSE, now() FROM rendez_vous ORDER BY id LIMIT $1
"""
_FAUX = """
    SELECT count(*) FROM contre_appel c JOIN rendez_vous r ON r.id = c.rdv_id
     WHERE (c.motif_id, c.service_id) IS DISTINCT FROM (r.motif_id, r.service_id)
"""
_INDEX = """
    SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN (
        to_regclass('ix_contre_appel_motif_id_cree_a'), to_regclass('ix_contre_appel_cree_a'))
"""
_EXIGEES = """
    SELECT count(*) FROM information_schema.columns
     WHERE table_name = 'contre_appel' AND column_name IN ('motif_id', 'service_id') AND is_nullable = 'NO'
"""
_A_MOITIE = (
    "ALTER TABLE contre_appel ALTER COLUMN motif_id DROP NOT NULL, ALTER COLUMN service_id DROP NOT NULL",
    "UPDATE contre_appel SET motif_id = NULL, service_id = NULL WHERE id % 3 = 0",
    "ALTER TABLE contre_appel ADD CONSTRAINT objet_rempli CHECK (motif_id IS NOT NULL) NOT VALID",
    "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = to_regclass('ix_contre_appel_motif_id_cree_a')",
    "DROP INDEX ix_contre_appel_cree_a",
    "UPDATE alembic_version SET version_num = '0005'",
)


class Base:
    """A database of revision 0005 with calls in it."""

    def __init__(self, url: str, conn: Any) -> None:
        self.url, self.conn = url, conn

    async def migrate(self, ordre: Any, revision: str) -> None:
        await asyncio.to_thread(ordre, alembic_config(self.url), revision)

    async def check_whole(self) -> None:
        """What the figures rely on."""
        assert await self.conn.fetchval(_FAUX) == 0
        assert await self.conn.fetchval(_INDEX) == 2
        assert await self.conn.fetchval(_EXIGEES) == 2
        assert await self.conn.fetchval("SELECT count(*) FROM pg_constraint WHERE conname = 'objet_rempli'") == 0


@pytest_asyncio.fixture
async def base(postgres_server: Postgres) -> AsyncIterator[Base]:
    url = postgres_server.create_database("migre_appels")
    await asyncio.to_thread(command.upgrade, alembic_config(url), "0005")
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("SET session_replication_role = replica")  # neither services nor agents are needed here
        await conn.execute(_RDV, _NOMBRE)
        await conn.execute(_APPELS, _NOMBRE)
        await conn.execute("SET session_replication_role = origin")
        yield Base(url, conn)
    finally:
        await conn.close()
        postgres_server.drop_database("migre_appels")


async def test_each_call_gets_the_motif_and_the_service_of_its_rdv(base: Base) -> None:
    await base.migrate(command.upgrade, "0006")
    assert await base.conn.fetchval("SELECT count(*) FROM contre_appel") == _NOMBRE
    await base.check_whole()


async def test_stopped_half_way_it_is_taken_up_again(base: Base) -> None:
    await base.migrate(command.upgrade, "0006")
    for ordre in _A_MOITIE:
        await base.conn.execute(ordre)
    await base.migrate(command.upgrade, "0006")
    await base.check_whole()


async def test_it_is_undone_and_done_again(base: Base) -> None:
    await base.migrate(command.upgrade, "0006")
    await base.migrate(command.downgrade, "0005")
    colonnes = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'contre_appel'"
    assert await base.conn.fetchval(colonnes) == 8
    await base.migrate(command.upgrade, "0006")
    await base.check_whole()
