"""A bench for the gateway: a database with the few tables it reads, a real process, and screens that follow it.

The bench commits an event and publishes it as the web process does; it can also lose, forge, repeat or reorder what it
publishes. A ``Screen`` does what a page does: it applies frames in order, and reloads from the database on ``resync``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import uvicorn
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin

from app import envelope
from app.config import Settings
from app.realtime.gateway import Gateway, create_gateway
from app.realtime.hub import Limits
from app.realtime.server import uvicorn_options

ORIGINE = "http://127.0.0.1:8000"
SECRET = "a-secret-for-tests-that-is-long-enough-0123456789"
EPOQUE = "epoque-de-test"

SCHEMA = """
CREATE TABLE interregion (id bigint PRIMARY KEY);
CREATE TABLE departement (code text PRIMARY KEY, interregion_id bigint);
CREATE TABLE service_fiscal (id bigint PRIMARY KEY, departement text);
CREATE TABLE agent (id bigint PRIMARY KEY, suspendu_a timestamptz);
CREATE TABLE session (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, empreinte bytea UNIQUE, agent_id bigint,
                      expire_a timestamptz, revoquee_a timestamptz);
CREATE TABLE cle_api (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, empreinte bytea UNIQUE, agent_id bigint,
                      expire_a timestamptz, revoquee_a timestamptz);
CREATE TABLE acces (agent_id bigint, module text, service_id bigint);
CREATE TABLE acces_pilotage (agent_id bigint, perimetre text);
CREATE TABLE agenda (service_id bigint PRIMARY KEY, version bigint DEFAULT 1, version_creneaux bigint DEFAULT 1,
                     version_affichage bigint DEFAULT 1);
CREATE TABLE epoque (valeur text);
CREATE TABLE etat_rdv (service_id bigint, rdv bigint, etat text, PRIMARY KEY (service_id, rdv));
"""
_COLONNES = {"service": "version", "creneaux": "version_creneaux", "affichage": "version_affichage"}


def free_port() -> int:
    """A TCP port that nobody holds just now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Bench:
    """The database and Redis behind the gateway, and what the web process would do with them."""

    def __init__(self, database_url: str, redis_url: str, db: Any) -> None:
        self.settings = Settings(
            database_url=database_url, redis_url=redis_url, smtp_url="", base_url=ORIGINE, secret_key=SECRET, demo=True
        )
        self.cle = self.settings.derive_key("trames")
        self.db = db
        self.redis = Redis.from_url(redis_url, socket_timeout=1.0)
        self._next = 0

    @classmethod
    async def open(cls, database_url: str, redis_url: str) -> Bench:
        db = await asyncpg.create_pool(database_url, min_size=1, max_size=8)
        await db.execute(SCHEMA)
        await db.execute("INSERT INTO epoque VALUES ($1)", EPOQUE)
        await db.execute("INSERT INTO interregion VALUES (1); INSERT INTO departement VALUES ('58', 1)")
        return cls(database_url, redis_url, db)

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self.redis.aclose()
        await self.db.close()

    def identifier(self) -> int:
        self._next += 1
        return self._next

    async def service(self, departement: str = "58") -> int:
        """A new service at version 1."""
        identifiant = self.identifier()
        await self.db.execute("INSERT INTO service_fiscal VALUES ($1, $2)", identifiant, departement)
        await self.db.execute("INSERT INTO agenda (service_id) VALUES ($1)", identifiant)
        return identifiant

    async def agent(self, *services: int, perimetres: tuple[str, ...] = ()) -> int:
        """A new agent of these services and steering perimeters."""
        identifiant = self.identifier()
        await self.db.execute("INSERT INTO agent VALUES ($1, NULL)", identifiant)
        for service in services:
            await self.db.execute("INSERT INTO acces VALUES ($1, 'agenda', $2)", identifiant, service)
        for perimetre in perimetres:
            await self.db.execute("INSERT INTO acces_pilotage VALUES ($1, $2)", identifiant, perimetre)
        return identifiant

    async def token(self, agent: int, *, table: str = "session", duration: timedelta = timedelta(hours=1)) -> str:
        """A session token (or, with ``table='cle_api'``, an API key) of this agent."""
        jeton = secrets.token_urlsafe(32)
        empreinte = hashlib.sha256(jeton.encode()).digest()
        await self.db.execute(
            f"INSERT INTO {table} (empreinte, agent_id, expire_a) VALUES ($1, $2, $3)",
            empreinte,
            agent,
            datetime.now(UTC) + duration,
        )
        return jeton

    async def event(
        self, sujet: str, etat: str = "arrive", *, rdv: int = 1, genre: str = "rdv.arrive", lost: bool = False
    ) -> tuple[int, str]:
        """Commit a state and its version, then publish the frame unless it is to be ``lost``."""
        kind, _, service = sujet.partition(":")
        colonne = _COLONNES[kind]
        async with self.db.acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO etat_rdv VALUES ($1, $2, $3) ON CONFLICT (service_id, rdv) DO UPDATE SET etat = $3",
                int(service),
                rdv,
                etat,
            )
            version = await conn.fetchval(
                f"UPDATE agenda SET {colonne} = {colonne} + 1 WHERE service_id = $1 RETURNING {colonne}", int(service)
            )
        trame = envelope.encode({"type": genre, "sujet": sujet, "version": version, "rdv": rdv, "etat": etat})
        if not lost:
            with contextlib.suppress(Exception):  # as the fast path: a dead Redis is not the booking's business
                await self.publish(sujet, trame)
        return version, trame

    async def publish(self, sujet: str, trame: str) -> None:
        await self.redis.publish(envelope.canal(sujet), envelope.sign(trame, self.cle))

    async def publish_raw(self, sujet: str, message: str | bytes) -> None:
        await self.redis.publish(envelope.canal(sujet), message)

    async def read(self, sujet: str) -> tuple[int, dict[int, str]]:
        """What a freshly rendered page would show: version, then rows (in that order, as the pages do)."""
        kind, _, service = sujet.partition(":")
        version = await self.db.fetchval(f"SELECT {_COLONNES[kind]} FROM agenda WHERE service_id = $1", int(service))
        rows = await self.db.fetch("SELECT rdv, etat FROM etat_rdv WHERE service_id = $1", int(service))
        return version, {row["rdv"]: row["etat"] for row in rows}


class GatewayProcess:
    """A real gateway process."""

    def __init__(self, settings: Settings, port: int | None = None, *, flux: bool = True) -> None:
        self.port = port or free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.realtime", "--port", str(self.port)],
            cwd=Path(__file__).resolve().parents[2],
            env={
                **os.environ,
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": settings.redis_url,
                "SECRET_KEY": settings.secret_key,
                "BASE_URL": settings.base_url,
                "ACCUEIL_DEMO": "1",
            },
        )
        self._wait(flux)

    def _wait(self, flux: bool) -> None:
        """Until it serves and, if ``flux``, its feed is fresh."""
        limit = time.monotonic() + 15
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}")
            with contextlib.suppress(OSError, urllib.error.URLError):
                if self.health()["flux"] or not flux:
                    return
            time.sleep(0.05)
        raise TimeoutError("the gateway is not ready")

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/sante/passerelle", timeout=2) as answer:
            lu: dict[str, Any] = json.load(answer)
            return lu

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/sante/passerelle/metriques", timeout=2) as answer:
            lignes = answer.read().decode().splitlines()
        return {nom.removeprefix("accueil_gateway_"): float(valeur) for nom, valeur in map(str.split, lignes)}

    def url(self, *sujets: str, epoque: str | None = None) -> str:
        suite = "".join(f"&sujet={sujet}" for sujet in sujets)[1:]
        return f"ws://127.0.0.1:{self.port}/temps-reel?{suite}" + (f"&epoque={epoque}" if epoque else "")

    def terminate(self) -> float:
        """SIGTERM; seconds until the exit."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return time.monotonic() - begun

    def stop(self) -> None:
        """End it, whatever its state."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.asynccontextmanager
async def served(bench: Bench, limits: Limits) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway inside this process, on asyncio's own loop: its parts, and the address of its sockets."""
    app, port, thresholds = create_gateway(bench.settings, limits), free_port(), gc.get_threshold()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", **uvicorn_options(bench.settings)))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield app.state.gateway, f"ws://127.0.0.1:{port}/temps-reel"
    finally:
        server.should_exit = True
        await serving
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextlib.asynccontextmanager
async def listen(url: str, *, jeton: str | None = None, **options: Any) -> AsyncIterator[ClientConnection]:
    """A socket with the session's cookie and the pages' Origin, without compression."""
    entetes = dict(options.pop("additional_headers", {}))
    if jeton is not None:
        entetes["Cookie"] = f"accueil_session={jeton}"
    options.setdefault("origin", Origin(ORIGINE))
    async with connect(url, additional_headers=entetes, compression=None, proxy=None, **options) as ws:
        yield ws


def mute_client(port: int, sujet: str, jeton: str) -> socket.socket:
    """A client that completes its handshake and never reads again."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.sendall(
        f"GET /temps-reel?sujet={sujet} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nOrigin: {ORIGINE}\r\n"
        f"Cookie: accueil_session={jeton}\r\n\r\n".encode()
    )
    assert s.recv(12) == b"HTTP/1.1 101"
    return s


async def receive(ws: ClientConnection, timeout: float = 3.0) -> dict[str, Any]:
    """The next frame that is not a beat."""
    async with asyncio.timeout(timeout):
        while True:
            frame: dict[str, Any] = json.loads(await ws.recv())
            if frame["type"] != "frais":
                return frame


async def closed(ws: ClientConnection, timeout: float = 6.0) -> int | None:
    """Read until the server closes; the code of its close frame."""
    async with asyncio.timeout(timeout):
        try:
            while True:
                await ws.recv()
        except ConnectionClosed as fin:
            return fin.rcvd.code if fin.rcvd is not None else None


class Screen:
    """An open page: rows at a version, kept true by frames and reloads. Never goes back, never skips."""

    def __init__(self, bench: Bench, url: str, sujet: str, jeton: str) -> None:
        self._bench = bench
        self._url = url
        self._sujet = sujet
        self._jeton = jeton
        self.version = 0
        self.rows: dict[int, str] = {}
        self.resyncs = 0
        self.applied: list[int] = []
        self.beats: list[float] = []
        self.opened = asyncio.Event()

    async def reload(self) -> None:
        self.version, self.rows = await self._bench.read(self._sujet)

    async def run(self) -> None:
        """Follow for ever, reconnecting as a page does."""
        await self.reload()
        while True:
            with contextlib.suppress(OSError, EOFError, ConnectionClosed, InvalidHandshake):
                async with listen(f"{self._url}@{self.version}&epoque={EPOQUE}", jeton=self._jeton) as ws:
                    async for message in ws:
                        await self._apply(json.loads(message))
            self.opened.clear()
            await asyncio.sleep(0.2)

    async def _apply(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "frais":
                self.beats.append(time.monotonic())
            case "etat":
                self.opened.set()
            case "resync":
                self.resyncs += 1
                await self.reload()
            case _ if frame["version"] == self.version + 1:
                self.version = frame["version"]
                self.rows[frame["rdv"]] = frame["etat"]
                self.applied.append(self.version)
            case _ if frame["version"] > self.version:
                raise AssertionError(f"version {frame['version']} after {self.version}: the gateway left a hole")

    @contextlib.asynccontextmanager
    async def opened_page(self) -> AsyncIterator[Screen]:
        """Open for the time of the block. A hole in the versions fails the test at its end."""
        task = asyncio.create_task(self.run())
        try:
            async with asyncio.timeout(5):
                await self.opened.wait()
            yield self
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def equals_database(self, timeout: float) -> float:
        """Seconds until the screen shows what PostgreSQL says. Raises TimeoutError."""
        begun = time.monotonic()
        async with asyncio.timeout(timeout):
            while (self.version, self.rows) != await self._bench.read(self._sujet):
                await asyncio.sleep(0.02)
        return time.monotonic() - begun


async def refusal(url: str, **options: Any) -> int:
    """The HTTP status with which a handshake is refused; 101 when it is not."""
    try:
        async with listen(url, max_queue=None, **options):  # the close is seen behind frames that nobody reads
            return 101
    except InvalidStatus as refus:
        return refus.response.status_code
