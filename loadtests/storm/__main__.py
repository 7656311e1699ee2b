"""The storms at the length promised, each with its table and all the invariants afterwards.

    python -m loadtests.storm [p1 p2 p4 p6 p7 p9] [--part 1.0]

p1 the race, 200 rounds; p2 web killed every 5 s for 10 minutes; p4 screens under Redis and gateway failures; p6 Redis
dead, then frozen, 10 minutes each; p7 PostgreSQL restarted 20 times; p9 the worker killed 100 times. ``--part 0.2`` is
a fifth of every length and number. Exits non-zero when a budget is exceeded or an invariant broken.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import psutil

from app.config import RACINE
from loadtests.reservations import Ecart
from loadtests.storm.ecrans import storm_screens
from loadtests.storm.tempetes import storm_postgres, storm_redis, storm_web, storm_worker
from loadtests.tableau import Chiffre, find_over, render

Tempete = Callable[[float], Awaitable[list[Chiffre]]]


def _times(nombre: int, part: float) -> int:
    return max(1, round(nombre * part))


async def _race(part: float) -> list[Chiffre]:
    """P1: the program of ``make load``, with more rounds. It prints its own table."""
    commande = [sys.executable, "-m", "loadtests.race", "--tours", str(_times(200, part))]
    code = await asyncio.to_thread(lambda: subprocess.run(commande, cwd=RACINE, check=False).returncode)
    return [Chiffre("the race says that something is broken", code, "", 0)]


TEMPETES: Final[dict[str, tuple[tuple[str, Tempete], ...]]] = {
    "p1": (("P1: the race, 200 rounds", _race),),
    "p2": (("P2: web killed every 5 s, 50 bookings/s", lambda part: storm_web(duree_s=600 * part)),),
    "p4": (("P4: screens, in Chromium", lambda part: storm_screens(part=part)),),
    "p6": (
        ("P6: Redis dead, 20 bookings/s", lambda part: storm_redis(duree_s=600 * part, gele=False)),
        ("P6: Redis frozen, 20 bookings/s", lambda part: storm_redis(duree_s=600 * part, gele=True)),
    ),
    "p7": (("P7: PostgreSQL restarted, 20 bookings/s", lambda part: storm_postgres(fois=_times(20, part))),),
    "p9": (("P9: worker killed, 10 bookings/s", lambda part: storm_worker(fois=_times(100, part))),),
}


async def run(noms: Sequence[str], part: float) -> list[str]:
    """Run them one after the other; the budgets exceeded."""
    depasses: list[str] = []
    for nom in noms:
        for titre, tempete in TEMPETES[nom]:
            depart, occupe = time.monotonic(), psutil.cpu_percent(1.0)
            try:
                chiffres = await tempete(part)
            except Ecart as ecart:
                chiffres = [Chiffre(f"broken: {ecart}", 1, "", 0)]
            print(render(titre, chiffres))
            print(
                f"  {time.monotonic() - depart:.0f} s; {occupe:.0f} % of the machine was used by others\n", flush=True
            )
            depasses += [f"{nom}: {phrase}" for phrase in find_over(chiffres)]
    return depasses


def main() -> int:
    """Parse, run, judge; the exit code."""
    args = argparse.ArgumentParser(
        prog="python -m loadtests.storm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    args.add_argument("tempetes", nargs="*", metavar="storm", help=f"among {', '.join(TEMPETES)}; all by default")
    args.add_argument("--part", type=float, default=1.0, help="of the lengths and numbers promised")
    choix = args.parse_args()
    if inconnues := set(choix.tempetes) - set(TEMPETES):
        args.error(f"unknown: {', '.join(sorted(inconnues))}")
    if not 0 < choix.part <= 1:
        args.error("--part is above 0 and at most 1")
    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M}  part {choix.part:g}, durable PostgreSQL, load included")
    depasses = asyncio.run(run(choix.tempetes or list(TEMPETES), choix.part))
    for phrase in depasses:
        print(f"OVER  {phrase}", file=sys.stderr)
    return 1 if depasses else 0


if __name__ == "__main__":
    sys.exit(main())
