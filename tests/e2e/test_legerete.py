"""Light: what a phone loads the first time, in bytes on the wire, fonts left out."""

from __future__ import annotations

import gzip

import pytest
from playwright.async_api import Browser, Response

from app.config import RACINE
from tests.accueil.monde import Journee

#: Bytes of a first load, fonts left out.
BUDGET = 200_000


async def weigh(browser: Browser, adresse: str, *, scripts: bool = True) -> dict[str, int]:
    """Each answer of a first visit and its bytes on the wire, headers included."""
    contexte = await browser.new_context(java_script_enabled=scripts)
    page = await contexte.new_page()
    recues: list[Response] = []
    page.on("response", lambda reponse: recues.append(reponse))
    await page.goto(adresse, wait_until="networkidle" if scripts else "load")
    poids: dict[str, int] = {}
    for reponse in recues:
        if reponse.request.resource_type != "font" and not reponse.url.startswith("data:"):
            tailles = await reponse.request.sizes()
            poids[reponse.url] = tailles["responseBodySize"] + tailles["responseHeadersSize"]
    await contexte.close()
    return poids


class TestPremierChargement:
    """« ≤ 200 kB on first load without fonts »."""

    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
    async def test_every_step_is_light_on_a_first_visit(
        self, journee: Journee, browser: Browser, scripts: bool
    ) -> None:
        service = await journee.service()
        choix = f"motif={service.motifs[0]}&type=guichet&nature=particulier"
        base = journee.site.url
        for chemin in (
            "/",
            f"/services/{service.id}",
            f"/rdv/{service.id}/motif",
            f"/rdv/{service.id}/creneau?{choix}",
        ):
            poids = await weigh(browser, base + chemin, scripts=scripts)
            assert any(adresse.endswith(".css") for adresse in poids)
            lourds = sorted(poids.items(), key=lambda couple: -couple[1])[:6]
            assert sum(poids.values()) <= BUDGET, f"{chemin}: {sum(poids.values())} bytes, {lourds}"

    async def test_the_measure_counts_what_travels(self, journee: Journee, browser: Browser) -> None:
        """Negative control: a sheet weighs what it weighs once compressed, neither nothing nor its size on disk."""
        feuille = RACINE / "static/vendor/dsfr/dsfr.min.css"
        (poids,) = (await weigh(browser, f"{journee.site.url}/static/vendor/dsfr/dsfr.min.css")).values()
        comprime = len(gzip.compress(feuille.read_bytes(), 5))
        assert comprime < poids < comprime * 1.2 < feuille.stat().st_size / 3
