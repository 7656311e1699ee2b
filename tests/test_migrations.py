"""The schema comes from its migrations, from empty and again; constraints have the last word."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest
from alembic import command

from app.embedded.postgres import Postgres
from app.migrations import alembic_config, migrate


def test_migrating_twice_and_from_several_processes_at_once_is_harmless(postgres_server: Postgres) -> None:
    url = postgres_server.create_database("migre_deux_fois")
    migrate(url)
    migrate(url)
    postgres_server.drop_database("migre_deux_fois")


async def test_three_at_once_end_at_the_last_revision(postgres_server: Postgres) -> None:
    url = postgres_server.create_database("migre_a_trois")
    processus = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sys; from app.migrations import migrate; migrate(sys.argv[1])",
            url,
        )
        for _ in range(3)
    ]
    assert [await p.wait() for p in processus] == [0, 0, 0]
    postgres_server.drop_database("migre_a_trois")


def test_tables_and_migrations_say_the_same(postgres_server: Postgres) -> None:
    url = postgres_server.create_database("migre_compare")
    migrate(url)
    command.check(alembic_config(url))
    postgres_server.drop_database("migre_compare")


async def test_the_journal_cannot_be_rewritten(base_url: str) -> None:
    conn = await asyncpg.connect(base_url)
    try:
        await conn.execute(
            "INSERT INTO journal (a, acteur, action, origine) VALUES (now(), 'systeme', 'essai', 'systeme')"
        )
        for ordre in ("UPDATE journal SET action = 'autre'", "DELETE FROM journal"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(ordre)
    finally:
        await conn.close()


async def test_each_database_has_its_own_epoch(postgres_server: Postgres) -> None:
    epoques = set()
    for nom in ("epoque_a", "epoque_b"):
        url = postgres_server.create_database(nom)
        migrate(url)
        conn = await asyncpg.connect(url)
        epoques.add(await conn.fetchval("SELECT valeur FROM epoque"))
        await conn.close()
        postgres_server.drop_database(nom)
    assert len(epoques) == 2
