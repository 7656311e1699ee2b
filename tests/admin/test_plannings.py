"""« Plannings »: semaines and mois types painted, seen as the usager will, refused, journaled (G 2.3.4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from app.admin.plannings.lecture import read_composition
from app.booking.contexte import read_contexte
from tests.accueil.monde import Journee
from tests.admin.formulaires import publish, submit
from tests.admin.plannings import VERSION, base, composition, nouveau
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """A service open from 08:00 to 12:00 and from 14:00 to 16:00, Monday to Friday."""
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6), guichets=3)


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

    async def test_while_the_service_is_not_open_online_the_week_says_so(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        phrase = "Le service n’est pas ouvert en ligne : voici ce que verraient les usagers."
        adresse = f"{base(nevers)}/nouveau"

        async def read(canal: str = "internet") -> tuple[str, str]:
            async with journee.client(nevers.agents["chef"]) as client:
                semaine = (await client.get(f"{base(nevers)}/semaine?voir_canal={canal}")).text
                page = (await client.get(adresse)).text
                apercu = await submit(
                    client, page, adresse, geste="apercu", nom="Samedis", h_0_6="09:00-10:00", voir_canal=canal
                )
            return semaine, apercu.text

        assert [phrase in page for page in await read()] == [False, False]
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE service_fiscal SET en_ligne = false WHERE id = :s"), {"s": nevers.id})
            await conn.execute(text(VERSION), {"s": nevers.id})
        for page in await read():
            assert page.index(phrase) < page.index('class="vue fr-raw-list"')
        assert [phrase in page for page in await read("rattache")] == [False, False], "agents book already"

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
