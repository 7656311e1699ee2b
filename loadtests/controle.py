"""How fast this machine is just now: the same small works everywhere, so that figures can be told as ratios.

python -m loadtests.controle
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import time
from collections.abc import Awaitable, Callable

import asyncpg
import psutil

from loadtests.banc import open_banc
from loadtests.http_brut import Client
from loadtests.tableau import Chiffre, render

_REPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def measure_python() -> float:
    """Milliseconds for a fixed piece of pure Python: one million additions and 20,000 SHA-256. The best of three."""

    def work() -> float:
        depart = time.perf_counter()
        total = 0
        for n in range(1_000_000):
            total += n
        for n in range(20_000):
            hashlib.sha256(n.to_bytes(8)).digest()
        return (time.perf_counter() - depart) * 1000

    return min(work() for _ in range(3))


async def _median_ms(faire: Callable[[], Awaitable[object]], fois: int) -> float:
    durees: list[float] = []
    for _ in range(fois):
        depart = time.perf_counter()
        await faire()
        durees.append((time.perf_counter() - depart) * 1000)
    return statistics.median(durees)


async def measure_http(fois: int = 200) -> float:
    """Median milliseconds of one HTTP exchange with a server that does nothing, on the loopback."""

    async def answer(lecteur: asyncio.StreamReader, plume: asyncio.StreamWriter) -> None:
        try:
            while await lecteur.readuntil(b"\r\n\r\n"):
                plume.write(_REPONSE)
        except asyncio.IncompleteReadError:
            plume.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as serveur:
        client = Client(serveur.sockets[0].getsockname()[1])
        await client.open()

        async def exchange() -> None:
            if (await client.send("GET", "/")).statut != 200:
                raise OSError("the loopback does not answer")

        mediane = await _median_ms(exchange, fois)
        await client.close()
    return mediane


async def measure_commit(dsn: str, fois: int = 200) -> float:
    """Median milliseconds of one durable transaction of one INSERT, without any of our code."""
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("CREATE TABLE IF NOT EXISTS controle_de_vitesse (n bigint)")
        return await _median_ms(lambda: conn.execute("INSERT INTO controle_de_vitesse VALUES (1)"), fois)
    finally:
        await conn.execute("DROP TABLE IF EXISTS controle_de_vitesse")
        await conn.close()


async def measure(dsn: str) -> list[Chiffre]:
    """The control lines. The first says how much of the machine others were using."""
    occupe = await asyncio.to_thread(psutil.cpu_percent, 1.0)
    partagee = "the machine was shared: compare ratios, not milliseconds" if occupe > 15 else ""
    return [
        Chiffre(f"machine: {os.cpu_count()} cores, used by others", occupe, "%", note=partagee),
        Chiffre("pure Python, 10⁶ additions and 20,000 SHA-256", measure_python(), "ms"),
        Chiffre("empty HTTP exchange within one process, p50", await measure_http(), "ms"),
        Chiffre("durable commit of one bare INSERT, p50", await measure_commit(dsn), "ms"),
    ]


async def main() -> None:
    """Print the control lines alone."""
    with open_banc(web=0, worker=False) as banc:
        print(render("control", await measure(banc.dsn)))


if __name__ == "__main__":
    asyncio.run(main())
