"""The service's agenda in a real browser: month, zoom, moving a RDV, the form beside the grid, two agents at once."""

from __future__ import annotations

import asyncio
import re
from datetime import date, datetime

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import text

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.domain.rendez_vous import Action
from tests.accueil.ecran import overflow, settle, until
from tests.accueil.monde import JOUR, Journee, axe, epoch_minute, personne
from tests.booking.agents.outillage import DEMAIN, add_fermeture, change, close_guichet, service_ordinaire
from tests.e2e.test_agents import agenda, fill

pytestmark = pytest.mark.e2e

LUNDI = "?jour=2026-11-23"


def rdv(page: Page, nom: str) -> Locator:
    """The block of somebody."""
    return page.locator(".rdv[data-rdv]", has_text=nom.upper())


def place(page: Page, heure: str, guichet: int) -> Locator:
    """A free place shown."""
    return page.locator(
        "a.place:not([hidden])", has_text=re.compile(rf"{heure} (libre|hors plage), Guichet {guichet}$")
    )


async def centre(cible: Locator) -> tuple[float, float]:
    """The middle of something, once in sight."""
    await cible.scroll_into_view_if_needed()
    cadre = await cible.bounding_box()
    assert cadre is not None
    return cadre["x"] + cadre["width"] / 2, cadre["y"] + cadre["height"] / 2


async def drag(page: Page, depuis: Locator, vers: Locator, *, lacher: bool = True) -> None:
    """Press, move by small steps, release."""
    await vers.scroll_into_view_if_needed()
    a, b = await centre(depuis), await centre(vers)
    a = await centre(depuis)
    await page.mouse.move(*a)
    await page.mouse.down()
    await page.mouse.move(a[0] + 10, a[1] + 4, steps=3)
    await page.mouse.move(*b, steps=8)
    if lacher:
        await page.mouse.up()


async def hauteur(page: Page) -> int:
    """Pixels of a row."""
    return int(await page.evaluate("document.querySelector('.agenda tbody tr').offsetHeight"))


async def ou(journee: Journee, rdv_id: int) -> tuple[int, str]:
    """Guichet and local hour of a RDV, as PostgreSQL has them."""
    guichet = await journee.scalar("SELECT guichet_id FROM rendez_vous WHERE id = :r", r=rdv_id)
    debut: datetime = await journee.scalar(
        "SELECT debut AT TIME ZONE 'Europe/Paris' FROM rendez_vous WHERE id = :r", r=rdv_id
    )
    return guichet, f"{debut:%H:%M}"


async def wait_ou(journee: Journee, rdv_id: int, attendu: tuple[int, str]) -> None:
    """Wait until a RDV is there. Raises AssertionError."""
    for _ in range(100):
        if await ou(journee, rdv_id) == attendu:
            return
        await asyncio.sleep(0.05)
    assert await ou(journee, rdv_id) == attendu


class TestDeplacerAuPointeur:
    """Drag: a ghost, the target with its hour, warnings asked, refusals said; Escape and surprises put it back."""

    async def test_a_rdv_dragged_to_a_free_place_is_there_for_everybody(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:40", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page, temoin = await journee.open(contexte, agenda(service)), await journee.open(contexte, agenda(service))
        await drag(page, rdv(page, "merville").locator(".rdv__nom"), place(page, "09:20", 2), lacher=False)
        await expect(page.locator(".fantome")).to_be_visible()
        await expect(page.locator(".depot")).to_have_text("09:20 – 09:40, Guichet 2")
        assert await ou(journee, ident) == (service.guichets[0], "08:40")
        await page.mouse.up()
        await wait_ou(journee, ident, (service.guichets[1], "09:20"))
        for vue in (page, temoin):
            await until(vue, f"() => document.querySelector('#a-{ident}')?.dataset.g === '{service.guichets[1]}'")
            await settle(vue, "agenda")
        assert page.url.endswith(LUNDI.replace("23", "24")), "the click that ends a drag opens nothing"
        assert await page.locator(".fantome, .depot, .souleve").count() == 0
        await contexte.close()

    @pytest.mark.parametrize("courriel", ["justine@usagers.test", ""])
    async def test_a_move_is_said_in_sight_with_who_has_to_be_told(
        self, journee: Journee, browser: Browser, courriel: str
    ) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(
            service, "08:40", jour=DEMAIN, usager=personne("Merville", courriel=courriel or None)
        )
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await drag(page, rdv(page, "merville").locator(".rdv__nom"), place(page, "09:20", 2))
        dit = page.locator("[data-dit]")
        await expect(dit).to_be_in_viewport(ratio=1)
        await expect(dit).to_contain_text("Rendez-vous déplacé au mardi 24 novembre à 09:20, Guichet 2")
        await expect(dit).to_contain_text("prévenu par courriel" if courriel else "prévenez-le")
        await expect(page.locator("#annonces")).to_contain_text("Rendez-vous déplacé au")
        assert await dit.get_attribute("role") is None, "said once, by the polite region"
        await asyncio.sleep(2.5)
        await expect(dit).to_be_visible()
        assert await axe(page) == []
        await wait_ou(journee, ident, (service.guichets[1], "09:20"))
        await contexte.close()

    async def test_escape_and_a_small_move_move_nothing(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:40", "Merville", jour=DEMAIN)
        await journee.book(service, "09:20", "Wayne", guichet=1, jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        poste: list[str] = []
        page.on("request", lambda r: poste.append(r.url) if r.method == "POST" else None)
        nom = rdv(page, "merville").locator(".rdv__nom")
        await drag(page, nom, place(page, "10:00", 2), lacher=False)
        await page.keyboard.press("Escape")
        await expect(page.locator(".fantome")).to_have_count(0)
        await page.mouse.up()
        await expect(page.locator("#annonces")).to_contain_text("reste à sa place")
        await asyncio.sleep(0.8)
        assert poste == []
        assert await ou(journee, ident) == (service.guichets[0], "08:40")
        await settle(page, "agenda")
        await nom.click()
        await page.wait_for_url(f"**/rendez-vous/{ident}")
        await contexte.close()

    @pytest.mark.parametrize("maniere", ["pointeur", "clavier"])
    async def test_put_on_another_rdv_it_offers_to_exchange_them(
        self, journee: Journee, browser: Browser, maniere: str
    ) -> None:
        service = await service_ordinaire(journee)
        un = await journee.book(service, "08:40", "Merville", jour=DEMAIN)
        autre = await journee.book(service, "09:20", "Wayne", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        if maniere == "pointeur":
            noms = [rdv(page, nom).locator(".rdv__nom") for nom in ("merville", "wayne")]
            await drag(page, noms[0], noms[1], lacher=False)
            await expect(page.locator(".depot")).to_contain_text("Échanger avec WAYNE")
            await page.mouse.up()
        else:
            await rdv(page, "merville").locator("a.case").focus()
            await page.keyboard.press("x")
            await page.wait_for_url(f"**/rendez-vous/{un}/echanger")
            await page.get_by_role("link", name="WAYNE").focus()
            await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/rendez-vous/{un}/echanger?avec={autre}")
        assert await ou(journee, un) == (service.guichets[0], "08:40"), "nothing is done before it is confirmed"
        await page.get_by_role("button", name="Échanger").click()
        await page.wait_for_url(f"**/rendez-vous/{un}?fait=echange")
        assert await ou(journee, un) == (service.guichets[0], "09:20")
        assert await ou(journee, autre) == (service.guichets[0], "08:40")
        await contexte.close()

    async def test_a_warning_is_asked_then_forced(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "11:40", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        nom = rdv(page, "merville").locator(".rdv__nom")
        await drag(page, nom, place(page, "12:20", 1))
        dialogue = page.get_by_role("dialog")
        await expect(dialogue).to_contain_text("en dehors des plages")
        assert await axe(page) == []
        await dialogue.get_by_role("button", name="Ne pas déplacer").click()
        await asyncio.sleep(0.3)
        assert await ou(journee, ident) == (service.guichets[0], "11:40")
        await drag(page, nom, place(page, "12:20", 1))
        await dialogue.get_by_role("button", name="Déplacer quand même").click()
        await wait_ou(journee, ident, (service.guichets[0], "12:20"))
        await until(page, f"() => document.querySelector('#a-{ident} b')?.textContent === '12:20'")
        await settle(page, "agenda")
        await contexte.close()

    async def test_a_place_taken_under_the_ghost_is_said_and_the_rdv_stays(
        self, journee: Journee, browser: Browser
    ) -> None:
        """The feed is held back: the page believes the place free, the server knows better."""
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:40", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.route("**/agenda/fragment*", lambda route: route.abort())
        await drag(page, rdv(page, "merville").locator(".rdv__nom"), place(page, "10:00", 2), lacher=False)
        await journee.book(service, "10:00", "Plusvite", guichet=1, jour=DEMAIN)
        await page.mouse.up()
        await expect(page.get_by_role("alert")).to_contain_text("Le rendez-vous reste à sa place.")
        await expect(page.get_by_role("alert")).to_contain_text("occupé")
        assert await ou(journee, ident) == (service.guichets[0], "08:40")
        await page.unroute("**/agenda/fragment*")
        await settle(page, "agenda")
        await contexte.close()

    async def test_a_frame_about_another_lets_it_go_on_one_about_itself_puts_it_back(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:40", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        nom = rdv(page, "merville").locator(".rdv__nom")
        await drag(page, nom, place(page, "10:00", 2), lacher=False)
        autre = await journee.book(service, "11:00", "Wayne", jour=DEMAIN)
        await until(page, f"() => document.querySelector('#a-{autre}') !== null")
        await expect(page.locator(".fantome")).to_be_visible()
        await expect(page.locator(f"#a-{ident}.souleve")).to_be_visible()
        await page.mouse.up()
        await wait_ou(journee, ident, (service.guichets[1], "10:00"))
        await until(page, f"() => document.querySelector('#a-{ident} b')?.textContent === '10:00'")
        await drag(page, nom, place(page, "08:00", 1), lacher=False)
        auteur = Auteur("agent", agent_id=service.agents["agent"])
        debut = epoch_minute("10:40", jour=DEMAIN)
        await move(journee.outils, ident, Cible(debut, guichet_id=service.guichets[1]), auteur, clock.now())
        await expect(page.locator(".fantome")).to_have_count(0, timeout=8000)
        await page.mouse.up()
        await asyncio.sleep(0.4)
        assert await ou(journee, ident) == (service.guichets[1], "10:40")
        await settle(page, "agenda")
        await contexte.close()

    async def test_in_the_week_of_a_guichet_it_changes_day(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee, guichets=1)
        ident = await journee.book(service, "08:40", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, f"?jour={DEMAIN}&vue=semaine"))
        jeudi = page.locator('a.place[data-g="2026-11-26"]:not([hidden])').nth(3)
        await drag(page, rdv(page, "merville").locator(".rdv__nom"), jeudi)
        await until(page, f"() => document.querySelector('#a-{ident}')?.dataset.g === '2026-11-26'")
        assert await journee.scalar("SELECT jour FROM rendez_vous WHERE id = :r", r=ident) == date(2026, 11, 26)
        await settle(page, "agenda")
        await contexte.close()


class TestDeplacerAuClavier:
    """d, arrows, Enter; Escape gives the focus back. The same request, the same words."""

    async def test_a_rdv_is_carried_by_the_arrows_and_put_by_enter(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:00", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.locator('[data-grille] [tabindex="0"]').focus()
        await page.keyboard.press("d")
        await expect(page.locator("#annonces")).to_contain_text("Flèches pour choisir une place")
        await expect(page.locator(".depot")).to_have_text("08:20 – 08:40, Guichet 1")
        assert await axe(page) == []
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowDown")
        await expect(page.locator(".depot")).to_have_text("08:40 – 09:00, Guichet 2")
        await page.keyboard.press("Enter")
        await wait_ou(journee, ident, (service.guichets[1], "08:40"))
        await until(page, f"() => document.activeElement.closest('#a-{ident}') !== null")
        await expect(page.locator(".barre-deplacement")).to_have_count(0)
        await settle(page, "agenda")
        await contexte.close()

    async def test_escape_gives_the_focus_back_and_enter_opens_again(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:00", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.locator('[data-grille] [tabindex="0"]').focus()
        await page.keyboard.press("d")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Escape")
        await until(page, f"() => document.activeElement.closest('#a-{ident}') !== null")
        await settle(page, "agenda")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/rendez-vous/{ident}")
        assert await ou(journee, ident) == (service.guichets[0], "08:00")
        await contexte.close()

    @pytest.mark.parametrize("geste", ["deplace", "annule"])
    async def test_a_rdv_taken_from_under_the_hand_is_said_in_sight_and_enter_does_nothing(
        self, journee: Journee, browser: Browser, geste: str
    ) -> None:
        service = await service_ordinaire(journee)
        ident = await journee.book(service, "08:00", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.locator('[data-grille] [tabindex="0"]').focus()
        await page.keyboard.press("d")
        await expect(page.locator(".barre-deplacement")).to_be_visible()
        if geste == "annule":
            await journee.act(service, ident, Action.ANNULER)
        else:
            auteur, debut = Auteur("agent", agent_id=service.agents["chef"]), epoch_minute("10:40", jour=DEMAIN)
            await move(journee.outils, ident, Cible(debut, guichet_id=service.guichets[1]), auteur, clock.now())
        dit = page.locator("[data-dit]")
        await expect(dit).to_contain_text("par un collègue, déplacement abandonné", timeout=8000)
        await expect(dit).to_contain_text("annulé" if geste == "annule" else "déplacé")
        await expect(dit).to_be_in_viewport(ratio=1)
        await expect(dit).to_be_focused()
        await expect(page.locator(".barre-deplacement, .depot")).to_have_count(0)
        assert await axe(page) == []
        adresse = page.url
        await page.keyboard.press("Enter")
        await asyncio.sleep(0.4)
        assert page.url == adresse
        await expect(page.locator("#panneau")).to_be_hidden()
        await page.keyboard.press("Escape")
        await expect(dit).to_have_count(0)
        assert await page.evaluate("document.activeElement.closest('[data-grille]') !== null")
        await settle(page, "agenda")
        await contexte.close()

    async def test_a_long_rdv_may_move_by_less_than_its_length(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee, guichets=1)
        ident = await journee.book(
            service, "08:00", "Merville", jour=DEMAIN, duree=40, acquittees=frozenset({"duree_modifiee"})
        )
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await rdv(page, "merville").locator("a").focus()
        await page.keyboard.press("d")
        await expect(page.locator(".depot")).to_have_text("08:20 – 09:00, Guichet 1")
        await page.keyboard.press("Enter")
        await wait_ou(journee, ident, (service.guichets[0], "08:20"))
        await until(page, f"() => document.querySelector('#a-{ident} b')?.textContent === '08:20'")
        assert await journee.scalar("SELECT fin - debut FROM rendez_vous WHERE id = :r", r=ident) is not None
        await settle(page, "agenda")
        await contexte.close()

    async def test_who_has_arrived_stays_where_he_is(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00", "Merville", etat="arrive")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, LUNDI))
        await rdv(page, "merville").locator("a").focus()
        await page.keyboard.press("d")
        await expect(page.locator("#annonces")).to_contain_text("ne peut plus être déplacé")
        await contexte.close()


class TestPanneau:
    """The form opens beside the agenda; what is typed survives everything; the place is watched."""

    async def test_a_place_opens_beside_the_grid_and_escape_comes_back_to_it(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.locator('[data-grille] [tabindex="0"]').focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        panneau = page.get_by_role("complementary", name="Nouveau rendez-vous")
        await expect(panneau.locator("#champ-du")).to_have_value("08:20")
        assert await page.evaluate("document.activeElement.closest('#panneau') !== null")
        await expect(page.locator(".place[data-choisie]")).to_contain_text("08:20")
        assert await axe(page) == []
        assert await overflow(page) <= 0
        await page.keyboard.press("Escape")
        await expect(panneau).to_be_hidden()
        assert "08:20 libre" in await page.evaluate("document.activeElement.textContent")
        await contexte.close()

    async def test_another_place_keeps_what_is_typed_and_so_does_a_frame(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await page.fill("#champ-nom_usage", "Valenton")
        await place(page, "09:20", 2).click()
        await expect(page.locator("#champ-du")).to_have_value("09:20")
        await expect(page.locator(".place[data-choisie]")).to_contain_text("09:20 libre, Guichet 2")
        ailleurs = await journee.book(service, "11:00", "Wayne", jour=DEMAIN)
        await until(page, f"() => document.querySelector('#a-{ailleurs}') !== null")
        await expect(page.locator("#champ-nom_usage")).to_have_value("Valenton")
        await expect(page.locator(".place[data-choisie]")).to_contain_text("09:20 libre, Guichet 2")
        await contexte.close()

    async def test_one_escape_never_loses_what_is_typed(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await page.fill("#champ-nom_usage", "Valenton")
        await page.keyboard.press("Escape")
        await expect(page.locator("#panneau").get_by_role("alert")).to_contain_text("de nouveau sur Échap")
        await expect(page.locator("#champ-nom_usage")).to_have_value("Valenton")
        await page.keyboard.press("Escape")
        await expect(page.locator("#panneau")).to_be_hidden()
        assert "08:40 libre" in await page.evaluate("document.activeElement.textContent")
        await contexte.close()

    async def test_it_opens_on_the_number_of_who_comes_right_after_the_place(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await expect(page.locator("#champ-numero_fiscal")).to_be_focused()
        await expect(page.locator("#champ-numero_fiscal")).to_be_in_viewport(ratio=0.95)
        await contexte.close()

    async def test_a_session_that_ends_loses_nothing_typed_and_enregistrer_works_again(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        agent = service.agents["agent"]
        contexte = await journee.context(browser, agent)
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await fill(page)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE session SET revoquee_a = now() WHERE agent_id = :a"), {"a": agent})
        await page.locator("#panneau form").get_by_role("button", name="Enregistrer", exact=True).click()
        alerte = page.locator("#panneau [data-panneau-dit]")
        await expect(alerte).to_contain_text("dans un nouvel onglet, puis revenez ici et enregistrez.")
        await expect(alerte).to_be_focused()
        await expect(alerte).to_be_in_viewport(ratio=1)
        lien = alerte.get_by_role("link", name="Se reconnecter")
        await expect(lien).to_have_attribute("target", "_blank")
        async with contexte.expect_page() as vue:
            await lien.click()
        await (await vue.value).close()
        await expect(page.locator("#champ-nom_usage")).to_have_value("Valenton")
        del journee.jetons[agent]
        await contexte.add_cookies(
            [{"name": "accueil_session", "value": await journee.sign_in(agent), "url": journee.site.url}]
        )
        await page.locator("#panneau form").get_by_role("button", name="Enregistrer", exact=True).click()
        await expect(page.locator("#panneau").get_by_role("status")).to_contain_text("Rendez-vous enregistré : code")
        await contexte.close()

    async def test_a_server_away_is_said_where_the_eyes_are_and_so_is_the_lost_connection(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": 1280, "height": 700})
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await fill(page)
        bouton = page.locator("#panneau form").get_by_role("button", name="Enregistrer", exact=True)
        await bouton.scroll_into_view_if_needed()
        await contexte.set_offline(offline=True)
        await bouton.click()
        alerte = page.locator("#panneau [data-panneau-dit]")
        await expect(alerte).to_contain_text("Le serveur ne répond pas.")
        await expect(alerte).to_be_focused()
        await expect(alerte).to_be_in_viewport(ratio=1)
        await page.mouse.wheel(0, 1500)
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "perdu", timeout=15000)
        await page.evaluate("scrollTo(0, document.querySelector('main').offsetTop + 300)")
        await expect(page.locator("#direct")).to_be_in_viewport(ratio=1)
        fermer, boite = await page.locator(".panneau__fermer").bounding_box(), await alerte.bounding_box()
        assert fermer is not None
        assert boite is not None
        assert fermer["y"] + fermer["height"] <= boite["y"] + 1, "the cross is not on the alert"
        await contexte.set_offline(offline=False)
        await bouton.click()
        await expect(page.locator("#panneau").get_by_role("status")).to_contain_text("Rendez-vous enregistré : code")
        await contexte.close()

    async def test_what_is_offered_instead_follows_the_motif_and_the_type(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        await change(journee, service, "UPDATE guichet SET types = '{guichet}' WHERE id = :g", g=service.guichets[1])
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await fill(page)
        await journee.book(service, "08:40", "Plusvite", jour=DEMAIN)
        alerte = page.get_by_role("alert").filter(has_text="Ce créneau vient d’être pris")
        await expect(alerte.get_by_role("button", name="08:40, Guichet 2")).to_be_visible(timeout=8000)
        await page.locator("#panneau").get_by_text("Par téléphone", exact=True).click()
        await expect(alerte.get_by_role("button", name=re.compile("Guichet 2"))).to_have_count(0, timeout=8000)
        assert await alerte.get_by_role("button").count() == 6
        await expect(page.locator("#champ-nom_usage")).to_have_value("Valenton")
        await contexte.close()

    @pytest.mark.parametrize("ou_cela", ["panneau", "page"])
    async def test_an_hour_already_past_is_said_at_once(self, journee: Journee, browser: Browser, ou_cela: str) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        if ou_cela == "page":
            form = (
                f"/services/{service.id}/rendez-vous/nouveau?jour=2026-11-20&guichet={service.guichets[0]}&heure=08:40"
            )
            page = await journee.open(contexte, form)
        else:
            page = await journee.open(contexte, agenda(service))
            await place(page, "08:40", 1).click()
            await expect(page.locator("[data-place-passee]")).to_be_hidden()
            await page.fill("#champ-jour", str(JOUR))
        await expect(page.locator("[data-place-passee]")).to_be_visible(timeout=8000)
        assert await axe(page) == []
        await contexte.close()

    async def test_back_after_saving_on_the_page_leads_to_the_fiche(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        form = f"/services/{service.id}/rendez-vous/nouveau?jour={DEMAIN}&guichet={service.guichets[0]}&heure=08:40"
        await page.goto(journee.site.url + form)
        await fill(page)
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        await page.wait_for_url("**/rendez-vous/*?enregistre=1")
        await page.go_back()
        await page.wait_for_url(re.compile(r"/rendez-vous/\d+$"))
        await expect(page.get_by_text("Ce créneau est déjà pris")).to_have_count(0)
        await page.go_back()
        await page.wait_for_url("**/agenda?*")
        await page.goto(journee.site.url + form.replace("08:40", "09:20"))
        await expect(page.locator("#champ-nom_usage")).to_have_value("")
        await expect(page.locator("[data-saisie-dite]")).to_have_count(0)
        await contexte.close()

    @pytest.mark.parametrize(("large", "haut"), [(390, 844), (720, 450)])
    async def test_where_it_is_narrow_the_grid_starts_high_and_the_search_is_one_key_away(
        self, journee: Journee, browser: Browser, large: int, haut: int
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": large, "height": haut})
        page = await journee.open(contexte, agenda(service))
        assert await page.locator("[data-outils-plus][open]").count() == 0
        outils = await page.locator(".outils-agenda").bounding_box()
        assert outils is not None
        assert outils["height"] <= 240
        assert await axe(page) == []
        await page.keyboard.press("/")
        await expect(page.locator("[data-recherche]")).to_be_focused()
        await contexte.close()

    async def test_a_hatched_hour_may_be_chosen_and_the_form_warns(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        await close_guichet(journee, service, 1)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        assert await place(page, "12:20", 2).count() == 0, "never on a closed guichet"
        await place(page, "12:20", 1).click()
        await expect(page.locator("#panneau")).to_contain_text("une confirmation vous sera demandée")
        await fill(page)
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        await expect(page.locator("#panneau").get_by_role("alert")).to_contain_text("en dehors des plages")
        await page.get_by_role("button", name="Enregistrer quand même").first.click()
        await expect(page.locator("#panneau").get_by_role("status")).to_contain_text("Rendez-vous enregistré : code")
        await expect(rdv(page, "valenton")).to_be_visible()
        await settle(page, "agenda")
        await contexte.close()

    @pytest.mark.parametrize("ou_cela", ["panneau", "page"])
    async def test_of_two_agents_on_one_creneau_the_second_is_warned_while_typing(
        self, journee: Journee, browser: Browser, ou_cela: str
    ) -> None:
        service = await service_ordinaire(journee)
        premier = await journee.context(browser, service.agents["chef"])
        second = await journee.context(browser, service.agents["agent"])
        form = f"/services/{service.id}/rendez-vous/nouveau?jour={DEMAIN}&guichet={service.guichets[0]}&heure=08:40"
        if ou_cela == "page":
            page = await journee.open(second, form)
        else:
            page = await journee.open(second, agenda(service))
            await place(page, "08:40", 1).click()
        await page.fill("#champ-nom_usage", "Lambin")
        await page.focus("#champ-prenoms")
        vite = await journee.open(premier, agenda(service))
        await place(vite, "08:40", 1).click()
        await fill(vite)
        await vite.get_by_role("button", name="Enregistrer", exact=True).last.click()
        await expect(vite.locator("#panneau").get_by_role("status")).to_contain_text("Rendez-vous enregistré")
        assert await vite.locator("#panneau").get_by_text("vient d’être pris").count() == 0
        alerte = page.get_by_role("alert").filter(has_text="Ce créneau vient d’être pris")
        await expect(alerte).to_be_visible()
        assert "VALENTON" not in await alerte.inner_text()
        assert await axe(page) == []
        await expect(page.locator("#champ-nom_usage")).to_have_value("Lambin")
        await expect(page.locator("#champ-prenoms")).to_be_focused()
        ident = await journee.scalar("SELECT id FROM rendez_vous WHERE service_id = :s", s=service.id)
        await journee.act(service, ident, Action.ANNULER)
        await expect(page.get_by_text("Ce créneau est de nouveau libre.").first).to_be_visible(timeout=8000)
        await expect(alerte).to_be_hidden()
        encore = await journee.book(service, "08:40", "Retour", jour=DEMAIN)
        assert encore
        await expect(alerte).to_be_visible(timeout=8000)
        await alerte.get_by_role("button", name="08:40, Guichet 2").click()
        await expect(page.locator("#champ-guichet")).to_have_value(str(service.guichets[1]))
        await expect(alerte).to_be_hidden(timeout=8000)
        await expect(page.locator("#champ-nom_usage")).to_have_value("Lambin")
        await fill(page, nom_usage="Lambin")
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        await expect(page.get_by_text("Rendez-vous enregistré : code").first).to_be_visible()
        await premier.close()
        await second.close()

    async def test_on_a_narrow_screen_the_place_is_a_page(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": 390, "height": 844})
        page = await journee.open(contexte, agenda(service))
        await place(page, "08:40", 1).click()
        await page.wait_for_url("**/rendez-vous/nouveau?*")
        assert await axe(page) == []
        assert await overflow(page) <= 0
        await contexte.close()


class TestMois:
    """The month by keyboard and live."""

    async def test_arrows_walk_the_days_and_enter_opens_one(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, "?vue=mois"))
        await expect(page.locator('td[data-aujourdhui][data-jour="2026-11-23"]')).to_be_visible()
        assert await page.locator('.mois a[tabindex="0"]').count() == 1
        await page.locator('.mois a[tabindex="0"]').focus()
        for touche in ("ArrowRight", "ArrowUp", "End", "ArrowRight"):
            await page.keyboard.press(touche)
        assert "lundi 23 novembre" in await page.evaluate("document.activeElement.textContent")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/agenda?jour=2026-11-30")
        await page.go_back()
        await page.locator('.mois a[tabindex="0"]').focus()
        await page.keyboard.press("PageDown")
        await page.wait_for_url("**jour=2026-12-23&vue=mois")
        await contexte.close()

    async def test_a_booking_and_an_arrival_change_the_day_at_once(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        await add_fermeture(journee, service, date(2026, 11, 26), "Formation")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, "?vue=mois"))
        ident = await journee.book(service, "11:00", "Merville")
        jour = page.locator('td[data-jour="2026-11-23"]')
        await expect(jour).to_contain_text("1 prévu")
        await settle(page, "agenda")
        await journee.act(service, ident, Action.MARQUER_ARRIVEE)
        await expect(jour).to_contain_text("1 arrivé")
        await settle(page, "agenda")
        assert await axe(page) == []
        await contexte.close()


class TestHorloge:
    """What the page's clock adds: today, the line, early and late arrivals."""

    async def test_early_and_late_arrivals_say_by_how_much(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00", "Tot", etat="arrive")
        await journee.book(service, "09:00", "Tard", guichet=1, etat="arrive")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, LUNDI))
        await expect(rdv(page, "tot").locator('[data-venue="avance"]')).to_have_text(re.compile("min d’avance"))
        await expect(rdv(page, "tard").locator('[data-venue="retard"]')).to_have_text(re.compile("de retard"))
        await settle(page, "agenda")
        await contexte.close()

    @pytest.mark.parametrize("suite", ["&vue=semaine", "&vue=semaine&guichet={g}"])
    async def test_the_line_crosses_todays_column_of_a_week(
        self, journee: Journee, browser: Browser, suite: str
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, LUNDI + suite.format(g=service.guichets[0])))
        colonne = page.locator("th[data-aujourdhui]")
        await expect(colonne).to_have_attribute("data-jour", str(JOUR))
        trait, tete = await page.locator("[data-maintenant]").bounding_box(), await colonne.bounding_box()
        assert trait is not None
        assert tete is not None
        assert abs(trait["x"] - tete["x"]) <= 2
        assert abs(trait["width"] - tete["width"]) <= 2
        await contexte.close()


class TestZoom:
    """By step, by button and by key; in the address, and remembered."""

    async def test_steps_change_the_rows_the_address_and_the_next_page(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        depart = await hauteur(page)
        await page.get_by_role("button", name="Agrandir les lignes").click()
        assert "zoom=5" in page.url
        assert await hauteur(page) > depart
        await page.keyboard.press("-")
        await page.keyboard.press("-")
        assert "zoom=3" in page.url
        assert await hauteur(page) < depart
        await page.get_by_role("link", name="Jour suivant").click()
        assert "zoom=3" in page.url
        await page.goto(journee.site.url + agenda(service))
        await expect(page.locator(".zoom--3")).to_be_visible()
        for _ in range(9):
            await page.keyboard.press("-")
        assert "zoom=1" in page.url
        await expect(page.get_by_role("button", name="Réduire les lignes")).to_have_attribute("aria-disabled", "true")
        await contexte.close()

    @pytest.mark.parametrize("largeur", [320, 390, 720, 1440, 2560])
    async def test_no_step_breaks_any_width(self, journee: Journee, browser: Browser, largeur: int) -> None:
        service = await service_ordinaire(journee, guichets=4)
        await journee.book(service, "11:00", "Merville", etat="arrive")
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": largeur, "height": 900})
        page = await contexte.new_page()
        for zoom in (1, 4, 7):
            for vue in ("jour", "semaine", "mois"):
                await page.goto(journee.site.url + agenda(service, f"{LUNDI}&vue={vue}&zoom={zoom}"))
                assert await overflow(page) <= 0, (zoom, vue)
        await contexte.close()
