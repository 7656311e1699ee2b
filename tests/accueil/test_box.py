"""The box over HTTP: one guichet, who is there, who waits, who comes [A1 §3.2, G 2.3.3]."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import insert, update

from app.domain.rendez_vous import Action
from app.tables import Guichet, GuichetAgent
from tests.accueil.monde import Journee


def cartes(html: str) -> dict[int, str]:
    """State of each rendez-vous of the box, by id."""
    return {int(n): etat for n, etat in re.findall(r'<li id="b-(\d+)" class="carte"[^>]* data-etat="(\w+)"', html)}


class TestBox:
    """« now received, then who waits, then later »."""

    async def test_it_shows_its_own_guichet_only(self, journee: Journee) -> None:
        service = await journee.service()
        mien = await journee.book(service, "10:20", etat="arrive")
        recu = await journee.book(service, "10:00", "Wayne", etat="recu")
        await journee.book(service, "10:20", "Ailleurs", guichet=1)
        async with journee.client(service.agents["box"]) as client:
            page = (await client.get(f"/services/{service.id}/box?guichet={service.guichets[0]}")).text
        assert cartes(page) == {mien: "arrive", recu: "recu"}
        assert "AILLEURS" not in page
        assert "<title>Guichet 1 –" in page
        assert 'data-titre="Guichet 1"' in page

    async def test_documents_and_precision_are_at_hand(self, journee: Journee) -> None:
        service = await journee.service()
        await journee.book(service, "10:20", etat="arrive")
        async with journee.client(service.agents["box"]) as client:
            page = (await client.get(f"/services/{service.id}/box?guichet={service.guichets[0]}")).text
        assert "Documents demandés (2)" in page
        assert "Dernier avis d&#39;impôt" in page
        assert "Question sur mon avis" in page

    async def test_the_fragment_is_the_region_of_the_page(self, journee: Journee) -> None:
        service = await journee.service()
        await journee.book(service, "10:20", etat="arrive")
        async with journee.client(service.agents["box"]) as client:
            suite = f"guichet={service.guichets[0]}"
            page = (await client.get(f"/services/{service.id}/box?{suite}")).text
            fragment = (await client.get(f"/services/{service.id}/box/fragment?{suite}")).text
        assert fragment.strip().startswith('<section id="box"')
        assert fragment.strip() in page
        assert f'data-guichets="{service.guichets[0]}"' in fragment

    async def test_somebody_called_by_phone_never_arrived(self, journee: Journee) -> None:
        service = await journee.service()
        rdv = await journee.book(service, "10:20", type_rdv="telephone")
        await journee.act(service, rdv, Action.APPELER)
        async with journee.client(service.agents["box"]) as client:
            page = (await client.get(f"/services/{service.id}/box?guichet={service.guichets[0]}")).text
        assert cartes(page) == {rdv: "appele"}
        assert "data-appele-a=" in page
        assert "data-arrive-a=" not in page


class TestChoix:
    """The guichet is remembered by the address; without one, the list, the agent's own first."""

    async def test_without_guichet_the_agents_own_come_first_and_closed_ones_last(self, journee: Journee) -> None:
        service = await journee.service(guichets=3)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                insert(GuichetAgent).values(guichet_id=service.guichets[2], agent_id=service.agents["box"])
            )
            await conn.execute(update(Guichet).where(Guichet.id == service.guichets[0]).values(ouvert=False))
        async with journee.client(service.agents["box"]) as client:
            page = (await client.get(f"/services/{service.id}/box")).text
        ordre = [int(n) for n in re.findall(r"box\?guichet=(\d+)", page)]
        assert ordre == [service.guichets[2], service.guichets[1], service.guichets[0]]
        assert "Le vôtre" in page
        assert "Fermé aux réservations" in page

    async def test_a_service_without_guichet_says_so(self, journee: Journee) -> None:
        service = await journee.service(guichets=0)
        async with journee.client(service.agents["box"]) as client:
            page = (await client.get(f"/services/{service.id}/box")).text
        assert "pas encore de guichet" in page


class TestDroits:
    """[C §4]: a box agent of another service sees nothing, not even that it exists."""

    async def test_an_agent_of_another_service_gets_404(self, journee: Journee) -> None:
        service, autre = await journee.service(), await journee.service()
        suite = f"guichet={service.guichets[0]}"
        async with journee.client(autre.agents["box"]) as client:
            for chemin in ("box", f"box?{suite}", f"box/fragment?{suite}"):
                assert (await client.get(f"/services/{service.id}/{chemin}")).status_code == 404

    async def test_a_guichet_of_another_service_is_404_in_mine(self, journee: Journee) -> None:
        service, autre = await journee.service(), await journee.service()
        async with journee.client(service.agents["box"]) as client:
            for chemin in ("box", "box/fragment"):
                url = f"/services/{service.id}/{chemin}?guichet={autre.guichets[0]}"
                assert (await client.get(url)).status_code == 404

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_does_not_receive_gets_404(self, journee: Journee, qui: str) -> None:
        service = await journee.service()
        async with journee.client(service.agents[qui]) as client:
            assert (await client.get(f"/services/{service.id}/box")).status_code == 404

    @pytest.mark.parametrize("guichet", ["abc", "-1", str(2**63), "1.5"])
    async def test_an_absurd_guichet_is_refused_without_an_accident(self, journee: Journee, guichet: str) -> None:
        service = await journee.service()
        async with journee.client(service.agents["box"]) as client:
            reponse = await client.get(f"/services/{service.id}/box?guichet={guichet}")
        assert reponse.status_code == 422
        assert "mal formée" in reponse.text
