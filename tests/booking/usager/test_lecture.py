"""What a page of créneaux costs in queries, and that its reading tells the versions of what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app import clock
from app.booking.options import place_option
from app.booking.outils import Outils
from app.booking.usager.calendrier import Calendrier
from app.booking.usager.demande import Parcours
from app.booking.usager.lecture import read_dispo, read_vue
from app.booking.usager.recherche import Recherche, find_services, parse_recherche
from tests.booking.outillage import creneaux_libres
from tests.fixtures.donnees import build_service


@contextmanager
def count_queries(outils: Outils) -> Iterator[list[str]]:
    """The statements sent to PostgreSQL meanwhile."""
    vues: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        vues.append(statement)

    moteur = outils.db.engine.sync_engine
    event.listen(moteur, "before_cursor_execute", note)
    try:
        yield vues
    finally:
        event.remove(moteur, "before_cursor_execute", note)


class TestCoutDeLaPage:
    """« availability of a month in ≤ 3 SQL queries », own hold and epoch included."""

    async def test_a_cold_page_takes_three_queries_and_a_warm_one_takes_one(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            service = await build_service(conn, guichets=20)
        parcours = Parcours(service.id, service.motifs[0], "guichet", "particulier")
        async with outils.db.read() as conn:
            for attendu in (3, 1):
                with count_queries(outils) as requetes:
                    vue = await read_vue(outils, conn, service.id, "visite", clock.now())
                    dispo = await read_dispo(outils, conn, vue, parcours)
                assert len(requetes) == attendu, requetes
        assert dispo.versions == vue.versions
        assert vue.epoque

    async def test_the_hold_read_belongs_to_the_version_read(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            service = await build_service(conn, guichets=1)
        debut = (await creneaux_libres(outils, service))[0].debut
        parcours = Parcours(service.id, service.motifs[0], "guichet", "particulier")
        option = await place_option(
            outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=debut,
            visite="la mienne",
            maintenant=clock.now(),
        )
        async with outils.db.read() as conn:
            mienne = await read_vue(outils, conn, service.id, "la mienne", clock.now())
            autre = await read_vue(outils, conn, service.id, "une autre", clock.now())
            dispo = await read_dispo(outils, conn, mienne, parcours)
        assert mienne.option is not None
        assert (mienne.option.id, autre.option) == (option.id, None)
        libres = [
            depart
            for tenue in (mienne.option.tenue, None)
            for departs in Calendrier(dispo, tenue, str).libres.values()
            for depart in departs
            if depart == debut
        ]
        assert libres == [debut], "free for its holder, and for nobody else"


class TestRechercheDeServices:
    """Annexe 1 §3.3 ; une requête, quel que soit le nombre de services trouvés."""

    async def test_services_are_found_by_name_town_postal_code_and_code(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            nevers = await build_service(conn)
            await build_service(
                conn,
                sages="9740001",
                libelle="SERVICE DES IMPÔTS DE SAINT-DENIS",
                departement="974",
                fuseau="Indian/Reunion",
            )
            await conn.exec_driver_sql("UPDATE service_fiscal SET codique = '058019' WHERE sages = '5800450'")
        attendus = {
            "nevers": 2,  # both stand at the same invented address
            "IMPOTS saint denis": 1,
            "impôts Saint-Denis": 1,
            "58000": 2,
            "58015": 2,
            "5800450": 1,
            "058019": 1,
            "lyon": 0,
            "69000": 0,
            "": 2,
        }
        async with outils.db.read() as conn:
            for saisie, nombre in attendus.items():
                with count_queries(outils) as requetes:
                    assert len(await find_services(conn, parse_recherche(saisie))) == nombre, saisie
                assert len(requetes) == 1
            assert [s["id"] for s in await find_services(conn, Recherche(), service_id=nevers.id)] == [nevers.id]

    async def test_a_commune_leads_to_its_competent_service_wherever_it_stands(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            nevers = await build_service(conn)
            await conn.exec_driver_sql(
                "INSERT INTO commune (code_insee, nom, nom_recherche, departement, codes_postaux)"
                " VALUES ('58059', 'Château-Chinon', 'CHATEAU CHINON', '58', '{58120}')"
            )
            await conn.exec_driver_sql(f"INSERT INTO competence (code_insee, service_id) VALUES ('58059', {nevers.id})")
        async with outils.db.read() as conn:
            for saisie in ("château-chinon", "Chateau", "58120"):
                assert [s["id"] for s in await find_services(conn, parse_recherche(saisie))] == [nevers.id], saisie

    async def test_a_specialised_tresorerie_is_found_by_its_code_only(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            service = await build_service(conn)
            await conn.exec_driver_sql("UPDATE type_service SET par_adresse = FALSE")
        async with outils.db.read() as conn:
            for saisie, trouves in (("nevers", []), ("58000", []), ("5800450", [service.id])):
                assert [s["id"] for s in await find_services(conn, parse_recherche(saisie))] == trouves
