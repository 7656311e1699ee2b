"""The steering page in a real browser: counters that move, never back; a table that follows; keyboard; widths."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from app.domain.rendez_vous import Action
from tests.accueil.ecran import MODULE, follow_fragments, overflow, settle, tab_to, until
from tests.accueil.monde import Journee, axe

pytestmark = pytest.mark.e2e

CHIFFRE = "(cle) => Number(document.querySelector(`[data-chiffre='${cle}']`).textContent)"
FLUX = f"(trame) => import({MODULE.format('flux')}).then(({{ flux }}) => flux.recevoir(JSON.stringify(trame)))"


class TestDirect:
    """« live counters of the day »."""

    async def test_an_arrival_moves_the_counters_then_the_table_of_every_perimeter(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service(departement="21")
        rdv = await journee.book(service, "10:20")
        contextes, pages = [], []
        for qui, cle in (("chef", f"service-{service.id}"), ("pilote", "departement-21"), ("national", "nation")):
            contexte = await journee.context(browser, service.agents[qui])
            contextes.append(contexte)
            pages.append(await journee.open(contexte, f"/pilotage/{cle}"))
        avant = [await page.evaluate(CHIFFRE, "arrives") for page in pages]
        await journee.lead(service, rdv, "arrive")
        for page, nombre in zip(pages, avant, strict=True):
            await until(page, f"(n) => ({CHIFFRE})('arrives') === n", nombre + 1, delai_s=3)
            for region in ("compteurs", "services"):
                await settle(page, region)
            await expect(page.locator(f"#s-{service.id} td").nth(1)).to_contain_text("1")
        for contexte in contextes:
            await contexte.close()

    async def test_a_late_frame_never_makes_the_counters_go_back(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service(departement="39")
        await journee.book(service, "10:20", etat="arrive")
        contexte = await journee.context(browser, service.agents["pilote"])
        page = await journee.open(contexte, "/pilotage/departement-39")
        version = int(await page.locator("#compteurs").get_attribute("data-version") or 0)
        zeros: dict[str, Any] = dict.fromkeys(
            ("prevu", "arrive", "appele", "recu", "termine", "non_honore", "annule"), 0
        )
        trame = {"type": "compteurs", "sujet": "pilotage:departement-39", "a": "2026-11-23T09:06:00+00:00", **zeros}
        for ancienne in (version, version - 1, 0):
            await page.evaluate(FLUX, {**trame, "version": ancienne})
        assert await page.evaluate(CHIFFRE, "arrives") == 1
        await page.evaluate(FLUX, {**trame, "version": version + 1000, "prevu": 7})
        assert await page.evaluate(CHIFFRE, "attendus") == 7
        assert await page.evaluate(CHIFFRE, "total") == 7
        await contexte.close()

    async def test_a_busy_hour_costs_at_most_one_request_of_the_table_every_two_seconds(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service(departement="70")
        rdvs = [await journee.book(service, f"{11 + n // 3}:{n % 3 * 20:02}", f"Nom{n}") for n in range(15)]
        contexte = await journee.context(browser, service.agents["pilote"])
        page = await journee.open(contexte, "/pilotage/departement-70")
        demandes = follow_fragments(page)
        for rdv in rdvs:
            await journee.act(service, rdv, Action.MARQUER_ARRIVEE)
            await asyncio.sleep(0.4)
        await until(page, f"() => ({CHIFFRE})('arrives') === 15")
        assert 1 <= len(demandes) <= 5, "six seconds of arrivals: the counters ask nothing, the table every two seconds"
        assert await page.evaluate("document.getElementById('direct').dataset.direct") == "direct"
        for region in ("compteurs", "services"):
            await settle(page, region)
        await contexte.close()

    async def test_an_order_chosen_stays_through_the_updates(self, journee: Journee, browser: Browser) -> None:
        a, b = (
            await journee.service(departement="71", libelle="A"),
            await journee.service(departement="71", libelle="B"),
        )
        await journee.book(a, "11:00")
        contexte = await journee.context(browser, a.agents["pilote"])
        page = await journee.open(contexte, "/pilotage/departement-71?tri=total&sens=desc")
        ordre = "() => [...document.querySelectorAll('tbody tr')].map((e) => e.id).join()"
        assert await page.evaluate(ordre) == f"s-{a.id},s-{b.id}"
        for heure in ("11:00", "11:20"):
            await journee.book(b, heure)
        await until(page, f"(voulu) => ({ordre})() === voulu", f"s-{b.id},s-{a.id}")
        await settle(page, "services")
        await contexte.close()


class TestClavier:
    """Choosing a perimeter and an order without a mouse."""

    async def test_a_national_pilot_reaches_a_departement_and_sorts(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service(departement="89")
        contexte = await journee.context(browser, service.agents["national"])
        page = await journee.open(contexte, "/pilotage", direct=False)
        await tab_to(page, "Département 89", essais=80)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/pilotage/departement-89")
        await tab_to(page, "Attendus")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/pilotage/departement-89?tri=attendus&sens=desc#services")
        await expect(page.locator('th[aria-sort="descending"]')).to_contain_text("Attendus")
        await contexte.close()


class TestApparence:
    """Empty, full and many, wide, narrow and enlarged."""

    @pytest.mark.parametrize("taille", [(1440, 900, 1), (390, 844, 1), (320, 640, 1), (1440, 900, 2)])
    async def test_every_steering_screen(
        self, journee: Journee, browser: Browser, taille: tuple[int, int, int]
    ) -> None:
        service = await journee.service(departement="58")
        await journee.book(service, "10:20", etat="arrive")
        await journee.service(departement="2A")
        largeur, hauteur, zoom = taille
        contexte = await journee.context(
            browser,
            service.agents["national"],
            viewport={"width": largeur // zoom, "height": hauteur // zoom},
            device_scale_factor=zoom,
            reduced_motion="reduce",
        )
        for chemin in ("/pilotage", "/pilotage/nation", "/pilotage/departement-2A"):
            page = await journee.open(contexte, chemin, direct=chemin != "/pilotage")
            assert await overflow(page) <= 0, f"{chemin} at {taille}"
            assert await axe(page) == [], f"{chemin} at {taille}"
        await contexte.close()
