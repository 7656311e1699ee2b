"""What the browser tests of the day's screens ask of a page."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from playwright.async_api import Page

#: A live region and a fresh one: same clock on both, attributes in order, without what is this browser's alone.
_COMPARER: Final = """
async (id) => {
  const base = document.querySelector('script[src$="/js/accueil.js"]').src.replace(/accueil[.]js$/, "");
  const { decorer, maintenant } = await import(base + "horloge.js");
  const { ranger } = await import(base + "rangement.js");
  const propres = new Set(["tabindex", "data-filtre-cache", "data-seule", "data-visibles"]);
  const normaliser = (racine, instant) => {
    const copie = racine.cloneNode(true);
    decorer(copie, instant);
    ranger(copie, instant);
    copie.querySelectorAll("[data-client]").forEach((e) => e.remove());
    for (const e of [copie, ...copie.querySelectorAll("*")]) {
      e.classList.remove("flash", "bouge");
      for (const { name, value } of [...e.attributes].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        e.removeAttribute(name);
        if (!propres.has(name) && !(name === "class" && value === "")) e.setAttribute(name, value);
      }
    }
    return copie.outerHTML.replace(/\\s+/g, " ").replace(/> </g, "><").replace(/></g, ">\\n<");
  };
  const vive = document.getElementById(id);
  const texte = await (await fetch(vive.dataset.fragment, { cache: "no-store" })).text();
  const fraiche = new DOMParser().parseFromString(texte, "text/html").getElementById(id);
  const instant = maintenant();
  return [normaliser(vive, instant), normaliser(fraiche, instant)];
}
"""


async def compare(page: Page, region: str) -> tuple[list[str], list[str]]:
    """The live region and a fresh one, normalised, line by line."""
    vive, fraiche = await page.evaluate(_COMPARER, region)
    return vive.split("\n"), fraiche.split("\n")


async def settle(page: Page, region: str, *, delai_s: float = 4.0) -> None:
    """Wait until the live region equals a fresh one. Fails with the difference."""
    limite = asyncio.get_running_loop().time() + delai_s
    while True:
        vive, fraiche = await compare(page, region)
        if vive == fraiche or asyncio.get_running_loop().time() > limite:
            assert vive == fraiche
            return
        await asyncio.sleep(0.1)


#: JavaScript: the address of one of the page's own modules, hence the very instance that runs.
MODULE: Final = "document.querySelector('script[src$=\"/js/accueil.js\"]').src.replace('accueil.js', '{}.js')"


async def until(page: Page, expression: str, arg: Any = None, *, delai_s: float = 5.0) -> float:
    """Wait until an expression holds in the page; seconds it took. The policy forbids Playwright's own wait."""
    debut = asyncio.get_running_loop().time()
    while not await page.evaluate(expression, arg):
        ecoule = asyncio.get_running_loop().time() - debut
        assert ecoule < delai_s, f"never true: {expression} ({await page.locator('main').inner_text()})"
        await asyncio.sleep(0.02)
    return asyncio.get_running_loop().time() - debut


def follow_fragments(page: Page) -> list[str]:
    """Every fragment that the page asks for from now on."""
    demandes: list[str] = []
    page.on("request", lambda r: demandes.append(r.url) if "/fragment" in r.url else None)
    return demandes


async def tab_to(page: Page, texte: str, *, essais: int = 60) -> None:
    """Press Tab until the focused element's text begins with ``texte``."""
    for _ in range(essais):
        await page.keyboard.press("Tab")
        if str(await page.evaluate("document.activeElement.textContent.trim()")).startswith(texte):
            return
    raise AssertionError(f"the keyboard never reaches « {texte} »")


async def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
