"""Forms of « Organiser » and of the national administration: the fields of a row on one line, nothing overflowing."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.accueil.ecran import overflow
from tests.accueil.monde import Journee

pytestmark = pytest.mark.e2e

#: Pairs of controls of one form that share a row without the same top and bottom; the bar that saves floats apart.
_ECARTS = """() => {
  const vus = [...document.querySelectorAll("main form :is(input.fr-input, select.fr-select, .fr-btn)")]
    .filter((e) => e.checkVisibility() && !e.closest(".fr-btns-group"))
    .map((e) => [e, e.getBoundingClientRect()]);
  const nom = (e) => e.name || e.innerText.trim();
  return vus.flatMap(([a, r], i) => vus.slice(i + 1).filter(([b, s]) =>
    a.closest("form") === b.closest("form") && (r.right <= s.left || s.right <= r.left)
    && Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top) > 10
    && Math.abs(r.top - s.top) + Math.abs(r.bottom - s.bottom) > 1
  ).map(([b]) => `${nom(a)} / ${nom(b)}`));
}"""


@pytest.mark.parametrize("taille", [(1440, 900), (720, 450), (390, 844)])
async def test_the_fields_of_a_row_are_aligned_and_nothing_scrolls_sideways(
    journee: Journee, browser: Browser, taille: tuple[int, int]
) -> None:
    """720 × 450 is a screen of 1440 × 900 at 200 %."""
    service = await journee.service()
    base = f"/services/{service.id}/organiser"
    siennes = ("plannings/semaine", "plannings/nouveau", "exceptions/nouvelle", "expliquer", "motifs", "parametres")
    delegation, agent = "delegations/nouvelle", f"agents/{service.agents['box']}"
    nationales = ("comptes", "services", "motifs", "parametres", f"comptes/{service.agents['box']}")
    ecarts: dict[str, list[str]] = {}
    for qui, chemins in (
        ("chef", [f"{base}/{partie}" for partie in (*siennes, delegation, agent)]),
        ("national", [f"/administration/{partie}" for partie in nationales]),
    ):
        contexte = await journee.context(
            browser, service.agents[qui], viewport={"width": taille[0], "height": taille[1]}, reduced_motion="reduce"
        )
        for chemin in chemins:
            page = await journee.open(contexte, chemin, direct=False)
            await page.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true; })")
            if trouves := await page.evaluate(_ECARTS):
                ecarts[chemin] = trouves
            assert await overflow(page) <= 0, chemin
            await page.close()
        await contexte.close()
    assert ecarts == {}
