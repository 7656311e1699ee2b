"""Buttons and forms: one click, one effect; a refusal is a sentence; a lost network is said and loses nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import pytest
from playwright.async_api import Page

from tests.front.conftest import Ouvrir, attendre, axe, jusqua
from tests.front.monde import JOUR
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


class TestAbsence:
    """« Pas venu » shows from the hour of the rendez-vous on, by the page's own clock."""

    async def test_the_button_opens_at_the_very_instant_of_the_rendez_vous(self, site: Site, ouvrir: Ouvrir) -> None:
        site.monde.maintenant = JOUR.replace(hour=10, minute=59, second=58).astimezone(UTC)
        page = await ouvrir("box")
        bouton = page.locator("#b-107").get_by_role("button", name="Pas venu")
        assert await bouton.count() == 0, "11:00 is to come"
        assert await page.locator("#b-104").get_by_role("button", name="Pas venu").is_visible(), "09:40 is over"
        assert await page.locator("#b-106").get_by_role("button", name="Pas venu").is_visible(), "he was called"
        site.monde.maintenant = JOUR.replace(hour=11, minute=0).astimezone(UTC)
        await bouton.wait_for(timeout=4000)
        await egale_au_frais(page, "box")

    async def test_the_fragment_does_not_depend_on_the_hour(self, site: Site) -> None:
        avant = site.region("box")
        site.monde.maintenant += timedelta(hours=2)
        assert site.region("box") == avant

    @pytest.mark.parametrize(
        ("vue", "rdv", "nom"),
        [("box", "#b-103", "Marquer arrivé"), ("accueil", "#l-103", "Arrivé"), ("agenda", "#a-103", "Arrivé")],
    )
    async def test_an_absence_noted_in_error_is_taken_back_in_one_click(
        self, site: Site, ouvrir: Ouvrir, vue: str, rdv: str, nom: str
    ) -> None:
        brancher(site)
        page = await ouvrir(vue)
        assert await page.locator(rdv).get_attribute("data-etat") == "non_honore"
        await page.locator(rdv).get_by_role("button", name=nom).click()
        await jusqua(page, "s => document.querySelector(s).dataset.etat === 'arrive'", rdv)
        await egale_au_frais(page, vue)

    async def test_somebody_who_did_not_answer_the_phone_is_called_again_from_the_box(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        brancher(site)
        site.monde.rdv[103]["type"] = "telephone"
        page = await ouvrir("box")
        await page.locator("#b-103").get_by_role("button", name="Appeler").click()
        await jusqua(page, "document.querySelector('#b-103').dataset.etat === 'appele'")


#: The buttons and links of rows of which a point is hidden by it, and would be shown without it.
COUVERTS = """() => {
  const boite = document.querySelector('[data-defaire]');
  const { left, top, right, bottom } = boite.getBoundingClientRect();
  const couverts = new Set();
  for (let x = left + 1; x < right; x += 9) {
    for (let y = top + 1; y < bottom; y += 3) {
      const dessous = document.elementsFromPoint(x, y).filter((e) => !boite.contains(e))[0];
      const geste = dessous?.closest('[data-rdv] :is(a, button)');
      if (geste) couverts.add(geste.textContent);
    }
  }
  return [...couverts];
}"""


async def centre(page: Page, selecteur: str) -> tuple[float, float]:
    await page.locator(selecteur).first.evaluate("e => e.scrollIntoView({block: 'center'})")
    cadre = await page.locator(selecteur).first.bounding_box()
    assert cadre is not None
    return cadre["x"] + cadre["width"] / 2, cadre["y"] + cadre["height"] / 2


class TestDefaire:
    """A second click where the first was undoes nothing; the undoing is offered apart, over nobody's button."""

    @pytest.mark.parametrize("lenteur", [0.0, 0.3])
    @pytest.mark.parametrize("attente", [0.04, 0.25, 0.6, 1.2])
    async def test_two_quick_clicks_in_one_place_never_undo(
        self, site: Site, ouvrir: Ouvrir, lenteur: float, attente: float
    ) -> None:
        brancher(site)
        site.lenteur = lenteur
        page = await ouvrir("accueil")
        premier = page.locator('[data-rdv][data-etat="prevu"]:has(button:visible)').first
        arrivant = await premier.get_attribute("id")
        x, y = await centre(page, '[data-rdv][data-etat="prevu"] button:visible')
        await page.mouse.click(x, y)
        await asyncio.sleep(attente)
        await page.mouse.click(x, y)
        await asyncio.sleep(lenteur + 0.5)
        assert {p["action"] for p in site.postes} == {"arrivee"}
        assert await page.locator(f"#{arrivant}").get_attribute("data-etat") == "arrive"
        if attente + 0.1 < 0.7:
            assert len(site.postes) == 1, "the second click of a double click marks nobody else"

    async def test_a_double_click_on_somebody_alone_marks_the_arrival(self, site: Site, ouvrir: Ouvrir) -> None:
        """The row that stays where it was shows its own undoing there."""
        for rdv in [n for n in site.monde.rdv if n != 104]:
            del site.monde.rdv[rdv]
        brancher(site)
        page = await ouvrir("accueil")
        x, y = await centre(page, "#l-104 button:visible")
        await page.mouse.dblclick(x, y, delay=40)
        await page.locator('[data-groupe="arrives"] #l-104').wait_for()
        await asyncio.sleep(0.9)
        await page.mouse.click(x, y)
        await asyncio.sleep(0.3)
        assert [p["action"] for p in site.postes] == ["arrivee"]

    async def test_on_the_agenda_a_double_click_keeps_the_arrival(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("agenda")
        x, y = await centre(page, "#a-104 button")
        for attente in (0.25, 0.3, 0.3):
            await page.mouse.click(x, y)
            await asyncio.sleep(attente)
        assert [p["action"] for p in site.postes] == ["arrivee"]
        await page.mouse.move(x, y + 200)
        await page.locator("#a-104 button:visible").click()
        await attendre(lambda: len(site.postes) == 2)
        assert site.postes[1]["action"] == "arrivee/annulation", "wanted, it is one click away"

    async def test_the_next_person_is_marked_by_a_deliberate_click(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        premier = page.locator('[data-rdv][data-etat="prevu"]:has(button:visible)').first
        x, y = await centre(page, '[data-rdv][data-etat="prevu"] button:visible')
        arrivant = await premier.get_attribute("id")
        await page.mouse.click(x, y)
        await page.locator("[data-defaire]").wait_for()
        suivant = await page.evaluate(
            "(p) => document.elementsFromPoint(...p).map((e) => e.closest('[data-rdv]')).find(Boolean).id",
            [x, y],
        )
        assert suivant != arrivant
        await asyncio.sleep(1.0)
        await page.mouse.click(x, y)
        await attendre(lambda: len(site.postes) == 2)
        assert [p["action"] for p in site.postes] == ["arrivee", "arrivee"]
        await jusqua(page, "id => document.getElementById(id).dataset.etat === 'arrive'", suivant)

    @pytest.mark.parametrize(
        ("large", "haut"), [(1440, 900), (1280, 620), (768, 1024), (390, 844), (390, 560), (1280, 400)]
    )
    async def test_it_covers_nobody_and_is_not_under_the_pointer(
        self, site: Site, ouvrir: Ouvrir, large: int, haut: int
    ) -> None:
        brancher(site)
        page = await ouvrir("accueil", viewport={"width": large, "height": haut})
        x, y = await centre(page, "#l-104 button:visible")
        await page.mouse.click(x, y)
        boite = page.locator("[data-defaire]")
        await boite.wait_for()
        for _ in range(12):
            assert await page.evaluate(COUVERTS) == []
            await page.mouse.wheel(0, 90)
            await asyncio.sleep(0.03)
        cadre = await boite.bounding_box()
        assert cadre is not None
        assert not (cadre["x"] <= x <= cadre["x"] + cadre["width"] and cadre["y"] <= y <= cadre["y"] + cadre["height"])

    async def test_a_pointer_at_rest_neither_presses_it_nor_stops_its_clock(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await page.clock.install()
        await page.mouse.move(1100, 880)
        await page.fill("#filtre", "GOFF")
        await page.keyboard.press("Enter")
        boite = page.locator("[data-defaire]")
        await boite.wait_for()
        assert await boite.locator("button").evaluate("e => getComputedStyle(e).pointerEvents") == "none"
        cadre = await boite.bounding_box()
        assert cadre is not None
        assert not cadre["x"] <= 1100 <= cadre["x"] + cadre["width"]
        await page.clock.run_for(8100)
        assert await boite.count() == 0

    async def test_it_waits_for_who_points_at_it(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await page.clock.install()
        await arriver(page, 104)
        boite = page.locator("[data-defaire]")
        await boite.wait_for()
        await boite.hover(position={"x": 10, "y": 10})
        await page.mouse.move(*await centre(page, "[data-defaire] p"))
        await page.clock.run_for(9000)
        assert await boite.count() == 1
        await page.mouse.move(300, 300)
        await page.clock.run_for(2500)
        assert await boite.count() == 0

    async def test_it_is_by_keyboard_right_after_the_search(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await arriver(page, 104)
        defaire = page.locator("[data-defaire] button")
        await defaire.wait_for()
        await jusqua(page, "document.getElementById('annonces').textContent.includes('suit le champ de recherche')")
        assert await page.evaluate("document.activeElement.id") == "filtre", "the field keeps the focus"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        assert await defaire.evaluate("e => e === document.activeElement")
        assert await axe(page) == []
        await page.keyboard.press("Enter")
        await page.locator('[data-groupe="retard"] #l-104').wait_for()
        assert await page.locator("[data-defaire]").count() == 0
        assert await page.evaluate("document.activeElement.id") == "filtre"
        assert [p["action"] for p in site.postes] == ["arrivee", "arrivee/annulation"]
        await egale_au_frais(page, "accueil")

    async def test_it_leaves_when_somebody_else_goes_further(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await arriver(page, 104)
        await page.locator("[data-defaire]").wait_for()
        await site.direct.publier(site.monde.changer("rdv.appele", 104))
        await page.locator("[data-defaire]").wait_for(state="detached")

    async def test_taking_an_arrival_back_by_its_row_can_be_taken_back_too(self, site: Site, ouvrir: Ouvrir) -> None:
        brancher(site)
        page = await ouvrir("accueil")
        await page.locator("#l-105").get_by_role("button", name="Annuler l’arrivée").click()
        await page.locator("[data-defaire]").get_by_role("button", name="Remettre arrivé").click()
        await page.locator('[data-groupe="arrives"] #l-105').wait_for()


class TestFiltre:
    async def test_under_a_filter_each_group_says_how_many_of_its_rows_are_shown(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("accueil")
        compte = page.locator('[data-groupe="arrives"] [data-compte=""]')
        total = await compte.inner_text()
        await page.fill("#filtre", "VALENTON")
        assert await compte.get_attribute("data-visibles") == "1"
        assert await compte.evaluate("e => getComputedStyle(e, '::before').content") == '"1 sur "'
        await site.direct.publier(site.monde.changer("rdv.arrive", 104))
        await jusqua(
            page,
            "n => document.querySelector('[data-groupe=arrives] [data-compte=\"\"]').textContent === n",
            str(int(total) + 1),
        )
        assert await compte.get_attribute("data-visibles") == "1"
        await page.fill("#filtre", "")
        assert await compte.get_attribute("data-visibles") is None


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
