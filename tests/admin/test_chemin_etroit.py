"""The pages of the ten-minute path at 390 px: nothing scrolls sideways."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from app.embedded.smtp import Smtp
from tests.accueil.ecran import overflow
from tests.accueil.monde import Journee
from tests.admin.clavier import Clavier
from tests.admin.conftest import Ouvrir
from tests.admin.courriels import wait_for_mails
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e


class TestEtroit:
    """« 390 px wide »: nothing of the path scrolls sideways, on a service yet empty and on one that receives."""

    async def test_no_page_of_the_path_scrolls_sideways(
        self, journee: Journee, national: int, ouvrir: Ouvrir, smtp_server: Smtp
    ) -> None:
        service: MondeService = await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6))
        vide = await self._create_empty(journee, national)
        planning = await journee.scalar("SELECT min(id) FROM planning WHERE service_id = :s", s=service.id)
        compte = f"/services/{service.id}/organiser/agents/{service.agents['agent']}"
        organiser = [
            f"/services/{s}/organiser{partie}"
            for s in (vide, service.id)
            for partie in (
                "",
                "/fiche",
                "/motifs",
                "/agents",
                "/agents/nouveau",
                "/guichets",
                "/guichets/nouveau",
                "/plannings",
                "/plannings/journees/nouvelle",
                "/plannings/nouveau",
                "/plannings/semaine",
                "/exceptions",
                "/exceptions/nouvelle",
                "/ouverture",
            )
        ]
        administration = (
            "/agent",
            "/administration",
            "/administration/services",
            "/administration/services/nouveau",
            "/administration/services/nouveau?departement=58",
        )
        public = ("/", "/?q=nevers", f"/services/{vide}", f"/services/{service.id}", f"/rdv/{service.id}/motif")
        etroit = {"viewport": {"width": 390, "height": 844}}
        agent, personne = await ouvrir(national, **etroit), await ouvrir(**etroit)
        for page, chemins in ((agent, (*administration, *organiser, compte)), (personne, public)):
            for chemin in chemins:
                reponse = await page.goto(journee.site.url + chemin)
                assert reponse is not None
                assert reponse.status == 200, chemin
                assert await overflow(page) <= 0, chemin
        # What only a form sent shows: the result before publishing, the errors, the invitation.
        await agent.goto(f"{journee.site.url}/services/{service.id}/organiser/plannings/{planning}")
        await agent.focus('button[value="apercu"]')
        async with agent.expect_navigation(wait_until="load"):
            await agent.keyboard.press("Enter")
        await expect(agent.locator(".vue__jour").first).to_be_visible()
        assert await overflow(agent) <= 0
        chef = await ouvrir(service.agents["chef"], **etroit)
        await chef.goto(f"{journee.site.url}/services/{service.id}/agenda?jour=2026-11-30")
        assert await overflow(chef) <= 0
        await self._invite(agent, journee, vide)
        (courriel,) = await wait_for_mails(smtp_server, "etroit@dgfip.test", 1)
        lien = re.search(r"http://\S+/invitation/\S+", courriel.texte)
        assert lien
        await personne.goto(lien[0])
        await expect(personne.get_by_role("heading", name="Choisir votre mot de passe")).to_be_visible()
        assert await overflow(personne) <= 0

    async def _create_empty(self, journee: Journee, national: int) -> int:
        """A service as the national administrator leaves it."""
        valeurs = {
            "libelle": "SERVICE DES IMPÔTS DES PARTICULIERS DE CHÂTEAU-CHINON ET DU HAUT-MORVAN",
            "type_code": "SIP",
            "sages": "5899002",
            "codique": "",
            "adresse": "1 place Saint-Christophe",
            "code_postal": "58120",
            "ville": "CHÂTEAU-CHINON",
            "departement": "58",
            "fuseau": "Europe/Paris",
            "site": "nouveau",
            "telephone": "03 86 79 00 58",
            "courriel": "sip.chateau-chinon@dgfip.test",
        }
        async with journee.client(national) as client:
            reponse = await client.post("/administration/services", data=valeurs)
        assert reponse.status_code == 303, reponse.text
        return int(reponse.headers["location"].split("/")[2])

    async def _invite(self, page: Page, journee: Journee, service_id: int) -> None:
        clavier = Clavier(page)
        await clavier.open(f"{journee.site.url}/services/{service_id}/organiser/agents/nouveau")
        await clavier.skip()
        for nom, valeur in (
            ("prenom", "Anne-Charlotte"),
            ("nom", "de Montmorency-Bouteville"),
            ("courriel", "etroit@dgfip.test"),
            ("identifiant", "anne-charlotte.de-montmorency-bouteville"),
        ):
            await clavier.write(nom, valeur)
        await clavier.follow()
        await clavier.told("Le compte est créé.")
        assert await overflow(page) <= 0
