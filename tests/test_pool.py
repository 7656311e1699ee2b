"""Connections are looked at before they are lent, against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config import Settings
from app.db import async_url
from app.pool import PATIENCE_S, watch_pool

Ouvrir = Callable[..., AsyncEngine]


@pytest.fixture
async def ouvrir(settings: Settings) -> AsyncIterator[Ouvrir]:
    """``ouvrir(repos_s=None)``: an engine of one connection, watched when a rest is given."""
    moteurs: list[AsyncEngine] = []

    def nouveau(repos_s: float | None = None) -> AsyncEngine:
        moteur = create_async_engine(async_url(settings.database_url), pool_size=1, max_overflow=0)
        if repos_s is not None:
            watch_pool(moteur, repos_s=repos_s)
        moteurs.append(moteur)
        return moteur

    yield nouveau
    for moteur in moteurs:
        await moteur.dispose()


async def read_pid(moteur: AsyncEngine) -> int:
    """The server process behind the engine's one connection."""
    async with moteur.connect() as conn:
        return int((await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def end(temoin: AsyncEngine, pid: int) -> None:
    """End that process, as a restart of the server does, and wait until it is gone."""
    async with temoin.connect() as conn:
        await conn.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def read_last(temoin: AsyncEngine, pid: int) -> datetime:
    """When this process was sent its last statement."""
    async with temoin.connect() as conn:
        requete = text("SELECT query_start FROM pg_stat_activity WHERE pid = :pid")
        dernier: datetime = (await conn.execute(requete, {"pid": pid})).scalar_one()
        return dernier


class TestPool:
    """Une connexion fermée par le serveur n'est jamais prêtée ; celle qui vient de répondre l'est sans question."""

    async def test_a_connection_that_the_server_closed_is_replaced_before_it_is_lent(self, ouvrir: Ouvrir) -> None:
        moteur = ouvrir(3600.0)
        ancien = await read_pid(moteur)
        await end(ouvrir(), ancien)
        assert await read_pid(moteur) != ancien

    async def test_one_that_answers_nothing_after_a_rest_is_replaced(self, ouvrir: Ouvrir) -> None:
        moteur = ouvrir(0.0)
        gele = await read_pid(moteur)
        os.kill(gele, signal.SIGSTOP)
        try:
            assert await asyncio.wait_for(read_pid(moteur), 10 * PATIENCE_S) != gele
        finally:
            os.kill(gele, signal.SIGCONT)

    async def test_without_the_watch_the_next_statement_fails(self, ouvrir: Ouvrir) -> None:
        moteur = ouvrir()
        await end(ouvrir(), await read_pid(moteur))
        with pytest.raises(DBAPIError):
            await read_pid(moteur)

    async def test_a_connection_that_has_just_answered_is_lent_without_a_question(self, ouvrir: Ouvrir) -> None:
        moteur = ouvrir(3600.0)
        pid = await read_pid(moteur)
        avant = await read_last(ouvrir(), pid)
        async with moteur.connect():
            assert await read_last(ouvrir(), pid) == avant

    async def test_after_a_rest_it_is_asked_first(self, ouvrir: Ouvrir) -> None:
        moteur = ouvrir(0.0)
        pid = await read_pid(moteur)
        avant = await read_last(ouvrir(), pid)
        async with moteur.connect():
            assert await read_last(ouvrir(), pid) != avant
