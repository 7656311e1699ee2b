"""Plannings in real browsers: a week painted by keyboard alone, two administrators, screens that follow (G 2.3.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from playwright.async_api import Browser, Page, expect

from app.admin.plannings.lecture import read_composition
from app.domain.composition import Composition
from tests.accueil.monde import Journee, axe
from tests.admin.formulaires import publish, submit
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6), guichets=2)


@pytest.fixture
async def ecran(journee: Journee, nevers: MondeService, browser: Browser) -> AsyncIterator[Page]:
    """The chef's page, wide."""
    contexte = await journee.context(browser, nevers.agents["chef"])
    yield await contexte.new_page()
    await contexte.close()


def base(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/plannings"


async def composition(journee: Journee, service: MondeService) -> Composition:
    async with journee.outils.db.read() as conn:
        return await read_composition(conn, service.id)


async def press(page: Page, *touches: str) -> None:
    for touche in touches:
        await page.keyboard.press(touche)


async def tab_to(page: Page, selecteur: str) -> None:
    """Press Tab until that element has the focus: what a keyboard cannot reach is not there."""
    for _ in range(120):
        if await page.evaluate("(s) => document.activeElement.matches(s)", selecteur):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {selecteur}")


class TestAuClavier:
    async def test_a_week_is_painted_shown_and_published_by_the_keyboard_alone(
        self, journee: Journee, nevers: MondeService, ecran: Page
    ) -> None:
        await ecran.goto(f"{journee.site.url}{base(nevers)}/nouveau")
        assert await axe(ecran) == []
        await tab_to(ecran, "[name=nom]")
        await ecran.keyboard.type("Samedis")
        await tab_to(ecran, "#portee-service")
        await press(ecran, "ArrowRight", "Tab", "Space")
        await tab_to(ecran, '.peinture td[tabindex="0"]')
        await press(ecran, *["ArrowRight"] * 5, *["ArrowDown"] * 4)  # Saturday, 09:00
        await press(ecran, "Space", "Shift+ArrowDown", "Shift+ArrowDown")  # until 10:30
        await expect(ecran.locator("[data-annonce]")).to_have_text("samedi : 09:00 à 10:30")
        await expect(ecran.locator("[name=h_0_6]")).to_have_value("09:00-10:30")
        await press(ecran, "ArrowRight", "Home", "Space")  # Sunday 07:00, opened then closed again
        await press(ecran, "Space")
        await expect(ecran.locator("[name=h_0_7]")).to_have_value("")
        await tab_to(ecran, 'button[value="apercu"]')
        await press(ecran, "Enter")
        await ecran.wait_for_selector(".consequences")
        assert await axe(ecran) == []
        await expect(ecran.locator(".vue__jour").nth(5).locator("li")).to_have_text(
            ["09:00", "09:20", "09:40", "10:00"]
        )
        await tab_to(ecran, 'button[value="publier"]')
        await press(ecran, "Enter")
        await ecran.wait_for_selector(".planning")
        await expect(ecran.locator(".fr-alert--success")).to_contain_text("Le planning est publié")
        comp = await composition(journee, nevers)
        (planning,) = [p for p in comp.to_plannings() if p.nom == "Samedis"]
        assert planning.guichet_id == nevers.guichets[0]
        assert [(p.debut, p.fin) for p in planning.find_plages(date(2026, 12, 5))] == [(540, 630)]
        assert planning.find_plages(date(2026, 12, 6)) == ()

    async def test_a_journee_type_is_a_brush_and_keeps_its_name(
        self, journee: Journee, nevers: MondeService, ecran: Page
    ) -> None:
        await ecran.goto(f"{journee.site.url}{base(nevers)}/nouveau")
        await ecran.focus('[name="pinceau"]')
        await press(ecran, "ArrowDown")
        await ecran.focus('.peinture td[tabindex="0"]')
        await press(ecran, "ArrowRight", "Enter")
        await expect(ecran.locator("[data-annonce]")).to_have_text("mardi : 08:00 à 12:00, 14:00 à 16:00")
        (ident,) = (await composition(journee, nevers)).journees
        await expect(ecran.locator("[name=j_0_2]")).to_have_value(str(ident))


class TestAuPointeur:
    async def test_a_drag_paints_a_rectangle_and_another_one_erases(
        self, journee: Journee, nevers: MondeService, ecran: Page
    ) -> None:
        await ecran.goto(f"{journee.site.url}{base(nevers)}/nouveau")
        await self._drag(ecran, ("lundi 09:00", "mercredi 11:30"))
        for iso in (1, 2, 3):
            await expect(ecran.locator(f"[name=h_0_{iso}]")).to_have_value("09:00-12:00")
        await expect(ecran.locator("[name=h_0_4]")).to_have_value("")
        await self._drag(ecran, ("mardi 10:00", "mardi 10:30"))
        await expect(ecran.locator("[name=h_0_2]")).to_have_value("09:00-10:00, 11:00-12:00")

    async def _drag(self, page: Page, bouts: tuple[str, str]) -> None:
        cadres = []
        for bout in bouts:
            case = page.get_by_label(bout, exact=True)
            await case.scroll_into_view_if_needed()
        for bout in bouts:
            cadre = await page.get_by_label(bout, exact=True).bounding_box()
            assert cadre is not None
            cadres.append((cadre["x"] + cadre["width"] / 2, cadre["y"] + cadre["height"] / 2))
        await page.mouse.move(*cadres[0])
        await page.mouse.down()
        await page.mouse.move(*cadres[1], steps=6)
        await page.mouse.up()


class TestDeuxAdministrateurs:
    async def test_both_versions_are_shown_and_nothing_painted_is_lost(
        self, journee: Journee, nevers: MondeService, ecran: Page
    ) -> None:
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/{lot.id}"
        await ecran.goto(journee.site.url + adresse)
        await ecran.get_by_label("samedi 09:00", exact=True).click()
        async with journee.client(nevers.agents["national"]) as autre:
            page = (await autre.get(adresse)).text
            assert (await publish(autre, page, adresse, nom="Version nationale", j_0_5="")).status_code == 303
        await ecran.click('button[value="apercu"]')
        await expect(ecran.locator(".versions")).to_contain_text("Version nationale")
        await expect(ecran.locator(".versions")).to_contain_text("samedi : 09:00–09:30")
        await expect(ecran.locator("[name=h_0_6]")).to_have_value("09:00-09:30")
        assert await axe(ecran) == []
        await ecran.click('button[value="apercu"]')
        await ecran.click('button[value="publier"]')
        await ecran.wait_for_selector(".planning")
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        assert (lot.nom, lot.revision) == ("Semaine type", 3)


class TestEcransOuverts:
    async def test_the_public_grid_and_the_other_administrator_s_list_follow_live(
        self, journee: Journee, nevers: MondeService, browser: Browser, ecran: Page
    ) -> None:
        await ecran.goto(journee.site.url + base(nevers))
        await ecran.wait_for_selector('#direct[data-direct="direct"]')
        public = await browser.new_context(locale="fr-FR")
        grille = await public.new_page()
        await grille.goto(
            f"{journee.site.url}/rdv/{nevers.id}/creneau?motif={nevers.motifs[0]}&type=guichet&jour=2026-11-26"
        )
        await expect(grille.get_by_text("15:00").first).to_be_visible()
        (ident,) = (await composition(journee, nevers)).journees
        adresse = f"{base(nevers)}/journees/{ident}"
        async with journee.client(nevers.agents["national"]) as autre:
            apercu = await submit(autre, (await autre.get(adresse)).text, adresse, plages="08:00-12:00")
            assert (await submit(autre, apercu.text, adresse, geste="publier")).status_code == 303
        await expect(ecran.locator(".journees")).not_to_contain_text("14:00–16:00", timeout=8000)
        await expect(grille.get_by_text("15:00")).to_have_count(0, timeout=8000)
        await expect(grille.get_by_text("09:00").first).to_be_visible()
        await public.close()


class TestToutesLesPages:
    @pytest.mark.parametrize("largeur", [1440, 390])
    async def test_no_page_has_a_fault_for_axe_nor_a_sideways_scroll(
        self, journee: Journee, nevers: MondeService, browser: Browser, largeur: int
    ) -> None:
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        (ident,) = (await composition(journee, nevers)).journees
        async with journee.client(nevers.agents["chef"]) as client:
            adresse = f"/services/{nevers.id}/organiser/exceptions/nouvelle"
            page_html = (await client.get(adresse)).text
            await submit(client, page_html, adresse, du="2026-12-24", au="2026-12-31", libelle="Fin d’année")
        contexte = await journee.context(browser, nevers.agents["chef"], viewport={"width": largeur, "height": 900})
        page = await contexte.new_page()
        exceptions = f"/services/{nevers.id}/organiser/exceptions"
        for chemin in (
            base(nevers),
            f"{base(nevers)}/{lot.id}",
            f"{base(nevers)}/nouveau?nature=mois",
            f"{base(nevers)}/nouveau?suite={lot.id}",
            f"{base(nevers)}/semaine",
            f"{base(nevers)}/journees/{ident}",
            exceptions,
            f"{exceptions}/nouvelle?nature=remplacement&jour=2026-12-01",
        ):
            await page.goto(journee.site.url + chemin)
            assert await axe(page) == [], chemin
            assert await page.evaluate("document.documentElement.scrollWidth") <= largeur, chemin
        await contexte.close()


class TestLaFrise:
    """What is valid when is read whole without scrolling its table, side by side or one under the other."""

    @pytest.mark.parametrize("largeur", [1440, 1024, 390, 320])
    async def test_its_four_columns_are_on_the_screen(self, journee: Journee, browser: Browser, largeur: int) -> None:
        service = await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6), guichets=8)
        propre = str(service.guichets[0])
        async with journee.client(service.agents["chef"]) as client:
            adresse = f"{base(service)}/nouveau"
            champs = {"nom": "Semaine d’été du guichet des paiements", "portee": "guichets", "guichets": [propre]}
            page = (await client.get(adresse)).text
            reponse = await publish(client, page, adresse, du="2026-12-05", h_0_6="09:00-10:00", **champs)
            assert reponse.status_code == 303, reponse.text
        contexte = await journee.context(browser, service.agents["chef"], viewport={"width": largeur, "height": 900})
        ecran = await journee.open(contexte, base(service))
        cadre = ecran.locator(".frise .fr-table__content")
        assert await cadre.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
        for cellule in await ecran.locator(".frise tbody :is(th, td)").all():
            boite = await cellule.bounding_box()
            assert boite is not None
            assert boite["x"] >= 0
            assert boite["x"] + boite["width"] <= largeur
            assert await cellule.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
        assert await axe(ecran) == []
        await contexte.close()
