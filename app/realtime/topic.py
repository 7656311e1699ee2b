"""One subject and its readers: the hot path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from websockets.protocol import OPEN

from app.realtime.history import History, history_of

if TYPE_CHECKING:
    from app.realtime.hub import Subscriber


class Topic:
    """A followed subject. ``on_gap`` is told when events are missing: only the database can then say what is true."""

    __slots__ = (
        "_deadline",
        "_hot",
        "_loop",
        "_on_gap",
        "_outgoing",
        "answered",
        "deliveries",
        "doubts",
        "history",
        "idle_since",
        "ready",
        "subscribers",
        "sujet",
        "written",
    )

    def __init__(self, sujet: str, loop: asyncio.AbstractEventLoop, on_gap: Callable[[Topic], None]) -> None:
        self.sujet = sujet
        self.history: History = history_of(sujet)
        self.subscribers: set[Subscriber] = set()
        #: Doubts raised, and how many of them a reading of the database has answered.
        self.doubts = 0
        self.answered = 0
        #: Set once the history rests on a version read from the database.
        self.ready = asyncio.Event()
        self.idle_since: float | None = loop.time()
        #: Version of the last frame handed to the transports.
        self.written = 0
        self.deliveries = 0
        self._loop = loop
        self._on_gap = on_gap
        self._hot: tuple[Subscriber, ...] | None = ()
        self._outgoing: list[bytes] = []
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def doubted(self) -> bool:
        """True from a doubt until the database has been read again, by a reading begun after it."""
        return self.doubts > self.answered

    def cool(self) -> None:
        """The readers have changed, or one is slow or ready: build the hot set again before the next write."""
        self._hot = None

    def receive(self, version: int, frame: bytes) -> None:
        """An authentic event, in whatever order."""
        self.send(self.history.offer(version, frame, self._loop.time()))
        self._watch_deadline()

    def send(self, frames: list[bytes]) -> None:
        """Write these frames to every reader, together with those that come in the same turn of the loop."""
        if not frames:
            return
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing += frames

    def flush(self) -> None:
        """One write per reader, whatever the number of frames: the same bytes for all."""
        if not self._outgoing:
            return
        data = b"".join(self._outgoing)
        number = len(self._outgoing)
        self._outgoing.clear()
        self.written = self.history.version or 0
        hot = self._hot
        if hot is None:
            hot = self._hot = tuple(s for s in self.subscribers if not s.socket.slow)
        for subscriber in hot:
            socket = subscriber.socket
            if socket.conn.state is OPEN and not socket.slow:
                socket.transport.write(data)
        self.deliveries += number * len(hot)

    def settle(self) -> None:
        """The database has been read: the history is sound again."""
        self.ready.set()
        self._watch_deadline()

    def _watch_deadline(self) -> None:
        due = self.history.due()
        if due is None or self.doubted or self._deadline is not None:
            return
        self._deadline = self._loop.call_at(due, self._on_deadline)

    def _on_deadline(self) -> None:
        self._deadline = None
        tick = self.history.tick(self._loop.time())
        self.send(tick.frames)
        if tick.gap and not self.doubted:
            self._on_gap(self)
        self._watch_deadline()

    def close(self) -> None:
        """Forget the timers."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
