"""The agent's dashboard over HTTP [A1 §3.2; C §4]."""

from __future__ import annotations

import html
import re

import pytest

from app.booking.agents.tableau import describe_portee
from tests.accueil.monde import Journee
from tests.booking.agents.outillage import change, service_ordinaire, texte
from tests.fixtures.donnees import build_agent, ensure_departement


def actions(page: str) -> list[str]:
    """Words and addresses of the row's buttons."""
    return re.findall(r'<a class="fr-btn fr-icon-[^"]*" href="([^"]+)"', page)


def autres(page: str) -> list[str]:
    """Addresses of the row's other actions."""
    return re.findall(r'<a class="fr-link fr-link--sm" href="([^"]+)"', page)


class TestTableauDeBord:
    """« Les services de la zone de compétence de l'agent sont listés dans son tableau de bord »."""

    async def test_it_shows_codes_label_town_and_the_day_so_far(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, libelle="SIP DE NEVERS")
        await change(journee, service, "UPDATE service_fiscal SET codique = '058019' WHERE id = :s", s=service.id)
        await journee.book(service, "11:00")
        await journee.book(service, "11:20", "Wayne", etat="arrive")
        await journee.book(service, "11:40", "Rey", etat="termine")
        await journee.book(service, "10:20", "Luc", guichet=1, etat="non_honore")
        await journee.book(service, "10:40", "Parti", guichet=1, etat="annule")
        async with journee.client(service.agents["agent"]) as client:
            page = await client.get("/agent")
        lu = texte(page.text)
        assert page.status_code == 200
        assert "SIP DE NEVERS" in lu
        assert "58015 NEVERS CEDEX" in lu
        assert "CODIQUE 058019" in lu
        de_ce_service = "– SIP DE NEVERS"
        for mot in ("Attendus", "Arrivés", "En attente", "Reçus", "Non venus"):
            assert f"{mot} 1 {mot.lower()} {de_ce_service}" in lu
        assert re.search(r'data-depuis="2026-[^"]+Z"', page.text)

    async def test_it_follows_each_of_its_services_and_the_fragment_is_its_region(self, journee: Journee) -> None:
        un, deux = (
            await service_ordinaire(journee, libelle="SIP UN"),
            await service_ordinaire(journee, libelle="SIP DEUX"),
        )
        agent = un.agents["agent"]
        await journee.attach(agent, deux)
        async with journee.client(agent) as client:
            page = (await client.get("/agent")).text
            fragment = (await client.get("/agent/fragment")).text
        assert fragment.strip() in page
        assert f'data-flux="service:{deux.id} service:{un.id}"' in fragment, "by name"

    async def test_beyond_what_a_socket_follows_it_has_pages(self, journee: Journee) -> None:
        premier = await service_ordinaire(journee, libelle="SIP 00")
        agent = premier.agents["agent"]
        for rang in range(1, 22):
            await journee.attach(agent, await service_ordinaire(journee, libelle=f"SIP {rang:02}"))
        async with journee.client(agent) as client:
            pages = [(await client.get(f"/agent?page={n}")).text for n in (1, 2)]
            au_dela = await client.get("/agent?page=999")
        assert [len(re.findall(r"service:\d+", re.search(r'data-flux="([^"]+)"', p)[1])) for p in pages] == [20, 2]  # type: ignore[index]
        assert "SIP 19" in pages[0]
        assert "SIP 20" not in pages[0]
        assert "SIP 21" in pages[1]
        assert "2 sur 2" in texte(au_dela.text), "beyond the last page is the last page"

    async def test_an_agent_who_loses_everything_has_no_fragment_any_more(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        agent = service.agents["agent"]
        async with journee.client(agent) as client:
            assert (await client.get("/agent/fragment")).status_code == 200
            await change(journee, service, "DELETE FROM rattachement WHERE agent_id = :a", a=agent)
            assert (await client.get("/agent/fragment")).status_code == 404

    async def test_every_figure_leads_to_what_it_counts(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00", "Jolivaux")
        await journee.book(service, "11:40", "Corbon", etat="termine")
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get("/agent")).text
            liens = [html.unescape(url) for url in re.findall(r'<dd><a href="([^"]+)"', page)]
            assert len(liens) == 5
            attendus, recus = texte((await client.get(liens[0])).text), texte((await client.get(liens[3])).text)
            assert (await client.get(liens[1])).status_code == 200
        assert ("JOLIVAUX" in attendus, "CORBON" in attendus) == (True, False)
        assert ("JOLIVAUX" in recus, "CORBON" in recus) == (False, True)

    async def test_the_actions_follow_the_rights(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        base = f"/services/{service.id}"
        attendues = [
            f"{base}/agenda",
            f"{base}/prendre",
            f"/sites/{service.site_id}/accueil",
            f"{base}/box",
        ]
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get("/agent")).text
        assert actions(page) == attendues
        assert autres(page) == [f"{base}/detail", f"{base}/attente"]
        async with journee.client(service.agents["chef"]) as client:
            page = (await client.get("/agent")).text
        assert actions(page) == attendues
        assert autres(page) == [
            f"{base}/detail",
            f"{base}/attente",
            f"{base}/organiser",
            f"/pilotage/service-{service.id}",
            f"{base}/organiser/parametres",
        ]

    async def test_an_attached_national_administrator_has_the_agenda_not_the_reception(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.outils.db.engine.begin() as conn:
            national = await build_agent(
                conn, f"national-rattache-{service.id}", profil="admin_national", perimetre="nation", zone=[service.id]
            )
        async with journee.client(national) as client:
            page = (await client.get("/agent")).text
        assert f"/services/{service.id}/agenda" in actions(page)
        assert f"/services/{service.id}/box" not in actions(page)

    async def test_who_organises_without_being_attached_is_not_told_of_a_zone(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.outils.db.engine.begin() as conn:
            seul = await build_agent(
                conn, f"administre-{service.id}", profil="admin_local", service_id=service.id, zone=[]
            )
        async with journee.client(seul) as client:
            lu = texte((await client.get("/agent")).text)
        assert "1 service que vous organisez, sans y être rattaché" in lu
        assert "zone de compétence" not in lu
        async with journee.client(service.agents["chef"]) as client:
            assert "1 service dans votre zone de compétence." in texte((await client.get("/agent")).text)

    @pytest.mark.parametrize(
        ("modules", "phrase"),
        [
            ([{"agenda", "accueil"}, {"accueil", "organiser"}], "2 services dans votre zone de compétence."),
            ([{"organiser", "pilotage"}] * 3, "3 services que vous organisez, sans être rattaché à aucun :"),
            (
                [{"agenda"}, {"organiser"}, {"organiser"}],
                "1 service dans votre zone de compétence ; vous en organ",
            ),
        ],
    )
    def test_the_sentence_tells_the_zone_from_what_is_only_organised(
        self, modules: list[set[str]], phrase: str
    ) -> None:
        assert describe_portee(modules).replace("\u00a0", " ").startswith(phrase)

    async def test_an_administrator_who_organises_nothing_listed_is_told_what_he_administers(
        self, journee: Journee
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await ensure_departement(conn, "48", "Lozère")
            seul = await build_agent(
                conn, "administre-48", profil="admin_local", perimetre="departement", departement="48"
            )
        async with journee.client(seul) as client:
            lu = texte((await client.get("/agent")).text)
        assert "Vous n’êtes rattaché à aucun service" in lu
        assert "Votre habilitation administre un périmètre" in lu
        assert "centres de contact" not in lu

    async def test_a_contact_centre_is_told_what_it_can_do(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["exterieur"]) as client:
            page = (await client.get("/agent")).text
        lu = texte(page)
        assert "Aucun service n’est rattaché à votre compte" in lu
        assert "30 jours" in lu
        assert "/agenda" not in page

    async def test_a_steering_habilitation_leads_to_the_steering_pages_only(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["pilote"]) as client:
            page = (await client.get("/agent")).text
        assert 'href="/pilotage"' in page
        assert "Prendre un rendez-vous" not in page

    async def test_nobody_signed_in_is_led_to_the_sign_in_page(self, journee: Journee) -> None:
        async with journee.client() as client:
            reponse = await client.get("/agent")
        assert reponse.status_code == 303
        assert reponse.headers["location"] == "/connexion?suite=%2Fagent"


class TestRecherche:
    """screens « Tableau de bord »: a search box for any RDV or usager, over the whole zone (test_recherche_rdv)."""

    async def test_the_box_leads_to_the_search_of_the_zone(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get("/agent")).text
        assert 'action="/agent/rendez-vous/recherche"' in page
        assert "data-recherche" in page

    async def test_who_holds_no_agenda_has_no_box(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        for qui in ("pilote", "exterieur"):
            async with journee.client(service.agents[qui]) as client:
                assert 'action="/agent/rendez-vous/recherche"' not in (await client.get("/agent")).text
