"""A right withdrawn, an account suspended: HTTP at once, sockets and pages within five seconds [P13]; the list live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.accueil.monde import Journee, axe
from tests.admin.comptes import act, act_national, base, habilitation
from tests.fixtures.donnees import MondeService

DELAI_S = 5.0


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


@asynccontextmanager
async def listen(journee: Journee, service: MondeService, agent_id: int) -> AsyncIterator[ClientConnection]:
    """A real socket on the service, with that agent's session cookie."""
    adresse = f"{journee.site.url.replace('http', 'ws', 1)}/temps-reel?sujet=service:{service.id}"
    cookie = {"Cookie": f"accueil_session={await journee.sign_in(agent_id)}", "Origin": journee.site.url}
    async with connect(adresse, additional_headers=cookie) as socket:
        yield socket


async def time_to_close(socket: ClientConnection) -> float:
    """Seconds until the gateway closes the socket."""
    depart = time.monotonic()
    try:
        async with asyncio.timeout(DELAI_S + 3):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return time.monotonic() - depart


ACTES: list[tuple[str, dict[str, Any]]] = [
    ("suspension", {"confirme": "perte"}),
    ("sessions", {}),
    ("detachement", {"service": "ici", "confirme": "perte"}),
    ("retrait", {"habilitation": "la sienne", "confirme": "perte"}),
]


class TestRevocation:
    @pytest.mark.parametrize(("acte", "donnees"), ACTES, ids=[acte for acte, _ in ACTES])
    async def test_http_closes_at_once_and_the_socket_within_five_seconds(
        self, journee: Journee, nevers: MondeService, acte: str, donnees: dict[str, Any]
    ) -> None:
        agent = nevers.agents["agent"]
        valeurs: dict[str, Any] = dict(donnees)
        if acte == "detachement":
            valeurs["service"] = nevers.id
        if acte == "retrait":
            valeurs["habilitation"] = await habilitation(journee, agent, "agent_local")
        agenda = f"/services/{nevers.id}/agenda?jour=2026-11-23"
        async with journee.client(agent) as lui, listen(journee, nevers, agent) as socket:
            assert (await lui.get(agenda)).status_code == 200
            await socket.recv()
            reponse = await act(journee, nevers, agent, acte, **valeurs)
            assert reponse.status_code == 303, reponse.text
            assert (await lui.get(agenda)).status_code in (303, 404)
            assert await time_to_close(socket) <= DELAI_S
        with pytest.raises(InvalidStatus):
            async with listen(journee, nevers, agent):
                pass

    async def test_others_stay_connected(self, journee: Journee, nevers: MondeService) -> None:
        async with listen(journee, nevers, nevers.agents["box"]) as voisin:
            await voisin.recv()
            await act(journee, nevers, nevers.agents["agent"], "suspension", confirme="perte")
            fin = time.monotonic() + 4
            recues = []
            while time.monotonic() < fin:
                async with asyncio.timeout(4):
                    recues.append(await voisin.recv())
            assert recues

    async def test_a_reactivated_account_gets_no_old_session_back(self, journee: Journee, nevers: MondeService) -> None:
        agent = nevers.agents["agent"]
        async with journee.client(agent) as lui:
            assert (await lui.get("/agent")).status_code == 200
            await act(journee, nevers, agent, "suspension", confirme="perte")
            reponse = await act(journee, nevers, agent, "reactivation")
            assert reponse.status_code == 303
            assert (await lui.get("/agent")).status_code == 303
        journee.jetons.pop(agent)
        async with journee.client(agent) as neuf:
            assert (await neuf.get("/agent")).status_code == 200


@pytest.mark.e2e
class TestALEcran:
    async def test_an_open_agenda_says_that_it_is_over(
        self, browser: Browser, journee: Journee, nevers: MondeService
    ) -> None:
        agent = nevers.agents["agent"]
        contexte = await journee.context(browser, agent)
        page = await journee.open(contexte, f"/services/{nevers.id}/agenda?jour=2026-11-23")
        await act(journee, nevers, agent, "suspension", confirme="perte")
        await page.wait_for_selector('#direct[data-direct="arret"]', timeout=DELAI_S * 1000)
        await contexte.close()

    async def test_another_administrator_s_change_appears_without_a_reload(
        self, browser: Browser, journee: Journee, nevers: MondeService
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["chef"])
        page = await journee.open(contexte, base(nevers))
        rang = page.locator(f"#agent-{nevers.agents['box']}")
        assert "Actif" not in await rang.inner_text()
        donnees = {"profil": "pilotage", "perimetre": "service", "lieu": await sages(journee, nevers)}
        reponse = await act_national(journee, nevers, nevers.agents["box"], "habilitations", **donnees)
        assert reponse.status_code == 303, reponse.text
        await page.wait_for_selector(f"#agent-{nevers.agents['box']} >> text=Pilotage", timeout=5000)
        vivante = await page.locator("#agents").inner_text()
        await page.reload()
        assert await page.locator("#agents").inner_text() == vivante
        await contexte.close()

    async def test_every_page_is_clean_for_axe_at_390_pixels(
        self, browser: Browser, journee: Journee, nevers: MondeService
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["chef"], viewport={"width": 390, "height": 844})
        adresses = ["", "/acces", "/nouveau", f"/{nevers.agents['box']}", f"/{nevers.agents['chef']}"]
        for fin in adresses:
            page = await journee.open(contexte, base(nevers) + fin, direct=fin in ("", "/acces"))
            assert await axe(page) == [], fin
            large = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert large <= 0, (fin, large)
            await page.close()
        await contexte.close()
        national = await journee.context(browser, nevers.agents["national"], viewport={"width": 390, "height": 844})
        for chemin in ("", "/nouveau", f"/{nevers.agents['chef']}"):
            page = await journee.open(national, f"/administration/comptes{chemin}", direct=False)
            assert await axe(page) == [], chemin
            await page.close()
        await national.close()

    async def test_a_suspension_is_confirmed_without_javascript(
        self, browser: Browser, journee: Journee, nevers: MondeService
    ) -> None:
        agent = nevers.agents["agent"]
        contexte = await journee.context(browser, nevers.agents["chef"], java_script_enabled=False)
        page = await contexte.new_page()
        await page.goto(f"{journee.site.url}{base(nevers)}/{agent}")
        await page.get_by_role("button", name="Suspendre le compte").click()
        assert "Suspendre le compte de" in await page.get_by_role("alert").inner_text()
        assert not await journee.scalar("SELECT suspendu_a IS NOT NULL FROM agent WHERE id = :a", a=agent)
        await page.get_by_role("button", name="Confirmer").click()
        assert "Le compte est suspendu" in await page.get_by_role("status").first.inner_text()
        assert await journee.scalar("SELECT suspendu_a IS NOT NULL FROM agent WHERE id = :a", a=agent)
        await contexte.close()

    async def test_a_confirmation_takes_the_focus_and_a_wider_account_reads_well_at_390_pixels(
        self, browser: Browser, journee: Journee, nevers: MondeService
    ) -> None:
        national = nevers.agents["national"]
        donnees = {"profil": "agent_local", "perimetre": "service", "lieu": await sages(journee, nevers)}
        async with journee.client((await journee.service()).agents["national"]) as client:
            revision = await journee.scalar("SELECT revision FROM agent WHERE id = :a", a=national)
            reponse = await client.post(
                f"/administration/comptes/{national}/habilitations", data={**donnees, "revision": str(revision)}
            )
            assert reponse.status_code == 303, reponse.text
        contexte = await journee.context(browser, nevers.agents["chef"], viewport={"width": 390, "height": 844})
        page = await journee.open(contexte, f"{base(nevers)}/{national}", direct=False)
        assert await axe(page) == []
        await page.get_by_role("button", name="Retirer : Agent").click()
        await page.wait_for_selector("[data-focus]:focus")
        assert await axe(page) == []
        large = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert large <= 0
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**?fait=retiree")
        await contexte.close()

    async def test_an_account_is_opened_by_keyboard_alone(
        self, browser: Browser, journee: Journee, nevers: MondeService
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["chef"])
        page = await journee.open(contexte, base(nevers))
        await page.get_by_role("link", name="Ouvrir un accès").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/nouveau")
        await page.locator("#champ-prenom").focus()
        for texte in ("Zoé", "Lambert", f"zoe.{nevers.id}@dgfip.test", f"zoe.{nevers.id}"):
            await page.keyboard.type(texte)
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-focus]:focus")
        assert "Un courriel vient de partir" in await page.locator("[data-focus]").inner_text()
        assert await axe(page) == []
        await contexte.close()


async def sages(journee: Journee, service: MondeService) -> str:
    return str(await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=service.id))
