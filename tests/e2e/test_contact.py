"""« Contact » in Chromium: with scripts and by keyboard alone, without, and the button in another site’s frame."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.booking.usager.terrain_contact import IMPOT, Ban, Terrain, run_ban, run_terrain
from tests.e2e.outillage import Temoin, axe

pytestmark = pytest.mark.e2e
Ouvrir = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="module")
def ban() -> Iterator[Ban]:
    with run_ban() as ouvert:
        yield ouvert


@pytest.fixture(scope="module")
async def terrain(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
    ban: Ban,
) -> AsyncIterator[Terrain]:
    var = tmp_path_factory.mktemp("contact-e2e")
    async with run_terrain(postgres_server, modele, redis_server, smtp_server, var, ban) as ouvert:
        yield ouvert


@pytest.fixture
async def temoin() -> AsyncIterator[Temoin]:
    """Whatever a page reports; a form refused on purpose is no error."""
    vu = Temoin()
    yield vu
    assert [e for e in vu.erreurs if not re.search(r"status of 422|frame-ancestors|chrome-error", e)] == []


@pytest.fixture
async def ouvrir(browser: Browser, terrain: Terrain, temoin: Temoin) -> AsyncIterator[Ouvrir]:
    """``ouvrir(chemin, **options)`` is a page of a new visitor."""
    contextes: list[BrowserContext] = []

    async def nouvelle(chemin: str, **options: Any) -> Page:
        reglages: dict[str, Any] = {"locale": "fr-FR", "viewport": {"width": 1280, "height": 900}, **options}
        contexte = await browser.new_context(reduced_motion="reduce", **reglages)
        contextes.append(contexte)
        page = await contexte.new_page()
        temoin.watch(page)
        await page.goto(terrain.site.url + chemin)
        return page

    yield nouvelle
    for contexte in contextes:
        await contexte.close()


async def focus(page: Page) -> str:
    """What has the focus: an id, else a text."""
    return str(await page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))


class TestAvecScripts:
    """screens « Contact »: radio groups revealed one after the other, choices kept in the URL."""

    async def test_the_whole_way_by_keyboard_alone(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("/contact", viewport={"width": 320, "height": 800})
        for question, mots in (
            ("nature", "Un particulier"),
            ("s1", "Votre dossier fiscal"),
            ("s2", "Le calcul de vos impôts"),
            ("s3", "Votre impôt sur le revenu"),
        ):
            premier = page.locator(f"input[name={question}]").first
            await premier.focus()
            await page.keyboard.press("Space")
            while mots not in await page.evaluate("document.activeElement.labels[0].textContent"):
                await page.keyboard.press("ArrowDown")
            await page.wait_for_url(f"**{question}=*")
            suivante = {"nature": "s1", "s1": "s2", "s2": "s3"}.get(question)
            if suivante:
                await page.locator(f"#question-{suivante}").wait_for()
        assert await page.evaluate("document.activeElement.name") == "s3", "the focus stays where one answers"
        await expect(page.locator("#annonces")).to_contain_text("trois façons d’avancer")
        champ = page.get_by_role("combobox", name="Votre commune ou votre code postal")
        await champ.focus()
        await page.keyboard.type("nev")
        liste = page.get_by_role("listbox")
        await liste.wait_for()
        assert await champ.get_attribute("aria-expanded") == "true"
        assert await axe(page) == []
        await page.keyboard.press("ArrowDown")
        marquee = page.locator('[role=option][aria-selected="true"]')
        await expect(marquee).to_contain_text("Nevers")
        assert await champ.get_attribute("aria-activedescendant") == await marquee.get_attribute("id")
        await page.keyboard.press("ArrowUp")
        await expect(marquee).to_contain_text("Nevertz")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        assert await champ.input_value() == "Nevers"
        assert await liste.count() == 0
        await page.keyboard.press("Enter")
        await page.wait_for_url("**insee=58194**")
        await expect(page.get_by_role("heading", name="Plusieurs services peuvent vous répondre")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320

    async def test_escape_closes_and_keeps_what_was_typed(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"/contact?sujet={IMPOT}")
        champ = page.locator("#champ-lieu")
        await champ.press_sequentially("cha")
        await page.get_by_role("listbox").wait_for()
        await page.keyboard.press("Escape")
        assert (await champ.input_value(), await champ.get_attribute("aria-expanded")) == ("cha", "false")
        await page.keyboard.press("ArrowDown")
        await page.get_by_role("listbox").wait_for()
        await page.keyboard.press("Tab")
        assert await page.get_by_role("listbox").count() == 0
        assert await focus(page) == "Chercher le service"

    async def test_a_click_takes_a_commune_and_typing_again_forgets_it(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"/contact?sujet={IMPOT}")
        champ = page.locator("#champ-lieu")
        await champ.press_sequentially("chal")
        await page.get_by_role("option", name="Challuy").click()
        assert await page.locator("input[name=insee]").input_value() == "58051"
        await champ.fill("varennes")
        assert await page.locator("input[name=insee]").count() == 0
        await page.get_by_role("button", name="Chercher le service").click()
        await page.get_by_role("link", name="SIP NEVERS NORD").first.wait_for()

    async def test_the_field_proposes_once_after_questions_were_changed(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"/contact?sujet={IMPOT}")
        await page.locator("label", has_text="Votre taxe foncière").click()
        await page.wait_for_url("**s3=p-dossier-calcul-fonciere")
        await page.locator("#champ-lieu").press_sequentially("var")
        await page.get_by_role("option").first.wait_for()
        assert await page.get_by_role("listbox").count() == 1
        await page.keyboard.press("ArrowDown")
        assert await page.locator('[aria-selected="true"]').count() == 1

    async def test_going_back_finds_the_answers_again(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"/contact?sujet={IMPOT}")
        await page.locator("#champ-lieu").fill("varennes")
        await page.get_by_role("button", name="Chercher le service").click()
        await page.get_by_role("link", name="Modifier ma demande").click()
        assert await page.locator("input[name=s3]:checked").input_value() == IMPOT
        await page.go_back()
        await page.get_by_role("link", name="SIP NEVERS NORD").first.wait_for()


class TestSansScripts:
    """« Works without JavaScript first »: links and forms."""

    async def test_from_the_home_page_to_the_journey(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("/", java_script_enabled=False)
        await page.get_by_role("link", name="Répondre à quelques questions").click()
        continuer = page.get_by_role("button", name="Continuer")
        await continuer.click()
        await expect(page.get_by_role("link", name="Choisissez une réponse pour continuer.")).to_be_visible()
        for mots in ("Un particulier", "Votre dossier fiscal", "Le calcul de vos impôts", "Votre taxe foncière"):
            await page.locator("label", has_text=mots).first.click()
            await continuer.click()
        await page.locator("#champ-lieu").fill("58000")
        await page.get_by_role("button", name="Chercher le service").click()
        await page.get_by_role("link", name="Nevers", exact=True).click()
        await page.locator("#champ-rue").fill("quai de Loire")
        await page.get_by_role("button", name="Préciser").click()
        assert "Loire" not in page.url
        await expect(page.locator(".carte-service")).to_have_count(1)
        await page.get_by_role("link", name=re.compile("Prendre rendez-vous")).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("SIP NEVERS NORD")


@pytest.fixture
def autre_site(terrain: Terrain) -> Iterator[str]:
    """A site of somebody else's that frames the button, on an origin that nobody named."""
    corps = (
        f'<!DOCTYPE html><title>Mairie</title><iframe src="{terrain.site.url}'
        f'/services/{terrain.services["nord"].id}/encart" title="x"></iframe>'
    ).encode()

    class Reponse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(corps if self.path == "/" else b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    serveur = ThreadingHTTPServer(("127.0.0.1", 0), Reponse)
    threading.Thread(target=serveur.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serveur.server_address[1]}/"
    serveur.shutdown()
    serveur.server_close()


class TestLEncart:
    """ADR « A button in somebody else's page »."""

    async def test_alone_it_is_accessible_and_within_its_frame(self, ouvrir: Ouvrir, terrain: Terrain) -> None:
        nord = terrain.services["nord"].id
        page = await ouvrir(f"/services/{nord}/encart", viewport={"width": 280, "height": 180})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 280
        lien = page.get_by_role("link", name=re.compile("Prendre rendez-vous"))
        assert await lien.get_attribute("target") == "_blank"
        boite = await lien.bounding_box()
        assert boite is not None
        assert boite["height"] >= 44

    async def test_a_site_that_nobody_named_shows_nothing(self, browser: Browser, autre_site: str) -> None:
        contexte = await browser.new_context()
        try:
            page = await contexte.new_page()
            await page.goto(autre_site)
            await page.wait_for_timeout(500)
            cadre = page.frames[1]
            assert "Prendre rendez-vous" not in await cadre.content()
        finally:
            await contexte.close()
