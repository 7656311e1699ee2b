"""The attached agent in a real browser: booking, keyboard, cancelling, two agents at once [A1 §3.2]."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import Browser, Page, expect

from app import clock
from app.booking.options import place_option, release_option
from app.domain.rendez_vous import Action
from tests.accueil.ecran import overflow, settle, until
from tests.accueil.monde import JOUR, Journee, axe, epoch_minute, personne
from tests.booking.agents.outillage import DEMAIN, NUMERO_FISCAL, close_guichet, service_ordinaire
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e

SOUS_FOCUS = "document.activeElement.textContent.trim()"
ETAT = '([id, etat]) => document.querySelector(`[data-rdv="${id}"]`)?.dataset.etat === etat'
ABSENT = '(id) => document.querySelector(`[data-rdv="${id}"]`) === null'


def agenda(service: MondeService, suite: str = f"?jour={DEMAIN}") -> str:
    """The agenda's address; tomorrow's by default, so that no place is past."""
    return f"/services/{service.id}/agenda{suite}"


async def fill(page: Page, **plus: str) -> None:
    """Type an ordinary particulier into the form."""
    champs = {
        "nom_usage": "Valenton",
        "prenoms": "Philippe",
        "telephone1": "06 12 34 56 78",
        "precision": "Question sur un investissement",
        **plus,
    }
    for nom, valeur in champs.items():
        await page.fill(f"#champ-{nom}", valeur)
    await page.get_by_text("Monsieur", exact=True).click()
    await page.get_by_role("group", name="Demande reçue par").get_by_text("Téléphone").click()
    await page.select_option("#champ-motif", index=1)


class TestReserver:
    """« Cliquer sur la zone choisie dans l'agenda pour ouvrir la fiche de saisie »."""

    async def test_a_free_place_becomes_a_rdv_and_its_code_is_read_out(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.get_by_role("link", name="08:40 libre, Guichet 2").click()
        await expect(page.locator("#champ-jour")).to_have_value("2026-11-24")
        await expect(page.locator("#champ-du")).to_have_value("08:40")
        await fill(page)
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        alerte = page.get_by_role("status").filter(has_text="Rendez-vous enregistré : code")
        await expect(alerte).to_be_focused()
        code = re.search(r"code ([A-Z]{6})", await alerte.inner_text())
        assert code is not None
        await page.get_by_role("link", name="Revenir à l’agenda du jour").click()
        await expect(page.get_by_role("link", name=re.compile(r"^08:40.*VALENTON Philippe"))).to_be_visible()
        assert await page.get_by_role("link", name="08:40 libre, Guichet 2").count() == 0
        await contexte.close()

    async def test_what_leaves_the_frame_is_listed_before_saving_all_the_same(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        deja = personne("Valenton", "Philippe", numero_fiscal=NUMERO_FISCAL, telephones=("+33612345678",))
        await journee.book(service, "15:00", jour=DEMAIN, usager=deja)
        contexte = await journee.context(browser, service.agents["agent"])
        url = f"/services/{service.id}/rendez-vous/nouveau?jour={DEMAIN}&guichet={service.guichets[0]}&heure=12:20"
        page = await journee.open(contexte, url, direct=False)
        await page.fill("#champ-numero_fiscal", NUMERO_FISCAL)
        await page.get_by_role("button", name="Rechercher l’usager").click()
        await expect(page.locator("#champ-nom_usage")).to_have_value("Valenton")
        await expect(page.get_by_text("Déjà un rendez-vous à venir")).to_be_visible()
        assert await axe(page) == []
        await fill(page)
        await page.keyboard.press("Enter")
        alerte = page.get_by_role("alert")
        await expect(alerte).to_be_focused()
        await expect(alerte).to_contain_text("en dehors des plages")
        assert await axe(page) == []
        await expect(page.locator("#champ-precision")).to_have_value("Question sur un investissement")
        await page.get_by_text("J’en ai pris connaissance").click()
        await page.get_by_role("button", name="Enregistrer quand même").first.click()
        await expect(page.get_by_text("Rendez-vous enregistré : code")).to_be_visible()
        await expect(page.get_by_text("Enregistré en connaissance de cause")).to_be_visible()
        await contexte.close()

    async def test_a_place_taken_meanwhile_gives_alternatives_and_loses_nothing(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.get_by_role("link", name="08:40 libre, Guichet 1").click()
        await fill(page)
        await journee.book(service, "08:40", "Plusvite", jour=DEMAIN)
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        await expect(page.get_by_role("alert")).to_contain_text("déjà occupé de 08:40 à 09:00 (Madame PLUSVITE)")
        assert await axe(page) == []
        await page.get_by_role("button", name=re.compile("08:40 – 09:00, Guichet 2")).click()
        await expect(page.get_by_text("Rendez-vous enregistré : code")).to_be_visible()
        await expect(page.get_by_role("link", name=re.compile(r"^08:40.*VALENTON Philippe"))).to_be_visible()
        await contexte.close()

    async def test_a_refused_form_opens_on_its_summary(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"/services/{service.id}/rendez-vous/nouveau", direct=False)
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        resume = page.get_by_role("alert")
        await expect(resume).to_be_focused()
        await resume.get_by_role("link", name="Choisissez un guichet.").click()
        await expect(page.locator("#champ-guichet")).to_be_focused()
        assert await axe(page) == []
        await contexte.close()


class TestClavier:
    """Arrow keys walk the grid, Enter opens, `n` new, `a` arrival."""

    async def test_the_grid_is_one_tab_stop_and_arrows_walk_it(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:20", "Merville", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        assert await page.locator('[data-grille] [tabindex="0"]').count() == 1
        await page.locator('[data-grille] [tabindex="0"]').focus()
        assert await page.evaluate(SOUS_FOCUS) == "08:00 libre, Guichet 1"
        await page.keyboard.press("ArrowDown")
        assert "MERVILLE" in await page.evaluate(SOUS_FOCUS)
        await page.keyboard.press("ArrowRight")
        assert await page.evaluate(SOUS_FOCUS) == "08:20 libre, Guichet 2"
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.locator("#champ-du")).to_have_value("08:40")
        await contexte.close()

    async def test_a_whole_booking_by_keyboard_alone(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service))
        await page.locator('[data-grille] [tabindex="0"]').focus()
        await page.keyboard.press("n")
        await expect(page.locator("#champ-du")).to_have_value("08:00")
        await page.locator("#champ-motif").focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Question sur un avis")
        await page.locator("#champ-civilite-1").focus()
        await page.keyboard.press("Space")
        for texte in ("Merville", "Justine", "", "", "06 12 34 56 78"):
            await page.keyboard.press("Tab")
            await page.keyboard.type(texte)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Rendez-vous enregistré : code")).to_be_visible()
        await contexte.close()

    @pytest.mark.parametrize("touche", ["n", "Enter"])
    @pytest.mark.parametrize(("large", "haut", "premier"), [(960, 900, "numero_fiscal"), (390, 844, "numero_fiscal")])
    async def test_a_free_place_opens_on_the_first_field_and_back_finds_the_place_again(
        self, journee: Journee, browser: Browser, touche: str, large: int, haut: int, premier: str
    ) -> None:
        """Where there is no room beside the grid, the form is a page."""
        service = await service_ordinaire(journee)
        contexte = await journee.context(
            browser, service.agents["agent"], viewport={"width": large, "height": haut}, reduced_motion="reduce"
        )
        page = await journee.open(contexte, agenda(service))
        await page.get_by_role("link", name="15:20 libre, Guichet 2").focus()
        await page.keyboard.press(touche)
        await expect(page.locator("#champ-du")).to_have_value("15:20")
        await expect(page.locator(f"#champ-{premier}")).to_be_focused()
        await expect(page.locator(f"#champ-{premier}")).to_be_in_viewport(ratio=0.95)
        await expect(page.get_by_text("Heure de début")).to_be_in_viewport(ratio=1)
        await page.go_back()
        place = page.get_by_role("link", name="15:20 libre, Guichet 2")
        await expect(place).to_be_focused()
        await expect(place).to_be_in_viewport()
        await page.keyboard.press("ArrowUp")
        assert await page.evaluate(SOUS_FOCUS) == "15:00 libre, Guichet 2"
        await contexte.close()

    async def test_back_finds_the_hour_again_when_the_place_has_been_taken(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": 960, "height": 900})
        page = await journee.open(contexte, agenda(service))
        await page.get_by_role("link", name="15:20 libre, Guichet 1").click()
        await expect(page.locator("#champ-numero_fiscal")).to_be_focused()
        await journee.book(service, "15:20", "Plusvite", jour=DEMAIN)
        await page.go_back()
        await expect(page.get_by_role("link", name=re.compile("^15:20.*PLUSVITE"))).to_be_focused()
        await contexte.close()

    async def test_a_marks_and_unmarks_the_arrival_of_the_focused_rdv(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", "Merville")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, ""))
        await page.locator(f"#a-{rdv} a").focus()
        await page.keyboard.press("a")
        await until(page, ETAT, [rdv, "arrive"])
        await page.locator(f"#a-{rdv} a").focus()
        await page.keyboard.press("a")
        await until(page, ETAT, [rdv, "prevu"])
        await settle(page, "agenda")
        await contexte.close()


class TestDirect:
    """Two agents look at one agenda: each sees what the other does, and a live page equals a fresh one."""

    async def test_a_booking_an_arrival_and_a_cancellation_cross_at_once(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        un = await journee.context(browser, service.agents["agent"])
        deux = await journee.context(browser, service.agents["box"])
        ici = await journee.open(un, agenda(service, ""))
        la = await journee.open(deux, agenda(service, ""))

        rdv = await journee.book(service, "11:00", "Merville")
        for page in (ici, la):
            await until(page, ETAT, [rdv, "prevu"])
            await settle(page, "agenda")

        depart = time.monotonic()
        await ici.get_by_role("button", name="Arrivé : MERVILLE Justine").click()
        await until(la, ETAT, [rdv, "arrive"])
        assert time.monotonic() - depart < 1.0
        await settle(la, "agenda")
        await settle(ici, "agenda")

        fiche = await journee.open(deux, f"/rendez-vous/{rdv}")
        await fiche.get_by_role("link", name="Annuler le rendez-vous").click()
        await fiche.fill("#champ-raison", "Agent absent")
        assert await axe(fiche) == []
        await fiche.get_by_role("button", name="Annuler ce rendez-vous").click()
        await expect(fiche.get_by_role("heading", name="Rendez-vous annulé")).to_be_visible()
        assert await axe(fiche) == []
        for page in (ici, la):
            await until(page, ABSENT, rdv)
            await settle(page, "agenda")
        await expect(ici.get_by_role("link", name="11:00 libre, Guichet 1")).to_be_visible()
        await un.close()
        await deux.close()

    @pytest.mark.parametrize("vue", ["", "?vue=semaine", "seul"])
    async def test_after_every_event_each_view_equals_a_fresh_one(
        self, journee: Journee, browser: Browser, vue: str
    ) -> None:
        service = await service_ordinaire(journee)
        suite = f"?vue=semaine&guichet={service.guichets[0]}" if vue == "seul" else vue
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, suite))
        rdv = await journee.book(service, "11:00", "Merville")
        await settle(page, "agenda")
        for action in (
            Action.MARQUER_ARRIVEE,
            Action.ANNULER_ARRIVEE,
            Action.MARQUER_ARRIVEE,
            Action.APPELER,
            Action.RECEVOIR,
            Action.TERMINER,
        ):
            await journee.act(service, rdv, action)
            await settle(page, "agenda")
        absent = await journee.book(service, "10:00", "Wayne", guichet=1)
        await journee.act(service, absent, Action.MARQUER_NON_VENU)
        await settle(page, "agenda")
        dehors = await journee.book(service, "06:40", "Tot", acquittees=frozenset({"hors_plage"}), jour=DEMAIN)
        await settle(page, "agenda")
        await journee.act(service, dehors, Action.ANNULER)
        await settle(page, "agenda")
        await contexte.close()

    async def test_a_hold_of_the_public_comes_and_goes(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee, guichets=1)
        jour = JOUR.replace(day=30)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, agenda(service, f"?jour={jour}"))
        visite = "v" * 43
        await place_option(
            journee.outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=epoch_minute("09:00", jour=jour),
            visite=visite,
            maintenant=clock.now(),
        )
        await until(page, "() => document.querySelector('.rdv[data-etat=option]') !== null")
        await settle(page, "agenda")
        await release_option(journee.outils, visite, clock.now())
        await until(page, "() => document.querySelector('.rdv[data-etat=option]') === null")
        await settle(page, "agenda")
        await contexte.close()

    async def test_the_fiche_follows_its_rdv_story_included(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", "Merville")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"/rendez-vous/{rdv}")
        await journee.act(service, rdv, Action.MARQUER_ARRIVEE)
        await expect(page.get_by_role("button", name="Appeler : MERVILLE Justine")).to_be_visible()
        await expect(page.get_by_text("Arrivée enregistrée")).to_be_visible()
        await page.get_by_role("button", name="Appeler : MERVILLE Justine").click()
        await expect(page.get_by_role("button", name="Recevoir : MERVILLE Justine")).to_be_visible()
        await settle(page, "fiche")
        await journee.act(service, rdv, Action.ANNULER)
        await expect(page.get_by_role("heading", name="Rendez-vous annulé")).to_be_visible()
        await settle(page, "fiche")
        await contexte.close()


class TestEcrans:
    """Every page, on every width: no violation found by axe, nothing that overflows."""

    @pytest.mark.parametrize(("largeur", "hauteur"), [(1440, 900), (390, 844), (720, 450), (320, 640)])
    async def test_axe_finds_nothing_and_nothing_overflows(
        self, journee: Journee, browser: Browser, largeur: int, hauteur: int
    ) -> None:
        service = await service_ordinaire(journee, guichets=3)
        rdv = await journee.book(service, "11:00", "Merville")
        for rang, etat in enumerate(("arrive", "appele", "recu", "termine", "non_honore")):
            await journee.book(
                service, f"1{rang % 2}:{20 * (rang % 3):02d}", f"Nom{rang}", guichet=1 + rang % 2, etat=etat
            )
        await close_guichet(journee, service, 2)
        contexte = await journee.context(
            browser, service.agents["agent"], viewport={"width": largeur, "height": hauteur}
        )
        erreurs: list[str] = []
        for chemin in (
            "/agent",
            agenda(service, ""),
            agenda(service, "?vue=semaine"),
            agenda(service, f"?vue=semaine&guichet={service.guichets[0]}"),
            agenda(service, "?jour=2026-12-25"),
            agenda(service, "?jour=2027-03-02"),
            f"/services/{service.id}/rendez-vous/nouveau",
            f"/rendez-vous/{rdv}?enregistre=1",
            f"/rendez-vous/{rdv}/annuler",
        ):
            page = await contexte.new_page()
            page.on("pageerror", lambda erreur: erreurs.append(str(erreur)))
            page.on("console", lambda message: erreurs.append(message.text) if message.type == "error" else None)
            await page.goto(journee.site.url + chemin)
            assert await axe(page) == [], chemin
            assert await overflow(page) <= 0, chemin
            await page.close()
        assert erreurs == []
        await contexte.close()

    async def test_without_javascript_a_rdv_is_booked_marked_and_cancelled(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["agent"], java_script_enabled=False)
        page = await journee.open(contexte, agenda(service, ""), direct=False)
        assert not await page.get_by_role("button", name="Imprimer").is_visible()
        await page.locator("a.place", has_text="11:40 libre, Guichet 1").click()
        await fill(page)
        await page.get_by_role("button", name="Enregistrer", exact=True).last.click()
        await page.get_by_role("button", name="Arrivé : VALENTON Philippe").click()
        await expect(page.get_by_text("Arrivée enregistrée")).to_be_visible()
        await page.get_by_role("link", name="Annuler le rendez-vous").click()
        await page.fill("#champ-raison", "Absence")
        await page.get_by_role("button", name="Annuler ce rendez-vous").click()
        await expect(page.get_by_role("heading", name="Rendez-vous annulé")).to_be_visible()
        await contexte.close()
