"""The public grid is live: a créneau taken by somebody else fades with its reason, a freed one comes back."""

from __future__ import annotations

import asyncio

import pytest

from tests.front.conftest import Ouvrir, jusqua
from tests.front.site import Site
from tests.front.test_etats import a_la_version, egale_au_frais

pytestmark = pytest.mark.e2e

JOUR = "2026-11-26"


async def prendre(site: Site, heure: str, *guichets: int, jour: str = JOUR) -> None:
    m = site.grille.minute(jour, heure)
    await site.direct.publier(*[site.grille.changer("creneau.pris", g, m, m + 20) for g in guichets])


class TestPrisParUnAutre:
    async def test_the_hour_stays_while_one_guichet_is_free_then_fades_with_its_reason(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("creneaux")
        bouton = page.get_by_role("button", name="09:20")
        await prendre(site, "09:20", 1)
        await a_la_version(page, site.grille.version)
        assert await bouton.is_enabled()
        await prendre(site, "09:20", 2)
        await a_la_version(page, site.grille.version)
        assert await bouton.is_disabled()
        assert await bouton.is_visible()
        assert "vient d’être pris" in await bouton.inner_text()
        await jusqua(page, "document.getElementById('annonces').textContent === '09:20 : vient d’être pris'")
        assert site.fragments == []
        await egale_au_frais(page, "creneaux")

    async def test_the_focus_goes_to_the_next_free_hour(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("creneaux")
        await page.get_by_role("button", name="09:20").focus()
        await prendre(site, "09:20", 1, 2)
        await jusqua(page, "document.activeElement.textContent.startsWith('09:40')")

    async def test_counts_days_and_the_first_free_one_follow(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("creneaux")
        jour = page.locator('[data-jour="2026-11-27"]')
        assert await jour.get_attribute("data-libres") == "1"
        await prendre(site, "08:00", 2, jour="2026-11-27")
        await prendre(site, "08:20", 2)
        await a_la_version(page, site.grille.version)
        assert await jour.get_attribute("href") is None
        assert "complet" in await jour.inner_text()
        assert await page.locator("[data-premier]").inner_text() == "jeudi 26 novembre à 08:40"
        await egale_au_frais(page, "creneaux")

    async def test_one_s_own_choice_is_never_announced_nor_faded(self, site: Site, ouvrir: Ouvrir) -> None:
        m = site.grille.minute(JOUR, "09:20")
        site.grille.option = {"guichet": 1, "debut": m, "fin": m + 20}
        page = await ouvrir("creneaux")
        await prendre(site, "09:20", 1)
        await prendre(site, "09:20", 2)
        await a_la_version(page, site.grille.version)
        await asyncio.sleep(0.2)
        assert await page.get_by_role("button", name="09:20").is_enabled()
        assert await page.locator("#annonces").text_content() == ""


class TestLibere:
    async def test_a_freed_hour_comes_back_and_a_full_day_reopens(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("creneaux")
        bouton = page.locator('.creneau:has-text("08:00")')
        assert await bouton.is_hidden()
        m = site.grille.minute(JOUR, "08:00")
        await site.direct.publier(site.grille.changer("creneau.libre", 2, m, m + 20))
        await bouton.wait_for(state="visible")
        assert await bouton.is_enabled()
        assert await page.locator("[data-premier]").inner_text() == "jeudi 26 novembre à 08:00"
        await jusqua(page, "document.getElementById('annonces').textContent === '08:00 : de nouveau libre'")
        await egale_au_frais(page, "creneaux")

    async def test_taken_then_freed_at_once_says_nothing(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("creneaux")
        m = site.grille.minute(JOUR, "14:20")
        await site.direct.publier(
            site.grille.changer("creneau.pris", 1, m, m + 20), site.grille.changer("creneau.libre", 1, m, m + 20)
        )
        await a_la_version(page, site.grille.version)
        await asyncio.sleep(1.7)
        assert await page.locator("#annonces").text_content() == ""
        await egale_au_frais(page, "creneaux")


class TestSansJavaScript:
    async def test_days_are_links_and_hours_post(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("creneaux", direct=False, java_script_enabled=False)
        assert await page.locator('[data-jour="2026-11-27"]').get_attribute("href") == "?jour=2026-11-27"
        assert await page.get_by_role("button", name="08:00").count() == 0
        await page.get_by_role("button", name="09:20").click()
        assert site.postes == [{"_csrf": "jeton-de-test", "debut": "2026-11-26T08:20:00Z"}]
