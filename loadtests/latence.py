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
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from playwright.async_api import Page, async_playwright
from websockets.asyncio.client import ClientConnection, connect

from loadtests.banc import open_banc
from loadtests.http_brut import Client, percentile
from loadtests.monde import Monde, build_monde
from loadtests.personnes import Personne
from loadtests.reservations import Ecart
from loadtests.tableau import Chiffre, find_over, render
from outils.chromium import ARGUMENTS, find_chromium
from tests.fixtures.donnees import MondeService

BUDGET_MS: Final = 50.0
#: Seconds between two changes, at random: the beats and the clients' own work must not fall in step with them.
REPOS_S: Final = (0.02, 0.08)
_ATTENTE_S: Final = 10.0
#: A connection idle for longer is opened anew before the clock starts: the server closes idle ones.
_REPOS_MAX_S: Final = 2.0
#: Even, as ``mesures`` is made to be: every arrival that was marked is taken back.
_ECHAUFFEMENT: Final = 6

#: Notes the next change of state of a RDV in the live region: when the DOM had it, when the next frame was painted.
_GUETTER: Final = """() => {
  const region = document.querySelector("[data-flux]");
  window.attendu = {};
  new MutationObserver(() => {
    const { rdv, etat, dire } = window.attendu;
    if (!dire || region.querySelector(`[data-rdv="${rdv}"]`)?.dataset.etat !== etat) return;
    const dom = performance.now();
    window.attendu = {};
    requestAnimationFrame(() => setTimeout(() => dire({ dom, peint: performance.now() })));
  }).observe(region, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-etat"] });
}"""
_ARMER: Final = """([rdv, etat]) => {
  window.resultat = new Promise((dire) => { window.attendu = { rdv, etat, dire }; });
}"""


@dataclass
class Serie:
    """Seconds, one list by way of measuring."""

    envoi: list[float] = field(default_factory=list)
    reponse: list[float] = field(default_factory=list)
    peint: list[float] = field(default_factory=list)


class Agent:
    """An attached agent at work through the API."""

    def __init__(self, port: int, service: MondeService, cle: str) -> None:
        self._client = Client(port)
        self._service = service
        self._entetes = {"Authorization": f"Bearer {cle}", "Content-Type": "application/json"}
        self._dernier = 0.0

    async def book_today(self, jour: date, combien: int) -> list[int]:
        """RDV of today, one créneau each; their ids. Raises Ecart."""
        chemin = f"/api/v1/services/{self._service.id}/creneaux?motif={self._service.motifs[0]}&du={jour}&au={jour}"
        lu = await self._client.send("GET", chemin, entetes=self._entetes)
        if lu.statut != 200:
            raise Ecart(f"GET {chemin}: {lu.statut} {lu.corps[:300]!r}")
        debuts = [c["debut"] for c in lu.json()["elements"] for _ in range(c["libres"])][:combien]
        ids: list[int] = []
        for rang, debut in enumerate(debuts):
            corps = {
                "service": self._service.id,
                "motif": self._service.motifs[0],
                "type": "guichet",
                "debut": debut,
                "precision": "Essai de charge",
                "usager": Personne(20_000 + rang).as_json(),
            }
            reponse = await self._client.send(
                "POST",
                "/api/v1/rendez-vous",
                json.dumps(corps).encode(),
                self._entetes | {"Idempotency-Key": f"latence-{self._service.id}-{rang}"},
            )
            if reponse.statut != 201:
                raise Ecart(f"booking: {reponse.statut} {reponse.corps[:300]!r}")
            ids.append(reponse.json()["id"])
        if not ids:
            raise Ecart(f"no place is left today: {lu.corps[:500]!r}")
        return ids

    async def mark(self, rdv: int, *, arrivee: bool) -> tuple[float, float]:
        """Mark or take back an arrival; when it was sent and when the answer came (perf_counter). Raises Ecart."""
        if time.perf_counter() - self._dernier > _REPOS_MAX_S:
            await self._client.close()
            await self._client.open()
        self._dernier = envoi = time.perf_counter()
        methode = "PUT" if arrivee else "DELETE"
        reponse = await self._client.send(methode, f"/api/v1/rendez-vous/{rdv}/arrivee", entetes=self._entetes)
        if reponse.statut != 200:
            raise Ecart(f"arrival: {reponse.statut} {reponse.corps[:300]!r}")
        return envoi, envoi + reponse.duree_s

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()


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
        async with asyncio.timeout(_ATTENTE_S):
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
        for rang in range(mesures + _ECHAUFFEMENT):
            rdv, arrivee = rdvs[(rang // 2) % len(rdvs)], rang % 2 == 0
            envoi, reponse = await agent.mark(rdv, arrivee=arrivee)
            instants = await asyncio.gather(*(e.wait_for(rdv, "arrive" if arrivee else "prevu") for e in suivis))
            if rang >= _ECHAUFFEMENT:
                serie.envoi += [instant - envoi for instant in instants]
                serie.reponse += [instant - reponse for instant in instants]
            await asyncio.sleep(random.uniform(*REPOS_S))
    finally:
        for tache in taches:
            tache.cancel()
        await asyncio.gather(*(ws.close() for ws in ouverts))
    return serie


async def compare_clocks(page: Page) -> tuple[float, float]:
    """What to add to the page's ``performance.now()/1000`` to get ours, and the doubt (half the best ping), seconds."""
    meilleur = (float("inf"), 0.0)
    for _ in range(30):
        avant = time.perf_counter()
        sienne = await page.evaluate("performance.now()") / 1000
        apres = time.perf_counter()
        meilleur = min(meilleur, (apres - avant, (avant + apres) / 2 - sienne))
    return meilleur[1], meilleur[0] / 2


async def measure_browser(
    port: int, agent: Agent, service: MondeService, session: str, rdvs: list[int], *, mesures: int
) -> tuple[Serie, float, int]:
    """Delays in the page of the agenda, the doubt between the clocks (seconds), and how many fragments it asked for."""
    serie, fragments = Serie(), 0
    async with async_playwright() as p:
        navigateur = await p.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        contexte = await navigateur.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
        site = f"http://127.0.0.1:{port}"
        await contexte.add_cookies([{"name": "accueil_session", "value": session, "url": site}])
        page = await contexte.new_page()
        await page.goto(f"{site}/services/{service.id}/agenda")
        await page.wait_for_selector('#direct[data-direct="direct"]', timeout=15_000)
        await page.evaluate(_GUETTER)

        def count(requete: Any) -> None:
            nonlocal fragments
            fragments += "/fragment" in requete.url

        page.on("request", count)
        ecart, doute = await compare_clocks(page)
        for rang in range(mesures + _ECHAUFFEMENT):
            rdv, arrivee = rdvs[(rang // 2) % len(rdvs)], rang % 2 == 0
            await page.evaluate(_ARMER, [rdv, "arrive" if arrivee else "prevu"])
            envoi, reponse = await agent.mark(rdv, arrivee=arrivee)
            async with asyncio.timeout(_ATTENTE_S):
                vu = await page.evaluate("window.resultat")
            if rang >= _ECHAUFFEMENT:
                dom = vu["dom"] / 1000 + ecart
                serie.envoi.append(dom - envoi)
                serie.reponse.append(dom - reponse)
                serie.peint.append(vu["peint"] / 1000 + ecart - reponse)
            await asyncio.sleep(random.uniform(*REPOS_S))
        fin, doute_fin = await compare_clocks(page)
        await navigateur.close()
    return serie, max(doute, doute_fin, abs(fin - ecart)), fragments


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
