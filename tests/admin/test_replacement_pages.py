"""« Rendez-vous à replacer », many at once: fifty a page, what is ticked on one is still so on the other [G 2.3.4]."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.accueil.ecran import overflow, until
from tests.accueil.monde import Journee, axe, epoch_minute
from tests.admin.guichets import send, words
from tests.admin.test_replacement import base, close_guichet, read_list, tick
from tests.fixtures.donnees import MondeService

JEUDI, VENDREDI = date(2026, 11, 26), date(2026, 11, 27)
#: Rendez-vous of a page, and of the second one here.
PAR_PAGE, SUITE = 50, 4


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """54 rendez-vous at a guichet that closes, on two days; as many places at the other one."""
    service = await journee.service(plages=((480, 1080),), jours_semaine=(1, 2, 3, 4, 5))
    for rang in range(PAR_PAGE + SUITE):
        heure, jour = f"{8 + rang % 30 // 3:02}:{20 * (rang % 3):02}", (JEUDI, VENDREDI)[rang // 30]
        await journee.book(service, heure, f"Nom{rang:02}", jour=jour)
    await close_guichet(journee, service)
    return service


def kept(page: str) -> dict[str, str]:
    """RDV → créneau, of the choices that the page carries from another one."""
    morceau = page.partition('id="replacer"')[2].partition("</form>")[0]
    return dict(re.findall(r'name="creneau-(\d+)" value="([^"]*)"', morceau))


class TestPages:
    """Light, by pages; nothing is proposed on two of them."""

    async def test_fifty_a_page_and_no_place_twice(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            premiere = (await client.get(base(nevers))).text
            lignes = await read_list(client, nevers)
            seconde = (await client.get(base(nevers, "?numero=2"))).text
            assert len(lignes) == PAR_PAGE
            assert seconde.count('class="hors__ligne"') == SUITE
            assert "54 rendez-vous à replacer de 51 à 54" in words(seconde)
            assert 'data-fragment="' + base(nevers, "/fragment?numero=2") in seconde
            assert len(premiere) < 150_000
            proposes = re.findall(r'<select[^>]*><option value="([^"]*)"', premiere + seconde)
            assert len(proposes) == len(set(proposes)) == PAR_PAGE + SUITE
            for loin in ("?numero=1", "?numero=9999"):
                assert (await client.get(base(nevers, loin))).status_code == 200

    async def test_what_is_ticked_travels_and_one_confirmation_moves_it_all(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            un, deux = (list(lignes)[rang] for rang in (0, 49))
            choix = f"{epoch_minute('16:40', jour=VENDREDI)}.{nevers.guichets[1]}"
            champs = tick(lignes, un, deux) | {f"creneau-{deux}": choix, "numero": "1", "aller": "2"}
            seconde = (await send(client, base(nevers), champs)).text
            assert kept(seconde) == {str(un): lignes[un]["options"][0][0], str(deux): choix}
            assert "2 rendez-vous cochés sur une autre page sont gardés" in words(seconde)
            assert await journee.scalar("SELECT max(revision) FROM rendez_vous WHERE service_id = :s", s=nevers.id) == 1
            # Back on the first page they are ticked, the créneau chosen among thousands still chosen.
            suite: dict[str, Any] = {"numero": "2", "aller": "1", "rdv": [str(un), str(deux)]}
            for ident, valeur in kept(seconde).items():
                suite |= {f"creneau-{ident}": valeur, f"revision-{ident}": "1"}
            premiere = (await send(client, base(nevers), suite)).text
            assert kept(premiere) == {}
            assert len(re.findall(r'name="rdv" value="\d+" form="replacer" checked', premiere)) == 2
            assert f'<option value="{choix}" selected' in premiere
            # From the second page, one confirmation moves those of both.
            trois = re.search(r'id="hors-(\d+)"', seconde)
            assert trois is not None
            ident = trois[1]
            option = re.search(rf'<select[^>]*id="creneau-{ident}"[^>]*><option value="([^"]*)"', seconde)
            assert option is not None
            suite |= {"rdv": [str(un), str(deux), ident], f"creneau-{ident}": option[1], f"revision-{ident}": "1"}
            del suite["aller"]
            bilan = words((await send(client, base(nevers), suite)).text)
            assert "3 rendez-vous déplacés" in bilan
            assert "51 rendez-vous à replacer" in bilan

    async def test_a_forged_page_is_refused_and_what_was_ticked_is_kept(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            un = next(iter(lignes))
            assert (await send(client, base(nevers), tick(lignes, un) | {"aller": "-1"})).status_code == 422
            assert (await send(client, base(nevers), tick(lignes, un) | {"numero": "x"})).status_code == 422
            trop: dict[str, Any] = {"rdv": [str(i) for i in range(1, 202)]}
            trop |= {f"creneau-{i}": "29000000.1" for i in range(1, 202)}
            trop |= {f"revision-{i}": "1" for i in range(1, 202)}
            refus = await send(client, base(nevers), trop)
            assert refus.status_code == 422
            assert "au plus 200 rendez-vous à la fois" in words(refus.text)
            assert "vos choix sont gardés" in words(refus.text)

    @pytest.mark.e2e
    async def test_by_the_keyboard_enter_never_turns_the_page(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["chef"], viewport={"width": 390, "height": 844})
        try:
            page = await journee.open(contexte, base(nevers))
            case = page.locator('input[name="rdv"]').first
            await case.focus()
            await page.keyboard.press("Space")
            await page.locator("#hors-suivante").focus()
            await page.keyboard.press("Enter")
            await page.wait_for_selector("text=de 51 à 54")
            assert await page.locator("[data-coche-ailleurs]").count() == 1
            await until(
                page, "document.querySelector('[data-compte-coches]').textContent.includes('1 sur une autre page')"
            )
            assert await axe(page) == []
            assert await overflow(page) <= 0
            await page.locator('input[name="rdv"][type="checkbox"]').first.focus()
            await page.keyboard.press("Space")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("text=2 rendez-vous déplacés")
        finally:
            await contexte.close()
