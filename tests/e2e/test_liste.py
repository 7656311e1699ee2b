"""« Liste des RDV » and « Rechercher les RDV » in a real browser: arrival in place, two agents, keyboard [A1 §3.2]."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from app.domain.rendez_vous import Action
from tests.accueil.ecran import compare
from tests.accueil.monde import JOUR, Journee, axe, personne
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
        await expect(ailleurs.locator(".defaire")).to_have_count(0)
        await expect(ici.locator(".defaire")).to_be_in_viewport()
        await expect(ici.locator(".defaire")).to_contain_text("MERVILLE Justine : arrivé")
        assert await axe(ici) == []
        await ici.wait_for_timeout(800)  # a click already on its way is not for it
        await ici.locator(".defaire").get_by_role("button", name="Annuler : MERVILLE Justine").click()
        for page in (ici, ailleurs):
            await expect(page.locator(f'[data-rdv="{rdv}"]')).to_be_visible()
            await expect(page.locator("#liste-compte")).to_contain_text("2 résultats trouvés")
        assert ici.url.endswith("etat=prevu")
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


#: The longest name that a form takes.
LONG = "A" * 120


class TestNomsLongs:
    """Whatever a person is called, no screen is wider than its window."""

    @pytest.mark.parametrize("largeur", [390, 1440])
    async def test_a_name_of_120_letters_stays_in_the_window(
        self, journee: Journee, browser: Browser, largeur: int
    ) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", usager=personne(LONG, LONG, telephones=("+33639980001",)))
        contexte = await journee.context(browser, service.agents["agent"])
        page = await contexte.new_page()
        await page.set_viewport_size({"width": largeur, "height": 900})
        for chemin in (URL, f"/rendez-vous/{rdv}", f"/rendez-vous/{rdv}/annuler", "/agent/a-rappeler", "/agent/avis"):
            await page.goto(f"{journee.site.url}{chemin}")
            assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, chemin
        await page.goto(f"{journee.site.url}{URL}/recherche")
        await page.locator("#recherche").fill("aaa")
        await page.keyboard.press("Enter")
        await expect(page.locator(f'[data-rdv="{rdv}"]')).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
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
        await contexte.close()

    @pytest.mark.parametrize("retour", ["back", "reload"])
    async def test_come_back_to_the_words_are_there_and_searched_again(
        self, journee: Journee, browser: Browser, retour: str
    ) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", "Jolivaux")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"{URL}/recherche", direct=False)
        await page.locator("#recherche").fill("jolivaux")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(re.compile("Recherche faite à [0-9:]+, le 23/11/2026"))).to_be_visible()
        if retour == "back":
            await page.get_by_role("link", name="JOLIVAUX Justine").click()
            await page.wait_for_url(f"**/rendez-vous/{rdv}")
            await journee.act(service, rdv, Action.MARQUER_ARRIVEE)
            await page.go_back()
        else:
            await journee.act(service, rdv, Action.MARQUER_ARRIVEE)
            await page.reload()
        await expect(page.locator(f'[data-rdv="{rdv}"] [data-mot]')).to_have_text("Arrivé")
        await expect(page.locator("#recherche")).to_have_value("jolivaux")
        assert "jolivaux" not in page.url
        await page.go_back()  # the search made again has taken the place of the first one: before it, the empty field
        await expect(page.locator("#recherche")).to_have_value("")
        await contexte.close()

    async def test_who_signs_in_afterwards_searches_nothing_by_going_back(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", "Jolivaux")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"{URL}/recherche", direct=False)
        await page.evaluate("history.replaceState({recherche: {session: 'autre', mots: 'jolivaux'}}, '')")
        await page.reload()
        await page.wait_for_function("history.state?.recherche === null")
        await expect(page.locator("#recherche")).to_have_value("")
        await expect(page.locator(f'[data-rdv="{rdv}"]')).to_have_count(0)
        await contexte.close()

    async def test_the_two_tables_of_a_search_have_the_same_columns(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        await journee.book(service, "10:20", "Jolivaux")
        await journee.book(service, "15:00", "Jolivaux", jour=JOUR - timedelta(3))
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"{URL}/recherche", direct=False)
        await page.locator("#recherche").fill("jolivaux")
        await page.keyboard.press("Enter")
        await expect(page.locator("table.liste")).to_have_count(2)
        colonnes = await page.evaluate(
            "[...document.querySelectorAll('table.liste')]"
            ".map((t) => [...t.querySelectorAll('th')].map((c) => Math.round(c.getBoundingClientRect().left)))"
        )
        assert colonnes[0] == colonnes[1]
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
