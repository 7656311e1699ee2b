"""« Organiser »: who enters, what the first page says, and a change seen at once (Annexe 1 §1; G 2.3.2)."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from app import clock
from app.admin.chantier import Chantier, ConflitEdition, administrate, organise
from app.booking.outils import Auteur
from app.db import UnitOfWork
from app.errors import Introuvable
from app.tables import Guichet, Journal
from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


class TestQuiOrganise:
    """G 2.3.2: both administrators organise a service; agents and steering do not."""

    @pytest.mark.parametrize(("qui", "statut"), [("chef", 200), ("national", 200), ("agent", 404), ("pilote", 404)])
    async def test_the_first_page_opens_to_administrators_only(
        self, journee: Journee, nevers: MondeService, qui: str, statut: int
    ) -> None:
        async with journee.client(nevers.agents[qui]) as client:
            for adresse in ("", "/fragment", "/historique"):
                reponse = await client.get(f"/services/{nevers.id}/organiser{adresse}")
                assert reponse.status_code == statut, adresse

    async def test_a_chef_does_not_organise_the_service_next_door(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await client.get(f"/services/{autre.id}/organiser")
        assert reponse.status_code == 404
        async with journee.outils.db.read() as conn:
            trace = (
                await conn.execute(
                    select(Journal.apres).where(
                        Journal.action == "organisation.acces_refuse", Journal.service_id == autre.id
                    )
                )
            ).scalars()
            assert {"action": "organiser.lu"} in trace.all()


def auteur(nevers: MondeService, qui: str) -> Auteur:
    return Auteur("agent", agent_id=nevers.agents[qui])


class TestUnChantier:
    """A change is one transaction under the service's lock, journaled and announced."""

    async def test_it_raises_the_planning_version_and_tells_before_and_after(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        service = nevers.id

        async def travail(chantier: Chantier) -> None:
            await chantier.record(
                "guichet.modifie", "guichet", 1, avant={"nom": "Avant"}, apres={"nom": "Après"}, genre="guichet.modifie"
            )

        async with journee.outils.db.read() as conn:
            avant = (
                await conn.execute(text("SELECT version_planning FROM agenda WHERE service_id = :s"), {"s": service})
            ).scalar_one()
        await organise(journee.outils, auteur(nevers, "chef"), service, travail, clock.now())
        async with journee.outils.db.read() as conn:
            apres = (
                await conn.execute(text("SELECT version_planning FROM agenda WHERE service_id = :s"), {"s": service})
            ).scalar_one()
        assert apres == avant + 1
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"/services/{service}/organiser/historique?objet=guichet")).text
        assert "Guichet : modifié" in page
        assert "Avant" in page
        assert "Après" in page

    async def test_a_refused_agent_writes_nothing(self, journee: Journee, nevers: MondeService) -> None:
        fait: list[int] = []

        async def travail(chantier: Chantier) -> None:
            fait.append(chantier.service_id)

        with pytest.raises(Introuvable):
            await organise(journee.outils, auteur(nevers, "agent"), nevers.id, travail, clock.now())
        assert fait == []

    async def test_a_stale_revision_is_told_with_the_recorded_version(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async def travail(chantier: Chantier) -> None:
            await chantier.check_revision("guichet", 1, 3, 2, {"nom": "Guichet 1"})

        with pytest.raises(ConflitEdition) as refus:
            await organise(journee.outils, auteur(nevers, "chef"), nevers.id, travail, clock.now())
        assert refus.value.statut == 409
        assert refus.value.details["actuel"] == {"nom": "Guichet 1"}


async def versions(journee: Journee) -> dict[int, int]:
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(text("SELECT service_id, version_planning FROM agenda"))
        return {ligne.service_id: ligne.version_planning for ligne in lignes}


class TestUnChangementNational:
    """A national change raises every service's planning version in a constant number of statements [G 2.3.4]."""

    async def test_every_service_is_told(self, journee: Journee, nevers: MondeService) -> None:
        async def travail(uow: UnitOfWork) -> None:
            uow.annonces.planning_partout()

        avant = await versions(journee)
        await administrate(journee.outils, auteur(nevers, "national"), travail, clock.now())
        apres = await versions(journee)
        assert apres == {service: version + 1 for service, version in avant.items()}
        assert len(avant) >= 2

    async def test_a_chef_de_service_is_no_national_administrator(self, journee: Journee, nevers: MondeService) -> None:
        async def travail(uow: UnitOfWork) -> None:
            raise AssertionError("must not run")

        with pytest.raises(Introuvable):
            await administrate(journee.outils, auteur(nevers, "chef"), travail, clock.now())


class TestAdministrationNationale:
    """C §4: the national administrator has a door of his own; nobody else sees it."""

    @pytest.mark.parametrize(("qui", "statut"), [("national", 200), ("chef", 404), ("agent", 404), ("pilote", 404)])
    async def test_its_first_page(self, journee: Journee, nevers: MondeService, qui: str, statut: int) -> None:
        async with journee.client(nevers.agents[qui]) as client:
            assert (await client.get("/administration")).status_code == statut
            assert ('href="/administration"' in (await client.get("/agent")).text) == (statut == 200)


async def test_the_cards_say_what_is_missing(journee: Journee, nevers: MondeService) -> None:
    async with journee.outils.db.read() as conn:
        guichets = (await conn.execute(select(Guichet.id).where(Guichet.service_id == nevers.id))).scalars().all()
    async with journee.client(nevers.agents["chef"]) as client:
        page = (await client.get(f"/services/{nevers.id}/organiser")).text
    assert f"sur {len(guichets)}" in page
    assert "Ouvert aux usagers" in page
