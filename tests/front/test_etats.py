"""State + events == fresh state: after any event, the live region equals a fresh rendering by the same macros."""

from __future__ import annotations

import difflib
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.front.conftest import Ouvrir, jusqua
from tests.front.site import Site

pytestmark = pytest.mark.e2e

COMPARER = (Path(__file__).parent / "comparer.js").read_text(encoding="utf-8")
VUES = ("agenda", "accueil", "box")

#: Every event that a frame alone applies, in an order that ``petit_monde`` can live through. All happen at guichet 2,
#: so that the box sees them too.
EVENEMENTS = (
    ("rdv.arrive", 104),
    ("rdv.arrivee_annulee", 105),
    ("rdv.appele", 104),
    ("rdv.recu", 106),
    ("rdv.termine", 106),
    ("rdv.non_honore", 104),
    ("rdv.annule", 107),
)


async def egale_au_frais(page: Page, vue: str) -> None:
    """Fail with a diff when the live region differs from a fresh one."""
    await jusqua(page, "document.querySelector('[aria-busy]') === null")  # the frame may come before the answer
    vif, frais = await page.evaluate(COMPARER, {"url": f"/fragment/{vue}", "id": vue})
    if vif != frais:
        ecart = difflib.unified_diff(frais.splitlines(), vif.splitlines(), "fresh", "live", n=1, lineterm="")
        pytest.fail("\n".join(ecart))


async def a_la_version(page: Page, version: int) -> None:
    await jusqua(page, "v => [...document.querySelectorAll('[data-flux]')].every(e => e.dataset.version == v)", version)
    await jusqua(page, "!document.querySelector('.part')")


@pytest.mark.parametrize("vue", VUES)
class TestUnEvenementSansRequete:
    """The row is on the page already: the frame alone brings the view to the fresh state."""

    async def test_each_event_gives_the_fresh_page_without_any_fragment(
        self, vue: str, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(vue)
        await egale_au_frais(page, vue)
        for genre, rdv in EVENEMENTS:
            site.fragments.clear()
            await site.direct.publier(site.monde.changer(genre, rdv))
            await a_la_version(page, site.monde.version)
            assert site.fragments == [], f"{genre} asked for a fragment"
            await egale_au_frais(page, vue)

    async def test_a_whole_visit_gives_the_fresh_page(self, vue: str, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir(vue)
        site.fragments.clear()
        a = site.monde.maintenant
        for i, genre in enumerate(
            ("rdv.arrive", "rdv.arrivee_annulee", "rdv.arrive", "rdv.appele", "rdv.recu", "rdv.termine")
        ):
            await site.direct.publier(site.monde.changer(genre, 107, a + timedelta(seconds=i)))
        await a_la_version(page, site.monde.version)
        assert site.fragments == []
        await egale_au_frais(page, vue)

    async def test_a_new_rendez_vous_takes_the_fragment_and_gives_the_fresh_page(
        self, vue: str, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(vue)
        site.fragments.clear()
        await site.direct.publier(site.monde.creer(2, "11:40"))
        await a_la_version(page, site.monde.version)
        assert site.fragments == [vue]
        await egale_au_frais(page, vue)
        assert await page.locator('[data-rdv="112"]').count() == 1


class TestControleNegatif:
    async def test_the_comparison_sees_a_word_that_was_not_written(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        await page.locator("#l-104 [data-mot]").evaluate("e => e.removeAttribute('data-mot')")
        await site.direct.publier(site.monde.changer("rdv.arrive", 104))
        await a_la_version(page, site.monde.version)
        with pytest.raises(pytest.fail.Exception, match="Prévu"):
            await egale_au_frais(page, "accueil")


class TestUneAnnulationDecouvreLaPlace:
    async def test_the_places_under_a_cancelled_rendez_vous_can_be_chosen_again(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda")
        place = page.locator('.place[data-g="2"]', has_text="11:20")
        assert await place.is_hidden()
        await site.direct.publier(site.monde.changer("rdv.annule", 107))
        await place.wait_for(state="visible")
        assert await page.locator('[data-rdv="107"]').count() == 0

    async def test_an_expired_hold_gives_its_place_back(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        place = page.locator('.place[data-g="3"]', has_text="11:20")
        assert await place.is_hidden()
        option = site.monde.rdv.pop(110)
        await site.direct.publier(site.monde.trame("option.levee", option, site.monde.maintenant))
        await place.wait_for(state="visible")
        await egale_au_frais(page, "agenda")

    async def test_the_focus_falls_on_the_place_uncovered(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await page.locator('[data-rdv="107"] a').focus()
        await site.direct.publier(site.monde.changer("rdv.annule", 107))
        await jusqua(page, "document.activeElement.matches('.place[data-g=\"2\"]')")
        assert "11:00" in await page.evaluate("document.activeElement.textContent")


class TestCeQuUneTrameNeConcernePas:
    async def test_a_rendez_vous_of_another_day_changes_nothing_and_asks_nothing(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda")
        site.fragments.clear()
        trame = {**site.monde.creer(1, "10:40"), "debut": "2026-12-04T09:00:00Z", "fin": "2026-12-04T09:20:00Z"}
        del site.monde.rdv[112]
        await site.direct.publier(trame)
        await a_la_version(page, site.monde.version)
        assert site.fragments == []
        await egale_au_frais(page, "agenda")

    async def test_the_box_ignores_another_guichet(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("box")
        site.fragments.clear()
        await site.direct.publier(site.monde.creer(3, "11:00"), site.monde.changer("rdv.arrive", 111))
        await a_la_version(page, site.monde.version)
        assert site.fragments == []
        await egale_au_frais(page, "box")


class TestCeQuiEstDit:
    """[screens] a change made by somebody else flashes once and is said politely, with the name read from the page."""

    async def test_an_arrival_is_said_with_the_name_that_the_page_already_shows(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("accueil")
        trame = site.monde.changer("rdv.arrive", 104)
        assert "LE GOFF" not in str(trame)
        await site.direct.publier(trame)
        await jusqua(page, "document.getElementById('annonces').textContent.includes('Arrivé')")
        dit = await page.locator("#annonces").text_content()
        assert dit == "LE GOFF-KERVADEC Maëlle, 09:40, Guichet 2 : Arrivé"
        assert await page.locator("#l-104").evaluate("e => e.classList.contains('flash')")

    async def test_a_cancellation_is_said(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await site.direct.publier(site.monde.changer("rdv.annule", 107))
        await jusqua(page, "document.getElementById('annonces').textContent.startsWith('Rendez-vous annulé')")

    async def test_hostile_names_stay_text(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        await site.direct.publier(site.monde.changer("rdv.recu", 106))
        await jusqua(page, "document.getElementById('annonces').textContent.includes('O\\'Hara')")
        assert await page.locator("#annonces b, #l-106 b").count() == 0

    async def test_reduced_motion_removes_a_cancelled_row_without_fading(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil", reduced_motion="reduce")
        await site.direct.publier(site.monde.changer("rdv.annule", 107))
        await jusqua(page, "!document.getElementById('l-107')")
        assert await page.locator(".part").count() == 0
