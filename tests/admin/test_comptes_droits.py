"""What is given, withdrawn and refused, and two administrators on one account (G 2.3.2; C §4)."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from sqlalchemy import text

from app import clock
from tests.accueil.monde import Journee
from tests.admin.comptes import (
    act,
    act_national,
    base,
    build_second,
    droits,
    habilitation,
    title,
    traces,
)
from tests.admin.formulaires import submit
from tests.fixtures.donnees import MondeService, build_agent


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


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


async def attached(journee: Journee, agent: int) -> list[int]:
    requete = "SELECT array_agg(service_id ORDER BY service_id) FROM rattachement WHERE agent_id = :a"
    return list(await journee.scalar(requete, a=agent) or ())


class TestRattacherEnDonnant:
    """[A1 §3.1]: without an attachment a profile opens no agenda: the same form proposes it, ticked."""

    async def build_bare(self, journee: Journee, service: MondeService) -> int:
        """An account of the service that only reads its statistics."""
        async with journee.outils.db.engine.begin() as conn:
            n = (await conn.execute(text("SELECT count(*) FROM agent"))).scalar_one()
            return await build_agent(conn, f"nu-{n}", profil="pilotage", service_id=service.id)

    async def test_the_sheet_proposes_it_ticked_until_he_is_attached(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        agent = await self.build_bare(journee, nevers)
        adresse = f"{base(nevers)}/{agent}"
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(adresse)).text
            reponse = await submit(client, page, f"{adresse}/habilitations", profil="agent_local")
            assert reponse.status_code == 303, reponse.text
            assert 'name="rattacher"' not in (await client.get(adresse)).text
        assert await attached(journee, agent) == [nevers.id]
        assert (await traces(journee, agent))[-2:] == ["habilitation.donnee", "rattachement.donne"]
        modules = "SELECT array_agg(module ORDER BY module) FROM acces WHERE agent_id = :a AND service_id = :s"
        assert await journee.scalar(modules, a=agent, s=nevers.id) == ["accueil", "agenda", "pilotage"]

    async def test_unticked_or_for_who_only_reads_statistics_nothing_is_attached(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        ici = f"service:{nevers.id}"
        decoche = await self.build_bare(journee, nevers)
        pilote = await self.build_bare(journee, await journee.service())
        donne = await act(journee, nevers, decoche, "habilitations", profil="agent_local", perimetre=ici)
        assert donne.status_code == 303
        lu = await act_national(
            journee, nevers, pilote, "habilitations", profil="pilotage", perimetre=ici, rattacher="1"
        )
        assert lu.status_code == 303
        assert (await attached(journee, decoche), await attached(journee, pilote)) == ([], [])

    async def test_in_the_national_pages_it_is_the_service_named_and_no_wider_place(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        agent = await self.build_bare(journee, nevers)
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=nevers.id)
        large = {"perimetre": "departement", "lieu": nevers.departement}
        for ou, rattaches in ((large, []), ({"perimetre": "service", "lieu": sages}, [nevers.id])):
            reponse = await act_national(
                journee, nevers, agent, "habilitations", profil="agent_local", rattacher="1", **ou
            )
            assert reponse.status_code == 303, title(reponse)
            assert await attached(journee, agent) == rattaches
        # Attached already: the right alone is given.
        encore = await act_national(
            journee,
            nevers,
            agent,
            "habilitations",
            profil="admin_local",
            rattacher="1",
            perimetre="service",
            lieu=sages,
        )
        assert encore.status_code == 303

    async def test_a_refused_right_attaches_nobody(self, journee: Journee, nevers: MondeService) -> None:
        agent = await self.build_bare(journee, nevers)
        autre = await journee.service()
        for perimetre, statut in ((f"service:{autre.id}", 403), ("nation", 403)):
            refus = await act(
                journee, nevers, agent, "habilitations", profil="agent_local", perimetre=perimetre, rattacher="1"
            )
            assert refus.status_code == statut
        pris = await act(
            journee, nevers, agent, "habilitations", profil="pilotage", perimetre=f"service:{nevers.id}", rattacher="1"
        )
        assert pris.status_code == 409
        assert await attached(journee, agent) == []


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
