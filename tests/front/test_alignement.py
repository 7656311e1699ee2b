"""Every band of a page starts and ends where its content does: banner, header, menu, service, page, footer."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.accueil.monde import JOUR, Journee

pytestmark = pytest.mark.e2e

#: Where the content of each band begins and ends, in whole pixels.
_BANDES = """() => [
  ...document.querySelectorAll("body > :not(.fr-skiplinks) .fr-container, main.fr-container"),
].filter((e) => e.offsetParent).map((e) => {
  const { left, right } = e.getBoundingClientRect(), style = getComputedStyle(e);
  return [Math.round(left + parseFloat(style.paddingLeft)), Math.round(right - parseFloat(style.paddingRight))];
})"""
_REPERES = """(cibles) => Object.fromEntries(cibles.map((c) => {
  const { left, right } = document.querySelector(c).getBoundingClientRect();
  return [c, [Math.round(left), Math.round(right)]];
}))"""


async def read(page: Page, *cibles: str) -> tuple[set[tuple[int, int]], dict[str, Any]]:
    bandes: list[list[int]] = await page.evaluate(_BANDES)
    assert len(bandes) >= 4
    return {(gauche, droite) for gauche, droite in bandes}, await page.evaluate(_REPERES, list(cibles))


class TestAlignement:
    """The wide pages of agents as the narrow ones of usagers."""

    @pytest.mark.parametrize("largeur", [1024, 1280, 1440, 2560])
    async def test_the_bands_of_an_agents_page_are_aligned(
        self, journee: Journee, browser: Browser, largeur: int
    ) -> None:
        service = await journee.service()
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": largeur, "height": 900})
        page = await journee.open(contexte, f"/services/{service.id}/agenda?jour={JOUR}", direct=False)
        bandes, reperes = await read(page, "h1", ".bandeau-service__nom", ".marque", ".fr-footer__bottom-list")
        _, droite = await read(page, ".outils-agent > :last-child .fr-btn", ".direct")
        await contexte.close()
        assert len(bandes) == 1
        gauches, droites = next(iter(bandes))
        assert {x for x, _ in reperes.values()} == {gauches}, reperes
        assert {x for _, x in droite.values()} == {droites}, droite

    async def test_those_of_a_usagers_page_too(self, journee: Journee, browser: Browser) -> None:
        service = await journee.service()
        contexte = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
        page = await journee.open(contexte, f"/services/{service.id}", direct=False)
        bandes, reperes = await read(page, "h1", ".marque")
        await contexte.close()
        assert len(bandes) == 1
        assert reperes[".marque"][0] == next(iter(bandes))[0]
