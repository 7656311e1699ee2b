"""The storms on processes and servers, one function each: how it blows, and the figures it leaves [P2, P6, P7, P9]."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter

import asyncpg

from app.embedded.boite import list_messages, read_message
from loadtests.banc import Banc
from loadtests.storm.scene import Scene, open_scene
from loadtests.tableau import Chiffre

#: Bookings tried again with a key already served, after P2.
_REJEUX = 300


async def storm_web(*, duree_s: float, toutes_les_s: float = 5.0, cadence: float = 50.0) -> list[Chiffre]:
    """P2: kill -9 of one web process of two, every five seconds, under 50 bookings a second."""
    async with open_scene(web=2, cadence=cadence) as scene:
        banc, morts = scene.banc, 0
        web = list(banc.processus[:2])
        async with scene.alive():
            fin = time.monotonic() + duree_s
            while time.monotonic() < fin:
                await asyncio.sleep(toutes_les_s)
                rang = morts % 2
                banc.kill(web[rang])
                web[rang] = await asyncio.to_thread(banc.start, "serve", port=banc.ports[rang])
                morts += 1
        rejeux = await scene.flux.find_replay_faults(_REJEUX)
        flux = scene.flux
        return [
            Chiffre("web processes killed", morts, ""),
            Chiffre("tries that met a broken connection", flux.statuts[0], ""),
            Chiffre("acknowledged at the first try", flux.share_at_once() * 100, "%"),
            Chiffre("from the first try to the acknowledgement, p50", flux.duration(0.5) * 1000, "ms"),
            Chiffre("from the first try to the acknowledgement, p99", flux.duration(0.99) * 1000, "ms"),
            Chiffre("keys replayed that gave another code", len(rejeux), "", 0, note="; ".join(rejeux[:2])),
            *await scene.judge(),
        ]


async def storm_redis(*, duree_s: float, gele: bool, cadence: float = 20.0) -> list[Chiffre]:
    """P6: Redis dead, or frozen, for that long: people work, and screens are at most ten seconds late."""
    async with open_scene(web=2, cadence=cadence) as scene:
        async with scene.alive():
            await asyncio.sleep(3)
            if gele:
                scene.banc.redis.freeze()
            else:
                scene.banc.redis.kill()
            try:
                await asyncio.sleep(duree_s)
            finally:
                if gele:
                    scene.banc.redis.thaw()
                else:
                    await asyncio.to_thread(scene.banc.redis.restart)
            await asyncio.sleep(3)
        flux = scene.flux
        return [
            Chiffre("Redis away", duree_s, "s"),
            Chiffre("bookings that failed at the first try", (1 - flux.share_at_once()) * 100, "%", 0.1),
            Chiffre("booking, p50", flux.duration(0.5, premiere=True) * 1000, "ms"),
            Chiffre("booking, p99", flux.duration(0.99, premiere=True) * 1000, "ms", 1000),
            Chiffre("screens late at most", scene.veille.worst_lateness(), "s", 10),
            *await scene.judge(),
        ]


async def storm_postgres(*, fois: int, cadence: float = 20.0) -> list[Chiffre]:
    """P7: PostgreSQL stopped (one in two by kill -9) and started again, so many times."""
    async with open_scene(web=2, cadence=cadence) as scene:
        banc = scene.banc
        avant = [p.pid for p in banc.processus]
        retours: list[float] = []
        async with scene.alive():
            for tour in range(fois):
                await asyncio.sleep(2)
                await asyncio.to_thread(banc.postgres.kill if tour % 2 else banc.postgres.stop)
                await asyncio.sleep(1.5)
                await asyncio.to_thread(banc.postgres.restart)
                retours.append(await _wait_for_a_booking(scene))
        vivants = [p.pid for p in banc.processus if p.poll() is None]
        flux = scene.flux
        return [
            Chiffre("restarts of PostgreSQL", fois, ""),
            Chiffre("tries answered 503 with Retry-After", flux.statuts[503], ""),
            Chiffre("tries that met a broken connection", flux.statuts[0], "", 0),
            Chiffre("bookings again after the database, at most", max(retours), "s", 10),
            Chiffre("bookings again after the database, median", sorted(retours)[len(retours) // 2], "s"),
            Chiffre("processes of the site that died", len(set(avant) - set(vivants)), "", 0),
            *await scene.judge(),
        ]


async def _wait_for_a_booking(scene: Scene) -> float:
    """Seconds until one more booking is acknowledged; infinite after a minute."""
    depart, deja = time.monotonic(), len(scene.flux.acquittees)
    while len(scene.flux.acquittees) == deja:
        if time.monotonic() - depart > 60:
            return float("inf")
        await asyncio.sleep(0.02)
    return time.monotonic() - depart


async def storm_worker(*, fois: int, cadence: float = 10.0) -> list[Chiffre]:
    """P9: kill -9 of the worker, so many times, while confirmations leave."""
    hasard = random.Random(9)
    async with open_scene(web=1, cadence=cadence) as scene:
        banc = scene.banc
        ouvrier = next(p for p in banc.processus if _is_worker(p))
        async with scene.alive():
            for _ in range(fois):
                await asyncio.sleep(hasard.uniform(1.2, 3.0))  # a worker needs a second before it sends anything
                banc.kill(ouvrier)
                ouvrier = await asyncio.to_thread(banc.start, "worker")
        depart = time.monotonic()
        restants = await _wait_for_mails(banc)
        videe = time.monotonic() - depart
        recus = await asyncio.to_thread(_read_box, banc)
        attendus = sum(b'"courriel"' in r.corps for r in scene.flux.acquittees)
        doubles = sum(n - 1 for n in recus.values())
        adresses = {adresse for adresse, _ in recus}
        return [
            Chiffre("workers killed", fois, ""),
            Chiffre("confirmations due", attendus, ""),
            Chiffre("confirmations never received", attendus - len(adresses), "", 0),
            Chiffre("left in the queue", restants, "", 0),
            Chiffre("queue empty after the last kill", videe, "s"),
            Chiffre("duplicates, all with the same Message-ID", doubles, "", fois),
            Chiffre("addresses with two Message-IDs", len(recus) - len(adresses), "", 0),
            *await scene.judge(),
        ]


def _is_worker(processus: subprocess.Popen[bytes]) -> bool:
    arguments = processus.args
    return isinstance(arguments, list) and "worker" in arguments


async def _wait_for_mails(banc: Banc, delai_s: float = 240.0) -> int:
    """Confirmations still to send once the queue is empty, or after ``delai_s``.

    What a dead worker had taken comes back when its lease ends: three minutes.
    """
    conn = await asyncpg.connect(banc.dsn)
    try:
        fin = time.monotonic() + delai_s
        while True:
            restants = await conn.fetchval(
                "SELECT count(*) FROM courrier WHERE envoye_a IS NULL AND evenement = 'confirmation'"
            )
            if not restants or time.monotonic() > fin:
                return int(restants)
            await asyncio.sleep(0.2)
    finally:
        await conn.close()


def _read_box(banc: Banc) -> Counter[tuple[str, str]]:
    """How many times each (address, Message-ID) of a confirmation was delivered."""
    dossier = banc.smtp.dossier
    recus: Counter[tuple[str, str]] = Counter()
    for apercu in list_messages(dossier, 1_000_000):
        courriel = read_message(dossier, apercu.cle)
        recus.update((adresse, courriel.message_id) for adresse in courriel.destinataires)
    return recus
