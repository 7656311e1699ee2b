"""The one subscription of this process to Redis: supervised, never trusted, never in the way of a shutdown.

A cut connection raises; a frozen Redis raises nothing. So the feed publishes a signed tick of its own each second and
watches for its return: no tick, no freshness. redis-py may reconnect without a word, and the only trace is a second
``subscribe`` confirmation: each confirmation is told to the hub, which knows whether it is the first.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from app import clock, envelope
from app.realtime import frames

log = logging.getLogger("app.realtime.feed")

#: Seconds between ticks; without a returned tick this recent the feed is not fresh; after this long it starts again.
TICK: Final = 1.0
FRAICHEUR: Final = 2.2
ABANDON: Final = 3.0
#: Seconds before a new attempt, at first and at most; a heal must reach the screens in 5.
ATTENTE_MIN: Final = 0.1
ATTENTE_MAX: Final = 1.0
#: Longest exchange with Redis, in seconds.
DELAI: Final = 1.0
#: Channels in one SUBSCRIBE command, and messages read before other tasks are let through.
LOT: Final = 200


class Gele(Exception):
    """Ticks no longer come back: Redis is frozen, or the way to it is."""


class Feed:
    """Messages of the followed subjects, from Redis to ``on_event(sujet, version, trame)``."""

    def __init__(
        self,
        redis: Redis,
        cle: bytes,
        *,
        on_event: Callable[[str, int, str], None],
        on_confirmed: Callable[[str], None],
        on_refused: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._cle = cle
        self._on_event = on_event
        self._on_confirmed = on_confirmed
        self._on_refused = on_refused
        self._canal = f"{envelope.CANAL_BATTEMENT}:{secrets.token_hex(8)}".encode()
        self._wanted: dict[bytes, str] = {}  # channel → subject
        self._confirmed: set[bytes] = set()
        self._wake = asyncio.Event()
        # Ticks sent and not yet returned: (frame, monotonic instant, wall instant).
        self._ticks: deque[tuple[str, float, datetime]] = deque(maxlen=8)
        self._seen = float("-inf")
        self._seen_a: datetime | None = None
        self.sessions = 0

    # What the hub asks

    def follow(self, sujet: str) -> None:
        """Receive this subject from now on."""
        canal = envelope.canal(sujet).encode()
        self._wanted[canal] = sujet
        self._wake.set()
        if canal in self._confirmed:
            self._on_confirmed(sujet)

    def drop(self, sujet: str) -> None:
        """This subject is of no use any more."""
        self._wanted.pop(envelope.canal(sujet).encode(), None)
        self._wake.set()

    @property
    def fresh_at(self) -> datetime | None:
        """The last instant at which the feed is known to have worked, or None when that is too long ago."""
        alive = asyncio.get_running_loop().time() - self._seen < FRAICHEUR
        return self._seen_a if alive else None

    # The supervisor

    async def run(self) -> None:
        """For ever: connect, subscribe, read; on any failure, start again."""
        wait = ATTENTE_MIN
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self._session()
            except* (RedisError, OSError, TimeoutError, Gele) as failures:
                cause = failures.exceptions[0]
                log.warning("redis feed lost, connecting again: %s %s", type(cause).__name__, cause)
            except* Exception:
                log.exception("redis feed failed, starting again")
            self._confirmed.clear()
            if asyncio.get_running_loop().time() - begun > 5.0:
                wait = ATTENTE_MIN
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnections, guards nothing
            wait = min(wait * 2, ATTENTE_MAX)

    async def _session(self) -> None:
        """One connection's life. Ends only by an exception."""
        pubsub = self._redis.pubsub()
        self.sessions += 1
        try:
            async with asyncio.timeout(2 * DELAI):
                await pubsub.subscribe(self._canal)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(pubsub))
                group.create_task(self._subscribe(pubsub))
                group.create_task(self._tick())
        finally:
            with suppress(Exception):
                async with asyncio.timeout(DELAI):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    async def _read(self, pubsub: PubSub) -> None:
        read = 0
        while True:
            message = await pubsub.get_message(timeout=None)
            if message is not None:
                self._handle(message)
            read += 1
            if not read % LOT:
                await asyncio.sleep(0)

    def _handle(self, message: dict[str, Any]) -> None:
        canal: bytes = message["channel"]
        sujet = self._wanted.get(canal)
        if sujet is not None and message["type"] == "message":
            lu = frames.read_message(message["data"], self._cle, sujet)
            if lu is None:
                self._on_refused()
            else:
                self._on_event(sujet, *lu)
        elif sujet is not None and message["type"] == "subscribe":
            self._confirmed.add(canal)
            self._on_confirmed(sujet)
        elif canal == self._canal and message["type"] == "message":
            self._tick_returned(message["data"])

    async def _subscribe(self, pubsub: PubSub) -> None:
        """Keep what is subscribed equal to what is wanted."""
        subscribed: set[bytes] = set()
        while True:
            self._wake.clear()
            gone, come = subscribed - self._wanted.keys(), self._wanted.keys() - subscribed
            self._confirmed -= gone
            for ordre, canaux in ((pubsub.unsubscribe, sorted(gone)), (pubsub.subscribe, sorted(come))):
                for k in range(0, len(canaux), LOT):
                    async with asyncio.timeout(DELAI):
                        await ordre(*canaux[k : k + LOT])
            subscribed = (subscribed - gone) | come
            await self._wake.wait()

    async def _tick(self) -> None:
        """Publish a tick each second; raise Gele when they stop coming back."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            now, a = loop.time(), clock.now()
            if now - max(self._seen, begun) > ABANDON:
                raise Gele(f"no tick for {now - max(self._seen, begun):.1f} s")
            trame = envelope.encode({"type": "frais", "a": a.isoformat()})
            self._ticks.append((trame, now, a))
            async with asyncio.timeout(DELAI):
                await self._redis.publish(self._canal, envelope.sign(trame, self._cle))
            await asyncio.sleep(max(0.0, now + TICK - loop.time()))

    def _tick_returned(self, data: bytes) -> None:
        trame = envelope.verify(data, self._cle)
        for envoyee, instant, a in self._ticks:
            if envoyee == trame and instant > self._seen:
                self._seen, self._seen_a = instant, a
