"""Back, reload, and a database away: no page asks to send a form again, and nothing typed is lost without a word."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, Response, Route, expect
from sqlalchemy import text

from app.domain.rendez_vous import Action
from tests.accueil.monde import JOUR, Journee
from tests.e2e.outillage import axe
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e

JEUDI = JOUR.replace(day=26)


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A new visitor's page."""
    contexte = await browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 900})
    yield await contexte.new_page()
    await contexte.close()


async def hold(journee: Journee, service: MondeService, page: Page) -> None:
    """Choose the first hour of Thursday."""
    base = f"{journee.site.url}/rdv/{service.id}/creneau"
    await page.goto(f"{base}?motif={service.motifs[0]}&type=guichet&nature=particulier&jour={JEUDI}")
    await page.locator(".creneau:not(:disabled)").first.click()
    await page.wait_for_url("**/coordonnees?**")


async def fill(page: Page) -> None:
    """Type everything but the telephone."""
    await page.get_by_text("Madame", exact=True).click()
    for nom, valeur in (("nom_usage", "Valenton"), ("prenoms", "Philippa"), ("precision", "Revenus fonciers")):
        await page.locator(f'[name="{nom}"]').fill(valeur)


async def send(page: Page) -> Response:
    """Press « Confirmer le rendez-vous »; the answer of the document."""
    async with page.expect_response(lambda r: r.request.method == "POST" and r.request.is_navigation_request()) as vue:
        await page.locator("[data-envoi]").click()
    reponse = await vue.value
    await page.wait_for_load_state()
    return reponse


class TestRetour:
    """A page answered to a POST has the address of its GET twin."""

    async def test_back_to_a_refused_form_and_its_reload_find_what_was_typed(
        self, journee: Journee, page: Page
    ) -> None:
        service = await journee.service()
        await hold(journee, service, page)
        await fill(page)
        assert (await send(page)).status == 422
        assert re.search(r"/coordonnees\?motif=\d+&type=guichet&nature=particulier&option=\d+&debut=", page.url)
        await page.locator('[name="courriel"]').fill("philippa@usagers.test")

        await page.goto(f"{journee.site.url}/donnees-personnelles")
        reponse = await page.go_back()
        assert reponse is None or reponse.request.method == "GET"
        for _ in range(2):
            await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
            await expect(page.locator('[name="courriel"]')).to_have_value("philippa@usagers.test")
            await expect(page.locator('[name="civilite"][value="madame"]')).to_be_checked()
            reponse = await page.reload()
            assert reponse is not None
            assert (reponse.request.method, reponse.status) == ("GET", 200)
        await expect(page.locator("[data-saisie-dite]")).to_contain_text("Votre saisie a été rétablie")
        assert await axe(page) == []

        await page.locator('[name="telephone1"]').fill("06 12 34 56 78")
        await send(page)
        await expect(page.locator(".code-rdv")).to_be_visible()
        assert await page.evaluate("Object.keys(sessionStorage).filter((c) => c.includes('saisie'))") == []

    async def test_a_form_whose_creneau_was_lost_comes_back_with_the_nearest_ones(
        self, journee: Journee, page: Page
    ) -> None:
        service = await journee.service(guichets=1)
        await hold(journee, service, page)
        await fill(page)
        assert (await send(page)).status == 422
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("DELETE FROM rendez_vous WHERE etat = 'option' AND service_id = :s"), {"s": service.id}
            )
        reponse = await page.reload()
        assert reponse is not None
        assert reponse.status == 200
        await expect(page.get_by_role("alert").first).to_contain_text("Ce créneau n’est plus réservé pour vous.")
        assert await page.locator(".alternatives button").count() > 0
        await expect(page.locator('[name="precision"]')).to_have_value("Revenus fonciers")

    async def test_without_any_storage_the_loss_is_said(self, journee: Journee, page: Page) -> None:
        service = await journee.service()
        await hold(journee, service, page)
        await fill(page)
        await send(page)
        await page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
        await page.reload()
        await expect(page.locator("[data-saisie-dite]")).to_contain_text("n’a pas pu être conservée")

    async def test_an_agent_whose_session_ended_signs_in_again_and_finds_what_he_typed(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        agent = service.agents["agent"]
        contexte = await journee.context(browser, agent)
        chemin = f"/services/{service.id}/rendez-vous/nouveau?jour=2026-11-26&guichet={service.guichets[0]}&heure=09:00"
        page = await journee.open(contexte, chemin, direct=False)
        await page.locator('[name="nom_usage"]').fill("Valenton")
        await page.locator('[name="precision"]').fill("Revenus fonciers")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE session SET revoquee_a = now() WHERE agent_id = :a"), {"a": agent})
        async with page.expect_response(lambda r: r.request.method == "POST") as vue:
            await page.get_by_role("button", name="Enregistrer").last.click()
        assert (await vue.value).status == 401
        # The link of the refusal knows where to come back once its page's own script has run.
        retour = "/connexion?suite=" + quote(chemin, safe="")
        await expect(page.get_by_role("link", name="Se reconnecter")).to_have_attribute("href", retour)
        del journee.jetons[agent]
        await contexte.add_cookies(
            [{"name": "accueil_session", "value": await journee.sign_in(agent), "url": journee.site.url}]
        )
        await page.goto(journee.site.url + retour)
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await expect(page.locator('[name="precision"]')).to_have_value("Revenus fonciers")
        await expect(page.locator("[data-saisie-dite]")).to_contain_text("Votre saisie a été rétablie")
        await contexte.close()

    async def test_an_agent_goes_back_to_a_form_that_an_absent_database_refused(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        contexte = await journee.context(browser, service.agents["agent"])
        chemin = f"/services/{service.id}/rendez-vous/nouveau?jour=2026-11-26&guichet={service.guichets[0]}&heure=09:00"
        page = await journee.open(contexte, chemin, direct=False)
        await page.locator('[name="nom_usage"]').fill("Valenton")

        async def absente(route: Route) -> None:
            if route.request.method == "POST":
                await route.fulfill(status=503, content_type="text/html", body="<h1>absente</h1>")
            else:
                await route.continue_()

        await page.route("**/rendez-vous**", absente)
        await page.get_by_role("button", name="Enregistrer").last.click()
        await page.wait_for_selector("h1:has-text('absente')")
        await page.go_back()
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await contexte.close()

    async def test_a_form_left_untouched_says_nothing_when_it_is_reloaded(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"/services/{service.id}/rendez-vous/nouveau", direct=False)
        await page.reload()
        assert await page.locator("[data-saisie-dite]").count() == 0
        await contexte.close()

    async def test_an_agent_comes_back_to_his_refused_form(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(
            contexte, f"/services/{service.id}/rendez-vous/nouveau?jour={JEUDI}&heure=08:40", direct=False
        )
        await page.get_by_role("button", name="Saisir un professionnel").click()
        await page.fill("#champ-raison_sociale", "SARL Remparts")
        await page.get_by_role("button", name="Enregistrer").last.click()
        await page.wait_for_url("**/nouveau?jour=2026-11-26&**")
        assert "Remparts" not in page.url
        await page.goto(f"{journee.site.url}/agent")
        await page.go_back()
        await expect(page.locator("#champ-raison_sociale")).to_have_value("SARL Remparts")
        await expect(page.locator("#champ-du")).to_have_value("08:40")
        reponse = await page.reload()
        assert reponse is not None
        assert reponse.request.method == "GET"
        await expect(page.locator("#champ-raison_sociale")).to_have_value("SARL Remparts")
        await contexte.close()

    async def test_the_search_of_the_desk_reloads_as_the_board(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        contexte = await journee.context(browser, service.agents["orientation"])
        page = await journee.open(contexte, f"/sites/{service.site_id}/accueil")
        await page.fill("#filtre", "personne")
        await page.keyboard.press("Enter")
        await page.get_by_text("Aucun rendez-vous ne correspond").wait_for()
        await page.wait_for_load_state()
        reponse = await page.reload()
        assert reponse is not None
        assert reponse.request.method == "GET"
        await contexte.close()


class TestIndisponible:
    """P7, seen from the form: 503, everything typed, the same key; « Réessayer » is safe."""

    async def test_the_form_comes_back_filled_and_the_second_try_books_once(self, journee: Journee, page: Page) -> None:
        service = await journee.service()
        await hold(journee, service, page)
        await fill(page)
        await page.locator('[name="telephone1"]').fill("06 12 34 56 78")
        cle = await page.locator('[name="cle"]').input_value()
        async with journee.outils.db.engine.connect() as verrou:
            await verrou.execute(text("LOCK TABLE rendez_vous IN ACCESS EXCLUSIVE MODE"))
            reponse = await send(page)
            await verrou.rollback()
        assert reponse.status == 503
        assert await reponse.header_value("retry-after") == "2"
        await expect(page.locator("[data-erreurs]")).to_be_focused()
        await expect(page.locator("[data-erreurs]")).to_contain_text("Votre saisie est conservée.")
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        assert await page.locator('[name="cle"]').input_value() == cle
        assert await axe(page) == []
        await page.get_by_role("button", name="Réessayer").click()
        await expect(page.locator(".code-rdv")).to_be_visible()
        compte = "SELECT count(*) FROM rendez_vous WHERE service_id = :s AND etat = 'prevu'"
        assert await journee.scalar(compte, s=service.id) == 1

    async def test_a_process_that_remembers_nothing_keeps_the_form_behind_one_button(
        self, journee: Journee, page: Page
    ) -> None:
        service = await journee.service()
        await hold(journee, service, page)
        await fill(page)
        ailleurs = await journee.service()
        await page.evaluate("(s) => { document.forms.coordonnees.action = `/rdv/${s}/coordonnees`; }", ailleurs.id)
        async with journee.outils.db.engine.connect() as verrou:
            await verrou.execute(text("LOCK TABLE rendez_vous IN ACCESS EXCLUSIVE MODE"))
            reponse = await send(page)
            await verrou.rollback()
        assert reponse.status == 503
        assert await page.locator('form input[name="nom_usage"]').input_value() == "Valenton"
        assert await page.locator('form input[name="precision"]').input_value() == "Revenus fonciers"
        await expect(page.get_by_role("button", name="Réessayer")).to_be_visible()
        assert await axe(page) == []


class TestRecherche:
    """screens « Tableau de bord »: a search always reachable with `/`, which can be turned off (WCAG 2.1.4)."""

    async def test_slash_reaches_the_search_of_the_agenda_and_of_the_dashboard(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await journee.service()
        await journee.book(service, "11:00", "Wayne")
        contexte = await journee.context(browser, service.agents["agent"])
        for chemin, direct in ((f"/services/{service.id}/agenda", True), ("/agent", False)):
            page = await journee.open(contexte, chemin, direct=direct)
            await page.keyboard.press("/")
            await expect(page.locator("[data-recherche]")).to_be_focused()
            await page.keyboard.type("wayne")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("link", name="WAYNE Justine")).to_be_visible()
            assert "wayne" not in page.url
        await page.evaluate("localStorage.setItem('accueil:raccourcis', 'non')")
        page = await journee.open(contexte, f"/services/{service.id}/agenda")
        await page.keyboard.press("/")
        await expect(page.locator("[data-recherche]")).not_to_be_focused()
        await contexte.close()


class TestMemesMots:
    """screens: the same counters say the same words, and count the same, on the dashboard, the board and steering."""

    async def test_the_three_screens_agree(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service(departement="36")
        etats = ("prevu", "prevu", "prevu", "arrive", "appele", "recu", "termine", "termine", "non_honore", "annule")
        for rang, etat in enumerate(etats):
            await journee.book(service, f"{7 + rang}:00", etat=etat)
        contexte = await journee.context(browser, service.agents["chef"])
        attendu = {"attendus": 3, "arrivés": 3, "en attente": 2, "reçus": 2, "non venus": 1}

        page = await journee.open(contexte, "/agent", direct=False)
        assert await read_pairs(page, "dl > div", "dt", "dd") == attendu
        page = await journee.open(contexte, f"/sites/{service.site_id}/accueil")
        pied = await page.locator(".comptes > span").all_inner_texts()
        assert {re.sub(r" \(.*", "", t.split(" ", 1)[1]): int(t.split(" ", 1)[0]) for t in pied} == attendu
        page = await journee.open(contexte, f"/pilotage/service-{service.id}")
        assert await read_pairs(page, ".compteur", ".compteur__mot", ".compteur__nombre") == attendu
        await journee.act(service, await first_expected(journee, service), Action.MARQUER_ARRIVEE)
        await expect(page.locator('[data-chiffre="attendus"]')).to_have_text("2")
        vivant = await read_pairs(page, ".compteur", ".compteur__mot", ".compteur__nombre")
        await page.reload()
        assert await read_pairs(page, ".compteur", ".compteur__mot", ".compteur__nombre") == vivant
        assert vivant == {**attendu, "attendus": 2, "arrivés": 4, "en attente": 3}
        await contexte.close()


async def read_pairs(page: Page, bloc: str, mot: str, nombre: str) -> dict[str, int]:
    """Words and figures of the counters of a page."""
    return {
        (await b.locator(mot).inner_text()).lower(): int((await b.locator(nombre).inner_text()).split()[0])
        for b in await page.locator(bloc).all()
    }


async def first_expected(journee: Journee, service: MondeService) -> int:
    """Somebody still expected."""
    requete = "SELECT min(id) FROM rendez_vous WHERE service_id = :s AND etat = 'prevu'"
    return int(await journee.scalar(requete, s=service.id))
