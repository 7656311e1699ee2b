"""What the tests of the whole site share: pages that hide no error, live regions compared with a fresh page."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request
from sqlalchemy import text

from app.booking.outils import Outils
from app.config import RACINE

AXE: Final = RACINE / "node_modules" / "axe-core" / "axe.min.js"
_NORMALISER: Final = (Path(__file__).parent / "normaliser.js").read_text(encoding="utf-8")
_LIRE: Final = f"""() => Object.fromEntries([...document.querySelectorAll("[data-flux]")].map(
    (e) => [e.id, ({_NORMALISER})(e.id)]))"""
_REGIONS: Final = """() => [...document.querySelectorAll("[data-flux]")].map((e) => ({
    id: e.id, sujets: e.dataset.flux.split(" "), versions: e.dataset.version.split(" ").map(Number),
    bouge: e.querySelector(".part") !== null }))"""
_ONGLETS: Final[WeakKeyDictionary[BrowserContext, Page]] = WeakKeyDictionary()
#: The page's clock redraws lateness and waits at that pace: two pages opened apart may differ for as long.
BATTEMENT_S: Final = 3.2


@dataclass
class Temoin:
    """What a page would rather not show: uncaught errors, console errors, broken policy; and its fragment requests."""

    erreurs: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen to a page from now on."""

        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.erreurs.append(f"{page.url}: {message.text}")

        def on_request(request: Request) -> None:
            if "/fragment" in request.url:
                self.fragments.append(request.url)

        page.on("console", on_console)
        page.on("pageerror", lambda erreur: self.erreurs.append(f"{page.url}: {erreur}"))
        page.on("request", on_request)


async def read_versions(outils: Outils) -> dict[str, int]:
    """The version of every subject, as PostgreSQL has it."""
    async with outils.db.read() as conn:
        lignes = (
            await conn.execute(
                text(
                    "SELECT a.service_id, a.version, a.version_creneaux, s.departement, d.interregion_id FROM agenda a"
                    " JOIN service_fiscal s ON s.id = a.service_id JOIN departement d ON d.code = s.departement"
                )
            )
        ).all()
    versions: dict[str, int] = {}
    for service, version, creneaux, departement, interregion in lignes:
        versions[f"service:{service}"] = version
        versions[f"creneaux:{service}"] = creneaux
        for perimetre in (f"service-{service}", f"departement-{departement}", f"interregion-{interregion}", "nation"):
            sujet = f"pilotage:{perimetre}"
            versions[sujet] = versions.get(sujet, 0) + version
    return versions


async def wait_for_versions(page: Page, versions: Mapping[str, int], *, delai_s: float = 8.0) -> float:
    """Wait until every live region stands at these versions and nothing is fading. The seconds it took.

    Raises AssertionError with where the regions stand.
    """
    depart = time.monotonic()
    while True:
        regions: list[dict[str, Any]] = await page.evaluate(_REGIONS)
        assert regions, f"no live region on {page.url}"
        retards = [
            f"{r['id']}: {sujet} at {version}, expected {versions[sujet]}"
            for r in regions
            for sujet, version in zip(r["sujets"], r["versions"], strict=True)
            if not (version is not None and version >= versions[sujet])
        ]
        if not retards and not any(r["bouge"] for r in regions):
            return time.monotonic() - depart
        assert time.monotonic() - depart < delai_s, f"{page.url} stays behind after {delai_s} s: {retards}"
        await asyncio.sleep(0.03)


async def read_regions(page: Page) -> dict[str, str]:
    """Every live region of a page, normalised, by id."""
    regions: dict[str, str] = await page.evaluate(_LIRE)
    return regions


def diff(frais: Mapping[str, str], vif: Mapping[str, str]) -> str:
    """What differs between two readings of the same regions; empty when they are equal."""
    lignes: list[str] = []
    for ident in sorted({*frais, *vif}):
        a, b = frais.get(ident, ""), vif.get(ident, "")
        if a != b:
            lignes += difflib.unified_diff(
                a.split("\n"), b.split("\n"), f"{ident} fresh", f"{ident} live", n=2, lineterm=""
            )
    return "\n".join(lignes)


async def open_fresh(contexte: BrowserContext, url: str) -> dict[str, str]:
    """The live regions of that address opened in another tab of the same session, just rendered.

    The tab is kept for the next time, blank meanwhile: it must neither follow the feed nor count as a screen. Modules
    run before DOMContentLoaded, so the page's clock has already drawn what it draws.
    """
    page = _ONGLETS.get(contexte)
    if page is None or page.is_closed():
        page = _ONGLETS[contexte] = await contexte.new_page()
    await page.goto(url, wait_until="domcontentloaded")
    try:
        return await read_regions(page)
    finally:
        await page.goto("about:blank")


async def find_difference(page: Page, temoin: Temoin | None = None) -> str:
    """Compare a live page with the same address opened afresh in another tab; "" when they are equal.

    The two pages' clocks do not tick together: a difference is looked at again after a beat of the clock, twice at most
    on a busy machine, and only forgiven when the live page has not asked the server for anything meanwhile.
    """
    demandes = len(temoin.fragments) if temoin else 0
    vif = await read_regions(page)
    ecart = diff(await open_fresh(page.context, page.url), vif)
    if not ecart:
        return ""
    for _ in range(2):
        await asyncio.sleep(BATTEMENT_S)
        if temoin and len(temoin.fragments) != demandes:
            return "the live page was not done: it asked for a fragment after it said it was at the version\n" + ecart
        ecart = diff(await open_fresh(page.context, page.url), await read_regions(page))
        if not ecart:
            break
    return ecart


async def axe(page: Page) -> list[str]:
    """The violations that axe finds, as sentences. Run through the debugger: the page's policy stays on."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    resultat = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']} {v['nodes'][0]['html'][:200]}" for v in resultat["violations"]]
