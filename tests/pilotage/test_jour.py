"""The day of a perimeter: what is counted, in whose day, in which order. [domain « Pilotage »]"""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.errors import AccesRefuse
from app.pilotage.compteurs import ETATS, read_compteurs
from app.pilotage.jour import Tri, read_jour, sort_lignes
from tests.accueil.monde import CHEMINS, JOUR, Journee
from tests.fixtures.donnees import ensure_departement


class TestJour:
    """One statement, one snapshot; each service in its own local day."""

    async def test_the_figures_are_those_of_the_frames_and_of_a_plain_count(self, journee: Journee) -> None:
        service = await journee.service(departement="21")
        for rang, etat in enumerate(CHEMINS):
            await journee.book(service, f"{8 + rang}:00", etat=etat)
        await journee.book(service, "18:00", jour=JOUR + timedelta(days=1))
        perimetre = f"service-{service.id}"
        async with journee.outils.db.read() as conn:
            jour = await read_jour(conn, service.agents["national"], perimetre, clock.now())
            compteurs = await read_compteurs(conn, perimetre, clock.now())
        assert jour.par_etat == dict.fromkeys(ETATS, 1)
        assert jour.total == 6
        assert {etat: compteurs.par_etat.get(etat, 0) for etat in ETATS} == jour.par_etat
        assert compteurs.version == jour.version
        compte = await journee.scalar(
            "SELECT count(*) FROM rendez_vous WHERE service_id = :s AND jour = :j AND etat <> 'annule'",
            s=service.id,
            j=JOUR,
        )
        assert compte == jour.total

    async def test_each_service_counts_its_own_local_day(self, journee: Journee) -> None:
        """10:05 on Monday 23 in Nevers is still Sunday 22 in Honolulu's longitude, and the 23rd in Nouméa."""
        papeete = await journee.service(departement="987", fuseau="Pacific/Tahiti", sages="9870001")
        await journee.book(papeete, "12:00", jour=JOUR)
        async with journee.outils.db.read() as conn:
            jour = await read_jour(conn, papeete.agents["national"], f"service-{papeete.id}", clock.now())
        assert jour.lignes[0].jour == JOUR - timedelta(days=1)
        assert jour.total == 0

    async def test_the_version_is_the_sum_of_the_services_and_rises_with_each_event(self, journee: Journee) -> None:
        un = await journee.service(departement="39")
        await journee.service(departement="39")
        async with journee.outils.db.read() as conn:
            avant = await read_jour(conn, un.agents["pilote"], "departement-39", clock.now())
        rdv = await journee.book(un, "11:00")
        await journee.lead(un, rdv, "arrive")
        async with journee.outils.db.read() as conn:
            apres = await read_jour(conn, un.agents["pilote"], "departement-39", clock.now())
        assert avant.version == 2
        assert apres.version == avant.version + 2
        assert (apres.par_etat["arrive"], apres.par_etat["prevu"]) == (1, 0)

    async def test_a_perimeter_without_service_is_zero_not_an_accident(self, journee: Journee) -> None:
        ailleurs = await journee.service()
        async with journee.outils.db.engine.begin() as conn:
            await ensure_departement(conn, "2A", "Corse-du-Sud")
        async with journee.outils.db.read() as conn:
            jour = await read_jour(conn, ailleurs.agents["national"], "departement-2A", clock.now())
        assert (jour.lignes, jour.total, jour.version) == ((), 0, 0)
        assert jour.zone.key == "Europe/Paris"

    async def test_a_closed_service_stays_while_it_has_rendez_vous_today(self, journee: Journee) -> None:
        plein, vide = await journee.service(departement="71"), await journee.service(departement="71")
        await journee.book(plein, "11:00")
        async with journee.outils.db.engine.begin() as conn:
            await conn.exec_driver_sql(
                f"UPDATE service_fiscal SET ferme_a = '2026-01-01T00:00:00Z' WHERE id IN ({plein.id}, {vide.id})"
            )
        async with journee.outils.db.read() as conn:
            jour = await read_jour(conn, plein.agents["pilote"], "departement-71", clock.now())
        assert [ligne.id for ligne in jour.lignes] == [plein.id]

    async def test_a_perimeter_of_somebody_else_is_refused_by_the_statement_itself(self, journee: Journee) -> None:
        ici, ailleurs = await journee.service(departement="58"), await journee.service(departement="89")
        async with journee.outils.db.read() as conn:
            for agent in (ici.agents["pilote"], ailleurs.agents["agent"], ailleurs.agents["exterieur"]):
                for perimetre in (f"service-{ailleurs.id}", "departement-89", "nation"):
                    with pytest.raises(AccesRefuse):
                        await read_jour(conn, agent, perimetre, clock.now())


class TestTri:
    """The order comes from the address: anybody may write anything there."""

    @pytest.mark.parametrize(
        "mots", [("'; DROP", "desc", "1"), ("", "", "-3"), ("jour", "x", "٣"), ("id", "", "9" * 99)]
    )
    def test_what_is_not_understood_means_the_default_order(self, mots: tuple[str, str, str]) -> None:
        tri = Tri.parse(*mots)
        assert (tri.colonne, tri.page) == ("service", 1)

    def test_figures_come_largest_first_and_names_from_a(self) -> None:
        assert Tri.parse("arrives", "", "").descendant
        assert not Tri.parse("service", "", "").descendant
        assert Tri.parse("service", "desc", "2").query() == "?tri=service&sens=desc&page=2"
        assert Tri.parse("arrives", "asc", "2").query(page=1) == "?tri=arrives&sens=asc"
        assert Tri().query() == ""

    async def test_names_are_sorted_as_people_read_them_and_ties_by_name(self, journee: Journee) -> None:
        noms = ["Épinac", "epinal", "ESPALION", "Autun"]
        services = [await journee.service(departement="70", libelle=nom) for nom in noms]
        await journee.book(services[2], "11:00")
        async with journee.outils.db.read() as conn:
            jour = await read_jour(conn, services[0].agents["pilote"], "departement-70", clock.now())
        assert [ligne.libelle for ligne in jour.lignes] == ["Autun", "Épinac", "epinal", "ESPALION"]
        par_total = sort_lignes(jour.lignes, Tri("total", True))
        assert [ligne.libelle for ligne in par_total] == ["ESPALION", "Autun", "Épinac", "epinal"]
