"""Alembic on the async engine, beside a service that runs.

One process migrates a database at a time. Each migration is committed apart, and may commit its own parts: it must then
bear to be run again from any of them. No statement waits long for a lock, because everybody waits behind it: what could
not be done is tried again a little later, from where it stands.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db import async_url, sqlstate
from app.tables import Base

VERROU: Final = 0x61636375
#: Shorter than PostgreSQL's deadlock_timeout: between the service and a migration, the migration gives way.
_REGLAGES: Final = {"application_name": "accueil-migrate", "lock_timeout": "800ms", "statement_timeout": "0"}
#: Lock not available, deadlock.
_OCCUPE: Final = frozenset({"55P03", "40P01"})
_ESSAIS: Final = 60
_PAUSE_S: Final = 2.0


def _wait_for_turn(connection: Connection) -> None:
    """Hold the lock of migrations until the connection closes.

    Asked again and again: a statement that waited would hold a snapshot, for which an index built concurrently waits.
    """
    while not connection.execute(text("SELECT pg_try_advisory_lock(:cle)"), {"cle": VERROU}).scalar_one():
        connection.rollback()
        time.sleep(0.2)
    connection.commit()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


async def _run() -> None:
    url = async_url(context.config.get_main_option("sqlalchemy.url") or "")
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": _REGLAGES})
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_wait_for_turn)
            for essai in range(1, _ESSAIS + 1):
                try:
                    await connection.run_sync(_migrate)
                    break
                except DBAPIError as erreur:
                    if sqlstate(erreur) not in _OCCUPE or essai == _ESSAIS:
                        raise
                    await connection.rollback()
                    await asyncio.sleep(_PAUSE_S)
    finally:
        await engine.dispose()


asyncio.run(_run())
