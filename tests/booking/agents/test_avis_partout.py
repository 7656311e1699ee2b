"""The header's count of notices is live on every page, whatever it shows: live is what a fresh page says (G 2.3.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from app.identite.non_lus import SUIVIS_MAX
from app.realtime.session import SUJETS_MAX
from tests.accueil.monde import JOUR, Journee, axe
from tests.booking.agents.outillage import DEMAIN, formulaire, post_rdv, service_ordinaire, texte
from tests.fixtures.donnees import MondeService

AVIS = "/agent/avis"
AUTRES = "Les avis de vos autres services arrivent au rechargement de la page."
#: What a notice may take to be counted on an open page, in milliseconds.
DELAI_MS = 2000


def agenda(service: MondeService) -> str:
    return f"/services/{service.id}/agenda?jour={JOUR}&vue=jour"


async def book(journee: Journee, service: MondeService) -> int:
    return await journee.book(service, "14:00", jour=DEMAIN)


async def designate(journee: Journee, service: MondeService, rdv: int, agent_id: int) -> None:
    """His chef de service assigns that rendez-vous to an agent."""
    revision = await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv)
    async with journee.client(service.agents["chef"]) as client:
        saisi = {"revision": str(revision), "agents": str(agent_id)}
        reponse = await client.post(f"/rendez-vous/{rdv}/affectation", data=saisi)
    assert reponse.status_code == 303, texte(reponse.text)


async def wait_for_count(page: Page, nombre: int) -> None:
    await page.wait_for_selector(f'#avis-lien[data-non-lus="{nombre}"]', timeout=DELAI_MS)


async def open_listening(journee: Journee, contexte: BrowserContext, chemin: str) -> tuple[Page, list[str]]:
    """A page whose socket is open and has said where each subject stands; and the subjects it asked for, in order."""
    page = await contexte.new_page()
    async with page.expect_websocket() as attendu:
        await page.goto(journee.site.url + chemin)
    socket = await attendu.value
    sujets = [valeur.split("@")[0] for nom, valeur in parse_qsl(urlsplit(socket.url).query) if nom == "sujet"]
    await page.evaluate(
        """async () => {
          const module = document.querySelector('script[src*="accueil.js"]').src;
          const { flux } = await import(module.replace("accueil.js", "flux.js"));
          while (flux.situes.size === 0 || flux.etat !== "direct") await new Promise((f) => setTimeout(f, 50));
        }"""
    )
    return page, sujets


@pytest.fixture
async def deux(journee: Journee) -> tuple[MondeService, MondeService, int]:
    """Two services, and an agent of the first who receives in both."""
    a, b = await service_ordinaire(journee), await service_ordinaire(journee)
    await journee.attach(a.agents["agent"], b)
    return a, b, a.agents["agent"]


@pytest.fixture
async def contexte(
    journee: Journee, browser: Browser, deux: tuple[MondeService, MondeService, int]
) -> AsyncIterator[BrowserContext]:
    contexte = await journee.context(browser, deux[2])
    yield contexte
    await contexte.close()


@pytest.fixture
async def nombreux(journee: Journee) -> tuple[list[MondeService], int]:
    """25 services, and an agent who receives in all of them."""
    services = [await service_ordinaire(journee, libelle=f"SIP {n}") for n in range(25)]
    agent = services[0].agents["agent"]
    for service in services[1:]:
        await journee.attach(agent, service)
    return services, agent


class TestDeTouteLaZone:
    """Each page follows the agendas of the agent's zone, besides what it shows."""

    @pytest.mark.parametrize("ou", ["agenda", "aide", "preferences"])
    async def test_a_notice_of_another_service_is_counted_within_two_seconds(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext, ou: str
    ) -> None:
        a, b, agent = deux
        rdv = await book(journee, b)
        chemin = {"agenda": agenda(a), "aide": "/aide", "preferences": "/agent/preferences"}[ou]
        page, _ = await open_listening(journee, contexte, chemin)
        demandes: list[str] = []
        page.on("request", lambda r: demandes.append(urlsplit(r.url).path) if "/fragment" in r.url else None)
        await wait_for_count(page, 0)
        await designate(journee, b, rdv, agent)
        await wait_for_count(page, 1)
        await expect(page.locator("#annonces")).to_have_text("Un avis non lu")
        assert demandes == [f"{AVIS}/compte/fragment"], "what the page shows is not asked for again"
        if ou == "agenda":
            assert await page.inner_text("#direct") == "En direct"
        vif = await page.locator("#avis-lien").evaluate("e => e.outerHTML")
        await page.reload()
        assert await page.locator("#avis-lien").evaluate("e => e.outerHTML") == vif, "live is what a fresh page says"

    async def test_a_change_that_tells_nobody_asks_for_nothing(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext
    ) -> None:
        a, b, _ = deux
        page, _ = await open_listening(journee, contexte, agenda(a))
        demandes: list[str] = []
        page.on("request", lambda r: demandes.append(r.url) if "/fragment" in r.url else None)
        assert (await post_rdv(journee, b, formulaire(b), agent="chef")).status_code == 303
        version = await journee.scalar("SELECT version FROM agenda WHERE service_id = :s", s=b.id)
        await page.wait_for_selector(f'#avis-lien[data-version$=" {version}"]', timeout=5000)
        assert demandes == []

    async def test_a_notice_of_the_time_when_the_network_was_cut_is_counted_after(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext
    ) -> None:
        _, b, agent = deux
        rdv = await book(journee, b)
        page, _ = await open_listening(journee, contexte, "/aide")
        await contexte.set_offline(True)
        await page.evaluate("dispatchEvent(new Event('pagehide'))")  # the socket closes, nothing is asked for
        await designate(journee, b, rdv, agent)
        await contexte.set_offline(False)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await wait_for_count(page, 1)

    async def test_a_right_lost_elsewhere_costs_the_page_nothing(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext
    ) -> None:
        a, b, agent = deux
        page, sujets = await open_listening(journee, contexte, agenda(a))
        assert sujets == [f"service:{a.id}", f"service:{b.id}"]
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("DELETE FROM rattachement WHERE agent_id = :a AND service_id = :s"), {"a": agent, "s": b.id}
            )
        await page.wait_for_selector(f'#avis-lien[data-suit="service:{a.id}"]', timeout=6000)
        await page.wait_for_selector('#direct[data-direct="direct"]')
        assert await page.locator("[data-masque]").count() == 0

    async def test_the_page_s_own_right_lost_hides_it(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext
    ) -> None:
        _, b, agent = deux
        page, _ = await open_listening(journee, contexte, agenda(b))
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("DELETE FROM rattachement WHERE agent_id = :a AND service_id = :s"), {"a": agent, "s": b.id}
            )
        await page.wait_for_selector("#agenda [data-masque=droits]", timeout=6000)
        assert await page.inner_text("#direct") == "Accès retiré"

    async def test_who_has_no_zone_follows_nothing(self, journee: Journee) -> None:
        service = await journee.service()
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM rattachement WHERE agent_id = :a"), {"a": service.agents["box"]})
        async with journee.client(service.agents["box"]) as client:
            page = (await client.get("/aide")).text
        assert 'id="avis-lien"' in page
        assert "data-suit" not in page


class TestPlusDeVingtServices:
    """One socket follows twenty subjects: the page's own first; what is not heard of is said."""

    def test_a_page_may_follow_what_a_socket_may(self) -> None:
        assert SUIVIS_MAX == SUJETS_MAX

    async def test_the_page_of_notices_says_that_it_does_not_hear_of_all(
        self, journee: Journee, browser: Browser, nombreux: tuple[list[MondeService], int]
    ) -> None:
        services, agent = nombreux
        rdv = await book(journee, services[-1])
        contexte = await journee.context(browser, agent)
        try:
            page, sujets = await open_listening(journee, contexte, AVIS)
            assert len(sujets) == SUJETS_MAX
            assert f"Cette page suit en direct 20 de vos services. {AUTRES}" in texte(
                await page.inner_text("#mes-avis")
            )
            assert "les avis de vos autres services" in (await page.get_attribute("#avis-lien", "title") or "")
            assert await axe(page) == []
            await designate(journee, services[-1], rdv, agent)
            await page.get_by_role("link", name="Actualiser").click()
            await page.wait_for_selector(".mes-avis__un[data-non-lu]")
        finally:
            await contexte.close()

    async def test_the_page_s_own_subject_comes_first_and_no_more_than_twenty_are_asked_for(
        self, journee: Journee, browser: Browser, nombreux: tuple[list[MondeService], int]
    ) -> None:
        services, agent = nombreux
        contexte = await journee.context(browser, agent)
        try:
            page, sujets = await open_listening(journee, contexte, agenda(services[-1]))
            assert sujets[0] == f"service:{services[-1].id}"
            assert len(set(sujets)) == SUJETS_MAX
            rdv = await book(journee, services[3])
            await designate(journee, services[3], rdv, agent)
            await wait_for_count(page, 1)
            assert await page.inner_text("#direct") == "En direct"
        finally:
            await contexte.close()

    async def test_below_nothing_is_said(self, journee: Journee, deux: tuple[MondeService, MondeService, int]) -> None:
        async with journee.client(deux[2]) as client:
            page = texte((await client.get(AVIS)).text)
        assert "autres services" not in page


class TestLuAilleurs:
    """What is read in a tab is read in the others."""

    async def test_a_notice_read_in_a_tab_is_read_in_the_others(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext
    ) -> None:
        a, b, agent = deux
        await designate(journee, b, await book(journee, b), agent)
        compte, _ = await open_listening(journee, contexte, agenda(a))
        liste, _ = await open_listening(journee, contexte, AVIS)
        ici, _ = await open_listening(journee, contexte, AVIS)
        await wait_for_count(compte, 1)
        await ici.get_by_role("button", name="Tout marquer comme lu").click()
        for page in (ici, compte, liste):
            await wait_for_count(page, 0)
        await liste.wait_for_selector(".mes-avis__un:not([data-non-lu])", timeout=DELAI_MS)
        await expect(liste.locator("#mes-avis")).to_contain_text("Tout est lu")

    async def test_read_on_another_device_it_is_when_the_page_is_looked_at_again(
        self, journee: Journee, deux: tuple[MondeService, MondeService, int], contexte: BrowserContext
    ) -> None:
        _, b, agent = deux
        await designate(journee, b, await book(journee, b), agent)
        page, _ = await open_listening(journee, contexte, AVIS)
        ident = await journee.scalar("SELECT max(id) FROM avis WHERE agent_id = :a", a=agent)
        async with journee.client(agent) as client:
            assert (await client.post(f"{AVIS}/{ident}/lu")).status_code == 303
        await page.wait_for_timeout(3100)  # a page that has just been looked at does not ask again
        await page.evaluate("dispatchEvent(new Event('focus'))")
        await wait_for_count(page, 0)
        await page.wait_for_selector(".mes-avis__un:not([data-non-lu])", timeout=DELAI_MS)
