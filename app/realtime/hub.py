"""Who follows what. Everything here is synchronous: nothing happens between two lines of a method."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from app.identite.controle import Porteur
from app.realtime import frames, session
from app.realtime.history import Mark
from app.realtime.protocol import SocketProtocol
from app.realtime.session import Demande, Fin
from app.realtime.topic import Topic

#: The beat is spread over this many slices of the sockets, so that it never makes an event wait.
TRANCHES = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one process. Sockets of one session: promises « WebSocket »; the others are generous guards."""

    par_session: int = 20
    par_cle: int = 5_000
    par_adresse: int = 2_000
    anonymes: int = 20_000
    #: Seconds during which a subject that nobody follows any more keeps its history, for those who come back.
    memoire: float = 90.0


class Subscriber:
    """One adopted socket, its bearer and its subjects."""

    __slots__ = ("_hub", "_missed", "adresse", "porteur", "socket", "topics", "tranche")

    def __init__(
        self, hub: Hub, socket: SocketProtocol, porteur: Porteur | None, adresse: str, topics: tuple[Topic, ...]
    ) -> None:
        self._hub = hub
        self.socket = socket
        self.porteur = porteur
        self.adresse = adresse
        self.topics = topics
        self.tranche = 0
        self._missed: tuple[int, ...] = ()

    def on_slow(self) -> None:
        self._missed = tuple(topic.written for topic in self.topics)
        self._hub.counts["slow"] += 1
        for topic in self.topics:
            topic.cool()

    def on_ready(self) -> None:
        missed, self._missed = self._missed, ()
        for topic in self.topics:
            topic.flush()  # what is waiting goes to the others: after the resync, the next frame here must follow it
            topic.cool()
        self.socket.slow = False
        for topic, written in zip(self.topics, missed, strict=False):
            if topic.written != written:
                self._hub.counts["resync"] += 1
                self.socket.push(session.resync(topic.sujet, self._hub.epoque or "", topic.history.version or 0))

    def on_closed(self) -> None:
        self._hub.leave(self)


class Hub:
    """The subjects of this process and their readers.

    ``on_follow`` and ``on_drop`` tell the feed which subjects have become useful or useless; ``on_doubt`` tells the
    watch that the database must be read.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        on_follow: Callable[[str], None],
        on_drop: Callable[[str], None],
        on_doubt: Callable[[], None],
    ) -> None:
        self.limits = limits
        self.epoque: str | None = None
        self.topics: dict[str, Topic] = {}
        self.subscribers: set[Subscriber] = set()
        self.counts: Counter[str] = Counter()
        self._on_follow = on_follow
        self._on_drop = on_drop
        self._on_doubt = on_doubt
        self._par_porteur: dict[Porteur, set[Subscriber]] = {}
        self._par_adresse: Counter[str] = Counter()
        self._tranches: list[set[Subscriber]] = [set() for _ in range(TRANCHES)]

    # Subjects

    def topic(self, sujet: str) -> Topic:
        """The topic of a subject, followed from now on."""
        topic = self.topics.get(sujet)
        if topic is None:
            topic = self.topics[sujet] = Topic(sujet, asyncio.get_running_loop(), self.doubt)
            self._on_follow(sujet)
        return topic

    def doubt(self, topic: Topic) -> None:
        """Something may be missing: the database will be read, and the readers told to resync."""
        topic.doubts += 1
        self._on_doubt()

    def confirmed(self, sujet: str) -> None:
        """Redis has confirmed a subscription. If the history had begun, what came meanwhile is lost."""
        topic = self.topics.get(sujet)
        if topic is not None:
            self.doubt(topic)

    def receive(self, sujet: str, version: int, trame: str) -> None:
        """An authentic event."""
        topic = self.topics.get(sujet)
        if topic is not None:
            self.counts["events"] += 1
            topic.receive(version, frames.to_wire(trame))

    def marks(self, topics: Collection[Topic] | None = None) -> dict[str, Mark]:
        """To be taken just before a reading of the database."""
        now = asyncio.get_running_loop().time()
        return {t.sujet: t.history.mark(now) for t in (self.topics.values() if topics is None else topics)}

    def rebase(self, sujet: str, version: int, mark: Mark) -> None:
        """Start the subject again from the database's version, and tell its readers to resync."""
        topic = self.topics.get(sujet)
        if topic is None:
            return
        topic.flush()
        suite = topic.history.rebase(version, mark)
        topic.settle()
        if topic.subscribers:
            self.counts["resync"] += len(topic.subscribers)
            base = (topic.history.version or 0) - len(suite)
            topic.send([session.resync(sujet, self.epoque or "", base), *suite])

    def set_epoque(self, epoque: str) -> None:
        """Another database: nothing of what is known still means anything."""
        if self.epoque is not None and self.epoque != epoque:
            for topic in self.topics.values():
                self.doubt(topic)
        self.epoque = epoque

    def forget_idle(self) -> None:
        """Drop the subjects that nobody has followed for a while."""
        limit = asyncio.get_running_loop().time() - self.limits.memoire
        for sujet, topic in list(self.topics.items()):
            if topic.idle_since is not None and topic.idle_since < limit:
                topic.close()
                self.counts["deliveries"] += topic.deliveries
                del self.topics[sujet]
                self._on_drop(sujet)

    # Sockets

    def room_for(self, porteur: Porteur | None, adresse: str) -> bool:
        """True when this bearer, or this address for an anonymous reader, may open one more socket."""
        if porteur is None:
            limits = self.limits
            return self._par_adresse[adresse] < limits.par_adresse and self._par_adresse.total() < limits.anonymes
        limit = self.limits.par_session if porteur.genre == "session" else self.limits.par_cle
        return len(self._par_porteur.get(porteur, ())) < limit

    def join(
        self, socket: SocketProtocol, demande: Demande, porteur: Porteur | None, adresse: str, devances: frozenset[str]
    ) -> Subscriber | None:
        """Adopt an accepted socket and tell it where it stands. None when the client is already gone."""
        topics = tuple(self.topic(sujet) for sujet in demande.sujets)
        for topic in topics:
            topic.flush()  # those who were here first; the newcomer gets it from the history
        subscriber = Subscriber(self, socket, porteur, adresse, topics)
        if not socket.adopt(subscriber):
            return None
        self._enter(subscriber)
        premieres = session.opening(demande, self.epoque or "", {t.sujet: t.history for t in topics}, devances)
        socket.push(b"".join(premieres))
        return subscriber

    def _enter(self, subscriber: Subscriber) -> None:
        self.subscribers.add(subscriber)
        subscriber.tranche = min(range(TRANCHES), key=lambda k: len(self._tranches[k]))
        self._tranches[subscriber.tranche].add(subscriber)
        for topic in subscriber.topics:
            topic.subscribers.add(subscriber)
            topic.idle_since = None
            topic.cool()
        if subscriber.porteur is not None:
            self._par_porteur.setdefault(subscriber.porteur, set()).add(subscriber)
        else:
            self._par_adresse[subscriber.adresse] += 1

    def leave(self, subscriber: Subscriber) -> None:
        """The connection is gone."""
        if subscriber not in self.subscribers:
            return
        self.subscribers.discard(subscriber)
        self._tranches[subscriber.tranche].discard(subscriber)
        for topic in subscriber.topics:
            topic.subscribers.discard(subscriber)
            topic.cool()
            if not topic.subscribers:
                topic.idle_since = asyncio.get_running_loop().time()
        if subscriber.porteur is None:
            self._par_adresse[subscriber.adresse] -= 1
            if not self._par_adresse[subscriber.adresse]:
                del self._par_adresse[subscriber.adresse]
        else:
            siens = self._par_porteur[subscriber.porteur]
            siens.discard(subscriber)
            if not siens:
                del self._par_porteur[subscriber.porteur]

    def suivis(self) -> Mapping[Porteur, set[str]]:
        """What each bearer follows."""
        return {p: {t.sujet for s in siens for t in s.topics} for p, siens in self._par_porteur.items()}

    def expel(self, revoked: Collection[Porteur], lost: Collection[tuple[int, str]]) -> None:
        """Close the sockets of ended sessions and keys, and those that follow what their agent lost."""
        for porteur in [p for p in self._par_porteur if p in revoked]:
            for subscriber in list(self._par_porteur[porteur]):
                self.counts["expelled"] += 1
                subscriber.socket.end(Fin.SESSION_FINIE, "session ended")
        for agent_id, sujet in lost:
            topic = self.topics.get(sujet)
            for subscriber in list(topic.subscribers) if topic is not None else ():
                if subscriber.porteur is not None and subscriber.porteur.agent_id == agent_id:
                    self.counts["expelled"] += 1
                    subscriber.socket.end(Fin.DROIT_PERDU, "right lost")

    def beat(self, tranche: int, data: bytes) -> None:
        """Write the freshness beat to one slice of the sockets."""
        for subscriber in self._tranches[tranche]:
            subscriber.socket.push(data)

    @property
    def deliveries(self) -> int:
        """Event frames handed to transports since the start."""
        return self.counts["deliveries"] + sum(topic.deliveries for topic in self.topics.values())
