"""Alembic on the async engine. One migration at a time on a database: an advisory lock makes the others wait."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db import async_url
from app.tables import Base

VERROU = 0x61636375


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:cle)"), {"cle": VERROU})
        context.run_migrations()


async def _run() -> None:
    engine = create_async_engine(async_url(context.config.get_main_option("sqlalchemy.url") or ""), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run())
