"""A chef de service changes a delay by keyboard; the usager's open grid follows without a reload (G 2.3.4)."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.accueil.monde import Journee, axe
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def open_grille(journee: Journee, browser: Browser, service: MondeService) -> Page:
    """The public grid of the service, live, in a browser of its own."""
    contexte = await browser.new_context(locale="fr-FR", timezone_id="Europe/Paris")
    page = await contexte.new_page()
    choix = f"motif={service.motifs[0]}&type=guichet&nature=particulier"
    await page.goto(f"{journee.site.url}/rdv/{service.id}/creneau?{choix}")
    await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
    return page


async def tab_to(page: Page, selecteur: str, maximum: int = 80) -> None:
    """Reach an element by the Tab key alone."""
    for _ in range(maximum):
        await page.keyboard.press("Tab")
        if await page.evaluate("s => document.activeElement?.matches(s)", selecteur):
            return
    raise AssertionError(f"{selecteur} is not reached by the keyboard")


async def test_a_longer_delay_reaches_the_open_grid_and_goes_back(
    journee: Journee, browser: Browser, nevers: MondeService
) -> None:
    grille = await open_grille(journee, browser, nevers)
    premier = grille.locator("[data-premier]")
    await expect(premier).to_contain_text("jeudi 26 novembre")
    contexte = await journee.context(browser, nevers.agents["chef"])
    page = await journee.open(contexte, f"/services/{nevers.id}/organiser/parametres")
    assert await axe(page) == []
    await tab_to(page, "#champ-delai_ouvre")
    await page.keyboard.type("4")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="enregistrés")).to_be_visible()
    await expect(premier).to_contain_text("lundi 30 novembre", timeout=6000)
    assert await axe(page) == []
    await tab_to(page, 'button[name="revenir"][value="delai_ouvre"]')
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="enregistrés")).to_be_visible()
    await expect(page.locator("#champ-delai_ouvre")).to_have_value("")
    await expect(premier).to_contain_text("jeudi 26 novembre", timeout=6000)


async def test_another_administrator_s_choice_shows_without_a_reload(
    journee: Journee, browser: Browser, nevers: MondeService
) -> None:
    contexte = await journee.context(browser, nevers.agents["chef"])
    page = await journee.open(contexte, f"/services/{nevers.id}/organiser/parametres")
    await page.locator("#champ-message_accueil").fill("Je suis en train d’écrire")
    autre = await journee.context(browser, nevers.agents["national"])
    ailleurs = await journee.open(autre, f"/services/{nevers.id}/organiser/parametres")
    await ailleurs.locator("#champ-ouverture_agenda_jours").fill("10")
    await ailleurs.keyboard.press("Enter")
    await expect(page.locator("#effets")).to_contain_text("au jeudi 3 décembre", timeout=6000)
    await expect(page.locator("#champ-message_accueil")).to_have_value("Je suis en train d’écrire")
