"""Accounts and habilitations over HTTP: who is listed, who is let in, what is told (G 2.3.2; C §4)."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import event, text

from app.admin.comptes.acces import read_acces
from app.admin.comptes.lectures import read_agents
from tests.accueil.monde import Journee
from tests.admin.comptes import (
    NOUVEAU,
    act,
    base,
    create,
    droits,
    title,
    traces,
)
from tests.fixtures.donnees import MondeService, build_agent


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


class TestLaListe:
    """The agents of a service: who, profile × perimeter, attached or not, last sign-in, state, guichets."""

    async def test_it_says_who_works_there_with_what(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("INSERT INTO guichet_agent (guichet_id, agent_id) VALUES (:g, :a)"),
                {"g": nevers.guichets[0], "a": nevers.agents["box"]},
            )
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(base(nevers))).text
            fragment = (await client.get(f"{base(nevers)}/fragment")).text
        assert "4 agents" in page
        assert "Responsable – " in page
        assert "Guichet 1" in page
        assert "Jamais" in page
        assert fragment.strip() in page

    @pytest.mark.parametrize("qui", ["agent", "pilote", "exterieur"])
    async def test_others_find_no_such_page(self, journee: Journee, nevers: MondeService, qui: str) -> None:
        async with journee.client(nevers.agents[qui]) as client:
            for fin in ("", "/fragment", "/acces", "/acces.csv", "/nouveau", f"/{nevers.agents['box']}"):
                assert (await client.get(base(nevers) + fin)).status_code == 404, fin
            assert (await client.get("/administration/comptes")).status_code == 404
            refus = await client.post(f"{base(nevers)}/{nevers.agents['box']}/suspension")
            assert refus.status_code == 404
        assert not await journee.scalar(
            "SELECT suspendu_a IS NOT NULL FROM agent WHERE id = :a", a=nevers.agents["box"]
        )

    async def test_the_accounts_next_door_do_not_exist_for_a_chef(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await client.get(f"{base(nevers)}/{autre.agents['box']}")).status_code == 404
            assert (await client.get(f"{base(nevers)}/{nevers.agents['national']}")).status_code == 404
        reponse = await act(journee, nevers, autre.agents["box"], "suspension")
        assert reponse.status_code == 404
        refus = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'organisation.acces_refuse' AND agent_id = :a",
            a=nevers.agents["chef"],
        )
        assert refus >= 3

    async def test_as_many_statements_for_forty_agents_as_for_four(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async def count() -> int:
            nombre = 0

            def on_execute(*_: Any) -> None:
                nonlocal nombre
                nombre += 1

            moteur = journee.outils.db.engine.sync_engine
            event.listen(moteur, "before_cursor_execute", on_execute)
            try:
                async with journee.outils.db.read() as conn:
                    await read_agents(conn, nevers.id, ZoneInfo("Europe/Paris"))
                    await read_acces(conn, nevers.id)
            finally:
                event.remove(moteur, "before_cursor_execute", on_execute)
            return nombre

        avant = await count()
        async with journee.outils.db.engine.begin() as conn:
            for n in range(36):
                await build_agent(conn, f"foule-{nevers.id}-{n}", service_id=nevers.id, zone=[nevers.id])
        assert await count() == avant


class TestOuvrirUnAcces:
    async def test_a_chef_opens_an_account_and_its_agent_is_invited(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        reponse, donnees = await create(journee, nevers, rattacher="1", inviter="1")
        assert reponse.status_code == 303, reponse.text
        agent = int(re.findall(r"/agents/(\d+)\?fait=invite", reponse.headers["location"])[0])
        assert await droits(journee, agent) == {("agent_local", "service")}
        assert await journee.scalar("SELECT count(*) FROM rattachement WHERE agent_id = :a", a=agent) == 1
        assert await traces(journee, agent) == [
            "agent.cree",
            "habilitation.donnee",
            "rattachement.donne",
            "agent.invite",
        ]
        courriel = await journee.scalar(
            "SELECT destinataire FROM courrier WHERE evenement = 'invitation' AND (donnees->>'agent_id')::int = :a",
            a=agent,
        )
        assert courriel == donnees["courriel"]
        async with journee.client(nevers.agents["chef"]) as client:
            fiche = (await client.get(reponse.headers["location"])).text
        assert "Un courriel vient de partir" in fiche
        assert "Invité" in fiche

    async def test_every_wrong_field_is_told_and_what_was_typed_stays(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        reponse, _ = await create(
            journee, nevers, identifiant="É !", nom="", courriel="a@b,c@d", prenom="Zo\u202eé", profil=""
        )
        assert reponse.status_code == 422
        for champ in ("identifiant", "nom", "prenom", "courriel", "profil"):
            assert f'href="#champ-{champ}"' in reponse.text, champ
        assert 'value="a@b,c@d"' in reponse.text

    async def test_an_identifiant_or_an_address_serves_one_account(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        _, premier = await create(journee, nevers)
        pris, _ = await create(journee, nevers, identifiant=premier["identifiant"])
        adresse, _ = await create(journee, nevers, courriel=premier["courriel"].upper())
        assert (pris.status_code, adresse.status_code) == (422, 422)
        assert "déjà pris" in pris.text
        assert "porte déjà cette adresse" in adresse.text

    @pytest.mark.parametrize(
        ("profil", "perimetre"),
        [
            ("admin_national", "nation"),
            ("agent_national", "nation"),
            ("agent_national", "service"),
            ("pilotage", "nation"),
            ("admin_local", "departement"),
            ("agent_local", "autre"),
        ],
    )
    async def test_a_chef_gives_nothing_beyond_his_service(
        self, journee: Journee, nevers: MondeService, profil: str, perimetre: str
    ) -> None:
        autre = await journee.service()
        valeur = {
            "nation": "nation",
            "service": f"service:{nevers.id}",
            "departement": f"departement:{nevers.departement}",
            "autre": f"service:{autre.id}",
        }[perimetre]
        reponse, donnees = await create(journee, nevers, profil=profil, perimetre=valeur)
        assert reponse.status_code == 403, title(reponse)
        assert await journee.scalar("SELECT count(*) FROM agent WHERE identifiant = :i", i=donnees["identifiant"]) == 0

    async def test_an_administrator_of_the_departement_gives_over_its_services(self, journee: Journee) -> None:
        nevers = await journee.service(departement="71")
        async with journee.outils.db.engine.begin() as conn:
            nevers.agents["departemental"] = await build_agent(
                conn,
                f"departemental-{nevers.id}",
                profil="admin_local",
                perimetre="departement",
                departement=nevers.departement,
            )
        ici, _ = await create(journee, nevers, "departemental", profil="admin_local")
        large, _ = await create(
            journee, nevers, "departemental", profil="pilotage", perimetre=f"departement:{nevers.departement}"
        )
        nation, _ = await create(journee, nevers, "departemental", perimetre="nation")
        assert (ici.status_code, large.status_code, nation.status_code) == (303, 303, 403)

    async def test_somebody_of_another_service_comes_by_his_exact_identifiant(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        venu = autre.agents["box"]
        identifiant = await journee.scalar("SELECT identifiant FROM agent WHERE id = :a", a=venu)
        async with journee.client(nevers.agents["chef"]) as client:
            faux = await client.post(f"{base(nevers)}/venue", data={"identifiant": "personne", "profil": "agent_local"})
            vrai = await client.post(
                f"{base(nevers)}/venue", data={"identifiant": identifiant, "profil": "agent_local", "rattacher": "1"}
            )
            encore = await client.post(
                f"{base(nevers)}/venue", data={"identifiant": identifiant, "profil": "agent_local"}
            )
        assert (faux.status_code, vrai.status_code, encore.status_code) == (422, 303, 409)
        assert await journee.scalar("SELECT count(*) FROM rattachement WHERE agent_id = :a", a=venu) == 2
        # He keeps rights elsewhere: this chef may not touch the account itself.
        reponse = await act(journee, nevers, venu, "suspension")
        assert reponse.status_code == 403
        assert "dépassent votre périmètre" in title(reponse)

    async def test_the_national_form_names_places_as_people_do(self, journee: Journee, nevers: MondeService) -> None:
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=nevers.id)
        async with journee.client(nevers.agents["national"]) as client:
            for n, (profil, perimetre, lieu, statut) in enumerate(
                [
                    ("admin_local", "service", sages, 303),
                    ("pilotage", "departement", nevers.departement, 303),
                    ("admin_national", "nation", "", 303),
                    ("admin_local", "service", "0000000", 422),
                    ("admin_local", "departement", "99", 422),
                    ("admin_local", "interregion", "Nulle\x00 part", 422),
                    ("admin_national", "departement", nevers.departement, 403),
                ]
            ):
                reponse = await client.post(
                    "/administration/comptes",
                    data={
                        **NOUVEAU,
                        "identifiant": f"n{nevers.id}.{n}",
                        "courriel": f"n{nevers.id}.{n}@dgfip.test",
                        "profil": profil,
                        "perimetre": perimetre,
                        "lieu": lieu,
                    },
                )
                assert reponse.status_code == statut, (profil, perimetre, title(reponse))


async def test_what_changes_an_account_is_told_to_its_service_s_screens(journee: Journee, nevers: MondeService) -> None:
    async def versions() -> tuple[int, int]:
        ligne = "SELECT {} FROM agenda WHERE service_id = :s"
        return (
            await journee.scalar(ligne.format("version"), s=nevers.id),
            await journee.scalar(ligne.format("version_planning"), s=nevers.id),
        )

    avant = await versions()
    await act(journee, nevers, nevers.agents["agent"], "sessions")
    apres = await versions()
    assert apres[0] == avant[0] + 1
    assert apres[1] == avant[1], "the public grids have nothing to read again"


async def test_keys_are_listed_and_revoked(journee: Journee, nevers: MondeService) -> None:
    agent = nevers.agents["agent"]
    cle = await journee.scalar("SELECT id FROM cle_api WHERE agent_id = :a", a=agent)
    identifiant = await journee.scalar("SELECT identifiant FROM agent WHERE id = :a", a=agent)
    entete = {"Authorization": f"Bearer cle-{identifiant}"}
    async with httpx.AsyncClient(base_url=journee.site.url, headers=entete) as api:
        assert (await api.get(f"/api/v1/services/{nevers.id}/agenda?jour=2026-11-23")).status_code == 200
        averti = await act(journee, nevers, agent, "cle", cle=cle)
        assert averti.status_code == 409
        assert "Révoquer la clé" in title(averti)
        reponse = await act(journee, nevers, agent, "cle", cle=cle, confirme="perte")
        assert reponse.status_code == 303
        await asyncio.sleep(2.2)
        assert (await api.get(f"/api/v1/services/{nevers.id}/agenda?jour=2026-11-23")).status_code == 401
