"""The realtime gateway: ``GET /temps-reel`` upgrades to a WebSocket that only listens.

Every refusal comes before the upgrade (403, 400, 429, 503, with a problem+json body); the few that can only come after
it are close codes (``session.Fin``).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from app import clock
from app.config import Settings
from app.errors import AppError, Indisponible, Interdit, TropDeDemandes
from app.identite import controle
from app.realtime import frames, porte, session
from app.realtime.feed import Feed
from app.realtime.hub import TRANCHES, Hub, Limits
from app.realtime.protocol import EXTENSION, SocketProtocol
from app.realtime.server import tune_process
from app.realtime.session import Demande, Fin
from app.realtime.topic import Topic
from app.realtime.veille import Base, BaseIndisponible, Veille

log = logging.getLogger("app.realtime")

#: Seconds between two beats of one socket.
BATTEMENT: Final = 2.0
#: Seconds left to Redis to confirm a first subscription before going on without it, then to PostgreSQL.
ATTENTE_FLUX: Final = 0.5
ATTENTE_BASE: Final = 2.5
#: Connections to PostgreSQL: two readings of the watch and the handshakes.
POOL: Final = 4


class Gateway:
    """The parts of one gateway, alive between the two ends of its lifespan."""

    def __init__(self, settings: Settings, limits: Limits) -> None:
        self.settings = settings
        self._limits = limits
        self._cookie = controle.session_cookie_name(settings)
        self.hub: Hub
        self.feed: Feed
        self.base: Base

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Build the clients, run the feed, the watch and the beat; end them all within 2 s."""
        settings = self.settings
        redis = Redis.from_url(
            settings.redis_url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0)
        )
        pool = await asyncpg.create_pool(
            _asyncpg_dsn(settings.database_url), min_size=0, max_size=POOL, timeout=2.0, command_timeout=3.0
        )
        self.hub = hub = Hub(
            self._limits,
            on_follow=lambda sujet: feed.follow(sujet),
            on_drop=lambda sujet: feed.drop(sujet),
            on_doubt=lambda: veille.wake(),
        )
        self.feed = feed = Feed(
            redis,
            settings.derive_key("trames"),
            on_event=hub.receive,
            on_confirmed=hub.confirmed,
            on_refused=lambda: hub.counts.update(("refused",)),
        )
        self.base = Base(pool)
        veille = Veille(self.base, hub, fresh=lambda: feed.fresh_at is not None, now=clock.now)
        loops = [
            asyncio.create_task(coroutine)
            for coroutine in (feed.run(), veille.answer_doubts(), veille.make_rounds(), self._beat())
        ]
        tune_process()
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.wait(loops, timeout=1.5)
            pool.terminate()
            with suppress(Exception):
                async with asyncio.timeout(0.5):
                    await redis.aclose()

    async def _beat(self) -> None:
        """Every socket hears of a fresh feed every two seconds; of one that is not, nothing."""
        loop, tranche, due = asyncio.get_running_loop(), 0, asyncio.get_running_loop().time()
        while True:
            fresh_at = self.feed.fresh_at
            if fresh_at is not None:
                self.hub.beat(tranche, frames.control("frais", a=fresh_at.isoformat(timespec="milliseconds")))
            tranche = (tranche + 1) % TRANCHES
            due = max(due + BATTEMENT / TRANCHES, loop.time())
            await asyncio.sleep(due - loop.time())

    # One handshake

    async def connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or refuse; once adopted by the hub, the socket needs this coroutine no more."""
        await receive()
        try:
            demande = session.parse(scope["query_string"])
            porteur, devances = await self._admit(demande, scope)
        except AppError as refus:
            self.hub.counts["rejected"] += 1
            await _refuse(refus, send)
            return
        except BaseIndisponible as erreur:
            log.warning("handshake refused, database away: %s", erreur)
            await _refuse(Indisponible(), send)
            return
        socket = scope["extensions"].get(EXTENSION)
        if not isinstance(socket, SocketProtocol):
            raise RuntimeError("the gateway must be served with uvicorn_options(): its ws class is SocketProtocol")
        await send({"type": "websocket.accept"})
        adresse = porte.source(scope["client"])
        room = self.hub.room_for(porteur, adresse)
        subscriber = self.hub.join(socket, demande, porteur, adresse, devances)
        if subscriber is not None and not room:
            socket.end(Fin.REGLE, "too many sockets")

    async def _admit(self, demande: Demande, scope: Scope) -> tuple[controle.Porteur | None, frozenset[str]]:
        """The bearer, and the subjects whose claimed version the database has not reached.

        Raises AppError (refused) or BaseIndisponible.
        """
        titres = porte.read_titres(scope["headers"], origine=self.settings.origine, cookie=self._cookie)
        porteur = None
        if titres.jeton is not None or titres.cle_api is not None:
            maintenant = clock.now()
            porteur = await self.base.read(
                lambda conn: controle.check_porteur(
                    conn, jeton=titres.jeton, cle_api=titres.cle_api, maintenant=maintenant
                )
            )
        if porteur is None and (titres.cle_api is not None or not demande.publique):
            raise porte.SessionAbsente
        if porteur is None and not self.hub.room_for(None, porte.source(scope["client"])):
            raise TropDeDemandes
        permis = await self.base.read(lambda conn: controle.may_follow(conn, porteur, demande.sujets))
        if permis != set(demande.sujets):
            raise Interdit
        topics = [self.hub.topic(sujet) for sujet in demande.sujets]
        await self._begin(topics)
        return porteur, await self._devances(demande)

    async def _begin(self, topics: list[Topic]) -> None:
        """Wait until each subject rests on a version of the database, with Redis if it answers, else without."""
        new = [topic for topic in topics if not topic.ready.is_set()]
        if not new:
            return
        waiting = [asyncio.ensure_future(topic.ready.wait()) for topic in new]
        try:
            _, pending = await asyncio.wait(waiting, timeout=ATTENTE_FLUX)
            if pending:
                for topic in new:
                    if not topic.ready.is_set():
                        self.hub.doubt(topic)
                _, pending = await asyncio.wait(pending, timeout=ATTENTE_BASE)
            if pending:
                raise BaseIndisponible("no version read in time")
        finally:
            for attente in waiting:
                attente.cancel()

    async def _devances(self, demande: Demande) -> frozenset[str]:
        """Subjects claimed at a version that even the database does not have: another life's page."""
        avances = {
            sujet: vue
            for sujet, vue in demande.suivis
            if vue is not None and vue > (self.hub.topic(sujet).history.version or 0)
        }
        if not avances:
            return frozenset()
        lues = await self.base.read(lambda conn: controle.read_versions(conn, list(avances)))
        return frozenset(sujet for sujet, vue in avances.items() if vue > lues.versions[sujet])

    # Health

    async def health(self, request: Request) -> JSONResponse:
        """200 as long as the process serves; says whether the feed and the database answer."""
        hub, loop = self.hub, asyncio.get_running_loop()
        return JSONResponse(
            {
                "etat": "ok",
                "flux": self.feed.fresh_at is not None,
                "base": loop.time() - self.base.last_success < 10.0,
                "sockets": len(hub.subscribers),
                "sujets": len(hub.topics),
            },
            headers={"cache-control": "no-store"},
        )

    async def metrics(self, request: Request) -> PlainTextResponse:
        """The same and the counters, in Prometheus' text format."""
        hub = self.hub
        valeurs = {
            "sockets": len(hub.subscribers),
            "subjects": len(hub.topics),
            "feed_fresh": int(self.feed.fresh_at is not None),
            "feed_sessions_total": self.feed.sessions,
            "deliveries_total": hub.deliveries,
            **{
                f"{nom}_total": hub.counts[nom]
                for nom in ("events", "refused", "rejected", "resync", "slow", "lost", "expelled")
            },
        }
        texte = "".join(f"accueil_gateway_{nom} {valeur}\n" for nom, valeur in valeurs.items())
        return PlainTextResponse(texte, headers={"cache-control": "no-store"})


class _Connect:
    """A WebSocket route that Starlette calls as an ASGI application, without wrapping it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gateway.connect(scope, receive, send)


async def _refuse(refus: AppError, send: Send) -> None:
    """Answer the upgrade request with an HTTP status and the sentence of the refusal."""
    corps = {
        "type": f"/problemes/{refus.code}",
        "title": refus.phrase,
        "status": refus.statut,
        "detail": refus.remede,
    }
    entetes = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if refus.statut in {429, 503}:
        entetes.append((b"retry-after", b"5"))
    await send({"type": "websocket.http.response.start", "status": refus.statut, "headers": entetes})
    body = json.dumps(corps, ensure_ascii=False).encode()
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


def _asyncpg_dsn(url: str) -> str:
    """asyncpg's spelling of the database's address: no SQLAlchemy driver in the scheme."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))


def create_gateway(settings: Settings, limits: Limits | None = None) -> Starlette:
    """The gateway as an application: ``/temps-reel``, ``/sante/passerelle`` and its metrics.

    Serve it, alone or composed by path, with ``server.uvicorn_options(settings)``.
    """
    gateway = Gateway(settings, limits or Limits())
    routes: list[Any] = [
        WebSocketRoute("/temps-reel", _Connect(gateway)),
        Route("/sante/passerelle", gateway.health),
        Route("/sante/passerelle/metriques", gateway.metrics),
    ]
    app = Starlette(routes=routes, lifespan=gateway.lifespan)
    app.state.gateway = gateway
    return app
