"""The page between steps 2 and 3, in a real browser: it fits, it is accessible, and it leads to the form."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from app import clock
from app.protection.defis import derive_reponse, read_jeton
from tests.booking.usager.conftest import Monde
from tests.e2e.outillage import axe
from tests.protection.conftest import Venue, new_adresse

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("largeur", "langue"), [(320, "fr-FR"), (1280, "en-GB")])
async def test_the_code_then_the_form(garde: Monde, vient: Venue, browser: Browser, largeur: int, langue: str) -> None:
    adresse = new_adresse()
    assert (await vient(adresse).choose()).status_code == 303
    await garde.sql_write("UPDATE comptage SET nombre = 33")  # past every soft bound, below the hard ones
    contexte = await browser.new_context(
        locale=langue,
        viewport={"width": largeur, "height": 900},
        extra_http_headers={"X-Forwarded-For": adresse},
    )
    page = await contexte.new_page()
    choix = f"motif={garde.service.motifs[0]}&type=guichet&nature=particulier"
    await page.goto(f"{garde.site.url}/rdv/{garde.service.id}/creneau?{choix}")
    await page.locator(".creneau:enabled").first.click()
    champ = page.locator("#champ-captcha")
    await expect(champ).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= largeur
    assert not await axe(page)
    jeton = await page.locator("input[name=captcha_jeton]").input_value()
    biscuits = {b.get("name"): b.get("value") for b in await contexte.cookies()}
    lu = read_jeton(garde.outils.settings, str(biscuits["accueil_visite"]), jeton, clock.now())
    assert lu is not None
    await champ.fill(derive_reponse(garde.outils.settings, lu))
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/coordonnees*")
    assert await page.locator("[data-captcha]").count() == 0
    await contexte.close()
