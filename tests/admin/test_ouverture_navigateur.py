"""Opening and closing by keyboard; the public pages already open follow, politely (circulaire §5)."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from tests.accueil.monde import Journee, axe
from tests.admin.test_parametres_navigateur import open_grille, tab_to
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e


async def test_a_service_opens_after_its_warning_is_read_then_closes_under_an_open_grid(
    journee: Journee, browser: Browser
) -> None:
    service: MondeService = await journee.service(en_ligne=False)
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE service_fiscal SET telephone = '' WHERE id = :s"), {"s": service.id})
    public = await (await browser.new_context(locale="fr-FR")).new_page()
    await public.goto(f"{journee.site.url}/services/{service.id}")
    bouton = public.get_by_role("link", name="Prendre rendez-vous")
    await expect(public.get_by_text("ne prend pas de rendez-vous en ligne")).to_be_visible()

    contexte = await journee.context(browser, service.agents["chef"])
    page = await journee.open(contexte, f"/services/{service.id}/organiser/ouverture")
    assert await axe(page) == []
    await tab_to(page, "#compris-contact")
    await page.keyboard.press("Space")
    await tab_to(page, 'button[formaction$="/ouvrir"]')
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Ouvert aux usagers")).to_be_visible(timeout=6000)
    await expect(bouton).to_be_visible(timeout=6000)
    assert await axe(public) == []

    grille = await open_grille(journee, browser, service)
    await tab_to(page, 'button[formaction$="/fermer"]')
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Fermé aux usagers")).to_be_visible(timeout=6000)
    await expect(grille.get_by_role("heading", name="Le service vient de fermer")).to_be_visible(timeout=6000)
    await expect(grille.locator("#annonces")).to_contain_text("Le service vient de fermer")
    await expect(grille.locator("button.creneau")).to_have_count(0)
    assert await axe(grille) == []
    await expect(bouton).to_have_count(0, timeout=6000)


async def test_opening_without_reading_the_warning_says_so_beside_the_button(
    journee: Journee, browser: Browser
) -> None:
    service: MondeService = await journee.service(en_ligne=False)
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE service_fiscal SET telephone = '' WHERE id = :s"), {"s": service.id})
    contexte = await journee.context(browser, service.agents["chef"])
    page = await journee.open(contexte, f"/services/{service.id}/organiser/ouverture")
    await page.get_by_role("button", name="Ouvrir la prise de rendez-vous").click()
    await expect(page.get_by_text("Des avertissements restent à lire avant d’ouvrir.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Fermé aux usagers")).to_be_visible()
