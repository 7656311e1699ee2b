"""« Échanger deux rendez-vous » over HTTP and in two browsers [A1 §3.2]."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Browser, expect

from tests.accueil.monde import Journee, axe, personne
from tests.booking.agents.outillage import DEMAIN, change, service_ordinaire, texte
from tests.fixtures.donnees import MondeService


async def deux_rdv(journee: Journee, service: MondeService) -> tuple[int, int]:
    """Tomorrow at 8:40 on the first guichet, at 15:00 on the second."""
    un = await journee.book(service, "08:40", jour=DEMAIN, usager=personne("Rey", "Ana", courriel="ana@usagers.test"))
    return un, await journee.book(service, "15:00", guichet=1, jour=DEMAIN, usager=personne("Luc", "Jean"))


def champs(page: str) -> dict[str, Any]:
    """Hidden fields of the confirmation."""
    lus: dict[str, Any] = {}
    for nom, valeur in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        lus[nom] = [*lus.get(nom, []), valeur] if nom == "acquittees" else valeur
    return {nom: valeur for nom, valeur in lus.items() if nom != "_csrf"}


async def heures(journee: Journee, *ids: int) -> list[str]:
    requete = "SELECT to_char(debut AT TIME ZONE 'Europe/Paris', 'HH24:MI') FROM rendez_vous WHERE id = :r"
    return [str(await journee.scalar(requete, r=ident)) for ident in ids]


class TestPage:
    """Choose the other one, see both, confirm."""

    async def test_the_others_of_the_day_are_listed_then_both_are_shown_and_exchanged(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, service)
        annule = await journee.book(service, "09:20", "Parti", jour=DEMAIN, etat="annule")
        async with journee.client(service.agents["agent"]) as client:
            choix = (await client.get(f"/rendez-vous/{un}/echanger")).text
            assert f"/rendez-vous/{un}/echanger?avec={autre}" in choix
            assert f"avec={annule}" not in choix
            paire = (await client.get(f"/rendez-vous/{un}/echanger?avec={autre}")).text
            lu = texte(paire)
            assert "REY Ana" in lu
            assert "LUC Jean" in lu
            assert "qui ne reçoit ni courriel ni SMS" in lu
            fait = await client.post(f"/rendez-vous/{un}/echange", data=champs(paire))
            fiche = await client.get(fait.headers["location"])
        assert fait.status_code == 303
        assert await heures(journee, un, autre) == ["15:00", "08:40"]
        assert "Rendez-vous échangés" in texte(fiche.text)

    async def test_a_warning_is_shown_before_and_acknowledged_by_the_button(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, service)
        await change(
            journee, service, "UPDATE guichet SET types = ARRAY['telephone'] WHERE id = :g", g=service.guichets[1]
        )
        async with journee.client(service.agents["agent"]) as client:
            paire = (await client.get(f"/rendez-vous/{un}/echanger?avec={autre}")).text
            assert "Échanger quand même" in paire
            lus = champs(paire)
            assert lus["acquittees"] == ["type_non_propose"]
            sans = await client.post(f"/rendez-vous/{un}/echange", data={**lus, "acquittees": []})
            assert (sans.status_code, await heures(journee, un, autre)) == (409, ["08:40", "15:00"])
            assert "Avant d’échanger" in texte(sans.text)
            assert (await client.post(f"/rendez-vous/{un}/echange", data=lus)).status_code == 303
        assert await heures(journee, un, autre) == ["15:00", "08:40"]

    async def test_the_page_is_its_fragment(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, service)
        async with journee.client(service.agents["agent"]) as client:
            for requete in ("", f"?avec={autre}"):
                page = (await client.get(f"/rendez-vous/{un}/echanger{requete}")).text
                adresse = re.search(r'data-fragment="([^"]+)"', page)
                assert adresse
                fragment = await client.get(adresse[1].replace("&amp;", "&"))
                assert fragment.text.strip() in page

    async def test_who_is_not_attached_or_another_services_rdv_is_a_404_journaled(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, ici)
        loin = await journee.book(ailleurs, "08:40", "Secret", jour=DEMAIN)
        async with journee.client(ici.agents["agent"]) as client:
            assert (await client.get(f"/rendez-vous/{un}/echanger?avec={loin}")).status_code == 404
            corps = {"avec": loin, "revision": 1, "revision_avec": 1}
            assert (await client.post(f"/rendez-vous/{un}/echange", data=corps)).status_code == 404
        async with journee.client(ici.agents["exterieur"]) as client:
            assert (await client.get(f"/rendez-vous/{un}/echanger?avec={autre}")).status_code == 404
            corps["avec"] = autre
            assert (await client.post(f"/rendez-vous/{un}/echange", data=corps)).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = ANY(:r)"
        assert await journee.scalar(refus, r=[un, autre, loin]) >= 4
        assert await heures(journee, un, autre) == ["08:40", "15:00"]

    async def test_unknown_fields_and_bad_numbers_are_422(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, service)
        bons = {"avec": autre, "revision": 1, "revision_avec": 1}
        async with journee.client(service.agents["agent"]) as client:
            for plus in ({"statut": "annule"}, {"revision": "-1"}, {"avec": "x"}):
                reponse = await client.post(f"/rendez-vous/{un}/echange", data={**bons, **plus})
                assert reponse.status_code == 422, plus
            lui_meme = await client.post(f"/rendez-vous/{un}/echange", data={**bons, "avec": un})
            assert lui_meme.status_code == 404


class TestDeuxAgents:
    """Two agents before the same exchange: one makes it, the other sees it at once."""

    async def test_the_second_page_shows_it_and_its_button_undoes_nothing_blindly(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, service)
        contextes = [await journee.context(browser, service.agents[qui]) for qui in ("agent", "chef")]
        try:
            premiere = await journee.open(contextes[0], f"/rendez-vous/{un}/echanger?avec={autre}")
            seconde = await journee.open(contextes[1], f"/rendez-vous/{autre}/echanger?avec={un}")
            assert not await axe(premiere)
            vues = champs(await seconde.content())
            await premiere.get_by_role("button", name="Échanger").click()
            await premiere.wait_for_url(f"**/rendez-vous/{un}?fait=echange")
            await expect(seconde.locator("#echange [role=status]")).to_contain_text("ont changé depuis l’ouverture")
            await expect(seconde.get_by_role("button", name="Échanger")).to_have_count(0)
            async with journee.client(service.agents["chef"]) as client:
                perime = await client.post(f"/rendez-vous/{autre}/echange", data=vues)
            assert perime.status_code == 409, "what the second one saw is no more"
            assert await heures(journee, un, autre) == ["15:00", "08:40"]
        finally:
            for contexte in contextes:
                await contexte.close()

    async def test_without_script_the_second_button_is_refused_in_words_with_both_as_they_are(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        un, autre = await deux_rdv(journee, service)
        contexte = await journee.context(browser, service.agents["chef"], java_script_enabled=False)
        try:
            page = await journee.open(contexte, f"/rendez-vous/{autre}/echanger?avec={un}", direct=False)
            async with journee.client(service.agents["agent"]) as client:
                paire = (await client.get(f"/rendez-vous/{un}/echanger?avec={autre}")).text
                assert (await client.post(f"/rendez-vous/{un}/echange", data=champs(paire))).status_code == 303
            await page.get_by_role("button", name="Échanger").click()
            await expect(page.get_by_role("alert")).to_contain_text("Rien n’a été échangé")
            await expect(page.locator("#echange")).to_contain_text("15:00")
            assert await heures(journee, un, autre) == ["15:00", "08:40"]
        finally:
            await contexte.close()
