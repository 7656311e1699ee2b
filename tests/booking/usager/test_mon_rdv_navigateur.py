"""One's own rendez-vous in a browser: live, with and without JavaScript, two tabs, on paper [G 2.3.1]."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.mien import Tenu, tenir
from tests.e2e.outillage import axe
from tests.fixtures.donnees import build_agent

pytestmark = pytest.mark.e2e

Ouvrir = Callable[..., Awaitable[Page]]
PARIS = ZoneInfo("Europe/Paris")
ETROIT = {"width": 320, "height": 700}


@pytest.fixture
async def ouvrir(browser: Browser, monde: Monde) -> AsyncIterator[Ouvrir]:
    """``ouvrir(chemin, **options)`` is a page of a new browser; console errors fail the test."""
    contextes: list[BrowserContext] = []
    erreurs: list[str] = []

    async def nouvelle(chemin: str, **options: Any) -> Page:
        contexte = await browser.new_context(locale="fr-FR", reduced_motion="reduce", **options)
        contextes.append(contexte)
        page = await contexte.new_page()
        page.on("pageerror", lambda erreur: erreurs.append(str(erreur)))
        page.on("console", lambda m: erreurs.append(m.text) if m.type == "error" else None)
        await page.goto(monde.site.url + chemin)
        return page

    yield nouvelle
    for contexte in contextes:
        await contexte.close()
    assert [e for e in erreurs if not re.search(r"status of (404|409|422)|ERR_|Failed to fetch", e)] == []


@pytest.fixture
async def tenu(monde: Monde, arrive: Arrivee) -> Tenu:
    return await tenir(monde, arrive, 6)


@pytest.fixture
async def agent(monde: Monde) -> Auteur:
    nom = f"agent-{clock.now().timestamp()}"
    async with monde.outils.db.engine.begin() as conn:
        ident = await build_agent(conn, nom, service_id=monde.service.id, zone=[monde.service.id])
    return Auteur("agent", agent_id=ident)


async def refresh(page: Page) -> None:
    """The page asks now, as it does by itself every few seconds."""
    async with page.expect_response(lambda r: "/fragment" in r.url):
        await page.evaluate("dispatchEvent(new Event('online'))")
    await asyncio.sleep(0.15)


async def find_ecart(page: Page) -> str:
    """What differs between the live part and that of the same address opened afresh; "" when nothing does."""
    lire = """() => {
        const e = document.getElementById("mon-rdv").cloneNode(true);
        e.querySelectorAll('[name="_csrf"]').forEach((c) => c.remove());
        for (const d of e.querySelectorAll("*")) {
            const utiles = [...d.attributes].filter((a) => !a.name.startsWith("data-fr-js"));
            const dits = utiles.map((a) => `${a.name}=${a.value}`);
            [...d.attributes].forEach((a) => d.removeAttribute(a.name));
            d.setAttribute("dits", dits.sort().join(" "));
        }
        return e.outerHTML.replace(/\\s+/g, " ");
    }"""
    vif = await page.evaluate(lire)
    coche = await page.evaluate("[...document.querySelectorAll('#mon-rdv input')].map((c) => c.checked)")
    fraiche = await page.context.new_page()
    try:
        await fraiche.goto(page.url)
        frais = await fraiche.evaluate(lire)
        autres = await fraiche.evaluate("[...document.querySelectorAll('#mon-rdv input')].map((c) => c.checked)")
    finally:
        await fraiche.close()
    if (vif, coche) == (frais, autres):
        return ""
    return "\n".join(difflib.unified_diff(frais.split("<"), vif.split("<"), "fresh", "live", n=1, lineterm=""))


class TestVivante:
    """« The usager's page is live »: state + questions == fresh state, for everything that may happen to it."""

    async def test_a_move_and_a_cancellation_by_the_service_show_without_a_reload(
        self, monde: Monde, tenu: Tenu, agent: Auteur, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(tenu.lien)
        (debut,) = await tenu.ligne("debut")
        neuf = debut + timedelta(minutes=20)
        await move(monde.outils, tenu.rdv, Cible(to_minute(neuf)), agent, clock.now())
        await refresh(page)
        local = neuf.astimezone(PARIS)
        await expect(page.locator(".billet__quand")).to_contain_text(f"{local.hour}\u00a0h")
        assert await find_ecart(page) == ""
        await act(monde.outils, tenu.rdv, Action.ANNULER, agent, clock.now(), raison="fermeture")
        await refresh(page)
        await expect(page.locator("#mon-rdv")).to_contain_text("Le service a dû l’annuler")
        await expect(page.locator("#annonces")).to_contain_text("Ce rendez-vous est annulé")
        assert await page.locator("[data-documents]").count() == 0
        assert await find_ecart(page) == ""

    async def test_each_step_of_the_day_shows(self, monde: Monde, tenu: Tenu, agent: Auteur, ouvrir: Ouvrir) -> None:
        debut = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=5)
        await monde.sql_write(
            "UPDATE rendez_vous SET debut = :d, fin = :f, jour = :j WHERE id = :r",
            d=debut,
            f=debut + timedelta(minutes=20),
            j=debut.astimezone(PARIS).date(),
            r=tenu.rdv,
        )
        page = await ouvrir(tenu.lien)
        assert await page.locator("#mon-rdv").get_attribute("data-rythme") == "4"
        for action, attendu in (
            (Action.MARQUER_ARRIVEE, "Votre arrivée est enregistrée"),
            (Action.ANNULER_ARRIVEE, ""),
            (Action.MARQUER_ARRIVEE, "Installez-vous"),
            (Action.APPELER, "C’est à vous : Guichet"),
            (Action.RECEVOIR, "en cours"),
            (Action.TERMINER, "a eu lieu"),
        ):
            await act(monde.outils, tenu.rdv, action, agent, clock.now())
            await refresh(page)
            await expect(page.locator("#mon-rdv .mon-rdv__etat")).to_contain_text(attendu)
            assert await find_ecart(page) == "", action
            imprimer = page.locator("[data-imprimer]")
            assert await imprimer.count() == 0 or await imprimer.is_visible()

    async def test_by_itself_within_its_pace(self, monde: Monde, tenu: Tenu, agent: Auteur, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien)
        await page.evaluate("document.getElementById('mon-rdv').dataset.rythme = '1'")
        await refresh(page)
        await act(monde.outils, tenu.rdv, Action.ANNULER, agent, clock.now(), raison="fermeture")
        await expect(page.locator("#mon-rdv")).to_contain_text("Ce rendez-vous est annulé", timeout=6000)

    async def test_cut_off_it_says_since_when_and_comes_back(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien)
        etat = page.locator("[data-mon-rdv-etat]")
        await expect(etat).to_have_attribute("data-direct", "direct")

        async def couper(route: Route) -> None:
            await route.abort()

        await page.route("**/fragment*", couper)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(etat).to_contain_text(re.compile(r"Connexion perdue – données de \d\d:\d\d"))
        await page.unroute("**/fragment*")
        await expect(etat).to_have_attribute("data-direct", "direct", timeout=8000)


class TestDocuments:
    """« Cochez ce que vous avez préparé »."""

    async def test_each_tick_is_kept_and_another_tab_follows(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien)
        autre = await page.context.new_page()
        await autre.goto(page.url)
        assert not await page.get_by_role("button", name="Enregistrer").is_visible()
        async with page.expect_response(lambda r: r.url.endswith("/documents") and r.ok):
            await page.locator('label[for="document-1"]').click()
        await expect(page.locator("[data-prets]")).to_have_text("1 sur 2 prêts")
        assert len((await tenu.ligne("documents_prets"))[0]) == 1
        await refresh(autre)
        await expect(autre.locator("#document-1")).to_be_checked()
        await expect(autre.locator("[data-prets]")).to_have_text("1 sur 2 prêts")
        assert await find_ecart(autre) == ""

    async def test_a_tick_made_while_leaving_is_kept(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien)
        await page.locator('label[for="document-2"]').click()
        await page.goto("about:blank")
        for _ in range(50):
            if (await tenu.ligne("documents_prets"))[0]:
                break
            await asyncio.sleep(0.1)
        assert len((await tenu.ligne("documents_prets"))[0]) == 1

    async def test_not_kept_it_says_so_and_gives_the_button_back(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien)

        async def couper(route: Route) -> None:
            await route.abort()

        await page.route("**/documents", couper)
        await page.locator('label[for="document-1"]').click()
        await expect(page.locator("[data-prets]")).to_contain_text("n’ont pas pu être enregistrées")
        await page.unroute("**/documents")
        await page.get_by_role("button", name="Enregistrer").click()
        await page.wait_for_url("**#documents")
        assert len((await tenu.ligne("documents_prets"))[0]) == 1

    async def test_without_a_script_the_button_keeps_them(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien, java_script_enabled=False)
        await page.locator('label[for="document-1"]').click()
        await page.get_by_role("button", name="Enregistrer").click()
        await expect(page.locator("[data-prets]")).to_have_text("1 sur 2 prêts")
        await expect(page.locator("#document-1")).to_be_checked()


class TestParcours:
    """See, move, cancel; with and without JavaScript."""

    @pytest.mark.parametrize("script", [True, False], ids=["js", "sans js"])
    async def test_move_then_cancel(self, tenu: Tenu, ouvrir: Ouvrir, script: bool) -> None:
        page = await ouvrir(tenu.lien, java_script_enabled=script)
        await page.get_by_role("link", name="Déplacer", exact=True).click()
        creneau = page.locator('.creneau[data-libre="1"]').nth(2)
        debut = datetime.fromisoformat(await creneau.get_attribute("value") or "")
        await creneau.click()
        await page.get_by_role("button", name="Confirmer le déplacement").click()
        await expect(page.locator("main")).to_contain_text("Votre rendez-vous a été déplacé")
        assert (await tenu.ligne("debut")) == (debut,)
        await page.get_by_role("link", name="Annuler", exact=True).click()
        await page.get_by_label("Pourquoi l’annulez-vous").fill("Plus besoin")
        await page.get_by_role("button", name="Annuler définitivement").click()
        await expect(page.locator("main")).to_contain_text("Ce rendez-vous est annulé")
        assert (await tenu.ligne("etat", "annule_raison")) == ("annule", "Plus besoin")
        await page.go_back()
        await expect(page.locator("main")).to_be_visible()

    async def test_a_reload_of_the_confirmation_sends_nothing_again(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"{tenu.lien}/deplacer")
        (avant,) = await tenu.ligne("debut")
        await page.locator('.creneau[data-libre="1"]').nth(1).click()
        await expect(page.get_by_role("button", name="Confirmer le déplacement")).to_be_visible()
        await page.reload()
        await expect(page.locator("#creneaux")).to_be_visible()
        assert (await tenu.ligne("debut")) == (avant,)

    async def test_the_grid_of_the_move_is_live(
        self, arrive: Arrivee, tenu: Tenu, ouvrir: Ouvrir, monde: Monde
    ) -> None:
        page = await ouvrir(f"{tenu.lien}/deplacer")
        await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
        creneau = page.locator('.creneau[data-libre="1"]').nth(3)
        debut = await creneau.get_attribute("value")
        for _ in range(4):
            assert (await arrive().choose(debut)).status_code == 303
        await expect(page.locator(f'.creneau[value="{debut}"]')).to_have_attribute("data-libre", "0", timeout=5000)

    async def test_moved_by_the_service_meanwhile_the_hour_that_is_not_offered_is_the_new_one(
        self, tenu: Tenu, ouvrir: Ouvrir, monde: Monde, agent: Auteur
    ) -> None:
        page = await ouvrir(f"{tenu.lien}/deplacer")
        await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
        (avant,) = await tenu.ligne("debut")
        sien = page.locator(f'.creneau[data-m="{to_minute(avant)}"]')
        neuf = page.locator(f'.creneau[data-m="{to_minute(avant) + 40}"]')
        await expect(neuf).to_have_attribute("data-libre", "1")
        await expect(sien).to_have_count(0)
        await move(monde.outils, tenu.rdv, Cible(to_minute(avant) + 40), agent, clock.now())
        await expect(sien).to_have_attribute("data-libre", "1", timeout=8000)
        await expect(neuf).to_have_count(0)
        lire = "[...document.querySelectorAll('.creneau')].map((b) => [b.dataset.m, b.dataset.libre])"
        vif = await page.evaluate(lire)
        await page.reload()
        assert await page.evaluate(lire) == vif

    async def test_an_earlier_one_that_is_freed_comes_by_itself(
        self, monde: Monde, arrive: Arrivee, ouvrir: Ouvrir
    ) -> None:
        premiers = [await tenir(monde, arrive) for _ in range(4)]
        lui = await tenir(monde, arrive)
        page = await ouvrir(f"{lui.lien}/plus-tot")
        await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
        avant = await page.locator(".creneau").count()
        (debut,) = await premiers[0].ligne("debut")
        libere = next((t for t in premiers if t.rdv), premiers[0])
        await libere.post("/annuler", await libere.get("/annuler"))
        await expect(page.locator(".creneau")).to_have_count(avant + 1, timeout=8000)
        await page.locator(f'.creneau[value="{debut.astimezone(PARIS).isoformat()}"]').click()
        await expect(page.locator("main")).to_contain_text("Votre rendez-vous a été déplacé")
        assert (await lui.ligne("debut")) == (debut,)

    async def test_found_again_by_its_code_and_name(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir("/retrouver")
        await page.get_by_label("Code du rendez-vous").fill(tenu.code.lower())
        await page.get_by_label("Nom donné").fill("valenton")
        await page.keyboard.press("Enter")
        await expect(page.locator(".code-rdv")).to_contain_text(tenu.code)
        assert tenu.code not in page.url


class TestTousLesEcrans:
    """320 px, axe, one sheet of paper."""

    async def test_every_page_fits_and_axe_finds_nothing(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien, viewport=ETROIT)
        for suite in ("", "/deplacer", "/plus-tot", "/annuler"):
            await page.goto(f"{tenu.monde.site.url}{tenu.lien}{suite}")
            await self._check(page, suite)
        await page.goto(f"{tenu.monde.site.url}{tenu.lien}/deplacer")
        await page.locator('.creneau[data-libre="1"]').nth(2).click()
        await page.get_by_role("button", name="Confirmer le déplacement").wait_for()
        await self._check(page, "confirmer")
        await tenu.post("/annuler", await tenu.get("/annuler"))
        for suite in ("", "/deplacer"):
            await page.goto(f"{tenu.monde.site.url}{tenu.lien}{suite}")
            await self._check(page, f"annulé {suite}")

    async def _check(self, page: Page, ou: str) -> None:
        large = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert large <= 0, f"{ou} is {large} px too wide"
        assert await axe(page) == [], ou

    async def test_it_is_one_a4_sheet(self, tenu: Tenu, ouvrir: Ouvrir) -> None:
        page = await ouvrir(tenu.lien)
        pdf = await page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == 1
        await page.emulate_media(media="print")
        for dit in (".code-rdv", ".billet__qr", ".a-cocher label", "address"):
            assert await page.locator(dit).first.is_visible(), dit
        for tu in (".confirmation__actions", "footer", "[data-mon-rdv-etat]", "[data-documents-enregistrer]"):
            assert not await page.locator(tu).first.is_visible(), tu
