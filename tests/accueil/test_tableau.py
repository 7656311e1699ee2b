"""The orientation board over HTTP [A1 §3.2 « Annoter un RDV arrivé », G 2.1.1]."""

from __future__ import annotations

import re

import pytest

from app import clock
from app.domain.rendez_vous import Action
from app.errors import TransitionImpossible
from app.identite.empreintes import print_critere
from tests.accueil.monde import JOUR, Journee, epoch_minute


def lignes(html: str) -> dict[int, str]:
    """State of each rendez-vous of the board, by id."""
    return {int(n): etat for n, etat in re.findall(r'<li id="l-(\d+)" class="ligne"[^>]* data-etat="(\w+)"', html)}


class TestTableau:
    """One board for the site, today, in the services where the agent receives."""

    async def test_it_lists_the_day_of_the_service_without_holds_nor_cancelled_ones(self, journee: Journee) -> None:
        service = await journee.service()
        prevu = await journee.book(service, "11:00")
        arrive = await journee.book(service, "10:20", "Wayne", etat="arrive")
        annule = await journee.book(service, "11:20", "Parti", etat="annule")
        demain = await journee.book(service, "10:00", "Demain", jour=JOUR.replace(day=24))
        async with journee.client(service.agents["orientation"]) as client:
            page = await client.get(f"/sites/{service.site_id}/accueil")
        assert page.status_code == 200
        assert lignes(page.text) == {prevu: "prevu", arrive: "arrive"}
        assert str(annule) not in re.findall(r'id="l-(\d+)"', page.text)
        assert f"l-{demain}" not in page.text
        assert "MERVILLE Justine" in page.text
        assert await journee.scalar("SELECT code FROM rendez_vous WHERE id = :id", id=prevu) in page.text

    async def test_the_fragment_is_the_region_of_the_page(self, journee: Journee) -> None:
        service = await journee.service()
        await journee.book(service, "11:00")
        url = f"/sites/{service.site_id}/accueil"
        async with journee.client(service.agents["orientation"]) as client:
            page, fragment = (await client.get(url)).text, (await client.get(f"{url}/fragment")).text
        assert fragment.strip().startswith('<section id="tableau"')
        assert fragment.strip() in page
        assert "_csrf" not in fragment

    async def test_a_site_of_two_services_has_one_board_that_names_them(self, journee: Journee) -> None:
        sip = await journee.service(libelle="SIP DE NEVERS")
        sie = await journee.service(libelle="SIE DE NEVERS", site_id=sip.site_id)
        agent = sip.agents["orientation"]
        await journee.attach(agent, sie)
        siens = {await journee.book(sip, "11:00"), await journee.book(sie, "11:00", "Wayne")}
        async with journee.client(agent) as client:
            page = (await client.get(f"/sites/{sip.site_id}/accueil")).text
        assert set(lignes(page)) == siens
        assert f'data-flux="service:{sie.id} service:{sip.id}"' in page
        assert re.search(r'data-version="\d+ \d+"', page)
        assert page.count('<span class="ligne__service">') == 2

    async def test_an_agent_sees_only_the_services_where_he_receives(self, journee: Journee) -> None:
        sip = await journee.service()
        sie = await journee.service(site_id=sip.site_id)
        await journee.book(sie, "11:00", "Wayne")
        sien = await journee.book(sip, "11:00")
        async with journee.client(sip.agents["orientation"]) as client:
            page = (await client.get(f"/sites/{sip.site_id}/accueil")).text
        assert set(lignes(page)) == {sien}
        assert "WAYNE" not in page

    async def test_an_empty_day_says_so(self, journee: Journee) -> None:
        service = await journee.service()
        async with journee.client(service.agents["orientation"]) as client:
            page = (await client.get(f"/sites/{service.site_id}/accueil")).text
        assert "Aucun rendez-vous aujourd’hui" in page
        assert lignes(page) == {}

    async def test_a_version_is_never_newer_than_the_rows(self, journee: Journee) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "11:00")
        url = f"/sites/{service.site_id}/accueil/fragment"
        async with journee.client(service.agents["orientation"]) as client:
            avant = (await client.get(url)).text
            await journee.lead(service, rdv, "arrive")
            apres = (await client.get(url)).text
        version = await journee.scalar("SELECT version FROM agenda WHERE service_id = :s", s=service.id)
        assert f'data-version="{version - 1}"' in avant
        assert lignes(avant) == {rdv: "prevu"}
        assert f'data-version="{version}"' in apres
        assert lignes(apres) == {rdv: "arrive"}

    async def test_hostile_names_are_text(self, journee: Journee) -> None:
        service = await journee.service()
        await journee.book(service, "11:00", '<script>alert("x")</script>')
        async with journee.client(service.agents["orientation"]) as client:
            page = (await client.get(f"/sites/{service.site_id}/accueil")).text
        assert "<script>alert" not in page.lower()
        assert "&lt;SCRIPT&gt;" in page


class TestDroits:
    """[C §4, G 2.3.2]: an id of another service is a 404."""

    async def test_an_agent_of_another_service_gets_404(self, journee: Journee) -> None:
        service, autre = await journee.service(), await journee.service()
        async with journee.client(autre.agents["orientation"]) as client:
            for chemin in ("accueil", "accueil/fragment"):
                assert (await client.get(f"/sites/{service.site_id}/{chemin}")).status_code == 404

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_does_not_receive_gets_404(self, journee: Journee, qui: str) -> None:
        service = await journee.service()
        async with journee.client(service.agents[qui]) as client:
            assert (await client.get(f"/sites/{service.site_id}/accueil")).status_code == 404

    @pytest.mark.parametrize("ident", ["0", "999999", str(2**63), str(10**30)])
    async def test_an_unknown_or_absurd_site_is_404(self, journee: Journee, ident: str) -> None:
        service = await journee.service()
        async with journee.client(service.agents["orientation"]) as client:
            assert (await client.get(f"/sites/{ident}/accueil")).status_code == 404

    async def test_nobody_signed_in_goes_to_the_sign_in_page_and_a_fragment_too(self, journee: Journee) -> None:
        service = await journee.service()
        async with journee.client() as client:
            page = await client.get(f"/sites/{service.site_id}/accueil")
        assert page.status_code == 303
        assert page.headers["location"].startswith("/connexion?suite=")


class TestFige:
    """[A1 §3.2]: arrivals are marked on the day itself, in the service's time zone, and frozen from the next day."""

    async def test_a_board_never_shows_yesterday_nor_tomorrow_of_a_far_zone(self, journee: Journee) -> None:
        noumea = await journee.service(fuseau="Pacific/Noumea", departement="988")
        # 10:05 on the 23rd in Nevers is 20:05 on the 23rd in Nouméa.
        present = await journee.book(noumea, "20:20")
        async with journee.client(noumea.agents["orientation"]) as client:
            page = (await client.get(f"/sites/{noumea.site_id}/accueil")).text
        assert set(lignes(page)) == {present}
        du, au = epoch_minute("00:00", "Pacific/Noumea"), epoch_minute("00:00", "Pacific/Noumea", JOUR.replace(day=24))
        assert f'data-du="{du}" data-au="{au}"' in page
        assert f'data-expire="{au}"' in page

    async def test_an_arrival_of_another_day_is_refused_and_the_state_stays(self, journee: Journee) -> None:
        service = await journee.service()
        demain = await journee.book(service, "10:00", jour=JOUR.replace(day=24))
        with pytest.raises(TransitionImpossible, match="jour même"):
            await journee.act(service, demain, Action.MARQUER_ARRIVEE)
        arrive = await journee.book(service, "10:20", etat="arrive")
        lendemain = clock.now().replace(day=24)
        with pytest.raises(TransitionImpossible, match="figée"):
            await journee.act(service, arrive, Action.ANNULER_ARRIVEE, lendemain)
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :id", id=arrive) == "arrive"


class TestRecherche:
    """« finds a person by name, code or QR in a second », beyond today's list and without JavaScript."""

    async def search(self, journee: Journee, agent: int, site_id: int, saisie: str) -> str:
        async with journee.client(agent) as client:
            reponse = await client.post(f"/sites/{site_id}/accueil/recherche", data={"q": saisie})
        assert reponse.status_code == 200, reponse.text
        return reponse.text

    async def test_a_name_a_code_and_a_qr_find_the_same_person(self, journee: Journee) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "11:00", "Szczepaniak", jour=JOUR.replace(day=25))
        code = str(await journee.scalar("SELECT code FROM rendez_vous WHERE id = :id", id=rdv))
        flou = " ".join(code.lower()).replace("o", "0").replace("i", "1")
        for saisie in ("szczep", "Szczepaniak Just", flou, f"https://rdv.invalid/rdv/{code}"):
            page = await self.search(journee, service.agents["orientation"], service.site_id, saisie)
            assert f'href="/rendez-vous/{rdv}"' in page, saisie
            assert "À venir" in page

    async def test_accents_and_case_do_not_matter_and_wildcards_are_letters(self, journee: Journee) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "11:00", "Lévêque")
        agent = service.agents["orientation"]
        assert f"/rendez-vous/{rdv}" in await self.search(journee, agent, service.site_id, "LEVEQUE")
        for saisie in ("%", "_eveque", "l%que", "\x00", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
            page = await self.search(journee, agent, service.site_id, saisie)
            assert f"/rendez-vous/{rdv}" not in page

    async def test_another_service_is_never_searched(self, journee: Journee) -> None:
        service, autre = await journee.service(), await journee.service()
        rdv = await journee.book(autre, "11:00", "Secret")
        page = await self.search(journee, service.agents["orientation"], service.site_id, "secret")
        assert f"/rendez-vous/{rdv}" not in page
        assert "Aucun rendez-vous ne correspond" in page

    async def test_the_search_is_journaled_without_what_was_typed(self, journee: Journee) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "11:00", "Journal")
        await self.search(journee, service.agents["orientation"], service.site_id, "journal")
        apres = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'rdv.recherche' AND agent_id = :a",
            a=service.agents["orientation"],
        )
        nom = print_critere(journee.outils.settings, "nom", "JOURNAL")
        assert apres == {"site": service.site_id, "rdv": [rdv], "criteres": {"nom": nom}}
        assert "journal" not in str(apres).lower()

    async def test_it_is_a_post_of_our_own_pages_only(self, journee: Journee) -> None:
        service = await journee.service()
        url = f"/sites/{service.site_id}/accueil/recherche"
        async with journee.client(service.agents["orientation"]) as client:
            retour = await client.get(url)
            assert (retour.status_code, retour.headers["location"]) == (303, f"/sites/{service.site_id}/accueil")
            sans = {"X-CSRF-Token": "faux"}
            assert (await client.post(url, data={"q": "x"}, headers=sans)).status_code == 403


class TestJournal:
    """domain « Everything is journaled »: reads of personal data too."""

    async def test_opening_the_board_the_box_and_the_agenda_leaves_a_line_each(self, journee: Journee) -> None:
        service = await journee.service()
        agent = service.agents["agent"]
        async with journee.client(agent) as client:
            for url in (
                f"/sites/{service.site_id}/accueil",
                f"/services/{service.id}/box?guichet={service.guichets[0]}",
                f"/services/{service.id}/agenda",
            ):
                assert (await client.get(url)).status_code == 200
        lues = await journee.scalar(
            "SELECT array_agg(action ORDER BY id) FROM journal WHERE agent_id = :a AND action LIKE '%.lu'", a=agent
        )
        assert lues == ["accueil.lu", "box.lu", "agenda.lu"]
