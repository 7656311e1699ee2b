"""« Fermetures et exceptions »: closures, extra openings, one day alone, holidays and bridges (G 2.3.4)."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest

from app.admin.plannings.lecture import read_composition
from app.booking.contexte import read_contexte
from app.domain.composition import Composition
from app.domain.horaires import get_cadran
from tests.accueil.monde import Journee
from tests.admin.formulaires import read_form, submit
from tests.fixtures.donnees import MondeService

TRACES = "SELECT count(*) FROM journal WHERE service_id = :s AND objet = 'exception'"

MARDI = date(2026, 11, 24)
NOEL = date(2026, 12, 25)


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 8), guichets=3)


def base(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/exceptions"


async def composition(journee: Journee, service: MondeService) -> Composition:
    async with journee.outils.db.read() as conn:
        return await read_composition(conn, service.id)


async def ecrire(client: httpx.AsyncClient, service: MondeService, suite: str = "", **champs: Any) -> httpx.Response:
    """Open the form of a new exception and send it."""
    adresse = f"{base(service)}/nouvelle"
    page = (await client.get(adresse + suite)).text
    return await submit(client, page, adresse, **champs)


async def horaires(journee: Journee, service: MondeService, jour: date, guichet: int = 0) -> list[tuple[int, int]]:
    """When a guichet is open that day, in local minutes, as bookings compute it."""
    async with journee.outils.db.read() as conn:
        contexte = await read_contexte(conn, service.id)
    debut = get_cadran(jour, contexte.zone).debut
    return [
        (o.debut - debut, o.fin - debut) for o in contexte.ouvertures(jour, jour).get(service.guichets[guichet], jour)
    ]


class TestFermer:
    """A closure of days or hours, for one guichet or all; it beats everything."""

    async def test_a_day_is_closed_for_all(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await ecrire(client, nevers, du="2026-11-24", au="2026-11-25", libelle="Inventaire")
            assert reponse.status_code == 303, reponse.text
            page = (await client.get(base(nevers))).text
        assert await horaires(journee, nevers, MARDI) == []
        assert "Inventaire" in page
        assert "mardi 24 novembre : Fermeture : Inventaire" in page

    async def test_some_hours_are_closed_for_two_guichets(self, journee: Journee, nevers: MondeService) -> None:
        deux = [str(g) for g in nevers.guichets[:2]]
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await ecrire(
                client, nevers, du="2026-11-24", horaire="heures", debut="10:00", fin="12:00",
                portee="guichets", guichets=deux,
            )  # fmt: skip
            assert reponse.status_code == 303, reponse.text
        assert await horaires(journee, nevers, MARDI, 0) == [(480, 600), (840, 960)]
        assert await horaires(journee, nevers, MARDI, 2) == [(480, 720), (840, 960)]
        (lot,) = (await composition(journee, nevers)).lots_exceptions()
        assert lot.guichets == tuple(nevers.guichets[:2])

    async def test_closing_over_rendez_vous_tells_them_first_and_cancels_none(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "09:00", jour=MARDI)
        adresse = f"{base(nevers)}/nouvelle"
        async with journee.client(nevers.agents["chef"]) as client:
            refus = await ecrire(client, nevers, du="2026-11-24")
            assert refus.status_code == 409
            assert f"/rendez-vous/{rdv}" in refus.text
            assert "fermeture exceptionnelle" in refus.text
            assert (await composition(journee, nevers)).exceptions == ()
            reponse = await submit(client, refus.text, adresse, geste="publier")
            assert reponse.status_code == 303
        assert await horaires(journee, nevers, MARDI) == []
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    @pytest.mark.parametrize(
        ("champs", "phrase"),
        [
            ({"du": "2026-11-26", "au": "2026-11-24"}, "La fin est avant le début"),
            ({"horaire": "heures", "debut": "12:00", "fin": "08:00"}, "La fin (08:00) est avant le début (12:00)"),
            ({"horaire": "heures", "debut": "08:00", "fin": "08:00"}, "la durée est nulle"),
            ({"horaire": "heures"}, "Indiquez l’heure de début"),
            ({"du": "2026-11-20", "au": "2026-11-20"}, "déjà passés"),
            ({"du": "2026-11-24", "au": "2066-11-24"}, "deux ans au plus"),
            ({"portee": "guichets", "guichets": None}, "Choisissez au moins un guichet"),
            ({"statut": "annule"}, "n’existe pas dans ce formulaire"),
            ({"nature": "ouverture"}, "Indiquez les heures"),
        ],
    )
    async def test_what_means_nothing_is_refused(
        self, journee: Journee, nevers: MondeService, champs: dict[str, Any], phrase: str
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await ecrire(client, nevers, **champs)
        assert reponse.status_code == 422
        assert phrase in reponse.text
        assert (await composition(journee, nevers)).exceptions == ()

    @pytest.mark.parametrize("ensemble", [True, False], ids=["at once", "one after the other"])
    async def test_the_same_form_sent_five_times_closes_once(
        self, journee: Journee, nevers: MondeService, ensemble: bool
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{base(nevers)}/nouvelle")).text
            envois = [
                submit(client, page, f"{base(nevers)}/nouvelle", du="2026-11-24", au="2026-11-24", libelle="Inventaire")
                for _ in range(5)
            ]
            reponses = await asyncio.gather(*envois) if ensemble else [await envoi for envoi in envois]
        assert sorted(reponse.status_code for reponse in reponses) == [303, 422, 422, 422, 422]
        assert all("Cette fermeture existe déjà." in r.text for r in reponses if r.status_code == 422)
        assert len((await composition(journee, nevers)).exceptions) == 1
        assert await journee.scalar(TRACES, s=nevers.id) == 1

    async def test_only_what_adds_nothing_is_the_same(self, journee: Journee, nevers: MondeService) -> None:
        g1, g2 = (str(g) for g in nevers.guichets[:2])
        jour = {"du": "2026-11-24", "au": "2026-11-24"}
        async with journee.client(nevers.agents["chef"]) as client:
            ecrits = [
                (await ecrire(client, nevers, **jour, **plus)).status_code
                for plus in (
                    {"portee": "guichets", "guichets": [g1]},
                    {"portee": "guichets", "guichets": [g1], "libelle": "Autre raison"},
                    {"portee": "guichets", "guichets": [g1, g2]},
                    {"horaire": "heures", "debut": "10:00", "fin": "12:00"},
                    {"nature": "ouverture", "horaire": "heures", "debut": "10:00", "fin": "12:00"},
                    {"nature": "ouverture", "horaire": "heures", "debut": "10:00", "fin": "12:00"},
                )
            ]
            assert ecrits == [303, 422, 303, 303, 303, 422]
            (lot,) = [
                lot for lot in (await composition(journee, nevers)).lots_exceptions() if lot.nature == "ouverture"
            ]
            adresse = f"{base(nevers)}/{lot.id}"
            meme = await submit(client, (await client.get(adresse)).text, adresse, libelle="Renfort")
            assert meme.status_code == 303


class TestOuvrirEnPlus:
    async def test_hours_are_added_on_a_range(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await ecrire(
                client, nevers, "?nature=ouverture", du="2026-11-24", au="2026-11-26", horaire="heures",
                debut="16:00", fin="18:00",
            )  # fmt: skip
            assert reponse.status_code == 303, reponse.text
        assert await horaires(journee, nevers, date(2026, 11, 26)) == [(480, 720), (840, 960), (960, 1080)]

    async def test_changing_then_deleting_it_tells_the_rendez_vous_it_held(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await ecrire(
                client, nevers, "?nature=ouverture", du="2026-11-24", horaire="heures", debut="16:00", fin="18:00"
            )
            (lot,) = (await composition(journee, nevers)).lots_exceptions()
            adresse = f"{base(nevers)}/{lot.id}"
            page = (await client.get(adresse)).text
            assert (await submit(client, page, adresse, fin="19:00")).status_code == 303
            await journee.book(nevers, "18:20", jour=MARDI)
            page = (await client.get(adresse)).text
            refus = await submit(client, page, f"{adresse}/suppression")
            assert refus.status_code == 409
            assert "Supprimer et laisser 1 rendez-vous à replacer" in refus.text
            assert (await submit(client, refus.text, f"{adresse}/suppression", geste="publier")).status_code == 303
        assert (await composition(journee, nevers)).exceptions == ()


class TestUnSeulJour:
    """« Modifier seulement ce jour »: the plages of one occurrence, for one guichet or all."""

    async def test_the_form_opens_with_the_plages_of_that_day(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{base(nevers)}/nouvelle?nature=remplacement&jour=2026-11-24")).text
        champs = read_form(page, f"{base(nevers)}/nouvelle")
        assert champs["plages"] == ["08:00-12:00, 14:00-16:00"]
        assert champs["du"] == ["2026-11-24"]

    async def test_one_guichet_has_its_own_hours_that_day_only(self, journee: Journee, nevers: MondeService) -> None:
        suite = f"?nature=remplacement&jour=2026-11-24&guichet={nevers.guichets[0]}"
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await ecrire(client, nevers, suite, plages="10h-11h, 15h-16h")
            assert reponse.status_code == 303, reponse.text
        assert await horaires(journee, nevers, MARDI, 0) == [(600, 660), (900, 960)]
        assert await horaires(journee, nevers, MARDI, 1) == [(480, 720), (840, 960)]
        assert await horaires(journee, nevers, date(2026, 12, 1), 0) == [(480, 720), (840, 960)]
        (lot,) = (await composition(journee, nevers)).lots_exceptions()
        assert len(lot.ids) == 2

    async def test_it_is_edited_as_one_thing(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await ecrire(client, nevers, "?nature=remplacement", du="2026-11-24", plages="10:00-11:00, 15:00-16:00")
            (lot,) = (await composition(journee, nevers)).lots_exceptions()
            adresse = f"{base(nevers)}/{lot.id}"
            page = (await client.get(adresse)).text
            assert (await submit(client, page, adresse, plages="")).status_code == 303
        (lot,) = (await composition(journee, nevers)).lots_exceptions()
        assert lot.plages == ()
        assert len(lot.ids) == 1
        assert lot.revision == 2
        assert await horaires(journee, nevers, MARDI) == []

    async def test_two_hours_of_one_day_that_overlap_are_refused_naming_both(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await ecrire(client, nevers, "?nature=remplacement", plages="8:00-12:00, 11:30-14:00")
        assert reponse.status_code == 422
        assert "La plage 08:00–12:00 et la plage 11:30–14:00 se chevauchent." in reponse.text

    async def test_a_day_has_its_own_hours_once(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await ecrire(client, nevers, "?nature=remplacement", du="2026-11-24", plages="10:00-11:00")
            reponse = await ecrire(client, nevers, "?nature=remplacement", du="2026-11-24", plages="15:00-16:00")
        assert reponse.status_code == 422
        assert "Le 24/11/2026 a déjà ses propres horaires" in reponse.text


class TestJoursFeries:
    """Holidays of the département close by themselves; the chef de service reopens one, or closes a bridge."""

    async def test_reopen_then_close_again_over_a_rendez_vous(self, journee: Journee, nevers: MondeService) -> None:
        adresse = f"{base(nevers)}/feries"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(base(nevers))).text
            assert "Noël" in page
            assert 'value="rouvrir 2026-12-25"' in page
            csrf = {"_csrf": client.headers["X-CSRF-Token"]}
            reponse = await client.post(adresse, data={**csrf, "reglage": "rouvrir 2026-12-25"})
            assert reponse.status_code == 303, reponse.text
            assert await horaires(journee, nevers, NOEL) == [(480, 720), (840, 960)]
            await journee.book(nevers, "09:00", jour=NOEL)
            refus = await client.post(adresse, data={**csrf, "reglage": "refermer 2026-12-25"})
            assert refus.status_code == 409
            assert "jour férié" in refus.text
            assert (await submit(client, refus.text, adresse, geste="publier")).status_code == 303
        assert await horaires(journee, nevers, NOEL) == []

    async def test_a_holiday_reopened_five_times_is_recorded_once(self, journee: Journee, nevers: MondeService) -> None:
        version = "SELECT version_planning FROM agenda WHERE service_id = :s"
        avant = await journee.scalar(version, s=nevers.id)
        async with journee.client(nevers.agents["chef"]) as client:
            for _ in range(5):
                reponse = await client.post(f"{base(nevers)}/feries", data={"reglage": "rouvrir 2026-12-25"})
                assert reponse.status_code == 303
        assert await journee.scalar(TRACES, s=nevers.id) == 1
        assert await journee.scalar(version, s=nevers.id) == avant + 1

    async def test_an_ordinary_day_cannot_be_reopened(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            for reglage in ("rouvrir 2026-12-24", "rouvrir hier", "ouvrir 2026-12-25"):
                assert (await client.post(f"{base(nevers)}/feries", data={"reglage": reglage})).status_code == 422

    async def test_alsace_and_moselle_have_their_own_and_bridges_are_proposed(self, journee: Journee) -> None:
        metz = await journee.service(departement="57")
        async with journee.client(metz.agents["chef"]) as client:
            page = (await client.get(f"{base(metz)}?annee=2027")).text
        assert "Vendredi saint" in page or "vendredi 26 mars 2027" in page
        assert "/exceptions/nouvelle?jour=2027-05-07" in page  # the Ascension of 2027 is Thursday 6 May

    async def test_another_year_and_nonsense_years_are_shown_calmly(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            for annee, statut in (("2027", 200), ("0", 200), ("999999", 200), ("-5", 422)):
                assert (await client.get(f"{base(nevers)}?annee={annee}")).status_code == statut


class TestDeuxAdministrateurs:
    async def test_the_second_one_gets_409_with_both_versions(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as chef, journee.client(nevers.agents["national"]) as autre:
            await ecrire(chef, nevers, du="2026-12-01", libelle="Formation")
            (lot,) = (await composition(journee, nevers)).lots_exceptions()
            adresse = f"{base(nevers)}/{lot.id}"
            une, deux = (await chef.get(adresse)).text, (await autre.get(adresse)).text
            assert (await submit(chef, une, adresse, libelle="Formation du chef")).status_code == 303
            refus = await submit(autre, deux, adresse, libelle="Formation nationale")
            assert refus.status_code == 409
            assert "Formation du chef" in refus.text
            assert "Formation nationale" in refus.text
            assert (await submit(autre, refus.text, adresse)).status_code == 303
        (lot,) = (await composition(journee, nevers)).lots_exceptions()
        assert lot.libelle == "Formation nationale"

    async def test_the_neighbour_s_chef_finds_nothing(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        async with journee.client(autre.agents["chef"]) as client:
            for chemin in ("", "/fragment", "/nouvelle"):
                assert (await client.get(base(nevers) + chemin)).status_code == 404
            assert (
                await client.post(f"{base(nevers)}/feries", data={"reglage": "rouvrir 2026-12-25"})
            ).status_code == 404
