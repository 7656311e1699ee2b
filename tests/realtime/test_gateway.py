"""The wire, end to end: a real gateway, real Redis, real PostgreSQL, the ``websockets`` client."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime

import pytest

from app import envelope
from tests.realtime.banc import EPOQUE, Bench, GatewayProcess, Screen, listen, receive


class TestCatchingUp:
    """State + events == fresh state."""

    async def test_a_page_hears_the_state_then_each_event_with_its_type_first(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        async with listen(gateway.url(f"service:{service}@1"), jeton=jeton) as ws:
            assert await receive(ws) == {
                "type": "etat",
                "sujet": f"service:{service}",
                "epoque": EPOQUE,
                "version": 1,
            }
            version, trame = await bench.event(f"service:{service}")
            frame = await receive(ws)
            assert frame == json.loads(trame)
            assert (next(iter(frame)), frame["version"]) == ("type", version)

    async def test_a_page_at_version_v_gets_what_came_after_v(self, bench: Bench, gateway: GatewayProcess) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        async with listen(gateway.url(f"service:{service}@1"), jeton=jeton) as first:
            await receive(first)
            for k in range(5):
                await bench.event(f"service:{service}", rdv=k)
            for k in range(5):
                assert (await receive(first))["version"] == 2 + k
            async with listen(gateway.url(f"service:{service}@3", epoque=EPOQUE), jeton=jeton) as late:
                assert await receive(late) == {
                    "type": "etat",
                    "sujet": f"service:{service}",
                    "epoque": EPOQUE,
                    "version": 6,
                }
                assert [(await receive(late))["version"] for _ in range(3)] == [4, 5, 6]

    async def test_history_outlives_the_last_reader_for_a_moment(self, bench: Bench, gateway: GatewayProcess) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        async with listen(gateway.url(f"service:{service}@1"), jeton=jeton) as ws:
            await receive(ws)
        await bench.event(f"service:{service}")
        async with listen(gateway.url(f"service:{service}@1"), jeton=jeton) as ws:
            assert (await receive(ws))["type"] == "etat"
            frame = await receive(ws)
            assert (frame["type"], frame["version"]) == ("rdv.arrive", 2)

    @pytest.mark.parametrize("case", ["gap", "unknown epoch", "version of another life"])
    async def test_what_cannot_be_caught_up_is_resynchronised(
        self, bench: Bench, gateway: GatewayProcess, case: str
    ) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        await bench.event(f"service:{service}")
        vue, epoque = {"gap": (1, EPOQUE), "unknown epoch": (2, "autre"), "version of another life": (99, EPOQUE)}[case]
        async with listen(gateway.url(f"service:{service}@{vue}", epoque=epoque), jeton=jeton) as ws:
            assert [((f := await receive(ws))["type"], f["version"]) for _ in range(2)] == [("etat", 2), ("resync", 2)]
            await bench.event(f"service:{service}")
            assert (await receive(ws))["version"] == 3

    async def test_one_socket_follows_several_subjects_and_each_keeps_its_own_order(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        sujets = [f"{kind}:{service}" for kind in ("service", "creneaux", "affichage")]
        async with listen(gateway.url(*(f"{s}@1" for s in sujets)), jeton=jeton) as ws:
            assert [(await receive(ws))["sujet"] for _ in sujets] == sujets
            await bench.event(sujets[1], genre="creneau.pris")
            await bench.event(sujets[2], genre="ticket.appele")
            await bench.event(sujets[1], genre="creneau.libre")
            heard = [await receive(ws) for _ in range(3)]
        assert [(f["sujet"], f["version"]) for f in heard] == [(sujets[1], 2), (sujets[2], 2), (sujets[1], 3)]

    async def test_another_service_is_not_heard(self, bench: Bench, gateway: GatewayProcess) -> None:
        mine, other = await bench.service(), await bench.service()
        jeton = await bench.token(await bench.agent(mine, other))
        async with (
            listen(gateway.url(f"service:{mine}"), jeton=jeton) as ws,
            listen(gateway.url(f"service:{other}"), jeton=jeton) as witness,
        ):
            await receive(ws)
            await receive(witness)
            await bench.event(f"service:{other}")
            await receive(witness)
            await bench.event(f"service:{mine}")
            assert (await receive(ws))["sujet"] == f"service:{mine}"

    async def test_every_type_of_the_vocabulary_reaches_the_page_as_it_was_written(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        jeton = await bench.token(await bench.agent(service))
        types = sorted(envelope.EVENEMENT_TYPES - {"compteurs"})
        async with listen(gateway.url(f"service:{service}@1"), jeton=jeton) as ws:
            await receive(ws)
            written = [json.loads((await bench.event(f"service:{service}", genre=genre))[1]) for genre in types]
            assert [await receive(ws) for _ in types] == written


class TestCounters:
    async def test_a_steering_page_gets_the_newest_counters_at_most_twice_a_second(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        sujet = f"pilotage:service-{service}"
        jeton = await bench.token(await bench.agent(perimetres=(f"service-{service}",)))
        async with listen(gateway.url(f"{sujet}@1"), jeton=jeton) as ws:
            assert (await receive(ws))["version"] == 1
            await bench.db.execute("UPDATE agenda SET version = 21 WHERE service_id = $1", service)
            for version in range(2, 22):
                trame = envelope.encode({"type": "compteurs", "sujet": sujet, "version": version, "arrives": version})
                await bench.publish(sujet, trame)
                await asyncio.sleep(0.05)
            begun, heard = time.monotonic(), [await receive(ws)]
            while heard[-1]["version"] < 21:
                heard.append(await receive(ws))
            assert len(heard) <= 4
            assert {f["type"] for f in heard} == {"compteurs"}
            assert time.monotonic() - begun < 1.5
            async with listen(gateway.url(f"{sujet}@3"), jeton=jeton) as late:
                await receive(late)
                assert (await receive(late))["arrives"] == 21


class TestMessagesFromRedis:
    """Forged, duplicated or reordered Redis messages: the screen still equals PostgreSQL."""

    async def test_forged_and_misdirected_messages_change_nothing(self, bench: Bench, gateway: GatewayProcess) -> None:
        service, other = await bench.service(), await bench.service()
        sujet = f"service:{service}"
        jeton = await bench.token(await bench.agent(service, other))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            refused = gateway.metrics()["refused_total"]
            good = envelope.encode({"type": "rdv.arrive", "sujet": sujet, "version": 2, "rdv": 1, "etat": "faux"})
            await bench.publish_raw(sujet, good)
            await bench.publish_raw(sujet, envelope.sign(good, b"another key"))
            await bench.publish_raw(sujet, b"\xff\xfe")
            await bench.publish_raw(sujet, b"x" * 100_000)
            await bench.publish(sujet, good.replace(sujet, f"service:{other}"))
            await bench.publish(sujet, "[" * 5000)
            await bench.event(sujet, "arrive")
            await screen.equals_database(2)
            assert screen.rows == {1: "arrive"}
            assert screen.resyncs == 0
            assert gateway.metrics()["refused_total"] - refused == 6

    async def test_duplicated_and_reordered_messages_are_applied_once_in_order(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        sujet = f"service:{(service := await bench.service())}"
        jeton = await bench.token(await bench.agent(service))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            trames = [(await bench.event(sujet, f"etat-{k}", lost=True))[1] for k in range(6)]
            for k in (1, 0, 0, 3, 1, 2, 5, 5, 4):
                await bench.publish(sujet, trames[k])
            await screen.equals_database(2)
            assert screen.applied == [2, 3, 4, 5, 6, 7]
            assert screen.resyncs == 0

    async def test_a_message_that_never_comes_is_noticed_by_the_next_one(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        sujet = f"service:{(service := await bench.service())}"
        jeton = await bench.token(await bench.agent(service))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            await bench.event(sujet, rdv=1, lost=True)
            await bench.event(sujet, rdv=2)
            assert await screen.equals_database(2) < 1.0
            assert screen.resyncs == 1
            await bench.event(sujet, rdv=3)
            await screen.equals_database(2)
            assert screen.applied[-1] == 4

    async def test_a_lost_last_message_is_noticed_by_the_watch(self, bench: Bench, gateway: GatewayProcess) -> None:
        sujet = f"service:{(service := await bench.service())}"
        jeton = await bench.token(await bench.agent(service))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            await bench.event(sujet, lost=True)
            await asyncio.sleep(0.5)
            assert screen.rows == {}  # the loss is real: nothing but the watch can tell
            await screen.equals_database(5)
            assert screen.resyncs == 1

    async def test_a_signed_message_of_a_version_that_never_was_does_not_deafen_the_screen(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        sujet = f"service:{(service := await bench.service())}"
        jeton = await bench.token(await bench.agent(service))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            for version in (2, 900):
                await bench.publish(
                    sujet,
                    envelope.encode({"type": "rdv.arrive", "sujet": sujet, "version": version, "rdv": 9, "etat": ""}),
                )
            await screen.equals_database(5)
            await bench.event(sujet)
            await screen.equals_database(2)
            assert screen.applied[-1] == 2

    async def test_events_published_a_little_after_their_commit_never_cause_a_resync(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        sujet = f"service:{(service := await bench.service())}"
        jeton = await bench.token(await bench.agent(service))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            limit = time.monotonic() + 4.5  # two rounds of the watch, each with an event in flight
            while time.monotonic() < limit:
                _, trame = await bench.event(sujet, str(time.monotonic()), lost=True)
                await asyncio.sleep(0.3)
                await bench.publish(sujet, trame)
            await screen.equals_database(2)
            assert screen.resyncs == 0
            assert len(screen.applied) == screen.version - 1 > 10


class TestBeat:
    async def test_a_beat_comes_every_two_seconds_and_says_since_when_the_data_are_good(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        service = await bench.service()
        async with listen(gateway.url(f"creneaux:{service}")) as ws:
            beats: list[tuple[float, datetime]] = []
            async with asyncio.timeout(8):
                while len(beats) < 3:
                    frame = json.loads(await ws.recv())
                    if frame["type"] == "frais":
                        beats.append((time.monotonic(), datetime.fromisoformat(frame["a"])))
        assert beats[2][0] - beats[0][0] == pytest.approx(4.0, abs=0.5)
        assert beats[0][1].tzinfo is not None
        assert beats[0][1] < beats[1][1] < beats[2][1]


class TestEpoch:
    async def test_a_restored_database_resynchronises_every_screen_even_to_lower_versions(
        self, bench: Bench, gateway: GatewayProcess
    ) -> None:
        sujet = f"service:{(service := await bench.service())}"
        jeton = await bench.token(await bench.agent(service))
        async with Screen(bench, gateway.url(sujet), sujet, jeton).opened_page() as screen:
            for k in range(4):
                await bench.event(sujet, rdv=k)
            await screen.equals_database(2)
            try:
                await bench.db.execute("UPDATE epoque SET valeur = 'restauree'")
                await bench.db.execute("UPDATE agenda SET version = 3 WHERE service_id = $1", service)
                await bench.db.execute("DELETE FROM etat_rdv WHERE service_id = $1 AND rdv > 1", service)
                await screen.equals_database(5)
                await bench.event(sujet, "apres")
                await screen.equals_database(2)
                assert screen.version == 4
                assert screen.applied[-1] == 4
            finally:
                await bench.db.execute("UPDATE epoque SET valeur = $1", EPOQUE)
