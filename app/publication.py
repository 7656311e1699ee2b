"""The fast path: hand committed frames to Redis at once, without making anybody wait.

A request puts its frames in a queue and answers; one task publishes them in order, signed, and acknowledges them in
the outbox by batches. When Redis is away or frozen the frames are left for the worker's relay, which finds them
unacknowledged: nothing is lost, nothing blocks, and screens say that they are late.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app import clock, envelope, outbox
from app.db import Database
from app.outbox import Publication

log = structlog.get_logger("accueil.publication")

_FILE_MAX: Final = 10_000
_LOT: Final = 200
_REPOS_S: Final = 1.0
_ACQUITTEMENT_S: Final = 0.25


def create_redis(url: str, *, delai_s: float = 0.5) -> Redis:
    """A client whose every operation gives up after ``delai_s``: a frozen Redis raises instead of hanging."""
    return Redis.from_url(
        url,
        socket_timeout=delai_s,
        socket_connect_timeout=delai_s,
        decode_responses=False,
        retry=Retry(NoBackoff(), 0),  # the client's own retries would multiply the delay and swallow cancellations
    )


async def publish_all(redis: Redis, cle: bytes, publications: list[Publication]) -> None:
    """Publish signed frames in one pipeline. Raises RedisError or OSError."""
    async with redis.pipeline(transaction=False) as tuyau:
        for publication in publications:
            tuyau.publish(envelope.canal(publication.sujet), envelope.sign(publication.trame, cle))
        await tuyau.execute()


class Diffuseur:
    """The publisher of one web process. ``publish`` never waits; ``run`` works until cancelled."""

    def __init__(self, redis: Redis, cle: bytes) -> None:
        self._redis = redis
        self._cle = cle
        self._file: asyncio.Queue[Publication] = asyncio.Queue(_FILE_MAX)
        self._faits: list[int] = []
        self.en_panne = False
        self._fini = False

    def publish(self, publications: list[Publication]) -> None:
        """Queue committed frames; beyond the queue's size they are left to the worker."""
        for publication in publications:
            with contextlib.suppress(asyncio.QueueFull):
                self._file.put_nowait(publication)

    async def run(self, db: Database) -> None:
        """Publish and acknowledge, for the life of the process."""
        acquittement = asyncio.create_task(self._acknowledge_forever(db))
        try:
            while not self._fini:
                await self._publish_next()
        finally:
            acquittement.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await acquittement

    async def stop(self, tache: asyncio.Task[None]) -> None:
        """End ``run``, however deep in the client a cancellation may have been lost."""
        self._fini = True
        while not tache.done():
            tache.cancel()
            await asyncio.wait({tache}, timeout=0.2)

    async def _publish_next(self) -> None:
        lot = [await self._file.get()]
        while len(lot) < _LOT and not self._file.empty():
            lot.append(self._file.get_nowait())
        try:
            await publish_all(self._redis, self._cle, lot)
        except Exception as erreur:  # whatever it is, the next frames must find this task alive
            if not self.en_panne:
                log.warning("redis.absent", erreur=type(erreur).__name__)
            self.en_panne = True
            while not self._file.empty():  # the relay will do it: a backlog published later would only be noise
                self._file.get_nowait()
            await asyncio.sleep(_REPOS_S)
            return
        if self.en_panne:
            log.info("redis.revenu")
        self.en_panne = False
        self._faits += [publication.id for publication in lot]

    async def _acknowledge_forever(self, db: Database) -> None:
        while True:
            await asyncio.sleep(_ACQUITTEMENT_S)
            await self.flush(db)

    async def flush(self, db: Database) -> None:
        """Acknowledge what was published; on failure keep it for the next time (a frame twice is harmless)."""
        faits, self._faits = self._faits, []
        if not faits:
            return
        try:
            async with db.read() as conn:
                await outbox.acknowledge(conn, faits, clock.now())
        except Exception as erreur:  # the relay publishes again what stays unacknowledged
            log.warning("acquittement.differe", erreur=type(erreur).__name__)
            self._faits = faits[-_FILE_MAX:] + self._faits
