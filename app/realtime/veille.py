"""The watch: PostgreSQL has the last word, off the hot path.

Two readings. On a doubt (first follower of a subject, gap, second confirmation of a subscription) the versions of the
doubted subjects are read at once. Every two seconds everything followed is read, with the ended sessions and the lost
rights: that finds a lost last message, a dead Redis, a restored database, a revocation. PostgreSQL away: sockets stay,
the reading is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import asyncpg

from app.identite import controle
from app.realtime.history import Mark
from app.realtime.hub import Hub

log = logging.getLogger("app.realtime.veille")

#: Seconds between two full readings, and left to a message in flight before its absence is called a loss.
PERIODE: Final = 2.0
GRACE: Final = 1.0
#: Longest reading, in seconds, and pause after a failed one.
DELAI: Final = 3.0
REPRISE: Final = 0.5
#: Doubts that come together are answered by one reading.
REGROUPEMENT: Final = 0.01

T = TypeVar("T")


class BaseIndisponible(Exception):
    """PostgreSQL did not answer."""


class Base:
    """The gateway's small pool. A connection that failed in any way is not used again."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.last_success = float("-inf")

    async def read(self, lecture: Callable[[controle.Lecteur], Awaitable[T]]) -> T:
        """Run a reading on one connection, twice at most: a pooled connection may have died unnoticed.

        Raises BaseIndisponible, after ``DELAI`` seconds at most when the database is there but does not answer.
        """
        try:
            try:
                return await self._once(lecture)
            except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError):
                return await self._once(lecture)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as erreur:  # TimeoutError is an OSError
            raise BaseIndisponible(f"{type(erreur).__name__}: {erreur}") from erreur

    async def _once(self, lecture: Callable[[controle.Lecteur], Awaitable[T]]) -> T:
        limit = asyncio.get_running_loop().time() + DELAI
        async with asyncio.timeout_at(limit):
            conn: Any = await self._pool.acquire()
        try:
            async with asyncio.timeout_at(limit):
                resultat = await lecture(conn)
        except BaseException:
            conn.terminate()
            raise
        finally:
            await self._pool.release(conn, timeout=1.0)
        self.last_success = asyncio.get_running_loop().time()
        return resultat


class Veille:
    """Reads the database for the hub."""

    def __init__(self, base: Base, hub: Hub, *, fresh: Callable[[], bool], now: Callable[[], datetime]) -> None:
        self._base = base
        self._hub = hub
        self._fresh = fresh
        self._now = now
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A subject is in doubt."""
        self._wake.set()

    async def answer_doubts(self) -> None:
        """For ever: read the versions of the doubted subjects as soon as there are some."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(REGROUPEMENT)
            self._wake.clear()
            try:
                await self._answer()
            except BaseIndisponible as erreur:
                log.warning("database away, doubts kept: %s", erreur)
                self._wake.set()
                await asyncio.sleep(REPRISE)
            except Exception:
                log.exception("reading of doubted subjects failed")
                self._wake.set()
                await asyncio.sleep(REPRISE)

    async def _answer(self) -> None:
        doubts = {topic: topic.doubts for topic in self._hub.topics.values() if topic.doubted}
        if not doubts:
            return
        marks = self._hub.marks(doubts)
        lues = await self._base.read(lambda conn: controle.read_versions(conn, list(marks)))
        self._hub.set_epoque(lues.epoque)
        for topic, number in doubts.items():
            topic.answered = number  # a doubt raised during the reading asks for another one, and has woken us
            self._hub.rebase(topic.sujet, lues.versions[topic.sujet], marks[topic.sujet])

    async def make_rounds(self) -> None:
        """For ever: compare everything followed with the database every ``PERIODE``."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self._round()
            except BaseIndisponible as erreur:
                log.warning("database away, sockets kept: %s", erreur)
            except Exception:
                log.exception("round failed")
            await asyncio.sleep(max(0.1, begun + PERIODE - loop.time()))

    async def _round(self) -> None:
        hub = self._hub
        hub.forget_idle()
        marks = hub.marks()
        suivis = hub.suivis()
        watch = await self._base.read(lambda conn: controle.read_watch(conn, list(marks), suivis, self._now()))
        hub.expel(watch.revoked, watch.lost)
        hub.set_epoque(watch.epoque)
        late: list[tuple[str, int, Mark]] = []
        for sujet, mark in marks.items():
            version = watch.versions[sujet]
            if mark.version is None:
                continue  # not begun: its doubt is being answered
            if version < mark.version:
                hub.rebase(sujet, version, mark)  # events that this database never had
            elif self._behind(sujet, version):
                late.append((sujet, version, mark))
        if late and self._fresh():
            await asyncio.sleep(GRACE)  # an ordinary message in flight is not a loss
        for sujet, version, mark in late:
            if self._behind(sujet, version):
                hub.counts["lost"] += 1
                hub.rebase(sujet, version, mark)

    def _behind(self, sujet: str, version: int) -> bool:
        topic = self._hub.topics.get(sujet)
        return topic is not None and topic.history.version is not None and topic.history.version < version
