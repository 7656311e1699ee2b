"""Bad inputs on the WebSocket, and their right answers (promises « WebSocket »), and P13."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import time
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from app.realtime.hub import Limits
from app.realtime.protocol import PINGS_MAX
from app.realtime.session import SUJETS_MAX
from tests.realtime.banc import (
    ORIGINE,
    Bench,
    GatewayProcess,
    closed,
    listen,
    receive,
    refusal,
    served,
)


@contextlib.asynccontextmanager
async def open_socket(bench: Bench, gateway: GatewayProcess) -> AsyncIterator[ClientConnection]:
    """A socket in order, past its first frame."""
    service = await bench.service()
    jeton = await bench.token(await bench.agent(service))
    async with listen(gateway.url(f"service:{service}"), jeton=jeton) as ws:
        await receive(ws)
        yield ws


class TestBeforeTheUpgrade:
    """No socket opens for who may not listen: 403 before accept."""

    @pytest.mark.parametrize(
        "origine",
        [None, "null", "http://127.0.0.1:8000.evil.fr", "https://127.0.0.1:8000", "http://127.0.0.1", ORIGINE + "/"],
    )
    async def test_an_origin_other_than_ours_is_refused_even_with_a_session(
        self, bench: Bench, gateway: GatewayProcess, origine: str | None
    ) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        assert await refusal(gateway.url(f"service:{service}"), jeton=jeton, origin=origine) == 403
        assert await refusal(gateway.url(f"creneaux:{service}"), origin=origine) == 403

    @pytest.mark.parametrize("origine", [None, "null", "https://evil.fr", ORIGINE])
    async def test_a_valid_bearer_key_passes_whatever_the_origin(
        self, bench: Bench, gateway: GatewayProcess, origine: str | None
    ) -> None:
        service = await bench.service()
        cle = await bench.token(await bench.agent(service), table="cle_api")
        entetes = {"Authorization": f"Bearer {cle}"}
        url = gateway.url(f"service:{service}")
        assert await refusal(url, additional_headers=entetes, origin=origine) == 101
        entetes = {"Authorization": f"Bearer {cle}x"}
        assert await refusal(url, additional_headers=entetes, origin=origine) == 403
        assert await refusal(gateway.url(f"creneaux:{service}"), additional_headers=entetes, origin=origine) == 403

    async def test_without_a_live_session_the_agenda_is_closed(self, bench: Bench, gateway: GatewayProcess) -> None:
        service = await bench.service()
        agent = await bench.agent(service)
        expired = await bench.token(agent, duration=timedelta(seconds=-1))
        revoked = await bench.token(agent)
        await bench.db.execute("UPDATE session SET revoquee_a = now() WHERE agent_id = $1", agent)
        url = gateway.url(f"service:{service}")
        for jeton in (None, "inconnu", expired, revoked, "é", "x" * 5000):
            assert await refusal(url, jeton=jeton) == 403

    async def test_a_foreign_or_unknown_service_is_refused_even_among_ones_own(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        mine, other = await bench.service(), await bench.service()
        jeton = await bench.token(await bench.agent(mine))
        own = f"service:{mine}"
        foreign = [
            f"service:{other}",
            f"affichage:{other}",
            "service:999999999",
            "pilotage:nation",
            "creneaux:99999999",
        ]
        for sujet in foreign:
            assert await refusal(gateway.url(sujet), jeton=jeton) == 403
            assert await refusal(gateway.url(own, sujet), jeton=jeton) == 403
        assert await refusal(gateway.url(own), jeton=jeton) == 101

    async def test_the_public_grid_needs_no_session(self, bench: Bench, gateway: GatewayProcess) -> None:
        service = await bench.service()
        assert await refusal(gateway.url(f"creneaux:{service}")) == 101
        assert await refusal(gateway.url(f"creneaux:{service}"), jeton="une-session-finie") == 101

    @pytest.mark.parametrize(
        "query", ["", "?sujet=", "?sujet=service:1@-1", "?sujet=service:1'--", "?sujet=service:%00"]
    )
    async def test_an_unreadable_request_is_answered_400_in_french(self, gateway: GatewayProcess, query: str) -> None:
        with pytest.raises(InvalidStatus) as refus:
            async with listen(f"ws://127.0.0.1:{gateway.port}/temps-reel{query}"):
                pass
        assert refus.value.response.status_code == 400
        assert refus.value.response.headers["content-type"] == "application/problem+json"
        probleme = json.loads(refus.value.response.body or b"")
        assert probleme["status"] == 400
        assert probleme["title"].startswith("Cette demande")

    async def test_too_many_subjects_on_one_socket_are_refused(self, bench: Bench, gateway: GatewayProcess) -> None:
        services = [await bench.service() for _ in range(SUJETS_MAX + 1)]
        jeton = await bench.token(await bench.agent(*services))
        sujets = [f"service:{s}" for s in services]
        assert await refusal(gateway.url(*sujets[:-1]), jeton=jeton) == 101
        assert await refusal(gateway.url(*sujets), jeton=jeton) == 400


class TestAfterTheUpgrade:
    """Clients send nothing: any message ends the socket with the code that says why."""

    async def test_any_text_message_is_1008(self, bench: Bench, gateway: GatewayProcess) -> None:
        for message in ("", "{}", "{bad", '{"type":"subscribe"}', "[" * 16_000):
            async with open_socket(bench, gateway) as ws:
                await ws.send(message)
                assert await closed(ws) == 1008

    async def test_a_message_in_pieces_is_1008_at_its_first_piece(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with open_socket(bench, gateway) as ws:
            ws.transport.write(Frame(Opcode.TEXT, b"be", fin=False).serialize(mask=True))
            assert await closed(ws) == 1008

    async def test_a_binary_message_is_1003(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with open_socket(bench, gateway) as ws:
            await ws.send(b"\x00\x01")
            assert await closed(ws) == 1003

    async def test_a_frame_of_one_megabyte_is_1009_and_the_client_gets_to_know_it(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        for message in ("x" * 2**20, b"x" * 2**20, "x" * (16 * 1024 + 1)):
            async with open_socket(bench, gateway) as ws:
                with contextlib.suppress(ConnectionClosed):
                    await ws.send(message)
                assert await closed(ws) == 1009

    async def test_a_flood_of_messages_is_1008_at_the_first(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with open_socket(bench, gateway) as ws:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(1000):
                    await ws.send("x")
            assert await closed(ws) == 1008

    async def test_a_flood_of_pings_is_1008(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with open_socket(bench, gateway) as ws:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(2 * PINGS_MAX + 2):
                    await ws.ping()
            assert await closed(ws) == 1008

    async def test_garbage_instead_of_frames_is_1002(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with open_socket(bench, gateway) as ws:
            ws.transport.write(b"\xff" * 64)
            assert await closed(ws) == 1002

    async def test_the_21st_socket_of_a_session_is_1008_and_the_20_others_live(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        agent = await bench.agent(service)
        jeton, another = await bench.token(agent), await bench.token(agent)
        url = gateway.url(f"service:{service}")
        async with contextlib.AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(listen(url, jeton=jeton)) for _ in range(20)]
            async with listen(url, jeton=jeton) as one_too_many:
                assert await closed(one_too_many) == 1008
            async with listen(url, jeton=another) as of_another_session:
                await receive(of_another_session)
            for ws in sockets:
                await receive(ws)
            await bench.event(f"service:{service}")
            for ws in sockets:
                assert (await receive(ws))["version"] == 2
            await sockets.pop().close()
            await asyncio.sleep(0.1)
            async with listen(url, jeton=jeton) as again:
                assert (await receive(again))["type"] == "etat"

    async def test_the_gateway_is_none_the_worse_for_all_that(self, bench: Bench, gateway: GatewayProcess) -> None:
        async with open_socket(bench, gateway):
            assert gateway.health()["etat"] == "ok"


class TestPublicSocketsAreBounded:
    async def test_one_address_may_hold_so_many_public_sockets_and_no_more(self, bench: Bench) -> None:
        service = await bench.service()
        async with served(bench, Limits(par_adresse=2)) as (_, base):
            url = f"{base}?sujet=creneaux:{service}"
            async with listen(url), listen(url) as second:
                assert await refusal(url) == 429
                jeton = await bench.token(await bench.agent())
                assert await refusal(url, jeton=jeton) == 101
                await second.close()
                await asyncio.sleep(0.1)
                assert await refusal(url) == 101

    async def test_so_many_public_sockets_in_all_and_no_more(self, bench: Bench) -> None:
        service = await bench.service()
        async with served(bench, Limits(anonymes=1)) as (_, base):
            url = f"{base}?sujet=creneaux:{service}"
            async with listen(url):
                assert await refusal(url) == 429
                assert await refusal(url, jeton=await bench.token(await bench.agent())) == 101


class TestMemory:
    async def test_a_closed_socket_is_freed_without_waiting_for_the_garbage_collector(self, bench: Bench) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        async with served(bench, Limits()) as (gateway, base):
            gc.disable()
            try:
                async with contextlib.AsyncExitStack() as stack:
                    for _ in range(5):
                        ws = await stack.enter_async_context(listen(f"{base}?sujet=service:{service}", jeton=jeton))
                        await receive(ws)
                    sockets = [subscriber.socket for subscriber in gateway.hub.subscribers]
                    left = [weakref.ref(thing) for socket in sockets for thing in (socket, socket.conn)]
                    assert len(left) == 10
                    del sockets
                await asyncio.sleep(0.2)
                assert gateway.hub.subscribers == set()
                assert [ref() for ref in left if ref() is not None] == []
            finally:
                gc.enable()

    async def test_a_subject_that_nobody_follows_any_more_is_forgotten(self, bench: Bench) -> None:
        service = await bench.service()
        async with served(bench, Limits(memoire=0.5)) as (gateway, base):
            async with listen(f"{base}?sujet=creneaux:{service}") as ws:
                await receive(ws)
                await asyncio.sleep(3)
                assert list(gateway.hub.topics) == [f"creneaux:{service}"]
            async with asyncio.timeout(5):
                while gateway.hub.topics:
                    await asyncio.sleep(0.1)
            async with listen(f"{base}?sujet=creneaux:{service}@1") as ws:
                assert (await receive(ws))["type"] == "etat"
                await bench.event(f"creneaux:{service}", genre="creneau.pris")
                assert (await receive(ws))["version"] == 2


class TestRevocation:
    """P13: logout or lost right closes sockets within 5 s, with 4401 (session over) or 4403 (right lost)."""

    async def test_each_way_of_losing_a_right_closes_the_socket_and_no_other(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        url = gateway.url(f"service:{service}")
        agents = {
            case: await bench.agent(service) for case in ("logout", "expiry", "suspended", "right", "key", "kept")
        }
        jetons = {
            case: await bench.token(agent, duration=timedelta(seconds=2 if case == "expiry" else 3600))
            for case, agent in agents.items()
        }
        cle = await bench.token(agents["key"], table="cle_api")
        async with contextlib.AsyncExitStack() as stack:
            sockets = {
                case: await stack.enter_async_context(
                    listen(url, additional_headers={"Authorization": f"Bearer {cle}"})
                    if case == "key"
                    else listen(url, jeton=jeton)
                )
                for case, jeton in jetons.items()
            }
            kept = sockets.pop("kept")
            maintenant = datetime.now(UTC)
            await bench.db.execute(
                "UPDATE session SET revoquee_a = $1 WHERE agent_id = $2", maintenant, agents["logout"]
            )
            await bench.db.execute("UPDATE agent SET suspendu_a = $1 WHERE id = $2", maintenant, agents["suspended"])
            await bench.db.execute("DELETE FROM acces WHERE agent_id = $1", agents["right"])
            await bench.db.execute("UPDATE cle_api SET revoquee_a = $1 WHERE agent_id = $2", maintenant, agents["key"])
            begun = time.monotonic()
            codes = await asyncio.gather(*(closed(ws, 8) for ws in sockets.values()))
            attendus = {case: 4403 if case == "right" else 4401 for case in sockets}
            assert dict(zip(sockets, codes, strict=True)) == attendus
            assert time.monotonic() - begun <= 5.0
            assert (await receive(kept))["type"] == "etat"
            await bench.event(f"service:{service}")
            assert (await receive(kept))["type"] == "rdv.arrive"
