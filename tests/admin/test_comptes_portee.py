"""What an administrator confirms, must say, and may not read of an account (G 2.3.2; C §4)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.accueil.monde import Journee
from tests.admin.comptes import (
    NOUVEAU,
    act,
    act_national,
    base,
    build_second,
    create,
    droits,
    habilitation,
    revision,
    title,
)
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def bring(journee: Journee, ici: MondeService, agent: int) -> str:
    """The chef lets an existing account in, by its identifiant; the sheet that he then reads."""
    identifiant = await journee.scalar("SELECT identifiant FROM agent WHERE id = :a", a=agent)
    async with journee.client(ici.agents["chef"]) as client:
        reponse = await client.post(
            f"{base(ici)}/venue", data={"identifiant": identifiant, "profil": "agent_local", "rattacher": "1"}
        )
        assert reponse.status_code == 303, reponse.text
        return (await client.get(reponse.headers["location"])).text


def confirmation(reponse: httpx.Response) -> dict[str, str]:
    """The fields of the second button."""
    debut = reponse.text.index('role="alert"')
    formulaire = reponse.text[debut : reponse.text.index("</form>", debut)]
    champs = dict(re.findall(r'name="(\w+)" value="([^"]*)"', formulaire))
    champs.pop("_csrf", None)
    return champs


class TestConfirmer:
    """Nothing is taken from anybody by one click, with or without JavaScript."""

    @pytest.mark.parametrize("acte", ["suspension", "retrait", "detachement", "cle"])
    async def test_what_takes_away_says_so_first_and_its_second_button_does_it(
        self, journee: Journee, nevers: MondeService, acte: str
    ) -> None:
        agent = nevers.agents["agent"]
        plus: dict[str, Any] = {}
        if acte == "retrait":
            plus["habilitation"] = await habilitation(journee, agent, "agent_local")
        elif acte == "detachement":
            plus["service"] = nevers.id
        elif acte == "cle":
            plus["cle"] = await journee.scalar("SELECT id FROM cle_api WHERE agent_id = :a", a=agent)
        avant = await revision(journee, agent)
        averti = await act(journee, nevers, agent, acte, **plus)
        assert averti.status_code == 409
        assert title(averti).rstrip(".").count("?") == 1
        assert await revision(journee, agent) == avant, "nothing is written before"
        async with journee.client(nevers.agents["chef"]) as client:
            fait = await client.post(f"{base(nevers)}/{agent}/{acte}", data=confirmation(averti))
        assert fait.status_code == 303, fait.text
        assert await revision(journee, agent) == avant + 1

    async def test_a_chef_who_gives_up_his_own_right_confirms_then_lands_on_his_home(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        await build_second(journee, nevers)
        chef = nevers.agents["chef"]
        averti = await act(
            journee, nevers, chef, "retrait", habilitation=await habilitation(journee, chef, "admin_local")
        )
        assert averti.status_code == 409
        assert "votre propre habilitation" in title(averti)
        assert ("admin_local", "service") in await droits(journee, chef)
        async with journee.client(chef) as client:
            fait = await client.post(f"{base(nevers)}/{chef}/retrait", data=confirmation(averti))
            assert (fait.status_code, fait.headers["location"]) == (303, "/agent")
            assert (await client.get("/agent")).status_code == 200
        assert ("admin_local", "service") not in await droits(journee, chef)


class TestCeQuIlNePeutPasLire:
    """An account wider than its reader: its name and what it may do here, nothing else."""

    async def test_a_national_administrator_who_comes_to_help_keeps_his_sessions_keys_and_sign_ins(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        national = nevers.agents["national"]
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE agent SET connexion_a = timestamptz '2026-11-20 09:17+01', courriel = :c WHERE id = :a"),
                {"a": national, "c": f"secret.{national}@dgfip.test"},
            )
            await conn.execute(
                text("UPDATE cle_api SET libelle = 'Clé très secrète' WHERE agent_id = :a"), {"a": national}
            )
        await journee.sign_in(national)
        page = await bring(journee, nevers, national)
        assert "dépassent votre périmètre" in page
        for secret in ("session ouverte", "09:17", "connexion le", "Clé très secrète", "secret.", "Jamais connecté"):
            assert secret not in page, secret
        retraits = re.findall(r'aria-label="Retirer : ([^"]+)"', page)
        assert retraits
        assert not any("national" in mots for mots in retraits)
        async with journee.client(nevers.agents["chef"]) as client:
            liste = (await client.get(base(nevers))).text
        rang = liste[liste.index(f'id="agent-{national}"') :]
        rang = rang[: rang.index("</tr>")]
        assert "20 novembre" not in rang
        assert "Actif" not in rang
        # His own administrators read all of it.
        async with journee.client(national) as client:
            sienne = (await client.get(f"/administration/comptes/{national}")).text
        assert "session" in sienne
        assert "09:17" in sienne

    async def test_the_rights_and_services_that_he_has_elsewhere_are_not_told(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        libelle = f"SIP de l’autre bout {autre.id}"
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE service_fiscal SET libelle = :l WHERE id = :s"), {"l": libelle, "s": autre.id}
            )
        agent = autre.agents["agent"]
        await act_national(
            journee, autre, agent, "identite", nom="Avant", prenom="Luc", courriel=f"cache.{agent}@dgfip.test"
        )
        page = await bring(journee, nevers, agent)
        assert libelle not in page
        assert "cache." not in page
        perime = await act(journee, nevers, agent, "suspension", revision=999_999)
        assert perime.status_code == 409
        assert libelle not in perime.text
        assert "cache." not in perime.text
        refuse = await act(journee, nevers, agent, "suspension", confirme="perte")
        assert refuse.status_code == 403
        assert libelle not in refuse.text
        async with journee.client(nevers.agents["chef"]) as client:
            assert libelle not in (await client.get(base(nevers))).text

    async def test_what_he_gave_he_takes_back(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        agent = autre.agents["box"]
        page = await bring(journee, nevers, agent)
        numeros = re.findall(r'name="habilitation" value="(\d+)"', page)
        assert len(numeros) == 1
        fait = await act(journee, nevers, agent, "retrait", habilitation=numeros[0], confirme="perte")
        assert fait.status_code == 303


class TestUnFormulaireFerme:
    """What a form does not have is refused, what it must have is asked: 422."""

    @pytest.mark.parametrize(
        "acte",
        [
            "identite",
            "habilitations",
            "retrait",
            "rattachement",
            "detachement",
            "suspension",
            "reactivation",
            "invitation",
            "sessions",
            "cle",
        ],
    )
    async def test_every_act_refuses_an_unknown_field_and_a_missing_revision(
        self, journee: Journee, nevers: MondeService, acte: str
    ) -> None:
        agent = nevers.agents["agent"]
        avant = await revision(journee, agent)
        inconnu = await act(journee, nevers, agent, acte, zz="1")
        assert inconnu.status_code == 422
        assert "#champ-zz" in inconnu.text
        muet = await act(journee, nevers, agent, acte, revision="", confirme="perte")
        assert muet.status_code == 422
        assert "Rouvrez la page" in muet.text
        assert await revision(journee, agent) == avant

    async def test_so_do_the_two_forms_that_open_an_access(self, journee: Journee, nevers: MondeService) -> None:
        neuf, donnees = await create(journee, nevers, suspendu_a="")
        assert neuf.status_code == 422
        assert await journee.scalar("SELECT count(*) FROM agent WHERE identifiant = :i", i=donnees["identifiant"]) == 0
        autre = await journee.service()
        venu = autre.agents["box"]
        avant = await droits(journee, venu)
        identifiant = await journee.scalar("SELECT identifiant FROM agent WHERE id = :a", a=venu)
        async with journee.client(nevers.agents["chef"]) as client:
            venue = await client.post(
                f"{base(nevers)}/venue",
                data={"identifiant": identifiant, "profil": "agent_local", "perimetre": "nation"},
            )
        assert venue.status_code == 422
        assert await droits(journee, venu) == avant


class TestUnResponsableTientAussiLAgenda:
    """Nobody attaches himself: whoever names a chef is proposed, ticked, to attach him."""

    async def test_both_forms_propose_it_ticked(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            for chemin in ("/administration/comptes/nouveau", f"{base(nevers)}/nouveau"):
                page = (await client.get(chemin)).text
                assert re.search(r'id="rattacher" name="rattacher" value="1" checked', page), chemin

    @pytest.mark.parametrize(
        ("profil", "perimetre", "rattache"),
        [
            ("admin_local", "service", 1),
            ("agent_local", "service", 1),
            ("pilotage", "service", 0),
            ("admin_local", "departement", 0),
        ],
    )
    async def test_the_nation_names_a_chef_who_holds_the_agenda(
        self, journee: Journee, nevers: MondeService, profil: str, perimetre: str, rattache: int
    ) -> None:
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=nevers.id)
        identifiant = f"tient.{nevers.id}"
        donnees = {
            **NOUVEAU,
            "identifiant": identifiant,
            "courriel": f"{identifiant}@dgfip.test",
            "profil": profil,
            "perimetre": perimetre,
            "lieu": sages if perimetre == "service" else nevers.departement,
            "rattacher": "1",
        }
        async with journee.client(nevers.agents["national"]) as client:
            reponse = await client.post("/administration/comptes", data=donnees)
        assert reponse.status_code == 303, title(reponse)
        nombre = await journee.scalar(
            "SELECT count(*) FROM rattachement r JOIN agent a ON a.id = r.agent_id WHERE a.identifiant = :i"
            " AND r.service_id = :s",
            i=identifiant,
            s=nevers.id,
        )
        assert nombre == rattache
