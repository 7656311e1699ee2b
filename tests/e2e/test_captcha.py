"""A code to copy, in a real browser: seen, heard, changed in place; keyboard, small screen, axe [A1 §2]."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from app import clock
from app.protection.defis import derive_reponse, read_jeton
from tests.booking.usager.conftest import Monde
from tests.booking.usager.conftest import monde as monde
from tests.e2e.outillage import axe

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
async def toujours(monde: Monde) -> None:
    """The service asks everybody."""
    async with monde.outils.db.engine.begin() as conn:
        await conn.execute(text("DELETE FROM parametre WHERE cle = 'captcha'"))
        await conn.execute(
            text("INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('captcha', '\"toujours\"', :a)"),
            {"a": clock.now()},
        )
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1"))


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A new browser."""
    contexte = await browser.new_context(locale="fr-FR")
    page = await contexte.new_page()
    yield page
    await contexte.close()


async def hold(monde: Monde, page: Page) -> None:
    """As far as the form."""
    choix = f"motif={monde.service.motifs[0]}&type=guichet&nature=particulier"
    await page.goto(f"{monde.site.url}/rdv/{monde.service.id}/creneau?{choix}")
    await page.locator(".creneau:enabled").first.click()
    await page.wait_for_url("**/coordonnees*")


async def read(monde: Monde, page: Page) -> str:
    """What a person reads in the image shown."""
    biscuits = {b.get("name"): b.get("value") for b in await page.context.cookies()}
    jeton = await page.locator("input[name=captcha_jeton]").input_value()
    lu = read_jeton(monde.outils.settings, str(biscuits["accueil_visite"]), jeton, clock.now())
    assert lu is not None
    return derive_reponse(monde.outils.settings, lu)


async def fill(page: Page) -> None:
    """Everything but the code."""
    await page.locator("input[name=civilite]").first.check(force=True)
    for champ in ("nom_usage", "prenoms", "precision"):
        await page.locator(f"#champ-{champ}").fill("Verifiee")
    await page.locator("#champ-telephone1").fill("06 12 34 56 78")


async def test_the_code_is_seen_changed_in_place_and_copied(monde: Monde, page: Page) -> None:
    await hold(monde, page)
    await fill(page)
    image = page.locator("[data-captcha-image]")
    await expect(image).to_be_visible()
    assert await image.evaluate("i => i.complete && i.naturalWidth") == 520
    avant = await page.locator("input[name=captcha_jeton]").input_value()
    await page.get_by_role("button", name="Changer de code").click()
    await expect(page.locator("input[name=captcha_jeton]")).not_to_have_value(avant)
    await expect(page.locator("#champ-captcha")).to_be_focused()
    await expect(page.locator("[data-captcha-annonce]")).to_have_text("Le code a changé.")
    assert await page.locator("#champ-nom_usage").input_value() == "Verifiee"
    await page.keyboard.type((await read(monde, page)).lower())
    await page.get_by_role("button", name="Confirmer le rendez-vous").click()
    await page.wait_for_url(re.compile("/mon-rendez-vous/"))


async def test_a_wrong_code_is_said_and_the_summary_leads_to_its_field(monde: Monde, page: Page) -> None:
    await hold(monde, page)
    await fill(page)
    await page.locator("#champ-captcha").fill("AAAAA")
    await page.get_by_role("button", name="Confirmer le rendez-vous").click()
    lien = page.locator("[data-erreurs-liste] a")
    await expect(lien).to_have_text(re.compile("ne correspond pas"))
    await lien.click()
    await expect(page.locator("#champ-captcha")).to_be_focused()
    assert await page.locator("#champ-captcha").input_value() == ""
    assert await page.locator("#champ-nom_usage").input_value() == "Verifiee"
    await page.locator("#champ-captcha").fill(await read(monde, page))
    await page.get_by_role("button", name="Confirmer le rendez-vous").click()
    await page.wait_for_url(re.compile("/mon-rendez-vous/"))


async def test_the_sound_is_loaded_by_the_page(monde: Monde, page: Page) -> None:
    await hold(monde, page)
    duree = await page.locator("[data-captcha-son]").evaluate(
        "s => new Promise((ok, ko) => { s.onloadedmetadata = () => ok(s.duration);"
        " s.onerror = () => ko(s.error.message); s.preload = 'metadata'; s.load(); })"
    )
    assert 4 < duree < 40


@pytest.mark.parametrize("largeur", [320, 390, 1280])
async def test_it_fits_and_is_accessible(monde: Monde, page: Page, largeur: int) -> None:
    await page.set_viewport_size({"width": largeur, "height": 900})
    await hold(monde, page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= largeur
    assert not await axe(page)
    for bouton in await page.locator("[data-captcha] button").all():
        boite = await bouton.bounding_box()
        assert boite is not None
        assert boite["height"] >= 44
