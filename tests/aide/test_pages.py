"""The documentation over HTTP, opened from the screen that it explains [C §7]."""

from __future__ import annotations

import re

from tests.accueil.monde import Journee
from tests.booking.agents.outillage import service_ordinaire, texte


class TestAide:
    """« Accessible à partir de l'application »."""

    async def test_a_screen_links_its_own_page(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            for chemin, attendue in (
                ("/agent", "/aide/tableau-de-bord"),
                (f"/services/{service.id}/agenda", "/aide/agenda"),
                ("/aide", "/aide"),
            ):
                page = (await client.get(chemin)).text
                lien = re.search(r'href="([^"]+)"[^>]* data-aide', page)
                assert lien
                assert lien[1] == attendue

    async def test_the_summary_lists_and_searches_and_a_page_is_read(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            sommaire = await client.get("/aide")
            trouvees = await client.get("/aide", params={"q": "tableau de bord"})
            rien = await client.get("/aide", params={"q": '"><script>alert(1)</script>'})
            page = await client.get("/aide/tableau-de-bord")
            inconnue = await client.get("/aide/inconnue")
        assert "Lire le tableau de bord" in texte(sommaire.text)
        assert "pour « tableau de bord »" in texte(trouvees.text)
        assert "Aucune page pour" in texte(rien.text)
        assert "<script>alert" not in rien.text
        assert "Attendus" in texte(page.text)
        assert (page.status_code, inconnue.status_code) == (200, 404)

    async def test_it_is_for_agents(self, journee: Journee) -> None:
        async with journee.client() as client:
            reponse = await client.get("/aide")
        assert reponse.status_code == 303
        assert reponse.headers["location"].startswith("/connexion")
