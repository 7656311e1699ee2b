"""Buttons and forms: one click, one effect; a refusal is a sentence; a lost network is said and loses nothing."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page

from tests.front.conftest import Ouvrir, attendre, jusqua
from tests.front.site import Site
from tests.front.test_etats import a_la_version, egale_au_frais

pytestmark = pytest.mark.e2e

REFUS = {
    "title": "Conflit",
    "detail": "Ce rendez-vous vient d'être annulé.",
    "remede": "L'état actuel vous est présenté.",
}


def brancher(site: Site, publier: bool = True) -> None:
    """Arrivals posted to the site happen in its world, and are published."""
    taches: set[asyncio.Task[None]] = set()

    def faire(action: str, rdv: int) -> None:
        genre = {"arrivee": "rdv.arrive", "arrivee/annulation": "rdv.arrivee_annulee", "appel": "rdv.appele"}[action]
        trame = site.monde.changer(genre, rdv)
        if not publier:
            site.direct.noter(trame)
            return
        tache = asyncio.get_running_loop().create_task(site.direct.publier(trame))
        taches.add(tache)
        tache.add_done_callback(taches.discard)

    site.sur_post = faire


async def arriver(page: Page, rdv: int) -> None:
    await page.locator(f"#l-{rdv}").get_by_role("button", name="Arrivé", exact=False).first.click()


class TestArriveEnUnClic:
    """[A1 §3.2] one click says that the person has arrived, and can be taken back in the same place."""

    async def test_one_click_moves_the_row_and_offers_to_undo(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await arriver(page, 104)
        await page.locator('[data-groupe="arrives"] #l-104').wait_for()
        assert site.postes[0]["csrf"] == "jeton-de-test"
        assert len(site.postes[0]["cle"]) >= 32
        assert await page.locator("#l-104.flash").count() == 0, "one's own change does not flash"
        await page.locator("#l-104").get_by_role("button", name="Annuler l’arrivée").click()
        await page.locator('[data-groupe="retard"] #l-104').wait_for()
        assert site.fragments == []
        await egale_au_frais(page, "accueil")

    async def test_a_double_click_posts_once(self, site: Site, ouvrir: Ouvrir) -> None:
        site.lenteur = 0.3
        page = await ouvrir("accueil")
        await page.locator("#l-104 button").first.dblclick()
        await attendre(lambda: len(site.postes) >= 1)
        await asyncio.sleep(0.5)
        assert len(site.postes) == 1

    async def test_a_refusal_is_said_near_the_button_and_the_page_takes_the_present_state(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("accueil")
        site.refus = (409, REFUS)
        site.direct.noter(site.monde.changer("rdv.annule", 107))
        await arriver(page, 104)
        erreur = page.locator("#l-104 .erreur-action")
        await erreur.wait_for()
        assert await erreur.inner_text() == "Ce rendez-vous vient d'être annulé. L'état actuel vous est présenté."
        await a_la_version(page, site.monde.version)
        assert await page.locator("#l-107").count() == 0
        assert await page.locator("#l-104").get_attribute("data-etat") == "prevu"
        assert await erreur.is_visible(), "the sentence survives the refresh"

    async def test_a_hostile_refusal_stays_text(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        site.refus = (422, {"detail": "<img src=x onerror=alert(1)>"})
        await arriver(page, 104)
        await page.locator("#l-104 .erreur-action").wait_for()
        assert await page.locator("#l-104 img").count() == 0

    async def test_without_network_the_click_visibly_fails_and_the_retry_keeps_its_key(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        cles: list[str | None] = []

        async def couper(route: object) -> None:
            cles.append(await route.request.header_value("idempotency-key"))  # type: ignore[attr-defined]
            await route.abort()  # type: ignore[attr-defined]

        await page.route("**/arrivee", couper)
        await arriver(page, 104)
        erreur = page.locator("#l-104 .erreur-action")
        await erreur.wait_for()
        assert (await erreur.inner_text()).startswith("Action non enregistrée")
        await page.unroute("**/arrivee")
        await arriver(page, 104)
        await page.locator('[data-groupe="arrives"] #l-104').wait_for()
        assert site.postes[0]["cle"] == cles[0]
        assert await erreur.count() == 0

    async def test_without_the_socket_the_arrival_still_posts_and_shows(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site, publier=False)
        page = await ouvrir("accueil")
        site.direct.refuse = True
        await site.direct.fermer(1011)
        await jusqua(page, "document.getElementById('direct').dataset.direct === 'perdu'")
        await arriver(page, 104)
        await page.locator('[data-groupe="arrives"] #l-104').wait_for()
        assert site.fragments

    async def test_from_the_agenda_too(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("agenda")
        await page.locator("#a-104 button").first.click()
        await jusqua(page, "document.getElementById('a-104').dataset.etat === 'arrive'")
        site.refus = (403, {"detail": "Votre habilitation ne permet pas cette action."})
        await page.locator("#a-104 button").last.click()
        avis = page.locator("#avis .erreur-action")
        await avis.wait_for()
        assert (await avis.inner_text()).startswith("LE GOFF-KERVADEC Maëlle : Votre habilitation")

    async def test_without_javascript_the_button_posts_the_page(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil", direct=False, java_script_enabled=False)
        await page.locator("#l-104 button").first.click()
        await page.wait_for_load_state()
        assert site.postes[0]["csrf"] == "jeton-de-test"
        assert await page.locator('[data-groupe="arrives"] #l-104').count() == 1


class TestFormulaire:
    async def test_a_refused_form_marks_its_fields_and_keeps_what_was_typed(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("macros", direct=False)
        await page.fill("#champ-precision", "Je ne comprends pas mon avis.")
        await page.get_by_role("button", name="Enregistrer").click()
        resume = page.locator("[data-erreurs]")
        await resume.wait_for()
        assert await resume.evaluate("e => e === document.activeElement")
        assert await resume.locator("a").get_attribute("href") == "#champ-nom"
        assert await page.locator("#champ-nom").get_attribute("aria-invalid") == "true"
        decrit = await page.locator("#champ-nom").get_attribute("aria-describedby")
        assert await page.locator(f"#{decrit}").inner_text() == "Indiquez votre nom d'usage."
        assert await page.input_value("#champ-precision") == "Je ne comprends pas mon avis."
        await resume.locator("a").click()
        assert await page.evaluate("document.activeElement.id") == "champ-nom"
        await page.fill("#champ-nom", "REY")
        await page.get_by_role("button", name="Enregistrer").click()
        await page.wait_for_url("**/page/vide")
        assert site.postes[0]["cle"] != site.postes[1]["cle"], "another content is another request"
