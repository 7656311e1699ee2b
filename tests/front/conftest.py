"""A browser, a test site on a free port, and pages that refuse to hide an error."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from outils.chromium import ARGUMENTS, find_chromium
from tests.front.site import MODULES, Site

AXE = MODULES / "axe-core" / "axe.min.js"
ORDINAIRE: Final[dict[str, Any]] = {
    "viewport": {"width": 1280, "height": 900},
    "locale": "fr-FR",
    "timezone_id": "America/New_York",
}
Ouvrir = Callable[..., Coroutine[Any, Any, Page]]


@pytest.fixture(scope="session")
async def navigateur() -> AsyncIterator[Browser]:
    """One Chromium for all the tests of this folder."""
    async with async_playwright() as p:
        navigateur = await p.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        yield navigateur
        await navigateur.close()


@pytest.fixture(scope="session")
async def partage(navigateur: Browser) -> AsyncIterator[BrowserContext]:
    """The context of most tests: in another zone than the service's, without jitter.

    Its cache spares them the style sheets; a test of the jitter itself asks for a context of its own.
    """
    contexte = await navigateur.new_context(**ORDINAIRE)
    await contexte.add_init_script("Math.random = () => 0.04;")
    contexte.set_default_timeout(6000)
    yield contexte
    await contexte.close()


@contextlib.asynccontextmanager
async def servir(site: Site, port: int = 0) -> AsyncIterator[int]:
    """The site on 127.0.0.1; yields its port. Leaving closes it, sockets included."""
    ecoute = socket.socket()
    ecoute.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ecoute.bind(("127.0.0.1", port))
    configuration = uvicorn.Config(
        site.app, log_level="critical", ws="websockets-sansio", timeout_graceful_shutdown=1, lifespan="off"
    )
    serveur = uvicorn.Server(configuration)
    tache = asyncio.create_task(serveur.serve(sockets=[ecoute]))
    try:
        yield int(ecoute.getsockname()[1])
    finally:
        serveur.should_exit = True
        await tache


@pytest.fixture(scope="session")
def port() -> int:
    """One port for all the tests: the browser's cache is kept by address."""
    with socket.socket() as libre:
        libre.bind(("127.0.0.1", 0))
        return int(libre.getsockname()[1])


@pytest.fixture
async def site(port: int) -> AsyncIterator[Site]:
    """A fresh small service, served."""
    site = Site()
    async with servir(site, port):
        site.port = port
        yield site
    assert site.csp == [], "a page broke the Content-Security-Policy"


async def leave(ouvert: Page | BrowserContext) -> None:
    """Close it. A tab that the browser itself never closes (on a busy machine) is left to the browser's own end."""
    try:
        async with asyncio.timeout(10):
            await ouvert.close()
    except TimeoutError:
        warnings.warn(f"the browser did not close {ouvert}", stacklevel=1)


@pytest.fixture
async def ouvrir(navigateur: Browser, partage: BrowserContext, site: Site) -> AsyncIterator[Ouvrir]:
    """``await ouvrir("agenda")`` opens a prototype page, live. Any uncaught error of a page fails the test.

    Options of a Playwright context, or ``seule=True`` (own storage), give the page a context of its own.
    """
    contextes: list[BrowserContext] = []
    pages: list[Page] = []
    erreurs: list[str] = []

    async def _ouvrir(nom: str, *, direct: bool = True, seule: bool = False, **options: Any) -> Page:
        contexte = partage
        if options or seule:
            contexte = await navigateur.new_context(**{**ORDINAIRE, **options})
            contexte.set_default_timeout(6000)
            contextes.append(contexte)
        page = await contexte.new_page()
        pages.append(page)
        page.on("pageerror", lambda e: erreurs.append(str(e)))
        await page.goto(f"http://127.0.0.1:{site.port}/page/{nom}")
        if direct:
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=5000)
        return page

    yield _ouvrir
    for page in pages:
        await leave(page)
    for contexte in contextes:
        await leave(contexte)
    assert erreurs == []


async def axe(page: Page) -> list[str]:
    """The violations that axe finds, as sentences. Run through the debugger: the page's policy stays on."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    resultat = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']} {v['nodes'][0]['html'][:200]}" for v in resultat["violations"]]


async def jusqua(page: Page, expression: str, arg: Any = None, delai: float = 5.0) -> None:
    """Wait until an expression holds in the page. Playwright's own wait would need eval, which the policy refuses."""
    fin = asyncio.get_running_loop().time() + delai
    while not await page.evaluate(expression, arg):
        assert asyncio.get_running_loop().time() < fin, f"never true: {expression}"
        await asyncio.sleep(0.03)


async def attendre(condition: Callable[[], bool], delai: float = 4.0) -> None:
    """Wait until a condition of the test's own world holds."""
    fin = asyncio.get_running_loop().time() + delai
    while not condition():
        assert asyncio.get_running_loop().time() < fin, "condition not met in time"
        await asyncio.sleep(0.02)
