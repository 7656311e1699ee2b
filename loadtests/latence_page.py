"""The same changes seen by a page of the agenda in Chromium, timed on the page's own clock."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Final

from playwright.async_api import Page, async_playwright

from loadtests.arrivees import ATTENTE_S, ECHAUFFEMENT, REPOS_S, Agent, Serie
from outils.chromium import ARGUMENTS, find_chromium
from tests.fixtures.donnees import MondeService

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
        for rang in range(mesures + ECHAUFFEMENT):
            rdv, arrivee = rdvs[(rang // 2) % len(rdvs)], rang % 2 == 0
            await page.evaluate(_ARMER, [rdv, "arrive" if arrivee else "prevu"])
            envoi, reponse = await agent.mark(rdv, arrivee=arrivee)
            async with asyncio.timeout(ATTENTE_S):
                vu = await page.evaluate("window.resultat")
            if rang >= ECHAUFFEMENT:
                dom = vu["dom"] / 1000 + ecart
                serie.envoi.append(dom - envoi)
                serie.reponse.append(dom - reponse)
                serie.peint.append(vu["peint"] / 1000 + ecart - reponse)
            await asyncio.sleep(random.uniform(*REPOS_S))
        fin, doute_fin = await compare_clocks(page)
        await navigateur.close()
    return serie, max(doute, doute_fin, abs(fin - ecart)), fragments
