"""Who has access to what, on one page and in exports; accounts found nationally (G 2.3.2; C §4)."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import insert, text

from app.admin.comptes.acces import read_acces
from app.tables import Agent, Habilitation, Rattachement
from app.web.tableur import safe_cell
from tests.accueil.monde import Journee
from tests.admin.comptes import (
    base,
    create,
)
from tests.fixtures.donnees import MondeService, build_agent


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


class TestQuiAAccesAQuoi:
    """On one page: agents × modules of a service, with the habilitation that opens each."""

    async def test_the_table_equals_the_view_that_decides(self, journee: Journee) -> None:
        nevers = await journee.service(departement="89")
        async with journee.outils.db.engine.begin() as conn:
            region = (
                await conn.execute(text("INSERT INTO interregion (nom) VALUES ('Essai') RETURNING id"))
            ).scalar_one()
            await conn.execute(
                text("UPDATE departement SET interregion_id = :r WHERE code = :d"),
                {"r": region, "d": nevers.departement},
            )
            for n, profil in enumerate(("agent_local", "agent_national", "admin_local", "pilotage")):
                agent = await build_agent(conn, f"region-{n}", profil="pilotage", service_id=nevers.id)
                await conn.execute(
                    insert(Habilitation).values(
                        agent_id=agent, profil=profil, perimetre="interregion", interregion_id=region
                    )
                )
                if n % 2:
                    await conn.execute(insert(Rattachement).values(agent_id=agent, service_id=nevers.id))
        async with journee.outils.db.read() as conn:
            lignes = await read_acces(conn, nevers.id)
            vue = await conn.execute(text("SELECT agent_id, module FROM acces WHERE service_id = :s"), {"s": nevers.id})
            decide = {(ligne.agent_id, ligne.module) for ligne in vue}
        montre = {(ligne.id, module) for ligne in lignes for module, raisons in ligne.modules.items() if raisons}
        assert montre == decide
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"{base(nevers)}/acces")).text
            fragment = (await client.get(f"{base(nevers)}/acces/fragment")).text
        assert "Administrateur national – Toute la nation" in page
        assert fragment.strip() in page

    async def test_an_agent_s_own_accesses_are_on_his_sheet(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            page = (await client.get(f"/administration/comptes/{nevers.agents['pilote']}")).text
        assert "Tous ses accès" in page
        assert "Pilotage – Département" in page

    async def test_the_export_is_safe_for_spreadsheets(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE agent SET nom = :n WHERE id = :a"),
                {"n": "=HYPERLINK(1)", "a": nevers.agents["box"]},
            )
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await client.get(f"{base(nevers)}/acces.csv")
        assert reponse.headers["content-type"].startswith("text/csv")
        rangs = list(csv.reader(io.StringIO(reponse.content.decode("utf-8-sig")), delimiter=";"))
        assert rangs[0] == ["Agent", "Identifiant", "Rattaché", "Agenda", "Accueil et box", "Organiser", "Pilotage"]
        assert any(rang[0].startswith("'=HYPERLINK") for rang in rangs)
        assert not any(cellule.startswith(("=", "+", "-", "@")) for rang in rangs for cellule in rang)

    @pytest.mark.parametrize("texte", ["=1", "+1", "-1", "@x", "\tx", "\rx", " =1", "\x00=1"])
    def test_no_cell_can_be_a_formula(self, texte: str) -> None:
        assert safe_cell(texte).startswith("'")


class TestRechercheNationale:
    async def test_words_without_accents_find_names_with_them(self, journee: Journee, nevers: MondeService) -> None:
        _, donnees = await create(journee, nevers, nom="Béranger-Noël", prenom="Anaïs")
        async with journee.client(nevers.agents["national"]) as client:
            for q in ("beranger", "NOEL anais", donnees["courriel"], donnees["identifiant"]):
                page = (await client.get("/administration/comptes", params={"q": q})).text
                assert donnees["identifiant"] in page, q
            vide = (await client.get("/administration/comptes", params={"q": "introuvable%"})).text
            assert "Aucun compte trouvé" in vide
            seuls = (await client.get("/administration/comptes", params={"etat": "suspendu", "q": "beranger"})).text
            assert "Aucun compte trouvé" in seuls

    async def test_every_account_is_exported_page_after_page(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                insert(Agent),
                [
                    {
                        "identifiant": f"masse{n}",
                        "nom": f"Masse{n:03}",
                        "prenom": "P",
                        "courriel": f"masse{n}@dgfip.test",
                    }
                    for n in range(130)
                ],
            )
        async with journee.client(nevers.agents["national"]) as client:
            reponse = await client.get("/administration/comptes/export.csv", params={"q": "masse"})
            premiere = (await client.get("/administration/comptes", params={"q": "masse"})).text
        rangs = list(csv.reader(io.StringIO(reponse.content.decode("utf-8-sig")), delimiter=";"))
        assert len(rangs) == 131
        assert "Comptes suivants" in premiere
