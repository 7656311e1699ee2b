"""Accounts and habilitations over HTTP: who gives what, what is kept, what is told (G 2.3.2; C §4)."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import event, insert, text

from app import clock
from app.admin.comptes.acces import read_acces
from app.admin.comptes.lectures import read_agents
from app.tables import Agent, Habilitation, Rattachement
from app.web.tableur import safe_cell
from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService, build_agent

NOUVEAU = {
    "identifiant": "zoe.lambert",
    "nom": "Lambert",
    "prenom": "Zoé",
    "courriel": "zoe.lambert@dgfip.test",
    "profil": "agent_local",
}


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


def base(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/agents"


async def create(
    journee: Journee, service: MondeService, qui: str = "chef", **plus: str
) -> tuple[httpx.Response, dict[str, str]]:
    """Post the form of a new account; its identifiant and address are made unique."""
    n = await journee.scalar("SELECT count(*) FROM agent")
    donnees = {
        **NOUVEAU,
        "identifiant": f"zoe.{n}",
        "courriel": f"zoe.{n}@dgfip.test",
        "perimetre": f"service:{service.id}",
        **plus,
    }
    async with journee.client(service.agents[qui]) as client:
        return await client.post(base(service), data=donnees), donnees


async def act(
    journee: Journee, ici: MondeService, agent: int, acte: str, qui: str = "chef", **donnees: Any
) -> httpx.Response:
    """One act upon an account, from the pages of the service, on the revision that a page just opened shows."""
    donnees = {"revision": await revision(journee, agent), **donnees}
    async with journee.client(ici.agents[qui]) as client:
        return await client.post(f"{base(ici)}/{agent}/{acte}", data=donnees)


async def act_national(
    journee: Journee, service: MondeService, agent: int, acte: str, **donnees: Any
) -> httpx.Response:
    donnees = {"revision": await revision(journee, agent), **donnees}
    async with journee.client(service.agents["national"]) as client:
        return await client.post(f"/administration/comptes/{agent}/{acte}", data=donnees)


async def revision(journee: Journee, agent: int) -> int:
    return int(await journee.scalar("SELECT revision FROM agent WHERE id = :a", a=agent))


async def build_second(journee: Journee, service: MondeService) -> None:
    """One more administrator of the service."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            insert(Habilitation).values(
                agent_id=service.agents["agent"], profil="admin_local", perimetre="service", service_id=service.id
            )
        )


async def droits(journee: Journee, agent: int) -> set[tuple[str, str]]:
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(
            text("SELECT profil, perimetre FROM habilitation WHERE agent_id = :a"), {"a": agent}
        )
        return {(ligne.profil, ligne.perimetre) for ligne in lignes}


async def habilitation(journee: Journee, agent: int, profil: str) -> int:
    return int(
        await journee.scalar(
            "SELECT id FROM habilitation WHERE agent_id = :a AND profil = :p ORDER BY id LIMIT 1", a=agent, p=profil
        )
    )


async def traces(journee: Journee, agent: int) -> list[str]:
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(
            text("SELECT action FROM journal WHERE objet_id = :a AND objet IS NOT NULL ORDER BY id"), {"a": agent}
        )
        return [ligne.action for ligne in lignes]


def title(reponse: httpx.Response) -> str:
    trouve = re.search(r'fr-alert__title">([^<]+)<', reponse.text)
    return trouve[1] if trouve else ""


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


class TestDonnerEtRetirer:
    async def test_a_right_is_given_then_withdrawn_with_its_trace(self, journee: Journee, nevers: MondeService) -> None:
        agent = nevers.agents["agent"]
        donne = await act(journee, nevers, agent, "habilitations", profil="pilotage", perimetre=f"service:{nevers.id}")
        assert donne.status_code == 303
        assert ("pilotage", "service") in await droits(journee, agent)
        numero = await habilitation(journee, agent, "pilotage")
        retire = await act(journee, nevers, agent, "retrait", habilitation=numero, confirme="perte")
        assert retire.status_code == 303
        assert ("pilotage", "service") not in await droits(journee, agent)
        assert (await traces(journee, agent))[-2:] == ["habilitation.donnee", "habilitation.retiree"]
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"/services/{nevers.id}/organiser/historique?objet=habilitation")).text
        assert "Habilitation : retirée" in page

    async def test_nobody_raises_himself(self, journee: Journee, nevers: MondeService) -> None:
        for qui in ("chef", "national"):
            soi = nevers.agents[qui]
            reponse = await act_national_or_local(journee, nevers, qui, soi)
            assert reponse.status_code == 403
            assert "ses propres droits" in title(reponse)
        national = nevers.agents["national"]
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=nevers.id)
        assert (await act_national(journee, nevers, national, "rattachement", sages=sages)).status_code == 403
        assert (await act_national(journee, nevers, national, "suspension")).status_code == 403

    async def test_a_chef_who_withdraws_his_own_last_right_is_told_why_not(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        chef = nevers.agents["chef"]
        numero = await habilitation(journee, chef, "admin_local")
        reponse = await act(journee, nevers, chef, "retrait", habilitation=numero, confirme="perte")
        assert reponse.status_code == 403
        assert "successeur" in title(reponse)
        assert ("admin_local", "service") in await droits(journee, chef)

    async def test_the_last_administrator_of_a_service_leaves_after_a_confirmation(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        chef = nevers.agents["chef"]
        numero = await habilitation(journee, chef, "admin_local")
        averti = await act_national(journee, nevers, chef, "retrait", habilitation=numero)
        assert averti.status_code == 409
        assert "Plus aucun administrateur local" in title(averti)
        assert 'name="confirme" value="dernier_administrateur"' in averti.text
        assert f'name="habilitation" value="{numero}"' in averti.text
        assert ("admin_local", "service") in await droits(journee, chef)
        autre = await act_national(journee, nevers, chef, "retrait", habilitation=numero, confirme="perte")
        assert autre.status_code == 409, "another sentence was confirmed"
        fait = await act_national(
            journee, nevers, chef, "retrait", habilitation=numero, confirme="dernier_administrateur"
        )
        assert fait.status_code == 303
        assert await droits(journee, chef) == set()

    async def test_with_a_second_one_the_first_goes_as_anybody(self, journee: Journee, nevers: MondeService) -> None:
        await build_second(journee, nevers)
        chef = nevers.agents["chef"]
        numero = await habilitation(journee, chef, "admin_local")
        reponse = await act_national(journee, nevers, chef, "retrait", habilitation=numero, confirme="perte")
        assert reponse.status_code == 303

    async def test_the_last_national_administrator_stays_even_between_two_who_remove_each_other(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        premier, second = nevers.agents["national"], autre.agents["national"]
        async with journee.outils.db.engine.begin() as conn:
            restants = await conn.execute(
                text(
                    "UPDATE agent SET suspendu_a = :a WHERE id IN (SELECT agent_id FROM habilitation"
                    " WHERE profil = 'admin_national') AND id NOT IN (:x, :y) AND suspendu_a IS NULL RETURNING id"
                ),
                {"a": clock.now(), "x": premier, "y": second},
            )
            suspendus = [ligne.id for ligne in restants]
        try:
            numeros = {a: await habilitation(journee, a, "admin_national") for a in (premier, second)}
            un, deux = await asyncio.gather(
                act_national(journee, nevers, second, "retrait", habilitation=numeros[second], confirme="perte"),
                act_national(journee, autre, premier, "retrait", habilitation=numeros[premier], confirme="perte"),
            )
            statuts = sorted((un.status_code, deux.status_code))
            assert statuts[0] == 303, (title(un), title(deux), un.text[-3000:])
            assert statuts[1] in (403, 404)
            vivants = await journee.scalar(
                "SELECT count(*) FROM habilitation h JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL"
                " WHERE profil = 'admin_national'"
            )
            assert vivants == 1
            dernier = premier if await droits(journee, premier) else second
            service = nevers if dernier == premier else autre
            seul = await act_national(
                journee, service, dernier, "retrait", habilitation=numeros[dernier], confirme="perte"
            )
            assert seul.status_code == 403
            assert "dernier administrateur national" in title(seul)
        finally:
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(text("UPDATE agent SET suspendu_a = NULL WHERE id = ANY(:ids)"), {"ids": suspendus})

    async def test_detaching_takes_the_guichets_too(self, journee: Journee, nevers: MondeService) -> None:
        agent = nevers.agents["box"]
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("INSERT INTO guichet_agent (guichet_id, agent_id) VALUES (:g, :a)"),
                {"g": nevers.guichets[0], "a": agent},
            )
        reponse = await act(journee, nevers, agent, "detachement", service=nevers.id)
        assert reponse.status_code == 409
        assert "Guichet 1" in title(reponse)
        reponse = await act(journee, nevers, agent, "detachement", service=nevers.id, confirme="perte")
        assert reponse.status_code == 303
        assert await journee.scalar("SELECT count(*) FROM guichet_agent WHERE agent_id = :a", a=agent) == 0
        revient = await act(journee, nevers, agent, "rattachement", service=nevers.id)
        assert revient.status_code == 303
        autre = await journee.service()
        ailleurs = await act(journee, nevers, agent, "rattachement", service=autre.id)
        assert ailleurs.status_code == 403


async def act_national_or_local(journee: Journee, service: MondeService, qui: str, soi: int) -> httpx.Response:
    donnees = {"profil": "pilotage", "perimetre": f"service:{service.id}"}
    if qui == "national":
        return await act_national(journee, service, soi, "habilitations", **donnees)
    return await act(journee, service, soi, "habilitations", **donnees)


class TestDeuxAdministrateurs:
    """Two administrators on one account: 409 with both versions, nothing lost."""

    async def test_a_stale_form_is_told_what_is_recorded_and_a_second_save_is_a_decision(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        agent = nevers.agents["agent"]
        vue = await journee.scalar("SELECT revision FROM agent WHERE id = :a", a=agent)
        identite = {"nom": "Durand", "prenom": "Agathe", "courriel": f"agathe.{agent}@dgfip.test"}
        premier = await act(journee, nevers, agent, "identite", revision=vue, **identite)
        second = await act(journee, nevers, agent, "identite", revision=vue, **{**identite, "nom": "Dupont"})
        assert (premier.status_code, second.status_code) == (303, 409)
        assert "Durand" in second.text
        assert 'value="Dupont"' in second.text
        nouvelle = re.findall(r'name="revision" value="(\d+)"', second.text)[-1]
        assert int(nouvelle) == vue + 1
        troisieme = await act(journee, nevers, agent, "identite", revision=nouvelle, **{**identite, "nom": "Dupont"})
        assert troisieme.status_code == 303
        assert await journee.scalar("SELECT nom FROM agent WHERE id = :a", a=agent) == "Dupont"

    async def test_a_changed_address_kills_the_link_sent_to_the_former(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        agent = nevers.agents["agent"]
        assert (await act(journee, nevers, agent, "invitation")).status_code == 303
        await act(
            journee, nevers, agent, "identite", nom="Morel", prenom="Agent", courriel=f"ailleurs.{agent}@dgfip.test"
        )
        vivants = await journee.scalar(
            "SELECT count(*) FROM invitation WHERE agent_id = :a AND utilisee_a IS NULL AND expire_a > :m",
            a=agent,
            m=clock.now(),
        )
        assert vivants == 0


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
