"""The parcours simplifié in Chromium: by the keyboard alone, live between two agents, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from app.db import UnitOfWork
from tests.accueil.monde import Journee, axe
from tests.booking.agents.outillage import service_ordinaire
from tests.e2e.outillage import Temoin, find_difference
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e

JEUDI = date(2026, 11, 26)


@pytest.fixture
async def temoin() -> AsyncIterator[Temoin]:
    """Whatever a page reports; refusals shown on purpose are not errors."""
    vu = Temoin()
    yield vu
    assert [e for e in vu.erreurs if not re.search(r"status of (409|422|404)", e)] == []


async def press_until(page: Page, css: str, *, limite: int = 60) -> None:
    """Tab until the focus is on what ``css`` names."""
    for _ in range(limite):
        if await page.evaluate("css => document.activeElement?.matches(css) ?? false", css):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {css} on {page.url}")


async def type_in(page: Page, champ: str, texte: str) -> None:
    await press_until(page, f"#champ-{champ}")
    await page.keyboard.type(texte)


def url(service: MondeService, etape: str) -> str:
    return f"/services/{service.id}/prendre/{etape}?motif={service.motifs[0]}&type=guichet&nature=particulier"


class TestClavier:
    """Promise « keyboard only »: from the search of the service to the code, then the move and the cancellation."""

    async def test_the_whole_journey(self, journee: Journee, browser: Browser, temoin: Temoin) -> None:
        service = await service_ordinaire(journee)
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=service.id)
        contexte = await journee.context(browser, service.agents["exterieur"], reduced_motion="reduce")
        page = await journee.open(contexte, "/agent/services?mode=code", direct=False)
        temoin.watch(page)
        await expect(page.locator("#champ-code")).to_be_focused()
        await page.keyboard.type(sages)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="1 service trouvé").wait_for()
        await press_until(page, f'a[href="/services/{service.id}/prendre"]')
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/prendre/motif*")
        assert await axe(page) == []
        for groupe in ("nature", "m1", "type"):
            await press_until(page, f'input[name="{groupe}"]', limite=25)
            await page.keyboard.press("Space")
            if groupe != "type":
                await page.locator('input[name="m1"]' if groupe == "nature" else 'input[name="type"]').first.wait_for()
        await press_until(page, "button[formaction]")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/prendre/creneau*")
        await press_until(page, ".creneau:enabled", limite=90)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/prendre/coordonnees*")
        assert await axe(page) == []
        await press_until(page, 'input[name="civilite"]')
        await page.keyboard.press("Space")
        for champ, texte in (
            ("nom_usage", "Valenton"),
            ("prenoms", "Philippe"),
            ("telephone1", "06 12 34 56 78"),
            ("precision", "Question sur un investissement"),
        ):
            await type_in(page, champ, texte)
        await press_until(page, 'input[name="origine"]')
        await page.keyboard.press("Space")
        await press_until(page, "[data-envoi]")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/prendre/confirmation*")
        assert await axe(page) == []
        code = await page.locator(".code-rdv [aria-hidden]").inner_text()
        await self.change(page, journee, code)
        await contexte.close()

    async def change(self, page: Page, journee: Journee, code: str) -> None:
        """Move it, then cancel it, by its code and name."""
        await page.goto(f"{journee.site.url}/agent/rendez-vous/par-code")
        await expect(page.locator("#champ-code")).to_be_focused()
        await page.keyboard.type(code.lower())
        await page.keyboard.press("Tab")
        await page.keyboard.type("valenton")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name=f"Rendez-vous {code}").wait_for()
        assert await axe(page) == []
        assert "Valenton" not in page.url
        assert code not in page.url
        await page.keyboard.press("Enter")  # « Déplacer » has the focus
        await page.get_by_role("button", name="Déplacer à cet horaire").wait_for()
        assert await axe(page) == []
        await press_until(page, 'input[name="debut"]')
        await page.keyboard.press("Space")
        voulu = await page.evaluate("document.activeElement.value")
        await press_until(page, ".deplacer-quand .fr-btn")
        await page.keyboard.press("Enter")
        await page.get_by_text("Rendez-vous déplacé").wait_for()
        debut = await journee.scalar("SELECT debut FROM rendez_vous WHERE code = :c", c=code)
        assert debut == datetime.fromisoformat(voulu)
        await press_until(page, 'form[action$="/annuler"] button')
        await page.keyboard.press("Enter")
        await page.locator("#champ-raison").wait_for()
        assert await axe(page) == []
        await page.keyboard.type("Réglé au téléphone")
        await press_until(page, 'button[value="confirmer"]')
        await page.keyboard.press("Enter")
        await page.get_by_text("Rendez-vous annulé", exact=True).wait_for()
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE code = :c", c=code) == "annule"


class TestDirect:
    """« The public grid is live too »: two agents extérieurs in front of the same créneaux."""

    async def test_two_externals_on_the_same_creneau(self, journee: Journee, browser: Browser, temoin: Temoin) -> None:
        service = await service_ordinaire(journee, guichets=1)
        un = await journee.context(browser, service.agents["exterieur"])
        deux = await journee.context(browser, service.agents["national"])
        a = await journee.open(un, url(service, "creneau"))
        b = await journee.open(deux, url(service, "creneau"))
        temoin.watch(b)
        premier = a.locator(".creneau:enabled").first
        m = await premier.get_attribute("data-m")
        await premier.click()
        await a.wait_for_url("**/coordonnees*")
        await expect(b.locator(f'.creneau[data-m="{m}"]')).to_be_disabled(timeout=5000)
        assert await find_difference(b, temoin) == ""
        await a.get_by_role("button", name="Choisir un autre horaire").first.click()
        await expect(b.locator(f'.creneau[data-m="{m}"]')).to_be_enabled(timeout=5000)
        assert await find_difference(b, temoin) == ""
        for contexte in (un, deux):
            await contexte.close()

    async def test_a_service_that_closes_to_externals_says_so_where_it_is_open(
        self, journee: Journee, browser: Browser, temoin: Temoin
    ) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(browser, service.agents["exterieur"])
        page = await journee.open(contexte, url(service, "creneau"))
        temoin.watch(page)

        async def close(uow: UnitOfWork) -> None:
            await uow.conn.exec_driver_sql(
                f"UPDATE guichet SET canaux = '{{internet,rattache}}' WHERE service_id = {service.id}"
            )
            uow.annonces.planning(service.id)

        await journee.outils.db.transaction(close)
        ferme = page.get_by_role("heading", name="Le service vient de se fermer aux agents extérieurs")
        await expect(ferme).to_be_visible(timeout=8000)
        await contexte.close()


class TestSansScript:
    """Without JavaScript, and on a narrow screen."""

    async def test_the_journey_without_javascript_on_a_phone(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        contexte = await journee.context(
            browser, service.agents["exterieur"], java_script_enabled=False, viewport={"width": 390, "height": 844}
        )
        page = await contexte.new_page()
        await page.goto(journee.site.url + f"/services/{service.id}/prendre")
        await page.get_by_label("Un particulier").check(force=True)
        await page.get_by_role("button", name="Continuer").click()
        await page.locator('input[name="m1"]').first.check(force=True)
        await page.get_by_role("button", name="Continuer").click()
        await page.get_by_label("Au guichet").check(force=True)
        await page.get_by_role("button", name="Rechercher un créneau").click()
        await page.locator(".creneau:enabled").first.click()
        await page.get_by_label("Madame").check(force=True)
        for champ in ("nom_usage", "prenoms", "precision"):
            await page.locator(f"#champ-{champ}").fill("Martin")
        await page.locator("#champ-telephone1").fill("06 12 34 56 78")
        await page.get_by_label("Téléphone", exact=True).check(force=True)
        await page.locator("[data-envoi]").click()
        await page.wait_for_url("**/prendre/confirmation*")
        await expect(page.locator(".code-rdv")).to_be_visible()
        await contexte.close()
