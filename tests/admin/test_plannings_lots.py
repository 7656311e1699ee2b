"""Plannings copied, followed, shared by guichets, and the journées types that they use (G 2.3.4)."""

from __future__ import annotations

from datetime import date

import pytest

from tests.accueil.monde import Journee
from tests.admin.formulaires import publish, submit
from tests.admin.plannings import LUNDI, base, composition, nouveau
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """A service open from 08:00 to 12:00 and from 14:00 to 16:00, Monday to Friday."""
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6), guichets=3)


class TestPlusieursGuichets:
    """Copy to another guichet or several; what is the same for several guichets is one thing."""

    async def test_a_copy_takes_a_fresh_name_and_dates_for_several_guichets(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        (source,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{adresse}?copie={source.id}")).text
            reponse = await publish(
                client, page, adresse, guichets=[str(g) for g in nevers.guichets[:2]], nom="Copie", du="2027-01-04"
            )
            assert reponse.status_code == 303, reponse.text
        comp = await composition(journee, nevers)
        (copie,) = [lot for lot in comp.lots_plannings() if lot.nom == "Copie"]
        assert copie.guichets == tuple(nevers.guichets[:2])
        assert copie.jours == source.jours
        assert copie.du == date(2027, 1, 4)

    async def test_a_guichet_leaves_the_lot_and_another_enters(self, journee: Journee, nevers: MondeService) -> None:
        un, deux, trois = (str(g) for g in nevers.guichets)
        async with journee.client(nevers.agents["chef"]) as client:
            await nouveau(client, nevers, nom="Lot", portee="guichets", guichets=[un, deux], h_0_6="09:00-10:00")
            (lot,) = [x for x in (await composition(journee, nevers)).lots_plannings() if x.nom == "Lot"]
            adresse = f"{base(nevers)}/{lot.id}"
            page = (await client.get(adresse)).text
            reponse = await publish(client, page, adresse, guichets=[deux, trois], h_0_6="09:00-11:00", j_0_6="heures")
            assert reponse.status_code == 303, reponse.text
        comp = await composition(journee, nevers)
        (lot,) = [x for x in comp.lots_plannings() if x.nom == "Lot"]
        assert lot.guichets == (int(deux), int(trois))
        assert lot.revision == 2
        assert [j.nom for j in comp.journees.values()] == ["09:00–11:00", "Journée pleine"]

    async def test_a_new_version_follows_the_old_one_which_ends_the_day_before(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        (source,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{adresse}?suite={source.id}")).text
            assert "prend la suite de" in page
            reponse = await publish(client, page, adresse, nom="Été", du="2027-04-01", j_0_5="")
            assert reponse.status_code == 303, reponse.text
            liste = (await client.get(base(nevers))).text
        comp = await composition(journee, nevers)
        ancien, nouveau_lot = comp.lots_plannings()
        assert (ancien.du, ancien.au) == (source.du, date(2027, 3, 31))
        assert (nouveau_lot.nom, nouveau_lot.du, nouveau_lot.au) == ("Été", date(2027, 4, 1), None)
        assert "Été à partir du 01/04/2027" in liste

    async def test_a_follower_that_begins_before_is_refused(self, journee: Journee, nevers: MondeService) -> None:
        (source,) = (await composition(journee, nevers)).lots_plannings()
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{adresse}?suite={source.id}")).text
            reponse = await publish(client, page, adresse, nom="Avant", du="2020-01-06")
        assert reponse.status_code == 422
        assert "doit commencer après le début" in reponse.text

    @pytest.mark.parametrize(("du", "dit"), [("2026-11-24", False), ("2026-11-23", True)])
    async def test_the_past_is_spoken_of_only_when_there_is_one(
        self, journee: Journee, nevers: MondeService, du: str, dit: bool
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await nouveau(client, nevers, nom="Samedis", du=du, h_0_6="09:00-10:00")).status_code == 303
            (lot,) = [p for p in (await composition(journee, nevers)).lots_plannings() if p.nom == "Samedis"]
            page = (await client.get(f"{base(nevers)}/{lot.id}")).text
        assert ("Ce qui est déjà passé suivrait" in page) is dit


class TestJourneesTypes:
    """Named days, used by plannings, changed in all of them at once, removed when nothing uses them."""

    async def test_create_rename_copy_then_delete(self, journee: Journee, nevers: MondeService) -> None:
        racine = f"{base(nevers)}/journees"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{racine}/nouvelle")).text
            reponse = await submit(client, page, f"{racine}/nouvelle", nom="Matin", plages="8h30-12h")
            assert reponse.status_code == 303, reponse.text
            comp = await composition(journee, nevers)
            (matin,) = [j for j in comp.journees.values() if j.nom == "Matin"]
            page = (await client.get(f"{racine}/{matin.id}")).text
            assert (await submit(client, page, f"{racine}/{matin.id}", nom="Petit matin")).status_code == 303
            page = (await client.get(f"{racine}/nouvelle?copie={matin.id}")).text
            assert "Petit matin (copie)" in page
            page = (await client.get(f"{racine}/{matin.id}")).text
            reponse = await submit(client, page, f"{racine}/{matin.id}/suppression")
            assert reponse.status_code == 303, reponse.text
        comp = await composition(journee, nevers)
        assert [j.nom for j in comp.journees.values()] == ["Journée pleine"]

    async def test_one_that_is_used_is_kept_and_says_where(self, journee: Journee, nevers: MondeService) -> None:
        (ident,) = (await composition(journee, nevers)).journees
        racine = f"{base(nevers)}/journees"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{racine}/{ident}")).text
            reponse = await submit(client, page, f"{racine}/{ident}/suppression")
        assert reponse.status_code == 422
        assert "sert au planning «\u00a0Semaine type\u00a0»" in reponse.text

    async def test_changing_it_changes_every_planning_once_the_consequences_were_read(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        (ident,) = (await composition(journee, nevers)).journees
        adresse = f"{base(nevers)}/journees/{ident}"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(client, page, adresse, plages="08:00-12:00")
            assert apercu.status_code == 200
            assert "−" in apercu.text
            reponse = await submit(client, apercu.text, adresse, geste="publier")
            assert reponse.status_code == 303, reponse.text
        (planning,) = (await composition(journee, nevers)).to_plannings()
        assert [(p.debut, p.fin) for p in planning.find_plages(LUNDI)] == [(480, 720)]

    async def test_a_change_that_makes_two_plannings_overlap_is_refused(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await nouveau(client, nevers, nom="Soir", h_0_1="17:00-19:00")).status_code == 303
            (ident,) = [i for i, j in (await composition(journee, nevers)).journees.items() if "pleine" in j.nom]
            adresse = f"{base(nevers)}/journees/{ident}"
            page = (await client.get(adresse)).text
            reponse = await submit(client, page, adresse, plages="08:00-18:00")
        assert reponse.status_code == 422
        assert "se chevauchent le lundi" in reponse.text
