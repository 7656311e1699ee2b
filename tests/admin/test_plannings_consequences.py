"""What a change of planning leaves outside, told before; two administrators at once (G 2.3.4)."""

from __future__ import annotations

from datetime import date

import pytest

from tests.accueil.monde import Journee
from tests.admin.formulaires import publish, submit
from tests.admin.plannings import base, composition, nouveau
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """A service open from 08:00 to 12:00 and from 14:00 to 16:00, Monday to Friday."""
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6), guichets=3)


class TestConsequences:
    """No change cancels a rendez-vous in silence: what falls outside is told before, and decided."""

    async def test_rendez_vous_left_outside_are_counted_listed_and_kept(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "15:00", jour=date(2026, 11, 24))
        (ident,) = (await composition(journee, nevers)).journees
        adresse = f"{base(nevers)}/journees/{ident}"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(client, page, adresse, plages="08:00-12:00")
            assert "Publier et laisser 1 rendez-vous à replacer" in apercu.text
            assert f"/rendez-vous/{rdv}" in apercu.text
            assert "hors des plages" in apercu.text
            reponse = await submit(client, apercu.text, adresse, geste="publier")
        assert reponse.status_code == 303, reponse.text
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    async def test_a_rendez_vous_taken_while_reading_is_told_before_anything_is_saved(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        (ident,) = (await composition(journee, nevers)).journees
        adresse = f"{base(nevers)}/journees/{ident}"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(client, page, adresse, plages="08:00-12:00")
            assert "et laisser" not in apercu.text
            await journee.book(nevers, "15:00", jour=date(2026, 11, 24))
            refus = await submit(client, apercu.text, adresse, geste="publier")
            assert refus.status_code == 409
            assert "Publier et laisser 1 rendez-vous à replacer" in refus.text
            (journee_type,) = (await composition(journee, nevers)).journees.values()
            assert journee_type.revision == 1
            assert (await submit(client, refus.text, adresse, geste="publier")).status_code == 303

    async def test_deleting_a_planning_tells_what_it_closes(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "15:00", jour=date(2026, 11, 24))
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/{lot.id}"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(client, page, f"{adresse}/suppression", geste="apercu")
            assert "Supprimer et laisser 1 rendez-vous à replacer" in apercu.text
            reponse = await submit(client, apercu.text, f"{adresse}/suppression", geste="publier")
            assert reponse.status_code == 303
            liste = (await client.get(base(nevers))).text
        assert "Aucun planning en cours ni à venir" in liste
        assert "aucun planning : fermé" in liste

    async def test_another_change_since_the_reading_shows_the_consequences_again(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(client, page, adresse, geste="apercu", nom="Un", h_0_6="09:00-10:00")
            assert (await nouveau(client, nevers, nom="Deux", h_0_7="09:00-10:00")).status_code == 303
            refus = await submit(client, apercu.text, adresse, geste="publier")
            assert refus.status_code == 409
            assert "a changé pendant votre relecture" in refus.text
            assert (await submit(client, refus.text, adresse, geste="publier")).status_code == 303


class TestDeuxAdministrateurs:
    """Two administrators on one week: the second is told, with both versions, and loses nothing."""

    async def test_the_second_one_gets_409_with_both_versions_then_decides(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/{lot.id}"
        async with (
            journee.client(nevers.agents["chef"]) as chef,
            journee.client(nevers.agents["national"]) as national,
        ):
            vue_chef, vue_national = (await chef.get(adresse)).text, (await national.get(adresse)).text
            assert (await publish(chef, vue_chef, adresse, nom="Version du chef")).status_code == 303
            refus = await publish(national, vue_national, adresse, nom="Version nationale")
            assert refus.status_code == 409
            for attendu in ("Version du chef", "Version nationale", "Chef-", "Votre saisie est conservée"):
                assert attendu in refus.text
            assert (await publish(national, refus.text, adresse)).status_code == 303
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        assert (lot.nom, lot.revision) == ("Version nationale", 3)

    async def test_what_was_typed_survives_a_deletion(self, journee: Journee, nevers: MondeService) -> None:
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/{lot.id}"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            await publish(client, page, f"{adresse}/suppression")
            refus = await submit(client, page, adresse, geste="apercu", nom="Survivant")
            assert refus.status_code == 409
            reponse = await publish(client, refus.text, f"{base(nevers)}/nouveau")
            assert reponse.status_code == 303, reponse.text
        (lot,) = (await composition(journee, nevers)).lots_plannings()
        assert lot.nom == "Survivant"
