"""The directory on screen: the list by keyboard alone, a fiche under two administrators, axe on every page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from app.admin.annuaire.reference import install_reference
from tests.accueil.monde import Journee, axe
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    async with journee.outils.db.engine.begin() as conn:
        await install_reference(conn)
    return await journee.service()


async def capture(page: Page, nom: str) -> None:
    """A picture to look at, where ``ACCUEIL_CAPTURES`` says."""
    if dossier := os.environ.get("ACCUEIL_CAPTURES"):
        await page.screenshot(path=Path(dossier) / f"{nom}.png", full_page=True)


async def is_within(page: Page) -> bool:
    """Nothing makes the page scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_a_service_is_found_and_opened_by_keyboard_alone(
    journee: Journee, nevers: MondeService, browser: Browser
) -> None:
    for _ in range(27):
        await journee.service()
    sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=nevers.id)
    contexte = await journee.context(browser, nevers.agents["national"])
    try:
        page = await journee.open(contexte, "/administration/services", direct=False)
        assert await axe(page) == []
        await capture(page, "liste")
        await page.focus('input[name="q"]')
        await page.keyboard.type(sages)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=**")
        await page.wait_for_selector("text=1 service")
        assert await axe(page) == []
        for _ in range(40):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.closest('tbody th') !== null"):
                break
        else:
            pytest.fail("the service is out of the keyboard's reach")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/organiser/fiche")
        await page.goto(f"{journee.site.url}/administration/services?q=introuvable")
        assert await axe(page) == []
        await capture(page, "liste-vide")
        await page.goto(f"{journee.site.url}/administration/services/nouveau?departement=974")
        assert await axe(page) == []
        await capture(page, "creation")
        await page.set_viewport_size({"width": 320, "height": 800})
        assert await is_within(page)
        await page.goto(f"{journee.site.url}/administration/services")
        assert await is_within(page)
        await capture(page, "liste-320")
    finally:
        await contexte.close()


async def test_two_administrators_on_one_fiche_see_each_other(
    journee: Journee, nevers: MondeService, browser: Browser
) -> None:
    await journee.book(nevers, "15:00")
    await journee.attach(nevers.agents["national"], nevers)
    un = await journee.context(browser, nevers.agents["chef"])
    deux = await journee.context(browser, nevers.agents["national"])
    adresse = f"/services/{nevers.id}/organiser/fiche"
    try:
        chef, national = await journee.open(un, adresse), await journee.open(deux, adresse)
        assert await axe(chef) == []
        assert await axe(national) == []
        await capture(chef, "fiche-chef")
        await capture(national, "fiche-national")
        await national.fill('input[name="telephone"]', "03 86 22 22 22")
        await chef.fill('input[name="complement_adresse"]', "Bâtiment C, 2e étage")
        await chef.keyboard.press("Enter")
        await chef.wait_for_selector("text=La fiche est enregistrée")
        await national.wait_for_selector("#etat-fiche >> text=Bâtiment C, 2e étage", timeout=5000)
        assert await national.input_value('input[name="telephone"]') == "03 86 22 22 22"
        await national.focus('input[name="telephone"]')
        await national.keyboard.press("Enter")
        await national.wait_for_selector("text=Les deux versions")
        assert await national.evaluate("document.activeElement.matches('[data-erreurs]')")
        assert await axe(national) == []
        await capture(national, "fiche-conflit")
        await national.focus('input[name="telephone"]')
        await national.keyboard.press("Enter")
        await national.wait_for_selector("text=La fiche est enregistrée")
        await national.set_viewport_size({"width": 390, "height": 844})
        assert await is_within(national)
        await capture(national, "fiche-390")
        await national.goto(f"{journee.site.url}{adresse}/fermeture")
        assert await axe(national) == []
        assert await is_within(national)
        await capture(national, "fermeture-390")
    finally:
        await un.close()
        await deux.close()
