"""The door and the mailbox in a real browser: every card works, nothing for axe to find, wide and narrow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from app.config import RACINE
from app.demo.roles import ROLES
from app.embedded.smtp import Smtp
from tests.demo.outillage import INVITATION, deliver
from tests.fixtures.base import Site

pytestmark = pytest.mark.e2e
AXE = (RACINE / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(params=[1440, 390], ids=["wide", "narrow"])
async def contexte(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[BrowserContext]:
    """A fresh browser profile."""
    largeur: int = request.param
    profil = await browser.new_context(viewport={"width": largeur, "height": 900})
    yield profil
    await profil.close()


@pytest.fixture
async def ecran(contexte: BrowserContext) -> AsyncIterator[Page]:
    """A page whose errors fail the test."""
    erreurs: list[str] = []
    page = await contexte.new_page()
    page.on("pageerror", lambda e: erreurs.append(str(e)))
    page.on("console", lambda m: erreurs.append(m.text) if m.type == "error" else None)
    yield page
    assert not erreurs


async def assert_accessible(page: Page) -> None:
    await page.evaluate(AXE)
    fautes: list[Any] = await page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes.length]))"
    )
    assert fautes == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_the_door_is_accessible_and_fits(site_demo: Site, ecran: Page) -> None:
    await ecran.goto(f"{site_demo.url}/demo")
    await expect(ecran.get_by_role("heading", level=1)).to_be_visible()
    await assert_accessible(ecran)


async def test_every_card_opens_a_screen(site_demo: Site, ecran: Page) -> None:
    for role in ROLES:
        await ecran.goto(f"{site_demo.url}/demo")
        await ecran.locator(f'.porte-carte button[value="{role.compte}"]').click()
        await ecran.wait_for_url(lambda url: "/demo" not in url)
        await expect(ecran.locator(".outils-agent__qui")).to_be_attached()


async def test_a_scene_opens_its_two_windows(site_demo: Site, contexte: BrowserContext, ecran: Page) -> None:
    await ecran.goto(f"{site_demo.url}/demo")
    await ecran.get_by_role("button", name="Préparer la scène").nth(1).click()
    await ecran.wait_for_url("**/demo/scenes/accueil-et-box")
    await assert_accessible(ecran)
    for nom, chemin in (("Ouvrir à gauche", "/accueil"), ("Ouvrir à droite", "/box")):
        async with contexte.expect_page() as ouverte:
            await ecran.get_by_role("link", name=nom).click()
        fenetre = await ouverte.value
        await fenetre.wait_for_load_state()
        assert chemin in fenetre.url
        await expect(fenetre.get_by_role("heading", level=1)).to_be_visible()


async def test_the_pace_is_chosen_with_the_keyboard(site_demo: Site, ecran: Page) -> None:
    await ecran.goto(f"{site_demo.url}/demo")
    await ecran.locator('input[name="rythme"]:checked').focus()
    await ecran.keyboard.press("ArrowRight")
    voulu = await ecran.locator('input[name="rythme"]:checked').input_value()
    await ecran.keyboard.press("Tab")
    async with ecran.expect_navigation():
        await ecran.keyboard.press("Enter")
    assert await ecran.locator('input[name="rythme"]:checked').input_value() == voulu


async def test_a_message_arrives_while_the_list_is_looked_at_and_shows_its_colours(
    site_demo: Site, smtp_server: Smtp, ecran: Page, request: pytest.FixtureRequest
) -> None:
    await ecran.goto(f"{site_demo.url}/demo/boite")
    sujet = f"Arrivé pendant la lecture {request.node.name}"
    deliver(
        smtp_server,
        sujet,
        '<body style="margin:0"><p style="color:rgb(1, 2, 3)">Confirmé</p><p style="height:900px">long</p></body>',
        INVITATION,
    )
    lien = ecran.get_by_role("link", name=sujet)
    await expect(lien).to_be_visible(timeout=15_000)
    await assert_accessible(ecran)
    await lien.click()
    await expect(ecran.get_by_role("heading", level=1)).to_have_text(sujet)
    texte = ecran.frame_locator("iframe").locator("p").first
    await expect(texte).to_have_css("color", "rgb(1, 2, 3)")
    hauteur = await ecran.locator("iframe").evaluate("e => e.getBoundingClientRect().height")
    assert hauteur > 900
    await assert_accessible(ecran)
