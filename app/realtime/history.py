"""The recent past of one subject: puts events in order, drops duplicates, answers « what after v? ». Pure.

Instants are monotonic seconds given by the caller. Before its first ``rebase`` a history knows nothing: it keeps what
arrives and releases nothing. ``PostgreSQL`` decides: a version read there is never contradicted by what was received
before that reading began.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

#: How long an event waits for the ones before it, in seconds.
PATIENCE: Final = 0.2
#: Events kept for those who come back, in number and in bytes (below the write buffer's high-water mark).
PROFONDEUR: Final = 256
OCTETS: Final = 48 * 1024
#: Two pictures of the counters are at least this far apart, in seconds.
INTERVALLE_COMPTEURS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Mark:
    """What was known when a reading of the database began."""

    instant: float
    version: int | None


@dataclass(frozen=True, slots=True)
class Tick:
    """What a deadline brings: frames to send, or the admission that something is missing."""

    frames: list[bytes]
    gap: bool


class History(Protocol):
    """What the hub needs of a subject's past."""

    version: int | None

    def offer(self, version: int, frame: bytes, now: float) -> list[bytes]:
        """Take an event in; return the frames that may leave now, in order."""

    def due(self) -> float | None:
        """When ``tick`` must be called, if ever."""

    def tick(self, now: float) -> Tick:
        """A deadline has come."""

    def mark(self, now: float) -> Mark:
        """To be taken just before the database is read, and given back to ``rebase``."""

    def rebase(self, version: int, mark: Mark) -> list[bytes]:
        """Start again from the database's ``version``; return the frames that directly follow it."""

    def since(self, version: int) -> list[bytes] | None:
        """The frames after ``version``, or None when they are no longer known: the reader must resync."""


class Ordered:
    """A gapless subject: versions leave strictly one by one."""

    __slots__ = ("_octets", "_pending", "_ring", "version")

    def __init__(self) -> None:
        self.version: int | None = None
        self._ring: deque[bytes] = deque()
        self._octets = 0
        self._pending: dict[int, tuple[bytes, float]] = {}

    def offer(self, version: int, frame: bytes, now: float) -> list[bytes]:
        if self.version is not None and version <= self.version:
            return []
        # A full waiting room means a gap is about to be declared anyway: what is refused here comes with the resync.
        if version not in self._pending and (len(self._pending) < PROFONDEUR or version == (self.version or 0) + 1):
            self._pending[version] = (frame, now)
        return self._release()

    def _release(self) -> list[bytes]:
        if self.version is None:
            return []
        frames: list[bytes] = []
        while suivant := self._pending.pop(self.version + 1, None):
            self.version += 1
            frames.append(suivant[0])
            self._keep(suivant[0])
        return frames

    def _keep(self, frame: bytes) -> None:
        self._ring.append(frame)
        self._octets += len(frame)
        while len(self._ring) > PROFONDEUR or self._octets > OCTETS:
            self._octets -= len(self._ring.popleft())

    def due(self) -> float | None:
        if self.version is None or not self._pending:
            return None
        return min(arrival for _, arrival in self._pending.values()) + PATIENCE

    def tick(self, now: float) -> Tick:
        due = self.due()
        return Tick([], due is not None and now >= due)

    def mark(self, now: float) -> Mark:
        return Mark(now, self.version)

    def rebase(self, version: int, mark: Mark) -> list[bytes]:
        if self.version is not None and mark.version is not None and mark.version <= version < self.version:
            version = self.version  # what came in order while the database was being read
        if version != self.version:
            self._ring.clear()
            self._octets = 0
            self.version = version
        # An event is published after its commit: one that came before the reading and is not in it is not ours.
        self._pending = {v: e for v, e in self._pending.items() if v > version and e[1] >= mark.instant}
        return self._release()

    def since(self, version: int) -> list[bytes] | None:
        if self.version is None:
            return None
        manquants = self.version - version
        if manquants <= 0:
            return []
        if manquants > len(self._ring):
            return None
        return list(self._ring)[-manquants:]


class Newest:
    """A subject of counters: only the latest picture matters, and at most two a second leave."""

    __slots__ = ("_frame", "_held", "_last", "version")

    def __init__(self) -> None:
        self.version: int | None = None
        self._frame: bytes | None = None  # the picture of self.version, when it was received
        self._held: tuple[int, bytes, float] | None = None
        self._last = float("-inf")

    def offer(self, version: int, frame: bytes, now: float) -> list[bytes]:
        if (self.version is None or version > self.version) and (self._held is None or version > self._held[0]):
            self._held = (version, frame, now)
        return self.tick(now).frames

    def due(self) -> float | None:
        return None if self._held is None or self.version is None else self._last + INTERVALLE_COMPTEURS

    def tick(self, now: float) -> Tick:
        due = self.due()
        if self._held is None or due is None or now < due:
            return Tick([], gap=False)
        self.version, self._frame, _ = self._held
        self._held, self._last = None, now
        return Tick([self._frame], gap=False)

    def mark(self, now: float) -> Mark:
        return Mark(now, self.version)

    def rebase(self, version: int, mark: Mark) -> list[bytes]:
        if self.version is not None and mark.version is not None and mark.version <= version < self.version:
            version = self.version
        if version != self.version:
            self.version, self._frame = version, None
        if self._held is not None and (self._held[0] <= version or self._held[2] < mark.instant):
            self._held = None
        return []

    def since(self, version: int) -> list[bytes] | None:
        if self.version is None:
            return None
        if version >= self.version:
            return []
        return None if self._frame is None else [self._frame]


def history_of(sujet: str) -> History:
    """The right kind of past for a subject."""
    return Newest() if sujet.startswith("pilotage:") else Ordered()
