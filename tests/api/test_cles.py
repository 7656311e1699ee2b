"""Keys: who holds one, how it is made, and how fast it dies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.identite.sessions import verify_mot_de_passe
from tests.api.conftest import Api, check_problem

RACINE = Path(__file__).resolve().parents[2]
PROGRAMME = "from app.cli_identite import identite; identite()"


async def accueil(api: Api, *arguments: str, entree: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command of operators on the database of the site."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", PROGRAMME, *arguments],
        env=api.site.env,
        cwd=RACINE,
        input=entree,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def status_with(api: Api, cle: str) -> int:
    """What /services answers to this key."""
    async with httpx.AsyncClient(base_url=f"{api.site.url}/api/v1", timeout=10) as client:
        return (await client.get("/services", headers={"Authorization": f"Bearer {cle}"})).status_code


class TestDoor:
    """[C §4] A key has a profile and a perimeter, like an agent."""

    @pytest.mark.parametrize("autorisation", [None, "", "Bearer", "Bearer inconnue", "Basic Y2xlOmNsZQ==", "cle-agent"])
    async def test_without_a_live_key_everything_is_401(self, api: Api, autorisation: str | None) -> None:
        entetes = {} if autorisation is None else {"Authorization": autorisation}
        async with httpx.AsyncClient(base_url=f"{api.site.url}/api/v1", headers=entetes) as client:
            for methode, chemin in (
                ("GET", "/services"),
                ("GET", "/services?limit=-1"),
                ("GET", "/rendez-vous/1"),
                ("POST", "/rendez-vous"),
                ("PUT", "/rendez-vous/1/arrivee"),
            ):
                reponse = await client.request(methode, chemin)
                assert reponse.status_code == 401
                assert reponse.headers["www-authenticate"] == "Bearer"
                check_problem(reponse)

    async def test_the_word_bearer_may_have_any_case(self, api: Api) -> None:
        async with httpx.AsyncClient(base_url=f"{api.site.url}/api/v1") as client:
            reponse = await client.get("/services", headers={"Authorization": "bEARER  cle-agent"})
        assert reponse.status_code == 200

    async def test_a_session_cookie_opens_nothing_here(self, api: Api) -> None:
        async with httpx.AsyncClient(base_url=f"{api.site.url}/api/v1", cookies={"accueil_session": "x"}) as client:
            assert (await client.get("/services")).status_code == 401

    async def test_no_cookie_is_ever_set(self, api: Api) -> None:
        assert "set-cookie" not in (await api.call("agent", "GET", "/services")).headers

    async def test_an_expired_key_is_refused(self, api: Api) -> None:
        await api.execute("UPDATE cle_api SET expire_a = '2026-09-14T07:00Z' WHERE agent_id = :a", a=self.box(api))
        assert await status_with(api, "cle-box") == 401
        await api.execute("UPDATE cle_api SET expire_a = NULL WHERE agent_id = :a", a=self.box(api))
        assert await status_with(api, "cle-box") == 200

    async def test_a_suspended_agent_is_out_within_five_seconds(self, api: Api) -> None:
        assert await status_with(api, "cle-orientation") == 200
        await api.execute("UPDATE agent SET suspendu_a = now() WHERE identifiant = 'orientation'")
        assert await self._until_refused(api, "cle-orientation") < 5

    async def test_a_lost_zone_closes_the_agenda_at_once(self, api: Api) -> None:
        url = f"/services/{api.nevers.id}/agenda"
        assert (await api.call("box", "GET", url)).status_code == 200
        await api.execute("DELETE FROM rattachement WHERE agent_id = :a", a=self.box(api))
        assert (await api.call("box", "GET", url)).status_code == 404

    def box(self, api: Api) -> int:
        return api.nevers.agents["box"]

    async def _until_refused(self, api: Api, cle: str) -> float:
        depart = time.monotonic()
        while time.monotonic() - depart < 8:
            if await status_with(api, cle) == 401:
                break
            await asyncio.sleep(0.1)
        return time.monotonic() - depart


class TestCommands:
    """What operators type."""

    async def test_a_key_is_printed_once_works_and_dies_when_revoked(self, api: Api) -> None:
        faite = await accueil(api, "create-api-key", "--agent", "CHEF", "--libelle", "GFA de Nevers")
        cle = faite.stdout.strip()
        assert faite.returncode == 0, faite.stderr
        assert len(cle) > 40
        assert await status_with(api, cle) == 200
        assert await api.scalar("SELECT count(*) FROM cle_api WHERE libelle LIKE '%' || :c || '%'", c=cle) == 0
        liste = (await accueil(api, "list-api-keys", "--agent", "chef")).stdout
        ligne = next(ligne for ligne in liste.splitlines() if "GFA de Nevers" in ligne)
        assert cle not in liste
        numero, identifiant, etat, *_ = ligne.split("\t")
        assert (identifiant, etat) == ("chef", "live")
        assert "revoked" in (await accueil(api, "revoke-api-key", numero)).stdout
        depart = time.monotonic()
        while await status_with(api, cle) == 200 and time.monotonic() - depart < 8:
            await asyncio.sleep(0.1)
        assert time.monotonic() - depart < 5
        assert "already" in (await accueil(api, "revoke-api-key", numero)).stdout
        actions = "SELECT array_agg(action ORDER BY id) FROM journal WHERE action LIKE 'cle.%'"
        assert await api.scalar(actions) == ["cle.creee", "cle.revoquee"]

    async def test_a_key_may_expire(self, api: Api) -> None:
        await accueil(api, "create-api-key", "--agent", "chef", "--libelle", "Essai", "--jours", "30")
        jours = "SELECT (expire_a - cree_a) = interval '30 days' FROM cle_api WHERE libelle = 'Essai'"
        assert await api.scalar(jours) is True

    async def test_an_unknown_agent_or_key_is_a_sentence_and_exit_1(self, api: Api) -> None:
        for commande in (("create-api-key", "--agent", "personne", "--libelle", "x"), ("revoke-api-key", "987654")):
            ratee = await accueil(api, *commande)
            assert ratee.returncode == 1
            assert ratee.stdout == ""
            assert "Traceback" not in ratee.stderr
            assert ratee.stderr.startswith("Aucun")

    async def test_an_agent_is_created_with_profile_perimeter_zone_and_password(self, api: Api) -> None:
        faite = await accueil(
            api,
            *("create-agent", "J.Morel", "--nom", "Morel", "--prenom", "Jeanne", "--courriel", "j.morel@dgfip.test"),
            *("--profil", "agent_local", "--perimetre", "service:5800450", "--perimetre", "departement:57"),
            *("--zone", "5800450", "--password-stdin"),
            entree="une phrase de passe longue\n",
        )
        assert faite.returncode == 0, faite.stderr
        hache = await api.scalar("SELECT mot_de_passe FROM agent WHERE identifiant = 'j.morel'")
        assert verify_mot_de_passe(hache, "une phrase de passe longue")
        cle = (await accueil(api, "create-api-key", "--agent", "j.morel", "--libelle", "x")).stdout.strip()
        async with httpx.AsyncClient(base_url=f"{api.site.url}/api/v1") as client:
            vus = (await client.get("/services", headers={"Authorization": f"Bearer {cle}"})).json()["elements"]
        assert [(s["id"], s["canal"]) for s in vus] == [
            (api.nevers.id, "rattache"),
            (api.metz.id, "exterieur"),
        ]

    @pytest.mark.parametrize(
        ("options", "phrase"),
        [
            (("--profil", "roi", "--perimetre", "nation"), "profil"),
            (("--profil", "pilotage", "--perimetre", "galaxie"), "perimetre"),
            (("--profil", "pilotage", "--perimetre", "departement:99"), "département"),
            (("--profil", "pilotage", "--perimetre", "interregion:Nulle part"), "interrégion"),
            (("--profil", "pilotage", "--perimetre", "service:0000000"), "SAGES"),
            (("--profil", "pilotage", "--perimetre", "nation", "--zone", "0000000"), "SAGES"),
        ],
    )
    async def test_a_wrong_option_creates_nothing(self, api: Api, options: tuple[str, ...], phrase: str) -> None:
        commune = ("create-agent", "essai", "--nom", "Essai", "--courriel", "essai@dgfip.test", "--no-password")
        ratee = await accueil(api, *commune, *options)
        assert ratee.returncode == 1
        assert phrase in ratee.stderr
        assert await api.scalar("SELECT count(*) FROM agent WHERE identifiant = 'essai'") == 0

    async def test_an_identifier_already_taken_or_a_short_password_is_refused(self, api: Api) -> None:
        commune = ("--nom", "X", "--courriel", "x@dgfip.test", "--profil", "pilotage", "--perimetre", "nation")
        assert "déjà pris" in (await accueil(api, "create-agent", "Chef", *commune, "--no-password")).stderr
        court = await accueil(api, "create-agent", "nouveau", *commune, "--password-stdin", entree="court\n")
        assert "mot_de_passe" in court.stderr
        assert "court" not in court.stderr.replace("trop court", "")
