"""Signing in as an usager in a real browser: nothing typed is lost on the way, pages are accessible and narrow."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.outillage import axe
from tests.fixtures.base import Site
from tests.fixtures.donnees import MondeService
from tests.identite.fournisseur import Provider
from tests.identite.test_franceconnect import (  # noqa: F401
    db,
    declare,
    fournisseur,
    personne,
    provider,
    service,
    site_fc,
)

pytestmark = pytest.mark.e2e


@pytest.fixture
async def contexte(browser: Browser) -> AsyncIterator[BrowserContext]:
    ouvert = await browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 900})
    yield ouvert
    await ouvert.close()


async def authorize(page: Page, provider: Provider, sub: str) -> None:  # noqa: F811
    await page.wait_for_url(f"{provider.url}/**")
    await page.get_by_placeholder("sub").fill(sub)
    await page.get_by_role("button", name="Authorize").click()


async def check(page: Page) -> None:
    """Nothing for axe to say, no horizontal scroll at 320 px."""
    assert await axe(page) == []
    taille = page.viewport_size
    await page.set_viewport_size({"width": 320, "height": 700})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert taille
    await page.set_viewport_size(taille)


class TestAvecUnNavigateur:
    async def test_the_whole_way_keeps_what_was_typed(
        self,
        contexte: BrowserContext,
        provider: Provider,  # noqa: F811
        site_fc: Site,  # noqa: F811
        service: MondeService,  # noqa: F811
    ) -> None:
        sub = personne()
        await declare(provider, sub, preferred_username="MARTIN")
        page = await contexte.new_page()
        erreurs: list[str] = []
        page.on("console", lambda m: erreurs.append(m.text) if "Security Policy" in m.text else None)
        await page.goto(f"{site_fc.url}/rdv/{service.id}/creneau?motif={service.motifs[0]}&type=guichet")
        await page.locator('button[name="debut"]').first.click()
        await page.wait_for_url("**/coordonnees**")
        await check(page)
        await page.locator('[name="telephone1"]').fill("06 12 34 56 78")
        await page.locator('[name="precision"]').fill("Mes revenus fonciers")
        await page.locator(".fr-connect").click()
        await authorize(page, provider, sub)
        await page.wait_for_url("**/coordonnees**")
        await expect(page.locator(".identite")).to_contain_text("MARTIN")
        await expect(page.locator('[name="telephone1"]')).to_have_value("06 12 34 56 78")
        await expect(page.locator('[name="precision"]')).to_have_value("Mes revenus fonciers")
        await expect(page.locator('[name="courriel"]')).to_have_value("angela@usagers.test")
        await check(page)
        await page.locator("[data-envoi]").click()
        await page.wait_for_url("**/mon-rendez-vous/**")
        await page.get_by_role("link", name="Mes rendez-vous").click()
        await expect(page.locator(".mien")).to_have_count(1)
        await check(page)
        await page.locator(".mien a").click()
        await page.wait_for_url(re.compile(r"/mes-rendez-vous/\d+$"))
        await check(page)
        for suite in ("annuler", "deplacer", "plus-tot"):
            sien = re.sub(r"(/mes-rendez-vous/\d+).*", r"\1", page.url)
            await page.goto(f"{sien}/{suite}")
            await check(page)
        await page.get_by_role("button", name="Se déconnecter").click()
        await page.wait_for_url(f"{provider.url}/oauth2/end_session**")
        await page.locator("form button, form input[type=submit]").first.click()
        await page.wait_for_url(f"{site_fc.url}/franceconnect/deconnexion**")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Vous êtes déconnecté(e)")
        await check(page)
        assert erreurs == []
