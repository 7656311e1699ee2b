"""The keyboard alone: the grid's arrows, the shortcuts and their switch, the desk's field."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.front.conftest import Ouvrir, attendre, jusqua
from tests.front.site import Site
from tests.front.test_actions import brancher

pytestmark = pytest.mark.e2e


async def focus(page: Page) -> str:
    """The text under the focus, on one line."""
    return " ".join(str(await page.evaluate("document.activeElement.textContent")).split())


async def presser(page: Page, *touches: str) -> None:
    for touche in touches:
        await page.keyboard.press(touche)


class TestGrille:
    """[screens] arrow keys walk the grid, Enter opens, n new, a arrival, d move."""

    async def test_arrows_walk_places_and_rendez_vous(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await page.locator('.agenda [tabindex="0"]').focus()
        assert (await focus(page)).startswith("08:00")
        await presser(page, "ArrowDown")
        assert await focus(page) == "08:20 libre, Guichet 1"
        await presser(page, "ArrowRight")
        assert (await focus(page)).startswith("08:20 Au guichet N'DIAYE Aminata")
        await presser(page, "ArrowRight")
        assert await focus(page) == "Arrivé : N'DIAYE Aminata", "noted absent, she may still come"
        await presser(page, "ArrowRight", "ArrowDown", "ArrowDown")
        assert (await focus(page)).startswith("09:10")
        await presser(page, "ArrowRight")
        assert await focus(page) == "Arrivé : REY Christelle", "the block's own button comes first"
        await presser(page, "ArrowRight")
        assert await focus(page) == "Arrivé : REY Christelle", "a closed guichet has nothing to walk on"
        await presser(page, "Home")
        assert "Guichet 1" in await focus(page)
        await presser(page, "Control+End")
        assert (await focus(page)).startswith("11:40")
        await presser(page, "Control+Home")
        assert (await focus(page)).startswith("08:00")
        assert await page.locator('.agenda :is(a, button)[tabindex="0"]').count() == 1

    async def test_the_grid_is_one_tab_stop(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await page.locator('.agenda [tabindex="0"]').focus()
        await presser(page, "Tab")
        assert await page.evaluate("document.activeElement.closest('.agenda')") is None

    async def test_a_marks_and_takes_back_an_arrival(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("agenda")
        await page.locator("#a-109 a").focus()
        for etat in ("arrive", "prevu"):
            await presser(page, "a")
            await jusqua(page, "e => document.getElementById('a-109').dataset.etat === e", etat)
            assert await page.evaluate("document.activeElement.closest('[data-rdv]')?.dataset.rdv") == "109"

    async def test_the_button_of_a_block_is_reached_by_the_arrows(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("agenda")
        await page.locator("#a-109 a").focus()
        await presser(page, "ArrowRight", "Enter")
        await jusqua(page, "document.getElementById('a-109').dataset.etat === 'arrive'")

    async def test_enter_opens_d_moves_and_n_books(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        for touche, depart, arrivee in (
            ("Enter", "#a-109 a", "/services/12/rendez-vous/109"),
            ("n", '.place[data-g="1"]:not([hidden])', "*jour=2026-11-23&guichet=1&heure=08:20"),
        ):
            await page.locator(depart).first.focus()
            await presser(page, touche)
            await page.wait_for_url(f"**{arrivee}*")
            await page.goto(f"http://127.0.0.1:{site.port}/page/agenda")
            await page.wait_for_selector('.agenda [tabindex="0"]')


class TestRaccourcis:
    """WCAG 2.1.4: single-key shortcuts are listed, and can be turned off."""

    async def test_they_can_be_listed_and_turned_off_for_good(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda", seule=True)
        await presser(page, "?")
        dialogue = page.get_by_role("dialog", name="Raccourcis clavier")
        assert "Nouveau rendez-vous" in await dialogue.inner_text()
        await dialogue.get_by_text("Utiliser les raccourcis").click()
        await presser(page, "Escape")
        await page.reload()
        await page.wait_for_selector('.agenda [tabindex="0"]')
        await page.locator("#a-109 a").focus()
        await presser(page, "a", "?")
        assert site.postes == []
        assert await page.locator("dialog").count() == 0
        await page.get_by_role("button", name="Raccourcis clavier").click()
        assert not await page.locator("#raccourcis-actifs").is_checked()

    async def test_slash_reaches_the_search_and_typing_there_is_only_typing(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        await page.locator("#contenu").focus()
        await presser(page, "/", "a", "?")
        assert await page.input_value("#filtre") == "a?"
        assert await page.locator("dialog").count() == 0


class TestChampDuBureau:
    """[screens, orientation] a huge field focused at all times; scanning a QR code is the same as typing."""

    async def test_a_name_a_code_or_a_scanned_address_finds_the_row(self, site: Site, ouvrir: Ouvrir) -> None:
        site.monde.rdv[104]["code"] = "XOWIVO"
        page = await ouvrir("accueil")
        lignes = page.locator(".ligne:visible")
        for saisie in (
            "goff maelle",
            "Le Goff-Kervadec",
            "XOWIVO",
            "xo wiv o",
            "x0w1v0",
            "https://rdv.invalid/r/XOWIVO",
            "fi1604",
        ):
            await page.keyboard.type(saisie)
            assert await lignes.count() == 1, saisie
            assert await lignes.get_attribute("data-rdv") == "104"
            await presser(page, "Escape")
            assert await lignes.count() > 5

    async def test_enter_on_the_only_match_marks_it_arrived_and_empties_the_field(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await page.keyboard.type("kervadec")
        await presser(page, "Enter")
        await page.locator('[data-groupe="arrives"] #l-104').wait_for()
        await jusqua(page, "document.getElementById('filtre').value === ''")
        assert await page.evaluate("document.activeElement.id") == "filtre"
        assert [p["rdv"] for p in site.postes] == [104]

    async def test_the_filter_stays_through_a_refresh(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        await page.keyboard.type("kervadec")
        await site.direct.publier(site.monde.creer(1, "11:00"))
        await attendre(lambda: site.fragments == ["accueil"])
        await page.locator("#l-112").wait_for(state="attached")
        assert await page.locator(".ligne:visible").count() == 1
