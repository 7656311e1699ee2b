"""« Plannings »: journées types, semaines and mois types, copied, followed, refused, compared (G 2.3.4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.admin.plannings.lecture import read_composition
from app.booking.contexte import read_contexte
from app.domain.composition import Composition
from tests.accueil.monde import Journee
from tests.admin.formulaires import publish, submit
from tests.fixtures.donnees import MondeService

LUNDI = date(2026, 11, 30)
VERSION = "UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """A service open from 08:00 to 12:00 and from 14:00 to 16:00, Monday to Friday."""
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6), guichets=3)


def base(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/plannings"


async def composition(journee: Journee, service: MondeService) -> Composition:
    async with journee.outils.db.read() as conn:
        return await read_composition(conn, service.id)


async def nouveau(client: httpx.AsyncClient, service: MondeService, **champs: Any) -> httpx.Response:
    """Open the form of a new semaine type, fill it, see its consequences, publish it."""
    adresse = f"{base(service)}/nouveau"
    page = (await client.get(adresse)).text
    return await publish(client, page, adresse, **champs)


class TestPeindreUneSemaine:
    """A semaine type is written, seen, then published; the form alone is enough."""

    async def test_hours_typed_become_a_journee_type_and_open_creneaux(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g1 = str(nevers.guichets[0])
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await nouveau(
                client,
                nevers,
                nom="Samedis",
                portee="guichets",
                guichets=[g1],
                du="2026-12-05",
                h_0_6="9h-11h30",
            )
            assert reponse.status_code == 303, reponse.text
            assert reponse.headers["location"].startswith(f"{base(nevers)}?fait=planning")
            liste = (await client.get(reponse.headers["location"])).text
        assert "Samedis" in liste
        assert "le planning est publié" in liste.lower()
        comp = await composition(journee, nevers)
        (lot,) = [lot for lot in comp.lots_plannings() if lot.nom == "Samedis"]
        assert lot.guichets == (nevers.guichets[0],)
        (planning,) = [p for p in comp.to_plannings() if p.nom == "Samedis"]
        assert [(p.debut, p.fin, p.nom) for p in planning.find_plages(date(2026, 12, 5))] == [(540, 690, "09:00–11:30")]

    async def test_the_same_hours_use_the_journee_type_that_exists(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await nouveau(
                client, nevers, nom="Samedis", portee="guichets", guichets=[str(nevers.guichets[0])],
                h_0_6="14h-16h, 8h-12h",
            )  # fmt: skip
        comp = await composition(journee, nevers)
        assert [j.nom for j in comp.journees.values()] == ["Journée pleine"]

    async def test_a_draft_shows_its_week_and_saves_nothing(self, journee: Journee, nevers: MondeService) -> None:
        avant = await composition(journee, nevers)
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(
                client, page, adresse, geste="apercu", nom="Samedis", du="2026-12-05", h_0_6="09:00-10:00",
                portee="guichets", guichets=[str(nevers.guichets[0])], voir_semaine="2026-12-05",
            )  # fmt: skip
        assert apercu.status_code == 200
        for attendu in ("09:00", "09:20", "09:40", "samedi 5 décembre", "rien n’est encore enregistré"):
            assert attendu in apercu.text
        assert await composition(journee, nevers) == avant

    async def test_what_is_written_is_what_the_rules_read(self, journee: Journee, nevers: MondeService) -> None:
        """One computation serves display and booking: the draft's model and the bookings' context agree."""
        async with journee.client(nevers.agents["chef"]) as client:
            await nouveau(client, nevers, nom="Samedis", cycle="2", h_0_6="09:00-10:00", h_1_7="10:00-11:00")
        async with journee.outils.db.read() as conn:
            comp, contexte = await read_composition(conn, nevers.id), await read_contexte(conn, nevers.id)
        assert comp.to_exceptions() == contexte.exceptions
        assert {p.id: p for p in comp.to_plannings()} == {p.id: p for p in contexte.plannings}

    async def test_a_mois_type_opens_the_first_and_the_last_of_a_weekday(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{adresse}?nature=mois")).text
            champs: dict[str, Any] = {"nom": "Mardis soir", "du": "2026-12-01", "h_1_2": "17:00-18:00"}
            reponse = await publish(client, page, adresse, **champs, **{"h_-1_2": "18:00-19:00"})
        assert reponse.status_code == 303, reponse.text
        comp = await composition(journee, nevers)
        (planning,) = [p for p in comp.to_plannings() if p.nom == "Mardis soir"]
        assert [p.debut for p in planning.find_plages(date(2026, 12, 1))] == [1020]
        assert [p.debut for p in planning.find_plages(date(2026, 12, 29))] == [1080]

    async def test_the_page_says_which_week_is_a_today(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await nouveau(
                client, nevers, nom="Alternance", cycle="2", du="2026-11-18", h_0_6="09:00-10:00", h_1_6="10:00-11:00"
            )
            page = (await client.get(base(nevers))).text
        assert "Cette semaine, celle du 23/11/2026, est la semaine B." in page


class TestCeQueVoitLUsager:
    """The week of the page is the first that an usager may book; what he does not see yet is told apart."""

    async def test_it_opens_on_the_first_week_that_may_be_booked(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO parametre (service_id, cle, valeur, modifie_a) VALUES (:s, 'delai_ouvre', '6', now())"
                ),
                {"s": nevers.id},
            )
            await conn.execute(text(VERSION), {"s": nevers.id})
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{base(nevers)}/semaine")).text
        assert "Semaine du lundi 30 novembre" in page

    async def test_days_that_may_not_be_booked_yet_are_greyed_with_the_reason(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            usager = (await client.get(f"{base(nevers)}/semaine")).text
            agent = (await client.get(f"{base(nevers)}/semaine?voir_canal=rattache")).text
        assert usager.count("vue__jour--cache") == 3  # Monday, and two working days of delay
        assert usager.count("<b>Pas encore réservable</b> : délai de 2\u00a0jours ouvrés") == 3
        assert "vue__jour--cache" not in agent

    async def test_a_first_organisation_is_seen_before_any_motif_is_open(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE motif_service SET ouvert = false WHERE service_id = :s"), {"s": nevers.id})
            await conn.execute(text(VERSION), {"s": nevers.id})
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            apercu = await submit(
                client, page, adresse, geste="apercu", nom="Samedis", du="2026-12-05", h_0_6="09:00-10:00"
            )
        assert apercu.status_code == 200
        for attendu in ("<li>09:00</li>", "<li>09:40</li>", "Aucun motif n’est ouvert", "20&nbsp;minutes"):
            assert attendu in apercu.text
        assert '<b class="consequence__nombre">+' in apercu.text
        assert apercu.text.count("vue__jour--cache") == 6


class TestRefus:
    """Bad inputs of the administration: 422 and everything typed is kept."""

    async def test_8_to_12_and_half_past_11_to_14_are_refused_naming_both(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        avant = await composition(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await nouveau(client, nevers, nom="Double", h_0_1="8:00-12:00 11:30-14:00")
        assert reponse.status_code == 422
        assert "La plage 08:00–12:00 et la plage 11:30–14:00 se chevauchent." in reponse.text
        assert "8:00-12:00 11:30-14:00" in reponse.text
        assert await composition(journee, nevers) == avant

    async def test_two_plannings_that_overlap_on_one_guichet_are_refused_naming_both(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g1 = str(nevers.guichets[0])
        async with journee.client(nevers.agents["chef"]) as client:
            commun: dict[str, Any] = {"portee": "guichets", "guichets": [g1], "du": "2026-11-30"}
            assert (await nouveau(client, nevers, nom="Matin", h_0_1="08:00-12:00", **commun)).status_code == 303
            reponse = await nouveau(client, nevers, nom="Midi", h_0_1="11:30-14:00", **commun)
        assert reponse.status_code == 422
        assert "Guichet 1 : La plage 08:00–12:00" in reponse.text
        assert "«\u00a0Matin\u00a0»" in reponse.text
        assert "«\u00a0Midi\u00a0» se chevauchent le lundi 30 novembre 2026." in reponse.text

    @pytest.mark.parametrize(
        ("heures", "phrase"),
        [
            ("12:00-08:00", "finit avant de commencer"),
            ("08:00-08:00", "a une durée nulle"),
            ("25:00-26:00", "cette heure n’existe pas"),
            ("demain", "n’est pas un horaire"),
        ],
    )
    async def test_hours_that_mean_nothing_are_refused(
        self, journee: Journee, nevers: MondeService, heures: str, phrase: str
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await nouveau(client, nevers, nom="Essai", h_0_1=heures)
        assert reponse.status_code == 422
        assert phrase in reponse.text

    async def test_every_mistake_is_told_at_once(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await nouveau(
                client, nevers, nom="", du="31/02/2027", portee="guichets", guichets=None, h_0_1="x"
            )
        assert reponse.status_code == 422
        for phrase in ("Donnez un nom", "Cette date n’existe pas", "Choisissez au moins un guichet", "pas un horaire"):
            assert phrase in reponse.text

    @pytest.mark.parametrize(
        "forge",
        [{"service_id": "1"}, {"guichets": ["999999"], "portee": "guichets"}, {"j_0_1": "424242"}, {"cycle": "9"}],
    )
    async def test_forged_fields_are_refused(
        self, journee: Journee, nevers: MondeService, forge: dict[str, Any]
    ) -> None:
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            reponse = await submit(client, page, adresse, nom="Forgé", geste="apercu", **forge)
        assert reponse.status_code == 422

    async def test_hostile_names_are_escaped(self, journee: Journee, nevers: MondeService) -> None:
        nom = "<script>alert(1)</script>"
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await nouveau(client, nevers, nom=nom, h_0_6="09:00-10:00")).status_code == 303
            page = (await client.get(base(nevers))).text
        assert nom not in page
        assert "&lt;script&gt;" in page

    async def test_nothing_is_published_that_was_not_shown(self, journee: Journee, nevers: MondeService) -> None:
        adresse = f"{base(nevers)}/nouveau"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            reponse = await submit(client, page, adresse, geste="publier", nom="Direct", h_0_6="09:00-10:00")
        assert reponse.status_code == 409
        assert "Relisez les conséquences avant de publier." in reponse.text
        assert "a changé pendant votre relecture" not in reponse.text
        assert "Direct" not in {p.nom for p in (await composition(journee, nevers)).plannings}

    async def test_an_agent_who_does_not_organise_finds_nothing(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        async with journee.client(autre.agents["chef"]) as client:
            for chemin in ("", "/fragment", "/semaine", "/nouveau", "/journees/nouvelle"):
                assert (await client.get(f"{base(nevers)}{chemin}")).status_code == 404
            assert (await client.post(f"{base(nevers)}/nouveau", data={"nom": "x"})).status_code == 404


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


async def test_each_change_is_journaled_with_before_and_after_and_announced(
    journee: Journee, nevers: MondeService
) -> None:
    sql = "SELECT version_planning FROM agenda WHERE service_id = :s"
    avant = await journee.scalar(sql, s=nevers.id)
    async with journee.client(nevers.agents["chef"]) as client:
        await nouveau(client, nevers, nom="Samedis", h_0_6="09:00-10:00")
        histoire = (await client.get(f"/services/{nevers.id}/organiser/historique?objet=planning")).text
    assert await journee.scalar(sql, s=nevers.id) == avant + 1
    assert "Planning : créé" in histoire
    assert "samedi : 09:00–10:00" in histoire
    trames = await journee.scalar(
        "SELECT count(*) FROM outbox WHERE sujet IN ('service:' || :s, 'creneaux:' || :s) "
        "AND trame LIKE '%planning.modifie%'",
        s=str(nevers.id),
    )
    assert trames == 2
    async with journee.outils.db.read() as conn:
        lignes = (await conn.execute(text("SELECT 1 FROM planning WHERE service_id = :s"), {"s": nevers.id})).all()
    assert len(lignes) == 2
