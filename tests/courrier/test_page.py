"""The HTML part in a real browser: readable on a phone and in the dark, accessible, asking nothing of the network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from playwright.async_api import Browser

from app.config import RACINE
from app.courrier.message import EVENEMENTS
from tests.courrier.exemples import as_received, entete, message, text_of

pytestmark = pytest.mark.e2e

_AXE = RACINE / "node_modules" / "axe-core" / "axe.min.js"
_LONG = message(
    service_courriel="service.des.impots.des.particuliers.caen-nord@dgfip.finances.gouv.fr",
    visio_lien="https://visio.example.fr/salles/" + "s" * 80,
    type_rdv="visio",
    annule_par="agent",
    raison_annulation="Fermeture exceptionnelle du service.",
    ancien_debut=datetime(2016, 9, 13, 7, tzinfo=UTC),
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("evenement", EVENEMENTS)
async def test_each_mail_is_accessible_and_fits_a_phone(
    browser: Browser, evenement: str, theme: Literal["light", "dark"]
) -> None:
    courriel = as_received(evenement, _LONG, entete(demonstration=True))
    contexte = await browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=theme)
    try:
        page = await contexte.new_page()
        demandes: list[str] = []
        page.on("request", lambda demande: demandes.append(demande.url))
        await page.set_content(text_of(courriel, "text/html"))
        debord = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert debord <= 0, "nothing sticks out of a screen 320 px wide"
        assert demandes == []
        await page.add_script_tag(path=_AXE)
        verdict: dict[str, Any] = await page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],"
            " rules: {region: {enabled: false}, 'landmark-one-main': {enabled: false}}})"
        )
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in verdict["violations"]] == []
    finally:
        await contexte.close()
