"""« Liste des RDV » and « Rechercher les RDV » in a real browser: arrival in place, two agents, keyboard [A1 §3.2]."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from app.domain.rendez_vous import Action
from tests.accueil.ecran import compare
from tests.accueil.monde import JOUR, Journee, axe
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e

URL = "/agent/rendez-vous"


async def open_two(journee: Journee, browser: Browser, service: MondeService, suite: str = "") -> tuple[Page, Page]:
    """The same list before two of the service's people."""
    pages = []
    for qui in ("agent", "orientation"):
        contexte = await journee.context(browser, service.agents[qui])
        pages.append(await journee.open(contexte, URL + suite))
    return pages[0], pages[1]


async def close(*pages: Page) -> None:
    for page in pages:
        await page.context.close()


class TestArriveeEnPlace:
    """« En un clic, il est possible d'indiquer (et de visualiser) si l'utilisateur est arrivé »."""

    async def test_one_click_here_shows_there_and_can_be_undone_from_there(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", "Merville")
        ici, ailleurs = await open_two(journee, browser, service)
        await ici.get_by_role("button", name="Arrivé : MERVILLE Justine").click()
        for page in (ici, ailleurs):
            await expect(page.locator(f'[data-rdv="{rdv}"]')).to_have_attribute("data-etat", "arrive")
            await expect(page.locator(f'[data-rdv="{rdv}"] [data-mot]')).to_have_text("Arrivé")
        await expect(ici.get_by_role("button", name="Annuler l’arrivée : MERVILLE Justine")).to_be_focused()
        assert ici.url.startswith(f"{journee.site.url}{URL}")
        await ailleurs.get_by_role("button", name="Annuler l’arrivée : MERVILLE Justine").click()
        for page in (ici, ailleurs):
            await expect(page.get_by_role("button", name="Arrivé : MERVILLE Justine")).to_be_visible()
        for page in (ici, ailleurs):
            vive, fraiche = await compare(page, "liste-rdv")
            assert vive == fraiche
        await close(ici, ailleurs)

    async def test_two_agents_at_once_note_one_arrival(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", "Merville")
        ici, ailleurs = await open_two(journee, browser, service)
        for page in (ici, ailleurs):  # neither has heard of the other yet
            await page.evaluate(
                "(rdv) => setTimeout(() => document.querySelector(`[data-rdv='${rdv}'] button`).click())", rdv
            )
        for page in (ici, ailleurs):
            await expect(page.locator(f'[data-rdv="{rdv}"]')).to_have_attribute("data-etat", "arrive")
        lignes = await journee.scalar("SELECT count(*) FROM journal WHERE action = 'rdv.arrive' AND rdv_id = :r", r=rdv)
        assert lignes == 1
        await close(ici, ailleurs)

    async def test_a_list_of_those_expected_lets_them_go(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", "Merville")
        reste = await journee.book(service, "10:40", "Autre")
        ici, ailleurs = await open_two(journee, browser, service, f"?du={JOUR}&au={JOUR}&etat=prevu")
        await ici.get_by_role("button", name="Arrivé : MERVILLE Justine").click()
        for page in (ici, ailleurs):
            await expect(page.locator(f'[data-rdv="{rdv}"]')).to_have_count(0)
            await expect(page.locator(f'[data-rdv="{reste}"]')).to_be_visible()
            await expect(page.locator("#liste-compte")).to_contain_text("1 résultat trouvé")
        await close(ici, ailleurs)

    async def test_a_booking_and_a_cancellation_by_somebody_else_show_at_once(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        await journee.book(service, "10:20", "Merville")
        ici, ailleurs = await open_two(journee, browser, service)
        neuf = await journee.book(service, "11:00", "Nouveau")
        for page in (ici, ailleurs):
            await expect(page.locator(f'[data-rdv="{neuf}"]')).to_be_visible()
            await expect(page.locator("#liste-compte")).to_contain_text("2 résultats")
        await journee.act(service, neuf, Action.ANNULER)
        for page in (ici, ailleurs):
            await expect(page.locator(f'[data-rdv="{neuf}"]')).to_have_count(0)
            await expect(page.locator("#liste-compte")).to_contain_text("1 résultat trouvé")
        await close(ici, ailleurs)

    async def test_a_list_that_is_not_live_still_shows_what_was_done_on_it(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        for _ in range(20):
            await journee.attach(service.agents["agent"], await journee.service())
        rdv = await journee.book(service, "10:20", "Merville")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, URL, direct=False)
        await expect(page.get_by_text("Cette liste n’est pas en direct")).to_be_visible()
        await page.get_by_role("button", name="Arrivé : MERVILLE Justine").click()
        await expect(page.locator(f'[data-rdv="{rdv}"] [data-mot]')).to_have_text("Arrivé")
        await expect(page.get_by_role("button", name="Annuler l’arrivée : MERVILLE Justine")).to_be_focused()
        await contexte.close()


class TestRecherche:
    """The field from everywhere, by the keyboard alone."""

    async def test_slash_a_name_enter_and_the_arrival(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", "Lefèvre")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, URL)
        await page.keyboard.press("/")
        await expect(page.locator("#recherche")).to_be_focused()
        await page.keyboard.type("lefevre")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Aujourd’hui et à venir")).to_be_visible()
        assert "lefevre" not in page.url
        assert await axe(page) == []
        await page.get_by_role("button", name=re.compile("^Arrivé : ")).click()
        await expect(page.locator(f'[data-rdv="{rdv}"] [data-mot]')).to_have_text("Arrivé")
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "arrive"
        await page.reload()  # nothing is sent again: what was typed is in no address
        await expect(page.locator("#recherche")).to_have_value("")
        await contexte.close()

    async def test_the_file_is_downloaded_from_the_list(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        await journee.book(service, "10:20", "Merville")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"{URL}?du={JOUR}&au={JOUR}")
        async with page.expect_download() as attendu:
            await page.get_by_role("button", name="Exporter la liste en CSV").click()
        fichier = await attendu.value
        assert fichier.suggested_filename == f"rendez-vous-{JOUR}-{JOUR}.csv"
        lu = (await fichier.path()).read_text(encoding="utf-8-sig")
        assert "MERVILLE Justine" in lu
        await contexte.close()
