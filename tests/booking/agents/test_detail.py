"""« Consulter le détail » of a service [A1 §3.2, §3.3]."""

from __future__ import annotations

import re

import pytest

from tests.accueil.monde import Journee
from tests.booking.agents.outillage import change, service_ordinaire, texte
from tests.fixtures.donnees import build_agent


class TestDetail:
    """The directory, for any agent who manages rendez-vous: no agenda is behind it."""

    async def test_it_says_where_it_is_what_it_offers_and_to_whom(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, libelle="SIP DE NEVERS")
        await change(journee, service, "UPDATE service_fiscal SET codique = '058019' WHERE id = :s", s=service.id)
        async with journee.client(service.agents["agent"]) as client:
            page = await client.get(f"/services/{service.id}/detail")
        lu = texte(page.text)
        assert page.status_code == 200
        assert "SIP DE NEVERS" in lu
        assert "CODIQUE 058019" in lu
        assert "58015 NEVERS CEDEX" in lu
        assert "Oui Usagers, sur internet" in lu
        assert "Oui Agents extérieurs au service" in lu
        assert "2 jours ouvrés" in lu
        assert "Guichet 1" in lu

    async def test_an_external_agent_reads_it_but_sees_neither_guichets_nor_agenda(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["exterieur"]) as client:
            page = (await client.get(f"/services/{service.id}/detail")).text
        assert f'href="/services/{service.id}/prendre"' in page
        assert "/agenda" not in page
        assert "Guichet 1" not in page

    async def test_where_no_guichet_takes_externals_it_says_so_and_offers_no_button(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await change(
            journee, service, "UPDATE guichet SET canaux = ARRAY['rattache'] WHERE service_id = :s", s=service.id
        )
        async with journee.client(service.agents["exterieur"]) as client:
            page = (await client.get(f"/services/{service.id}/detail")).text
        assert "Agents extérieurs au service : aucun guichet ne leur est ouvert" in texte(page)
        assert "/prendre" not in page

    @pytest.mark.parametrize("qui", ["pilote"])
    async def test_a_steering_habilitation_books_nothing(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents[qui]) as client:
            page = await client.get(f"/services/{service.id}/detail")
        assert page.status_code == 200, "its perimeter holds this service"
        assert "/prendre" not in page.text

    async def test_a_steering_habilitation_elsewhere_has_a_404_journaled(self, journee: Journee) -> None:
        service, autre = await service_ordinaire(journee), await service_ordinaire(journee)
        async with journee.outils.db.engine.begin() as conn:
            pilote = await build_agent(conn, f"pilote-du-detail-{service.id}", profil="pilotage", service_id=service.id)
        async with journee.client(pilote) as client:
            assert (await client.get(f"/services/{service.id}/detail")).status_code == 200
            codes = [(await client.get(f"/services/{ident}/detail")).status_code for ident in (autre.id, 999_999_999)]
        assert codes == [404, 404]
        refus = "SELECT count(*) FROM journal WHERE agent_id = :a AND action = 'service.acces_refuse'"
        assert await journee.scalar(refus, a=pilote) == 2

    async def test_the_region_of_the_page_is_the_fragment(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get(f"/services/{service.id}/detail")).text
            fragment = (await client.get(f"/services/{service.id}/detail/fragment")).text
        assert fragment in page
        assert re.search(rf'data-flux="creneaux:{service.id}"', fragment)
