"""``seed-demo``: fast, safe to run again, alive around now on any day, and consistent to the last row."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app import clock
from app.booking.contexte import read_contexte
from app.booking.outils import Outils
from app.config import ConfigurationInvalide, Settings
from app.demo.donnees import refresh_now, seed
from app.demo.monde import BOURGES, COMPTES, NEVERS, PARIS_SIE, PARIS_SIP, SERVICES
from app.demo.remplissage import read_acteurs
from loadtests.invariants import check
from tests.demo.conftest import clock_at
from tests.demo.outillage import IMPORTE, assert_consistent, book_as_visitor, fetch
from tests.fixtures.donnees import build_service


async def count_rows(outils: Outils) -> dict[str, int]:
    tables = (
        "service_fiscal",
        "guichet",
        "agent",
        "cle_api",
        "motif",
        "departement",
        "commune",
        "rendez_vous",
        "rdv_usager",
        "exception_planning",
        "delegation",
    )
    return {t: (await fetch(outils, f"SELECT count(*) FROM {t}"))[0][0] for t in tables}


class TestSemis:
    """design « Commands »: real-looking services and an agenda around now."""

    async def test_every_counter_row_and_passage_is_consistent(self, outils_demo: Outils) -> None:
        await assert_consistent(outils_demo)

    async def test_the_services_of_the_contract_are_there(self, outils_demo: Outils) -> None:
        services = await fetch(outils_demo, "SELECT sages, codique, departement, fuseau, site_id FROM service_fiscal")
        par_sages = {s.sages: s for s in services}
        assert par_sages[NEVERS].codique == "058019"
        assert par_sages["1800151"].departement == "18"
        assert par_sages[PARIS_SIP].site_id == par_sages[PARIS_SIE].site_id
        assert {s.fuseau for s in services} == {"Europe/Paris", "Indian/Reunion"}
        assert {"57", "69", "14", "974"} <= {s.departement for s in services}
        types = {c for (c,) in await fetch(outils_demo, "SELECT DISTINCT type_code FROM service_fiscal")}
        assert {"SIP", "SIE", "TRESO_AMENDES", "CDIF", "DRESG", "DGE"} <= types

    async def test_a_delegation_lives_and_another_waits_for_the_chef_s_answer(self, outils_demo: Outils) -> None:
        """[G 2.3.5]: both lists of « Délégations », and the usager's choice of place, have something to show."""
        async with outils_demo.db.read() as conn:
            acteurs = await read_acteurs(conn)
            nevers, bourges = acteurs.services[NEVERS], acteurs.services[BOURGES]
            contexte = await read_contexte(conn, nevers)
            (vivante,) = [d for d in contexte.confiees if d.is_vivante(clock.now().date())]
            libres = [
                await outils_demo.dispo.read(
                    conn,
                    bourges,
                    motif_id=motif,
                    type_rdv="guichet",
                    canal="internet",
                    maintenant=clock.now(),
                    delegation=vivante,
                )
                for motif in vivante.motifs
            ]
        assert vivante.service_delegue_id == bourges
        assert all(dispo.grille.find_premier() is not None for dispo in libres)
        assert {contexte.motifs[motif].ouvert for motif in vivante.motifs} == {True, False}, "a choice, and none"
        attente = await fetch(
            outils_demo, "SELECT service_id, service_delegue_id FROM delegation WHERE etat = 'proposee'"
        )
        assert [tuple(ligne) for ligne in attente] == [(bourges, nevers)]
        pris = await fetch(
            outils_demo,
            "SELECT jour, count(*) AS nombre FROM rendez_vous WHERE delegation_id = :d AND service_id = :b"
            " AND service_origine_id = :n GROUP BY 1",
            d=vivante.id,
            b=bourges,
            n=nevers,
        )
        assert pris, "both agendas have some"
        assert max(ligne.nombre for ligne in pris) <= (vivante.quota_jour or 0)

    async def test_the_national_tree_has_its_58_motifs_each_with_documents(self, outils_demo: Outils) -> None:
        feuilles = await fetch(outils_demo, "SELECT code, documents FROM motif WHERE parent_id IS NOT NULL")
        assert len(feuilles) == 58
        assert all(len(f.documents) >= 3 for f in feuilles)

    async def test_running_again_adds_nothing(self, outils_demo: Outils) -> None:
        avant = await count_rows(outils_demo)
        await seed(outils_demo.settings)
        await seed(outils_demo.settings)
        assert await count_rows(outils_demo) == avant
        await assert_consistent(outils_demo)

    async def test_the_month_to_come_is_about_half_booked_and_never_full(self, outils_demo: Outils) -> None:
        async with outils_demo.db.read() as conn:
            acteurs = await read_acteurs(conn)
            motif = (await conn.execute(text("SELECT id FROM motif WHERE code = 'M01'"))).scalar_one()
            dispo = await outils_demo.dispo.read(
                conn,
                acteurs.services[NEVERS],
                motif_id=motif,
                type_rdv="guichet",
                canal="internet",
                maintenant=clock.now(),
            )
        ouverts = [j for j in dispo.grille.jours.values() if j.candidats]
        assert len(ouverts) >= 15
        assert all(j.creneaux for j in ouverts)
        pris, places = 0, 0
        for journee in ouverts:
            libres = {c.debut: len(c.guichets) for c in journee.creneaux}
            places += sum(len(guichets) for _, guichets in journee.candidats)
            pris += sum(len(guichets) - libres.get(depart, 0) for depart, guichets in journee.candidats)
        assert 0.35 < pris / places < 0.65

    async def test_outside_the_demo_it_refuses(self, reglages: Settings) -> None:
        with pytest.raises(ConfigurationInvalide):
            await seed(replace(reglages, demo=False))

    async def test_it_never_mixes_with_services_of_others(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            await build_service(conn, sages="7700001")
        with pytest.raises(ConfigurationInvalide):
            await seed(outils.settings)
        assert (await fetch(outils, "SELECT count(*) FROM agent"))[0][0] == 0


@pytest.mark.parametrize(
    "instant",
    [
        pytest.param(datetime(2026, 11, 22, 3, 10, tzinfo=UTC), id="a Sunday in the night"),
        pytest.param(datetime(2026, 12, 25, 11, 35, tzinfo=UTC), id="Christmas at lunch time"),
        pytest.param(datetime(2026, 11, 24, 9, 5, tzinfo=UTC), id="a Tuesday morning"),
        pytest.param(datetime(2027, 3, 28, 1, 30, tzinfo=UTC), id="the night of 23 hours"),
        pytest.param(datetime(2026, 10, 25, 20, 50, tzinfo=UTC), id="the evening of the day of 25 hours"),
    ],
)
async def test_on_any_day_at_any_hour_the_agenda_lives_around_now(outils: Outils, instant: datetime) -> None:
    with clock_at(instant):
        await seed(outils.settings)
        maintenant = clock.now()
        lignes = await fetch(
            outils,
            "SELECT r.etat, r.debut, r.fin FROM rendez_vous r JOIN service_fiscal s ON s.id = r.service_id"
            " WHERE s.sages IN (:a, :b) AND r.debut BETWEEN :du AND :au",
            a=NEVERS,
            b=PARIS_SIP,
            du=maintenant - timedelta(hours=2),
            au=maintenant + timedelta(hours=2),
        )
        etats = Counter(ligne.etat for ligne in lignes)
        assert etats["termine"] >= 5
        assert etats["prevu"] >= 5
        assert etats["arrive"] + etats["appele"] + etats["recu"] >= 1
        assert not [x for x in lignes if x.etat == "prevu" and x.fin < maintenant - timedelta(minutes=1)]
        assert not [x for x in lignes if x.etat in ("recu", "termine") and x.debut > maintenant]
        await assert_consistent(outils)


class TestLendemain:
    """A demo stopped in the evening and started again the next day."""

    async def test_the_day_is_told_as_if_the_demo_had_gone_on(self, outils_demo: Outils) -> None:
        visiteur = await book_as_visitor(outils_demo)
        with clock_at(clock.now() + timedelta(hours=27)):
            await seed(outils_demo.settings)
            maintenant = clock.now()
            en_retard = await fetch(
                outils_demo,
                "SELECT id FROM rendez_vous WHERE etat IN ('prevu', 'arrive', 'appele', 'recu') AND fin < :a",
                a=maintenant - timedelta(minutes=10),
            )
            assert {r.id for r in en_retard} <= {visiteur}
            dernier = (
                await fetch(
                    outils_demo,
                    "SELECT max(r.jour) FROM rendez_vous r JOIN service_fiscal s ON s.id = r.service_id"
                    " WHERE s.sages = :a",
                    a="6900210",
                )
            )[0][0]
            assert dernier >= maintenant.date() + timedelta(days=27)
            await assert_consistent(outils_demo)

    async def test_what_a_visitor_booked_is_left_as_it_was(self, outils_demo: Outils) -> None:
        visiteur = await book_as_visitor(outils_demo)
        with clock_at(clock.now() + timedelta(days=2)):
            await seed(outils_demo.settings)
            etat = await fetch(outils_demo, "SELECT etat, revision FROM rendez_vous WHERE id = :id", id=visiteur)
        assert etat == [("prevu", 1)]

    async def test_screens_already_open_are_told_to_reload(self, outils_demo: Outils) -> None:
        requete = "SELECT version FROM agenda a JOIN service_fiscal s ON s.id = a.service_id WHERE s.sages = :a"
        avant = (await fetch(outils_demo, requete, a=NEVERS))[0][0]
        with clock_at(clock.now() + timedelta(hours=27)):
            await seed(outils_demo.settings)
        assert (await fetch(outils_demo, requete, a=NEVERS))[0][0] > avant
        bilan = await check(outils_demo.settings.database_url, sauf=IMPORTE)
        assert bilan.ok, bilan.lines()


async def test_coming_in_at_night_opens_the_night_while_the_site_runs(outils_demo: Outils) -> None:
    avant = await count_rows(outils_demo)
    with clock_at((clock.now() + timedelta(days=1)).replace(hour=23, minute=20)):
        await refresh_now(outils_demo)
        apres = await count_rows(outils_demo)
        await refresh_now(outils_demo)
        assert await count_rows(outils_demo) == apres
        libres = await fetch(
            outils_demo,
            "SELECT count(*) FROM rendez_vous r JOIN service_fiscal s ON s.id = r.service_id WHERE s.sages = :a"
            " AND debut BETWEEN :du AND :au",
            a=NEVERS,
            du=clock.now(),
            au=clock.now() + timedelta(hours=4),
        )
    assert apres["rendez_vous"] > avant["rendez_vous"]
    assert libres[0][0] > 5
    await assert_consistent(outils_demo)


class TestComptes:
    """design « Commands »: nine accounts, their password, their keys."""

    async def test_every_colleague_is_without_password_nor_key(self, outils_demo: Outils) -> None:
        ouverts = await fetch(
            outils_demo,
            "SELECT a.identifiant FROM agent a LEFT JOIN cle_api c ON c.agent_id = a.id"
            " WHERE a.mot_de_passe IS NOT NULL AND c.id IS NOT NULL ORDER BY 1",
        )
        assert [i for (i,) in ouverts] == sorted(c.identifiant for c in COMPTES)
        muets = await fetch(outils_demo, "SELECT count(*) FROM agent WHERE mot_de_passe IS NULL")
        assert muets[0][0] == len(SERVICES)
        cles = await fetch(outils_demo, "SELECT count(*) FROM cle_api")
        assert cles[0][0] == len(COMPTES)

    async def test_rights_are_those_of_the_roles(self, outils_demo: Outils) -> None:
        lignes = await fetch(
            outils_demo,
            "SELECT g.identifiant, a.module, count(*) FROM acces a JOIN agent g ON g.id = a.agent_id"
            " WHERE g.identifiant NOT LIKE 'collegue-%' GROUP BY 1, 2",
        )
        acces = {(identifiant, module): nombre for identifiant, module, nombre in lignes}
        assert acces["orientation", "accueil"] == 3
        assert acces["box", "agenda"] == acces["agent", "agenda"] == acces["chef", "organiser"] == 1
        assert not [module for identifiant, module in acces if identifiant == "exterieur"]
        assert acces["pilote-local", "pilotage"] == 1
        assert acces["pilote-departement", "pilotage"] == 3
        assert acces["pilote-national", "pilotage"] == acces["admin-national", "organiser"] == len(SERVICES)
