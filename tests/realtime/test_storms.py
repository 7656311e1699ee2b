"""P4, P5, P6, P10, P11: what breaks around the gateway, and how screens come out of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from app import envelope
from app.embedded.postgres import start_postgres
from app.embedded.redis import RedisServer
from app.realtime.hub import Limits
from app.realtime.protocol import TAMPON_NOYAU
from tests.realtime.banc import ORIGINE, Bench, GatewayProcess, Screen, closed, listen, mute_client, receive, served

pytestmark = pytest.mark.storm


@contextlib.asynccontextmanager
async def screen_of_a_new_service(bench: Bench, gateway: GatewayProcess) -> AsyncIterator[tuple[str, Screen]]:
    service = await bench.service()
    sujet = f"service:{service}"
    jeton = await bench.token(await bench.agent(service))
    async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
        await bench.event(sujet, "avant")
        await screen.equals_database(5)
        yield sujet, screen


async def wait_for_feed(gateway: GatewayProcess) -> None:
    async with asyncio.timeout(10):
        while not gateway.health()["flux"]:
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def silencer(redis_server: RedisServer) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A way to Redis whose present subscriptions can be silenced without being cut; others, and new ones, go on."""
    chemin = urlsplit(redis_server.url).path
    silent: set[int] = set()
    subscribed: set[int] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def pump(number: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if b"SUBSCRIBE" in data:
                    subscribed.add(number)
                if number not in silent:
                    sink.write(data)
        sink.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(chemin)
        for pair in ((reader, up_writer), (up_reader, writer)):
            tasks.add(asyncio.create_task(pump(id(writer), *pair)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", lambda: silent.update(subscribed)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class TestRedis:
    """P4: every open screen equals the database within 5 s of the heal, without a manual reload."""

    async def test_killed_then_restarted(
        self, bench: Bench, gateway: GatewayProcess, redis_server: RedisServer
    ) -> None:
        async with screen_of_a_new_service(bench, gateway) as (sujet, screen):
            redis_server.kill()
            try:
                await bench.event(sujet, "pendant")
                # P6: at most 10 s stale while Redis is away: the watch reads the database.
                assert await screen.equals_database(10) <= 5
                await bench.event(sujet, "pendant encore")
            finally:
                redis_server.restart()
            assert await screen.equals_database(5) <= 5
            await wait_for_feed(gateway)
            resyncs = screen.resyncs
            await bench.event(sujet, "apres")
            await screen.equals_database(2)
            assert screen.applied[-1] == screen.version
            assert screen.resyncs - resyncs <= 1

    async def test_frozen_then_thawed(self, bench: Bench, gateway: GatewayProcess, redis_server: RedisServer) -> None:
        async with screen_of_a_new_service(bench, gateway) as (sujet, screen):
            redis_server.freeze()
            frozen = time.monotonic()
            try:
                await bench.event(sujet, "pendant", lost=True)
                await asyncio.sleep(8)
                # P5: no beat while the feed is not alive: a page says so 5 s after the last one.
                assert [b for b in screen.beats if b > frozen + 2.5 + 0.3] == []
                assert not gateway.health()["flux"]
                assert screen.rows == {1: "pendant"}
                await bench.event(sujet, "encore", lost=True)
            finally:
                redis_server.thaw()
            assert await screen.equals_database(5) <= 5
            await wait_for_feed(gateway)
            thawed = time.monotonic()
            await bench.event(sujet, "apres")
            await screen.equals_database(2)
            async with asyncio.timeout(5):
                while not [b for b in screen.beats if b > thawed]:
                    await asyncio.sleep(0.1)

    async def test_the_pubsub_connection_cut_is_a_gap(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with screen_of_a_new_service(bench, gateway) as (sujet, screen):
            before = screen.resyncs
            await bench.redis.client_kill_filter(_type="pubsub")
            begun = time.monotonic()
            async with asyncio.timeout(5):  # nothing was lost, but nobody can know: not even the watch could tell
                while screen.resyncs == before:
                    await asyncio.sleep(0.02)
            await bench.redis.client_kill_filter(_type="pubsub")
            await bench.event(sujet, "pendant")
            await screen.equals_database(5)
            assert time.monotonic() - begun <= 10
            await wait_for_feed(gateway)
            await bench.event(sujet, "apres")
            await screen.equals_database(2)

    async def test_a_subscription_that_goes_silent_while_redis_answers_is_noticed_and_replaced(
        self, bench: Bench, redis_server: RedisServer
    ) -> None:
        service = await bench.service()
        sujet = f"service:{service}"
        async with silencer(redis_server) as (proxy_url, silence):
            behind = Bench(bench.settings.database_url, proxy_url, bench.db)
            async with served(behind, Limits()) as (gateway, base), listen(f"{base}?sujet=creneaux:{service}") as ws:
                await receive(ws)

                async def feed_is(fresh: bool) -> None:
                    async with asyncio.timeout(5):
                        while (gateway.feed.fresh_at is not None) is not fresh:
                            await asyncio.sleep(0.05)

                await feed_is(fresh=True)
                silence()
                sessions, begun = gateway.feed.sessions, time.monotonic()
                await feed_is(fresh=False)
                assert time.monotonic() - begun < 2.5
                await feed_is(fresh=True)
                assert gateway.feed.sessions == sessions + 1
                assert (await receive(ws))["type"] == "resync"
                await bench.event(sujet.replace("service", "creneaux"), genre="creneau.pris")
                assert (await receive(ws))["type"] == "creneau.pris"

    async def test_a_gateway_started_without_redis_serves_and_catches_up(
        self, bench: Bench, redis_server: RedisServer
    ) -> None:
        redis_server.kill()
        started = False
        try:
            gateway = GatewayProcess(bench.settings, flux=False)
            started = True
            async with screen_without_event(bench, gateway) as (sujet, screen):
                await bench.event(sujet, "sans redis")
                await screen.equals_database(5)
                redis_server.restart()
                await wait_for_feed(gateway)
                await bench.event(sujet, "avec redis")
                await screen.equals_database(2)
        finally:
            redis_server.restart()
            if started:
                gateway.stop()


@contextlib.asynccontextmanager
async def screen_without_event(bench: Bench, gateway: GatewayProcess) -> AsyncIterator[tuple[str, Screen]]:
    service = await bench.service()
    sujet = f"service:{service}"
    jeton = await bench.token(await bench.agent(service))
    async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
        yield sujet, screen


class TestPostgres:
    async def test_away_sockets_stay_and_hear_then_the_watch_goes_on(
        self, dossier_serveurs: Path, redis_server: RedisServer
    ) -> None:
        postgres = start_postgres(
            dossier_serveurs / "pg-absent", durable=True
        )  # what it acknowledged outlives the kill
        gateway = None
        try:
            bench = await Bench.open(postgres.create_database("absente"), redis_server.url)
            gateway = GatewayProcess(bench.settings)
            service = await bench.service()
            sujet = f"service:{service}"
            jeton = await bench.token(await bench.agent(service))
            url = gateway.url(f"{sujet}@1")
            async with listen(url, jeton=jeton) as ws:
                await receive(ws)
                postgres.kill()
                with pytest.raises(InvalidStatus) as refus:
                    async with listen(url, jeton=jeton):
                        pass
                assert refus.value.response.status_code == 503
                assert int(refus.value.response.headers["retry-after"]) > 0
                trame = envelope.encode(
                    {"type": "rdv.arrive", "sujet": sujet, "version": 2, "rdv": 1, "etat": "arrive"}
                )
                await bench.publish(sujet, trame)
                assert (await receive(ws))["version"] == 2
                postgres.restart()
                await bench.db.execute("UPDATE agenda SET version = 5 WHERE service_id = $1", service)
                frame = await receive(ws, 8)
                assert (frame["type"], frame["version"]) == ("resync", 5)
                async with listen(url, jeton=jeton) as again:
                    assert (await receive(again))["version"] == 5
            await bench.close()
        finally:
            if gateway is not None:
                gateway.stop()
            postgres.destroy()

    async def test_there_but_silent_a_handshake_is_refused_in_time_and_sockets_stay(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        sujet = f"service:{service}"
        jeton = await bench.token(await bench.agent(service))
        url = gateway.url(f"{sujet}@1")
        async with listen(url, jeton=jeton) as ws:
            await receive(ws)
            async with bench.db.acquire() as conn, conn.transaction():
                await conn.execute("LOCK TABLE session IN ACCESS EXCLUSIVE MODE")
                begun = time.monotonic()
                with pytest.raises(InvalidStatus) as refus:
                    async with listen(url, jeton=jeton):
                        pass
                assert refus.value.response.status_code == 503
                assert time.monotonic() - begun < 4.0
                trame = envelope.encode({"type": "rdv.arrive", "sujet": sujet, "version": 2, "rdv": 1, "etat": ""})
                await bench.publish(sujet, trame)
                assert (await receive(ws))["version"] == 2
            await bench.db.execute("UPDATE agenda SET version = 3 WHERE service_id = $1", service)
            assert ((frame := await receive(ws, 8))["type"], frame["version"]) == ("resync", 3)
            async with listen(url, jeton=jeton) as again:
                await receive(again)


class TestSlowReaders:
    """P10: slow consumers hurt only themselves."""

    async def test_mute_sockets_are_closed_within_10_s_and_the_others_hear_everything(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        sujet = f"service:{service}"
        agent = await bench.agent(service)
        jetons = [await bench.token(agent) for _ in range(2)]
        number = 3000
        trames = [
            envelope.encode({"type": "rdv.arrive", "sujet": sujet, "version": 2 + k, "rdv": k, "etat": "x" * 100})
            for k in range(2 * number)
        ]
        process = psutil.Process(gateway.process.pid)
        async with listen(gateway.url(f"{sujet}@1"), jeton=jetons[0], max_queue=None) as ws:
            await receive(ws)
            # The same flood without mutes first, so that what follows measures them and not the flood.
            await bench.db.execute("UPDATE agenda SET version = $1 WHERE service_id = $2", 1 + 2 * number, service)
            for trame in trames[:number]:
                await bench.publish(sujet, trame)
            heard = [(await receive(ws))["version"] for _ in range(number)]
            mutes = [mute_client(gateway.port, sujet, jetons[1]) for _ in range(20)]
            muted = time.monotonic()
            try:
                rss, sockets = process.memory_info().rss, gateway.health()["sockets"]
                slow = gateway.metrics()["slow_total"]
                for trame in trames[number:]:
                    await bench.publish(sujet, trame)
                heard += [(await receive(ws))["version"] for _ in range(number)]
                assert heard == list(range(2, 2 + 2 * number))
                assert gateway.metrics()["slow_total"] - slow == len(mutes)
                in_kernel = 2 * TAMPON_NOYAU  # Linux doubles what it is asked for
                assert (process.memory_info().rss - rss) / len(mutes) + in_kernel <= 256 * 1024
                async with asyncio.timeout(15):
                    while gateway.health()["sockets"] > sockets - len(mutes):
                        await asyncio.sleep(0.1)
                assert time.monotonic() - muted <= 10.0
                await bench.event(sujet)
                assert (await receive(ws))["version"] == 2 + 2 * number
            finally:
                for s in mutes:
                    s.close()

    async def test_a_reader_who_was_slow_and_comes_back_is_resynchronised_then_hears_what_follows(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        sujet = f"service:{service}"
        jeton = await bench.token(await bench.agent(service))
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", gateway.port))
        raw.setblocking(False)
        number = 2000
        async with listen(gateway.url(f"{sujet}@1"), jeton=jeton, sock=raw, max_queue=1) as ws:
            await receive(ws)
            await bench.db.execute("UPDATE agenda SET version = $1 WHERE service_id = $2", 1 + number, service)
            for k in range(number):
                await bench.publish(
                    sujet,
                    envelope.encode(
                        {"type": "rdv.arrive", "sujet": sujet, "version": 2 + k, "rdv": k, "etat": "x" * 100}
                    ),
                )
            await bench.event(sujet)
            version, resyncs, received = 1, 0, 0
            while version < 2 + number:
                frame = await receive(ws)
                received += 1
                if frame["type"] == "resync":
                    resyncs += 1
                else:
                    assert frame["version"] == version + 1
                version = frame["version"]
            assert resyncs >= 1
            assert received < number


class TestDeploys:
    """P11: SIGTERM → all get 1012, exit within 5 s; nothing missed on return."""

    async def test_sigterm_tells_every_socket_and_exits_in_time_even_with_mute_ones(self, bench: Bench) -> None:
        gateway = GatewayProcess(bench.settings)
        try:
            service = await bench.service()
            sujet = f"service:{service}"
            agent = await bench.agent(service)
            jetons = [await bench.token(agent) for _ in range(11)]
            async with contextlib.AsyncExitStack() as stack:
                sockets = [
                    await stack.enter_async_context(listen(gateway.url(sujet), jeton=jeton))
                    for jeton in jetons[:10]
                    for _ in range(20)
                ]
                mute = mute_client(gateway.port, sujet, jetons[10])
                exited = asyncio.create_task(asyncio.to_thread(gateway.terminate))
                codes = await asyncio.gather(*(closed(ws) for ws in sockets))
                assert codes == [1012] * len(sockets)
                assert await exited <= 5.0
                assert gateway.process.returncode in (0, -15)
                mute.close()
        finally:
            gateway.stop()

    async def test_kill_9_and_a_new_gateway_on_the_same_port_lose_nothing(self, bench: Bench) -> None:
        first = GatewayProcess(bench.settings)
        second = None
        try:
            async with screen_of_a_new_service(bench, first) as (sujet, screen):
                first.process.kill()
                first.process.wait()
                await bench.event(sujet, "pendant")
                second = GatewayProcess(bench.settings, first.port)
                assert await screen.equals_database(5) <= 5
                await bench.event(sujet, "apres")
                await screen.equals_database(2)
        finally:
            first.stop()
            if second is not None:
                second.stop()


class TestNothingIsWrittenAfterAClose:
    async def test_a_socket_being_closed_gets_no_frame_after_its_close_frame(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        sujet = f"service:{service}"
        jeton = await bench.token(await bench.agent(service))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(
            f"GET /temps-reel?sujet={sujet} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nOrigin: {ORIGINE}\r\n"
            f"Cookie: accueil_session={jeton}\r\n\r\n".encode()
        )
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x81\x80\x00\x00\x00\x00")  # an empty masked text message: 1008
        await writer.drain()
        for _ in range(20):
            await bench.event(sujet)
        async with asyncio.timeout(5):
            received = await reader.read()
        close_at = received.index(b"\x88")
        assert int.from_bytes(received[close_at + 2 : close_at + 4]) == 1008
        assert len(received) == close_at + 2 + received[close_at + 1]
        writer.close()


class TestHealth:
    async def test_health_and_metrics_say_how_the_gateway_is(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with screen_of_a_new_service(bench, gateway):
            health = gateway.health()
            assert (health["etat"], health["flux"], health["base"]) == ("ok", True, True)
            assert health["sockets"] >= 1
            assert json.dumps(health)
            assert gateway.metrics()["deliveries_total"] >= 1
