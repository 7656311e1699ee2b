"""The agent's dashboard over HTTP [A1 §3.2; C §4]."""

from __future__ import annotations

import re

from tests.accueil.monde import Journee
from tests.booking.agents.outillage import change, service_ordinaire, texte
from tests.fixtures.donnees import build_agent


def actions(page: str) -> list[str]:
    """Words and addresses of the row's buttons."""
    return re.findall(r'<a class="fr-btn fr-icon-[^"]*" href="([^"]+)"', page)


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
        assert "Attendus 1 Arrivés 1 En attente 1 Reçus 1 Non venus 1" in lu
        assert "Plus longue attente : depuis 10:0" in lu

    async def test_it_does_not_pretend_to_be_live(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get("/agent")).text
        assert "data-flux" not in page
        assert "En direct" not in page
        assert re.search(r"données de 10:\d\d", page)

    async def test_the_actions_follow_the_rights(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        base = f"/services/{service.id}"
        attendues = [
            f"{base}/agenda",
            f"{base}/rendez-vous/nouveau",
            f"/sites/{service.site_id}/accueil",
            f"{base}/box",
        ]
        async with journee.client(service.agents["agent"]) as client:
            assert actions((await client.get("/agent")).text) == attendues
        async with journee.client(service.agents["chef"]) as client:
            du_chef = [*attendues, f"{base}/organiser", f"/pilotage/service-{service.id}"]
            assert actions((await client.get("/agent")).text) == du_chef

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
