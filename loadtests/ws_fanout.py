"""Fan-out: N sockets on one agenda, one real gateway, real PostgreSQL and Redis, all on this machine.

``python -m loadtests.ws_fanout [--sockets 1000] [--events 100] [--rate 5] [--clients 2] [--mutes 0]``

Clients are separate processes that use the ``websockets`` library. Each event is committed and published as the web
process does; every socket must receive every version, once and in order. Prints a table, and exits non-zero when a
frame is lost, repeated or out of order, or when a budget of the gateway is exceeded:
≤ 2.0 CPU seconds per 100,000 frames delivered (events and beats; pings included in the CPU) and ≤ 30 KB a socket.
``--mutes`` adds sockets that never read: they must be closed within 10 s. At the end the gateway gets a SIGTERM: every
socket must be told 1012, and the process must exit within 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from app import envelope
from app.embedded.postgres import start_postgres
from app.embedded.redis import start_redis
from tests.realtime.banc import EPOQUE, ORIGINE, Bench, GatewayProcess, mute_client

BUDGET_CPU = 2.0
BUDGET_KO = 30.0
#: Sockets opened at the same time by one client process.
OUVERTURES = 50
SOCKETS_PAR_SESSION = 20


@dataclass
class Result:
    """What one client process saw."""

    arrivals: dict[int, list[float]]
    faults: list[str]
    codes: list[int | None]


def raise_nofile() -> None:
    """As many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# A client process: its orders come as one JSON line on stdin, its answers leave as JSON lines on stdout.


async def _follow(ws: ClientConnection, first: int, result: Result) -> None:
    expected = first + 1
    while True:
        try:
            message = await ws.recv()
        except ConnectionClosed as end:
            result.codes.append(end.rcvd.code if end.rcvd is not None else None)
            return
        now = time.monotonic()
        frame = json.loads(message)
        if frame["type"].startswith("rdv."):
            if frame["version"] != expected:
                result.faults.append(f"version {frame['version']} where {expected} was due")
            expected = frame["version"] + 1
            result.arrivals.setdefault(frame["version"], []).append(now)
        elif frame["type"] == "resync":
            result.faults.append(f"resync at {frame['version']}")


async def client() -> None:
    """Open the sockets, say so, follow until stdin closes, report."""
    ordre: dict[str, Any] = json.loads(sys.stdin.readline())
    result = Result({}, [], [])
    gate = asyncio.Semaphore(OUVERTURES)
    async with AsyncExitStack() as stack:

        async def open_one(jeton: str) -> ClientConnection:
            async with gate:
                ws = await stack.enter_async_context(
                    connect(
                        ordre["url"],
                        origin=Origin(ORIGINE),
                        additional_headers={"Cookie": f"accueil_session={jeton}"},
                        compression=None,
                        proxy=None,
                        ping_interval=None,
                        open_timeout=30,
                        max_queue=None,
                    )
                )
                await ws.recv()
                return ws

        sockets = await asyncio.gather(*(open_one(jeton) for jeton in ordre["jetons"]))
        tasks = [asyncio.create_task(_follow(ws, ordre["version"], result)) for ws in sockets]
        print(json.dumps({"open": len(sockets)}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(json.dumps({"arrivals": result.arrivals, "faults": result.faults}), flush=True)
        await asyncio.wait(tasks, timeout=15)
        print(json.dumps({"codes": result.codes}), flush=True)
    os._exit(0)


# The conductor


class Client:
    """One client process, seen from the conductor."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, url: str, jetons: list[str], version: int) -> Client:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "loadtests.ws_fanout",
            "--client-process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**30,
        )
        self = cls(process)
        await self.say({"url": url, "jetons": jetons, "version": version})
        return self

    async def say(self, message: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a client process died")
        lu: dict[str, Any] = json.loads(line)
        return lu

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time since the start."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def conduct(bench: Bench, gateway: GatewayProcess, options: argparse.Namespace) -> int:
    """Run the scenario; 0 when nothing broke."""
    observed = psutil.Process(gateway.process.pid)
    service = await bench.service()
    sujet = f"service:{service}"
    agent = await bench.agent(service)
    jetons = [await bench.token(agent) for _ in range(-(-options.sockets // SOCKETS_PAR_SESSION))]
    jetons = [jeton for jeton in jetons for _ in range(SOCKETS_PAR_SESSION)][: options.sockets]
    url = gateway.url(f"{sujet}@1", epoque=EPOQUE)

    rss_before = observed.memory_info().rss
    begun = time.monotonic()
    parts = [jetons[k :: options.clients] for k in range(options.clients)]
    clients = [await Client.start(url, part, 1) for part in parts if part]
    try:
        await asyncio.gather(*(c.hear() for c in clients))
        opening = time.monotonic() - begun
        await asyncio.sleep(5)
        rss_after = observed.memory_info().rss
        quiet = cpu_seconds(observed)
        await asyncio.sleep(10)
        quiet = (cpu_seconds(observed) - quiet) / 10

        muted = time.monotonic()
        agent = await bench.agent(service)
        tokens = [await bench.token(agent) for _ in range(-(-options.mutes // SOCKETS_PAR_SESSION))]
        mutes = [mute_client(gateway.port, sujet, tokens[k // SOCKETS_PAR_SESSION]) for k in range(options.mutes)]
        watcher = asyncio.create_task(_all_closed(gateway, options.sockets, muted))
        published: dict[int, float] = {}
        frames_before = gateway.metrics()["deliveries_total"]
        cpu, begun = cpu_seconds(observed), time.monotonic()
        for number in range(options.events):
            version, trame = await bench.event(sujet, f"etat-{number}", rdv=number + 1, lost=True)
            published[version] = time.monotonic()
            await bench.redis.publish(envelope.canal(sujet), envelope.sign(trame, bench.cle))
            await asyncio.sleep(max(0.0, begun + (number + 1) / options.rate - time.monotonic()))
        window = time.monotonic() - begun
        cpu = cpu_seconds(observed) - cpu
        await asyncio.sleep(3)
        frames_sent = gateway.metrics()["deliveries_total"] - frames_before
        rss_loaded = observed.memory_info().rss
        for c in clients:
            await c.say("report")
        reports = await asyncio.gather(*(c.hear() for c in clients))
        mutes_closed = await watcher
        for s in mutes:
            s.close()
        exit_time = await asyncio.to_thread(gateway.terminate)
        codes = [code for answer in await asyncio.gather(*(c.hear() for c in clients)) for code in answer["codes"]]
    finally:
        for c in clients:
            c.kill()
    return report(
        options,
        opening=opening,
        published=published,
        reports=reports,
        frames_sent=frames_sent,
        window=window,
        cpu=cpu,
        quiet=quiet,
        rss=(rss_before, rss_after, rss_loaded),
        mutes_closed=mutes_closed,
        exit_time=exit_time,
        told=codes.count(1012),
    )


async def _all_closed(gateway: GatewayProcess, sockets: int, since: float) -> float:
    """Seconds until only ``sockets`` remain, 30 at most."""
    while time.monotonic() - since < 30:
        if (await asyncio.to_thread(gateway.health))["sockets"] <= sockets:
            break
        await asyncio.sleep(0.5)
    return time.monotonic() - since


def report(
    options: argparse.Namespace,
    *,
    opening: float,
    published: dict[int, float],
    reports: list[dict[str, Any]],
    frames_sent: float,
    window: float,
    cpu: float,
    quiet: float,
    rss: tuple[int, int, int],
    mutes_closed: float,
    exit_time: float,
    told: int,
) -> int:
    """Print the table; 1 when an invariant or a budget is broken."""
    faults = [fault for part in reports for fault in part["faults"]]
    each: list[float] = []
    last: list[float] = []
    received = 0
    for version, instant in published.items():
        arrivals = [a for part in reports for a in part["arrivals"].get(str(version), ())]
        received += len(arrivals)
        if len(arrivals) != options.sockets:
            faults.append(f"version {version}: {len(arrivals)} sockets of {options.sockets}")
        each += [a - instant for a in arrivals]
        last.append(max(arrivals, default=float("inf")) - instant)
    beats = options.sockets * window / 2.0
    per_frame = cpu / (received + beats) * 100_000
    per_event = (cpu - quiet * window) / max(received, 1) * 100_000
    ko = (rss[1] - rss[0]) / options.sockets / 1024
    rows = [
        ("sockets, opened in", f"{options.sockets}, {opening:.1f} s"),
        ("events, rate", f"{options.events}, {options.rate:g} /s"),
        ("event frames received (gateway says sent)", f"{received} ({frames_sent:.0f})"),
        ("publish → a client, p50 / p99", f"{_q(each, 50):.1f} / {_q(each, 99):.1f} ms"),
        ("publish → last client, p50 / p99", f"{_q(last, 50):.1f} / {_q(last, 99):.1f} ms"),
        ("gateway CPU, events running", f"{cpu / window * 100:.1f} % of a core"),
        ("gateway CPU, beats and pings only", f"{quiet * 100:.1f} % of a core"),
        (f"CPU s per 100,000 frames, all included (≤ {BUDGET_CPU})", f"{per_frame:.2f}"),
        ("CPU s per 100,000 events, beats and pings deducted", f"{per_event:.2f}"),
        (f"memory per socket (≤ {BUDGET_KO:g} KB)", f"{ko:.1f} KB"),
        ("memory of the gateway before / open / loaded", " / ".join(f"{r / 2**20:.0f}" for r in rss) + " MB"),
        ("mute sockets, closed within (≤ 10 s)", f"{options.mutes}, {mutes_closed:.1f} s"),
        ("SIGTERM: sockets told 1012, exit in (≤ 5 s)", f"{told}, {exit_time:.1f} s"),
        ("lost, repeated or out of order", str(len(faults))),
    ]
    broken = {
        "CPU budget exceeded": per_frame > BUDGET_CPU,
        "memory budget exceeded": ko > BUDGET_KO,
        "mute sockets still open after 10 s": options.mutes > 0 and mutes_closed > 10.5,
        "sockets not told of the stop": told != options.sockets,
        "stop too slow": exit_time > 5.0,
    }
    faults += [name for name, is_so in broken.items() if is_so]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    for fault in faults[:20]:
        print(f"FAULT {fault}")
    return 1 if faults else 0


def _q(values: list[float], percent: int) -> float:
    """A percentile, in milliseconds."""
    if len(values) < 2:
        return (values[0] if values else float("nan")) * 1000
    return quantiles(values, n=100, method="inclusive")[percent - 1] * 1000


async def run(options: argparse.Namespace) -> int:
    """Throw-away servers around the scenario."""
    with tempfile.TemporaryDirectory(prefix="accueil-", ignore_cleanup_errors=True) as folder:
        racine = Path(folder)
        racine.chmod(0o711)
        postgres = start_postgres(racine / "pg", durable=False)
        redis = start_redis(racine / "redis")
        try:
            bench = await Bench.open(postgres.create_database("fanout"), redis.url)
            gateway = GatewayProcess(bench.settings)
            try:
                return await conduct(bench, gateway, options)
            finally:
                gateway.stop()
                await bench.close()
        finally:
            redis.stop()
            postgres.destroy()


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.ws_fanout")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--rate", type=float, default=5.0, help="events per second")
    parser.add_argument("--clients", type=int, default=2, help="client processes")
    parser.add_argument("--mutes", type=int, default=0, help="sockets that never read")
    parser.add_argument("--client-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_nofile()
    if options.client_process:
        uvloop.run(client())
        return 0
    return asyncio.run(run(options))


if __name__ == "__main__":
    sys.exit(main())
