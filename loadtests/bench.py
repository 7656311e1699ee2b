"""Every figure of the README in one table, with its budget: what ``make bench`` runs.

    python -m loadtests.bench [--rapide] [--sans-navigateur]

Control (the speed of this machine just now), availability of a month, the agenda of a full day, one booking at a time,
commit → screens, gateway.
Everything is real: PostgreSQL with its commits on disk, Redis, SMTP, the site's own processes, Chromium. The load comes
from this very machine and is part of the figures. Exits non-zero when a budget is exceeded.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import datetime

from loadtests import agenda, controle, disponibilite, grille, latence, passerelle, reservations
from loadtests.banc import open_banc
from loadtests.monde import build_monde
from loadtests.tableau import Chiffre, find_over, render

BUDGET_DISPO_MS = 15.0
BUDGET_DISPO_REQUETES = 3
BUDGET_AGENDA_MS = 40.0
BUDGET_AGENDA_REQUETES = 6
BUDGET_AGENDA_KO = 60.0
BUDGET_GRILLE_MS = 30.0


def show(titre: str, chiffres: list[Chiffre]) -> list[Chiffre]:
    """Print a section as soon as it is known."""
    print(render(titre, chiffres), flush=True)
    return chiffres


async def measure_disponibilite() -> list[Chiffre]:
    """A month of 20 guichets, 60 % booked."""
    pris, mesures = await disponibilite.measure()
    chiffres = [
        Chiffre(f"{mesure.nom}, median", mesure.ms, "ms", BUDGET_DISPO_MS, note=f"{pris} RDV in the month")
        for mesure in mesures
    ]
    return [*chiffres, Chiffre("SQL queries, at most", max(m.requetes for m in mesures), "", BUDGET_DISPO_REQUETES)]


async def measure_agenda() -> list[Chiffre]:
    """A day of 20 guichets and 300 RDV, as an agent's browser asks for it."""
    pris, mesures = await agenda.measure()
    chiffres = [
        Chiffre(f"{mesure.nom}, median", mesure.ms, "ms", BUDGET_AGENDA_MS, note=f"{pris} RDV in the day")
        for mesure in mesures
    ]
    return [
        *chiffres,
        Chiffre("SQL queries, at most", max(m.requetes for m in mesures), "", BUDGET_AGENDA_REQUETES),
        Chiffre("HTML, compressed, at most", max(m.octets for m in mesures) / 1000, "kB", BUDGET_AGENDA_KO),
    ]


async def measure_grille() -> list[Chiffre]:
    """A month of 20 guichets, 60 % booked, as an usager's browser asks for it."""
    pris, mesures = await grille.measure()
    chiffres = [
        Chiffre(f"{mesure.nom}, median", mesure.ms, "ms", BUDGET_GRILLE_MS, note=f"{pris} RDV in the month")
        for mesure in mesures
    ]
    return [*chiffres, Chiffre("HTML, compressed, at most", max(m.octets for m in mesures) / 1000, "kB")]


async def run(*, rapide: bool, navigateur: bool) -> list[Chiffre]:
    """All sections, printed one by one; their figures."""
    mesures = 40 if rapide else 150
    tous: list[Chiffre] = []
    with open_banc() as banc:
        tous += show("control: this machine, without our code", await controle.measure(banc.dsn))
        monde = await build_monde(banc, services=2, guichets=20)
        try:
            tous += show(
                "one booking at a time, over HTTP (20 guichets)",
                await reservations.measure(banc, monde.services[0], mesures),
            )
            tous += show(
                "commit → screens (web and gateway in one process)",
                await latence.measure(banc.ports[0], monde, mesures=mesures, ecrans=10, navigateur=navigateur),
            )
        finally:
            await monde.db.close()
    tous += show("availability of a month, 20 guichets, 60 % booked", await measure_disponibilite())
    tous += show("the usager's month, 20 guichets, 60 % booked", await measure_grille())
    tous += show("the agenda of a day, 20 guichets, 300 RDV", await measure_agenda())
    sockets, events = (1000, 20) if rapide else (5000, 40)
    tous += show(
        f"gateway, {sockets} sockets on one agenda, one process",
        await passerelle.measure(sockets=sockets, events=events, rate=2.0),
    )
    return tous


def main() -> int:
    """Parse the command line, run, judge; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rapide", action="store_true", help="fewer measures, 1,000 sockets")
    args.add_argument("--sans-navigateur", action="store_true", help="where there is no Chromium")
    choix = args.parse_args()
    depart = time.monotonic()
    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M}  durable PostgreSQL, load generator included", flush=True)
    try:
        tous = asyncio.run(run(rapide=choix.rapide, navigateur=not choix.sans_navigateur))
    except reservations.Ecart as ecart:
        print(f"FAILED  {ecart}", file=sys.stderr)
        return 1
    depasses = find_over(tous)
    for phrase in depasses:
        print(f"OVER  {phrase}", file=sys.stderr)
    print(f"{len(depasses)} budget(s) exceeded, {time.monotonic() - depart:.0f} s in all")
    return 1 if depasses else 0


if __name__ == "__main__":
    sys.exit(main())
