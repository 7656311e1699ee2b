"""From an agent's click to the other screens: commit → frame in WebSocket clients, and in a real browser.

    python -m loadtests.latence [--mesures 60] [--ecrans 10] [--sans-navigateur]

A real site (web and gateway in one process, worker in another), an agenda open today. One arrival after another is
marked and taken back over HTTP; each screen notes when the frame comes. The answer to the request leaves just after the
commit: « from the answer » is commit → frame, less the time that the answer takes to come back, and has the budget.
« From the sending » contains the whole transaction: the true delay is between the two.

In Chromium the page of the agenda is open, and the instant is that of the change of the DOM, read on the page's own
clock; the two clocks are compared by ping, and the doubt that leaves is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from typing import Final

from websockets.asyncio.client import ClientConnection, connect

from loadtests.arrivees import ATTENTE_S, ECHAUFFEMENT, REPOS_S, Agent, Serie
from loadtests.banc import open_banc
from loadtests.http_brut import percentile
from loadtests.latence_page import measure_browser
from loadtests.monde import Monde, build_monde
from loadtests.tableau import Chiffre, find_over, render
from tests.fixtures.donnees import MondeService

BUDGET_MS: Final = 50.0


class Ecran:
    """One WebSocket that follows an agenda; ``vues`` says when each (rdv, state) came."""

    def __init__(self) -> None:
        self.vues: asyncio.Queue[tuple[int, str, float]] = asyncio.Queue()

    async def follow(self, ws: ClientConnection) -> None:
        """Note every event of a RDV until cancelled."""
        async for message in ws:
            instant = time.perf_counter()
            trame = json.loads(message)
            if trame["type"].startswith("rdv."):
                self.vues.put_nowait((trame["rdv"], trame["etat"], instant))

    async def wait_for(self, rdv: int, etat: str) -> float:
        """When that state came. Raises TimeoutError."""
        async with asyncio.timeout(ATTENTE_S):
            while True:
                vu_rdv, vu_etat, instant = await self.vues.get()
                if (vu_rdv, vu_etat) == (rdv, etat):
                    return instant


async def measure_sockets(
    port: int, agent: Agent, service: MondeService, cle: str, rdvs: list[int], *, mesures: int, ecrans: int
) -> Serie:
    """Delays of every screen for every change."""
    serie, suivis = Serie(), [Ecran() for _ in range(ecrans)]
    adresse = f"ws://127.0.0.1:{port}/temps-reel?sujet=service:{service.id}"
    entetes = {"Authorization": f"Bearer {cle}"}
    ouverts = [await connect(adresse, additional_headers=entetes, proxy=None, compression=None) for _ in suivis]
    taches = [asyncio.create_task(ecran.follow(ws)) for ecran, ws in zip(suivis, ouverts, strict=True)]
    try:
        await asyncio.sleep(1.0)
        for rang in range(mesures + ECHAUFFEMENT):
            rdv, arrivee = rdvs[(rang // 2) % len(rdvs)], rang % 2 == 0
            envoi, reponse = await agent.mark(rdv, arrivee=arrivee)
            instants = await asyncio.gather(*(e.wait_for(rdv, "arrive" if arrivee else "prevu") for e in suivis))
            if rang >= ECHAUFFEMENT:
                serie.envoi += [instant - envoi for instant in instants]
                serie.reponse += [instant - reponse for instant in instants]
            await asyncio.sleep(random.uniform(*REPOS_S))
    finally:
        for tache in taches:
            tache.cancel()
        await asyncio.gather(*(ws.close() for ws in ouverts))
    return serie


def _lines(nom: str, serie: Serie) -> list[Chiffre]:
    return [
        Chiffre(f"{nom}, from the answer, p50", percentile(serie.reponse, 0.5) * 1000, "ms", BUDGET_MS),
        Chiffre(f"{nom}, from the answer, p99", percentile(serie.reponse, 0.99) * 1000, "ms"),
        Chiffre(f"{nom}, from the sending, p50", percentile(serie.envoi, 0.5) * 1000, "ms"),
        Chiffre(f"{nom}, from the sending, p99", percentile(serie.envoi, 0.99) * 1000, "ms"),
    ]


async def measure(port: int, monde: Monde, *, mesures: int, ecrans: int, navigateur: bool = True) -> list[Chiffre]:
    """The sockets, then the browser, on the last service of the world."""
    mesures += mesures % 2
    rang = len(monde.services) - 1
    service, cle = monde.services[rang], monde.key_of(rang)
    agent = Agent(port, service, cle)
    rdvs = await agent.book_today(monde.aujourdhui, 8)
    serie = await measure_sockets(port, agent, service, cle, rdvs, mesures=mesures, ecrans=ecrans)
    chiffres = _lines(f"commit → frame, {ecrans} sockets", serie)
    if navigateur:
        session = await monde.open_session(service.agents["agent"])
        serie, doute, fragments = await measure_browser(port, agent, service, session, rdvs, mesures=mesures)
        chiffres += _lines("commit → change on the page", serie)
        chiffres += [
            Chiffre("commit → painted on the page, from the answer, p50", percentile(serie.peint, 0.5) * 1000, "ms"),
            Chiffre("doubt between the two clocks", doute * 1000, "ms"),
            Chiffre("fragments fetched by the page (the frame is enough)", fragments, "", 0),
        ]
    await agent.close()
    return chiffres


async def main() -> int:
    """Run alone; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--mesures", type=int, default=60, help="changes timed, each way of watching")
    args.add_argument("--ecrans", type=int, default=10, help="WebSocket clients")
    args.add_argument("--sans-navigateur", action="store_true", help="sockets only")
    choix = args.parse_args()
    with open_banc() as banc:
        monde = await build_monde(banc, services=1, guichets=6)
        try:
            chiffres = await measure(
                banc.ports[0], monde, mesures=choix.mesures, ecrans=choix.ecrans, navigateur=not choix.sans_navigateur
            )
        finally:
            await monde.db.close()
    print(render("commit → screens", chiffres))
    return 1 if find_over(chiffres) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
