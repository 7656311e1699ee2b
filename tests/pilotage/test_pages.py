"""The steering pages over HTTP: perimeters, figures, order, export, rights [G 2.3.2, G 2.3.7]."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event, insert

from app import clock
from app.db import Database, create_engine
from app.pilotage.jour import read_jour
from app.pilotage.perimetres import list_perimetres, read_perimetre
from app.tables import Departement, Habilitation
from tests.accueil.monde import Journee
from tests.fixtures.donnees import build_agent


def chiffres(html: str) -> dict[str, int]:
    """The counters of the page."""
    return {cle: int(n) for cle, n in re.findall(r'data-chiffre="(\w+)"[^>]*>(\d+)</b>', html)}


def rangs(html: str) -> list[int]:
    """Ids of the services of the table, in order."""
    return [int(n) for n in re.findall(r'<tr id="s-(\d+)">', html)]


class TestPerimetres:
    """The widest first; straight to it when there is only one."""

    async def test_a_departement_pilot_goes_straight_to_it(self, journee: Journee) -> None:
        service = await journee.service(departement="18")
        async with journee.client(service.agents["pilote"]) as client:
            reponse = await client.get("/pilotage")
        assert (reponse.status_code, reponse.headers["location"]) == (303, "/pilotage/departement-18")

    async def test_a_national_pilot_chooses_widest_first(self, journee: Journee) -> None:
        service = await journee.service(departement="18")
        async with journee.client(service.agents["national"]) as client:
            page = (await client.get("/pilotage")).text
        liens = re.findall(r'href="/pilotage/([\w-]+)"', page)
        assert liens[0] == "nation"
        assert "departement-18" in liens
        assert not any(lien.startswith("service-") for lien in liens)
        genres = [lien.split("-")[0] for lien in liens]
        assert genres == sorted(genres, key=["nation", "interregion", "departement"].index)

    async def test_services_outside_the_steered_departements_are_listed(self, journee: Journee) -> None:
        dedans, dehors = await journee.service(departement="18"), await journee.service(departement="36")
        async with journee.outils.db.engine.begin() as conn:
            agent = await build_agent(
                conn, f"mixte-{dedans.id}", profil="pilotage", perimetre="departement", departement="18"
            )
            await conn.execute(
                insert(Habilitation).values(
                    agent_id=agent, profil="pilotage", perimetre="service", service_id=dehors.id
                )
            )
        async with journee.outils.db.read() as conn:
            cles = [p.cle for p in await list_perimetres(conn, agent)]
        assert cles == ["departement-18", f"service-{dehors.id}"]

    @pytest.mark.parametrize("qui", ["orientation", "box", "agent", "exterieur"])
    async def test_without_habilitation_there_is_nothing(self, journee: Journee, qui: str) -> None:
        service = await journee.service()
        async with journee.client(service.agents[qui]) as client:
            assert (await client.get("/pilotage")).status_code == 404
            assert (await client.get(f"/pilotage/service-{service.id}")).status_code == 404


class TestDroits:
    """[C §4]: profile × perimeter, in the query."""

    async def test_a_perimeter_that_is_not_mine_is_404_everywhere(self, journee: Journee) -> None:
        service, autre = await journee.service(departement="03"), await journee.service(departement="89")
        for cle in ("departement-89", f"service-{autre.id}", "nation", "interregion-1"):
            async with journee.client(service.agents["pilote"]) as client:
                for suite in ("", "/fragment", "/export.csv"):
                    assert (await client.get(f"/pilotage/{cle}{suite}")).status_code == 404, cle + suite

    async def test_the_chef_steers_his_service_only(self, journee: Journee) -> None:
        service = await journee.service(departement="03")
        async with journee.client(service.agents["chef"]) as client:
            assert (await client.get(f"/pilotage/service-{service.id}")).status_code == 200
            assert (await client.get("/pilotage/departement-03")).status_code == 404

    @pytest.mark.parametrize("cle", ["service-0012", "service-", "planete", "nation-1", "departement-٠٣", "x" * 200])
    async def test_a_malformed_perimeter_is_404(self, journee: Journee, cle: str) -> None:
        service = await journee.service(departement="03")
        async with journee.client(service.agents["national"]) as client:
            for suite in ("", "/fragment", "/export.csv"):
                assert (await client.get(f"/pilotage/{cle}{suite}")).status_code == 404


class TestPage:
    """Counters of the day and the same figures by service."""

    async def test_the_counters_are_the_sum_of_the_table(self, journee: Journee) -> None:
        un, deux = await journee.service(departement="25"), await journee.service(departement="25", libelle="AUTRE")
        await journee.book(un, "11:00", etat="arrive")
        await journee.book(un, "11:20")
        await journee.book(deux, "11:00", etat="annule")
        async with journee.client(un.agents["pilote"]) as client:
            page = (await client.get("/pilotage/departement-25")).text
        assert chiffres(page) == {
            "total": 2,
            "annules": 1,
            "attendus": 1,
            "arrives": 1,
            "en_attente": 1,
            "recus": 0,
            "non_venus": 0,
        }
        assert rangs(page) == [deux.id, un.id]
        assert page.count('data-flux="pilotage:departement-25"') == 2

    async def test_the_fragment_is_the_regions_of_the_page(self, journee: Journee) -> None:
        service = await journee.service(departement="25")
        async with journee.client(service.agents["pilote"]) as client:
            page = (await client.get("/pilotage/departement-25?tri=total&sens=asc")).text
            url = re.findall(r'data-fragment="(/pilotage[^"]+)"', page)[0].replace("&amp;", "&")
            fragment = (await client.get(url)).text
        assert url == "/pilotage/departement-25/fragment?tri=total&sens=asc"
        for region in re.findall(r"<section .*?</section>", fragment, re.DOTALL):
            assert region in page

    async def test_columns_sort_without_javascript(self, journee: Journee) -> None:
        a, b = (
            await journee.service(departement="90", libelle="A"),
            await journee.service(departement="90", libelle="B"),
        )
        await journee.book(b, "11:00")
        async with journee.client(a.agents["pilote"]) as client:
            base = (await client.get("/pilotage/departement-90")).text
            lien = next(u for u in re.findall(r'class="tri" href="([^"#]+)', base) if "tri=attendus" in u)
            triee = (await client.get(lien.replace("&amp;", "&"))).text
            inverse = (await client.get("/pilotage/departement-90?tri=service&sens=desc")).text
        assert rangs(base) == [a.id, b.id]
        assert rangs(triee) == [b.id, a.id]
        assert rangs(inverse) == [b.id, a.id]
        assert 'aria-sort="ascending"' in base
        assert 'aria-sort="descending"' in triee

    async def test_a_figure_is_a_link_only_to_an_agenda_that_the_agent_may_open(self, journee: Journee) -> None:
        service, voisin = await journee.service(departement="52"), await journee.service(departement="52")
        await journee.book(service, "11:00")
        await journee.book(voisin, "11:00")
        async with journee.client(service.agents["pilote"]) as client:
            assert "/agenda?" not in (await client.get("/pilotage/departement-52")).text
        async with journee.client(service.agents["chef"]) as client:
            sienne = (await client.get(f"/pilotage/service-{service.id}")).text
        assert f"/services/{service.id}/agenda?jour=2026-11-23" in sienne

    async def test_empty_perimeters_are_drawn(self, journee: Journee) -> None:
        service = await journee.service(departement="18")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(insert(Departement).values(code="2B", nom="Haute-Corse", interregion_id=None))
        async with journee.client(service.agents["national"]) as client:
            vide = (await client.get("/pilotage/departement-2B")).text
        assert "Aucun service dans ce périmètre" in vide
        assert chiffres(vide)["total"] == 0
        assert 'data-total="0"' in vide
        assert 'max="1" value="0"' in vide

    async def test_a_long_table_is_cut_in_pages_and_its_total_stays_whole(self, journee: Journee) -> None:
        services = [await journee.service(departement="95", libelle=f"S{n:03}") for n in range(53)]
        await journee.book(services[52], "11:00")
        async with journee.client(services[0].agents["pilote"]) as client:
            une = (await client.get("/pilotage/departement-95")).text
            deux = (await client.get("/pilotage/departement-95?page=2")).text
            loin = (await client.get("/pilotage/departement-95?page=99")).text
        assert len(rangs(une)) == 50
        assert rangs(deux) == rangs(loin) == [s.id for s in services[50:]]
        assert chiffres(une)["attendus"] == 1
        assert "page 2 sur 2" in deux


class TestExport:
    """The table as CSV."""

    async def test_it_holds_every_service_in_the_order_shown(self, journee: Journee) -> None:
        a, b = (
            await journee.service(departement="88", libelle="A"),
            await journee.service(departement="88", libelle="=B"),
        )
        await journee.book(a, "11:00")
        async with journee.client(a.agents["pilote"]) as client:
            reponse = await client.get("/pilotage/departement-88/export.csv?tri=total")
        assert reponse.headers["content-type"] == "text/csv; charset=utf-8"
        assert 'filename="pilotage-departement-88-2026-11-23.csv"' in reponse.headers["content-disposition"]
        lignes = reponse.content.decode("utf-8-sig").splitlines()
        assert [ligne.split(";")[0] for ligne in lignes] == ["Service", "A", "'=B"]
        assert lignes[1].endswith(";1;0;0;0;0;0;1")
        assert b.id


class TestRequetes:
    """Three statements after the session, whatever the perimeter: the right, the day, the agendas."""

    async def test_the_nation_costs_as_many_statements_as_a_service(self, journee: Journee) -> None:
        service = await journee.service()
        db = Database(create_engine(journee.outils.settings, nom="compte"))
        vues: list[str] = []

        def noter(_conn: Any, _curseur: Any, requete: str, *_reste: Any) -> None:
            vues.append(requete)

        event.listen(db.engine.sync_engine, "before_cursor_execute", noter)
        try:
            async with db.read() as conn:
                suivi = await read_perimetre(conn, service.agents["national"], "nation")
                await read_jour(conn, service.agents["national"], suivi.perimetre.cle, clock.now())
        finally:
            await db.close()
        assert len(vues) == 2
