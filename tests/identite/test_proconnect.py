"""Sign-in through ProConnect against a real local provider: what is believed, and everything that is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from playwright.async_api import Browser
from sqlalchemy import text

from app.config import ConfigurationInvalide, load
from app.db import Database, create_engine
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.fixtures.base import Site, run_site
from tests.fixtures.donnees import build_agent, build_service
from tests.identite.fournisseur import CLIENT, SECRET, Provider, run_provider

_numeros = iter(range(1, 10_000))


@pytest.fixture(scope="module")
def fournisseur() -> Iterator[Provider]:
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(fournisseur: Provider) -> Iterator[Provider]:
    """The provider, telling the truth at the start of each test."""
    fournisseur.repair()
    yield fournisseur
    fournisseur.repair()


@pytest.fixture(scope="module")
def site_pc(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
    fournisseur: Provider,
) -> Iterator[Site]:
    """A site for which ProConnect is that provider."""
    url = postgres_server.create_database("essai_proconnect", modele=modele)
    var = tmp_path_factory.mktemp("proconnect")
    with run_site(
        url,
        redis_server.url,
        smtp_server.url,
        var,
        PROCONNECT_ISSUER=fournisseur.url,
        PROCONNECT_CLIENT_ID=CLIENT,
        PROCONNECT_CLIENT_SECRET=SECRET,
    ) as site:
        yield site
    postgres_server.drop_database("essai_proconnect")


@pytest.fixture
async def db(site_pc: Site) -> AsyncIterator[Database]:
    base = Database(create_engine(site_pc.settings, nom="tests"))
    yield base
    await base.close()


@pytest.fixture
async def client(site_pc: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without JavaScript."""
    async with httpx.AsyncClient(base_url=site_pc.url, headers={"Origin": site_pc.url}, timeout=15) as ouvert:
        yield ouvert


@pytest.fixture
async def agent(db: Database) -> dict[str, Any]:
    """An account whose professional address ProConnect knows."""
    n = next(_numeros)
    async with db.engine.begin() as conn:
        service = await build_service(conn, sages=f"{5_900_000 + n}")
        ident = await build_agent(conn, f"pc{n}", service_id=service.id, zone=[service.id])
    return {"id": ident, "courriel": f"pc{n}@dgfip.test", "sub": f"sujet-{n}"}


async def declare(provider: Provider, sub: str, **dits: Any) -> None:
    async with httpx.AsyncClient() as client:
        reponse = await client.put(
            f"{provider.url}/users/{sub}", json={"given_name": "Claire", "usual_name": "Morel", **dits}
        )
        assert reponse.status_code == 204


async def leave(client: httpx.AsyncClient, suite: str = "/agent") -> str:
    """Press the button: where the browser is sent."""
    page = (await client.get("/connexion")).text
    csrf = re.findall(r'name="csrf" content="([0-9a-f]+)"', page)[0]
    reponse = await client.post("/connexion/proconnect", data={"suite": suite, "_csrf": csrf})
    assert reponse.status_code == 200, reponse.text
    return unescape(re.findall(r'http-equiv="refresh" content="0;url=([^"]+)"', reponse.text)[0])


async def authorize(depart: str, sub: str) -> str:
    """What the person does at the provider: where he is sent back."""
    async with httpx.AsyncClient() as ailleurs:
        reponse = await ailleurs.post(depart, data={"sub": sub})
    assert reponse.status_code in (302, 303), reponse.text
    return reponse.headers["location"]


async def enter(client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], **dits: Any) -> httpx.Response:
    """The whole way."""
    await declare(provider, agent["sub"], **{"email": agent["courriel"], **dits})
    return await client.get(await authorize(await leave(client), agent["sub"]))


async def is_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/agent")).status_code == 200


async def scalar(db: Database, requete: str, **parametres: Any) -> Any:
    async with db.read() as conn:
        return (await conn.execute(text(requete), parametres)).scalar()


class TestEntrer:
    async def test_the_button_appears_only_where_it_is_configured(
        self, client: httpx.AsyncClient, site_du_module: Site
    ) -> None:
        assert "S’identifier avec ProConnect" in (await client.get("/connexion")).text
        async with httpx.AsyncClient(base_url=site_du_module.url) as ailleurs:
            assert "ProConnect" not in (await ailleurs.get("/connexion")).text
            assert (await ailleurs.get("/connexion/proconnect/retour?code=a&state=b")).status_code == 404

    async def test_an_agent_enters_and_his_subject_is_kept(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], db: Database
    ) -> None:
        reponse = await enter(client, provider, agent, email=agent["courriel"].upper())
        assert (reponse.status_code, reponse.headers["location"]) == (303, "/agent")
        assert await is_in(client)
        sujet = await scalar(db, "SELECT sujet_oidc FROM agent WHERE id = :a", a=agent["id"])
        assert sujet == f"{provider.url}#{agent['sub']}"
        demande = provider.demandes[-1]
        assert demande["code_challenge_method"] == "S256"
        assert len(demande["state"]) >= 32
        assert len(demande["nonce"]) >= 32
        assert set(demande) == {
            *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
            *("code_challenge", "code_challenge_method"),
        }
        assert {"connexion", "agent.proconnect_associe"} <= set(await actions(db, agent["id"]))

    async def test_afterwards_the_subject_decides_whatever_the_address_has_become(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], db: Database
    ) -> None:
        await enter(client, provider, agent)
        client.cookies.clear()
        assert (await enter(client, provider, agent, email="autre.adresse@ailleurs.test")).status_code == 303
        assert await is_in(client)

    async def test_an_address_already_tied_to_a_subject_opens_nothing_to_another(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        await enter(client, provider, agent)
        client.cookies.clear()
        usurpateur = {**agent, "sub": agent["sub"] + "-autre"}
        reponse = await enter(client, provider, usurpateur)
        assert reponse.status_code == 403
        assert not await is_in(client)

    async def test_the_session_identifier_is_new_and_the_previous_one_dies(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], site_pc: Site
    ) -> None:
        await enter(client, provider, agent)
        premiere = client.cookies["accueil_session"]
        await client.get("/agent")
        await authorize_again(client, provider, agent)
        assert client.cookies["accueil_session"] != premiere
        async with httpx.AsyncClient(base_url=site_pc.url, cookies={"accueil_session": premiere}) as ancien:
            assert not await is_in(ancien)

    async def test_it_goes_on_where_the_person_was_going_and_nowhere_else(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        await declare(provider, agent["sub"], email=agent["courriel"])
        for suite, attendue in (("/pilotage?jour=1", "/pilotage?jour=1"), ("https://evil.test/", "/agent")):
            client.cookies.clear()
            reponse = await client.get(await authorize(await leave(client, suite), agent["sub"]))
            assert reponse.headers["location"] == attendue

    @pytest.mark.e2e
    async def test_with_a_browser_in_and_out_again(
        self, browser: Browser, provider: Provider, agent: dict[str, Any], site_pc: Site
    ) -> None:
        await declare(provider, agent["sub"], email=agent["courriel"])
        contexte = await browser.new_context(locale="fr-FR")
        page = await contexte.new_page()
        erreurs: list[str] = []
        page.on("console", lambda m: erreurs.append(m.text) if "Security Policy" in m.text else None)
        await page.goto(f"{site_pc.url}/connexion")
        await page.get_by_role("button", name="S’identifier avec ProConnect").click()
        await page.wait_for_url(f"{provider.url}/**")
        await page.get_by_placeholder("sub").fill(agent["sub"])
        await page.get_by_role("button", name="Authorize").click()
        await page.wait_for_url(f"{site_pc.url}/agent")
        await page.get_by_role("button", name="Se déconnecter").click()
        await page.wait_for_url(f"{provider.url}/oauth2/end_session**")
        fin = provider.fins[-1]
        assert fin["id_token_hint"].count(".") == 2
        assert fin["post_logout_redirect_uri"] == f"{site_pc.url}/deconnexion/retour"
        await page.locator("form button, form input[type=submit]").first.click()
        await page.wait_for_url(f"{site_pc.url}/deconnexion/retour**")
        assert "Vous êtes déconnecté" in await page.content()
        await page.goto(f"{site_pc.url}/agent")
        assert "/connexion" in page.url
        assert erreurs == []
        await contexte.close()


async def authorize_again(client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]) -> None:
    """Sign in once more from a browser that already is: the form is behind the dashboard, its token is not."""
    page = (await client.get("/agent")).text
    csrf = re.findall(r'name="csrf" content="([0-9a-f]+)"', page)[0]
    reponse = await client.post("/connexion/proconnect", data={"suite": "/agent", "_csrf": csrf})
    depart = unescape(re.findall(r'http-equiv="refresh" content="0;url=([^"]+)"', reponse.text)[0])
    await client.get(await authorize(depart, agent["sub"]))


async def actions(db: Database, agent_id: int) -> list[str]:
    async with db.read() as conn:
        lignes = await conn.execute(text("SELECT action FROM journal WHERE agent_id = :a ORDER BY id"), {"a": agent_id})
        return [ligne.action for ligne in lignes]


class TestInconnus:
    """A real identity without an account here: told so, journaled without its name, nobody created."""

    async def test_an_unknown_person_reads_why_and_what_to_do(
        self, client: httpx.AsyncClient, provider: Provider, db: Database
    ) -> None:
        avant = await scalar(db, "SELECT count(*) FROM agent")
        inconnu = {"sub": "personne", "courriel": "personne@nulle-part.test"}
        reponse = await enter(client, provider, inconnu)
        assert reponse.status_code == 403
        assert "aucun compte" in reponse.text
        assert "responsable" in reponse.text
        assert not await is_in(client)
        assert await scalar(db, "SELECT count(*) FROM agent") == avant
        trace = await scalar(
            db, "SELECT apres::text FROM journal WHERE action = 'connexion.proconnect_refusee' ORDER BY id DESC LIMIT 1"
        )
        assert "agent-inconnu" in trace
        assert "personne" not in trace

    async def test_an_address_that_the_provider_does_not_vouch_for_opens_nothing(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        assert (await enter(client, provider, agent, email_verified=False)).status_code == 403
        assert not await is_in(client)

    async def test_two_accounts_with_one_address_are_nobody(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], db: Database
    ) -> None:
        async with db.engine.begin() as conn:
            await conn.execute(
                text("INSERT INTO agent (identifiant, nom, prenom, courriel) VALUES (:i, 'Morel', 'X', :c)"),
                {"i": f"double-{agent['id']}", "c": agent["courriel"]},
            )
        assert (await enter(client, provider, agent)).status_code == 403

    async def test_a_suspended_account_is_told_so(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], db: Database
    ) -> None:
        async with db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE agent SET suspendu_a = '2026-01-01T00:00:00Z' WHERE id = :a"), {"a": agent["id"]}
            )
        reponse = await enter(client, provider, agent)
        assert reponse.status_code == 403
        assert "suspendu" in reponse.text
        assert not await is_in(client)


class TestReponsesRefusees:
    """Bad state, replayed code, wrong nonce, wrong audience, unsigned or forged answers: a sentence and no session."""

    async def refused(self, client: httpx.AsyncClient, reponse: httpx.Response, statut: int = 403) -> None:
        assert reponse.status_code == statut, reponse.text[:500]
        assert "Connexion impossible" in reponse.text
        assert "Traceback" not in reponse.text
        assert not await is_in(client)

    async def test_a_state_that_was_never_given(self, client: httpx.AsyncClient, provider: Provider) -> None:
        for etat in ("", "x" * 43, "é", "\x00"):
            reponse = await client.get("/connexion/proconnect/retour", params={"code": "c", "state": etat})
            await self.refused(client, reponse)

    async def test_an_answer_serves_once(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        await declare(provider, agent["sub"], email=agent["courriel"])
        retour = await authorize(await leave(client), agent["sub"])
        assert (await client.get(retour)).status_code == 303
        client.cookies.delete("accueil_session")
        await self.refused(client, await client.get(retour))

    async def test_another_browser_cannot_finish_it(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], site_pc: Site
    ) -> None:
        await declare(provider, agent["sub"], email=agent["courriel"])
        retour = await authorize(await leave(client), agent["sub"])
        async with httpx.AsyncClient(base_url=site_pc.url) as victime:
            await victime.get("/connexion")
            await self.refused(victime, await victime.get(retour))
        assert (await client.get(retour)).status_code == 303, "and the one who began still can"

    async def test_a_code_replayed_under_a_new_state(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        await declare(provider, agent["sub"], email=agent["courriel"])
        premier = await authorize(await leave(client), agent["sub"])
        assert (await client.get(premier)).status_code == 303
        client.cookies.delete("accueil_session")
        code = parse_qs(urlsplit(premier).query)["code"][0]
        etat = parse_qs(urlsplit(await leave(client)).query)["state"][0]
        reponse = await client.get("/connexion/proconnect/retour", params={"code": code, "state": etat})
        await self.refused(client, reponse)

    async def test_a_stolen_code_is_worth_nothing_without_its_verifier(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        """PKCE: an unspent code injected in another sign-in."""
        await declare(provider, agent["sub"], email=agent["courriel"])
        vole = parse_qs(urlsplit(await authorize(await leave(client), agent["sub"])).query)["code"][0]
        etat = parse_qs(urlsplit(await leave(client)).query)["state"][0]
        reponse = await client.get("/connexion/proconnect/retour", params={"code": vole, "state": etat})
        await self.refused(client, reponse)

    @pytest.mark.parametrize(
        ("champ", "valeur"),
        [
            ("nonce", "un-autre-nonce"),
            ("nonce", None),
            ("aud", "une-autre-application"),
            ("iss", "https://evil.test"),
            ("exp", 1_000_000_000),
            ("sub", ""),
        ],
    )
    async def test_an_id_token_that_is_not_ours_now(
        self,
        client: httpx.AsyncClient,
        provider: Provider,
        agent: dict[str, Any],
        champ: str,
        valeur: Any,
        db: Database,
    ) -> None:
        provider.id_token = lambda dits: {k: v for k, v in {**dits, champ: valeur}.items() if v is not None}
        await self.refused(client, await enter(client, provider, agent))
        trace = await scalar(
            db,
            "SELECT apres->>'raison' FROM journal WHERE action = 'connexion.proconnect_refusee'"
            " ORDER BY id DESC LIMIT 1",
        )
        assert trace.startswith("id_token:")

    async def test_what_the_test_s_own_layer_signs_is_believed_when_it_is_true(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        """The positive control of the lies above and below."""
        provider.id_token = provider.userinfo = dict
        assert (await enter(client, provider, agent)).status_code == 303
        assert await is_in(client)

    @pytest.mark.parametrize("champ", ["aud", "iss", "sub"])
    async def test_a_userinfo_answer_for_somebody_else(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], champ: str
    ) -> None:
        provider.userinfo = lambda dits: {**dits, champ: "autre"}
        await self.refused(client, await enter(client, provider, agent))

    async def test_an_unsigned_userinfo_answer(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        provider.signe = False
        await self.refused(client, await enter(client, provider, agent))

    async def test_a_signature_by_another_key(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        provider.cle = RSAKey.generate_key(2048)
        await self.refused(client, await enter(client, provider, agent))

    async def test_the_person_who_gives_up_is_not_blamed(self, client: httpx.AsyncClient, provider: Provider) -> None:
        etat = parse_qs(urlsplit(await leave(client)).query)["state"][0]
        parametres = {"error": "access_denied", "state": etat}
        reponse = await client.get("/connexion/proconnect/retour", params=parametres)
        await self.refused(client, reponse)
        assert "interrompu" in reponse.text

    async def test_a_provider_that_is_down_is_a_sentence(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any]
    ) -> None:
        await declare(provider, agent["sub"], email=agent["courriel"])
        retour = await authorize(await leave(client), agent["sub"])
        provider.panne = 502
        reponse = await client.get(retour)
        await self.refused(client, reponse, 503)
        assert "mot de passe" in reponse.text

    async def test_beginning_needs_our_own_page(self, client: httpx.AsyncClient, provider: Provider) -> None:
        assert (await client.post("/connexion/proconnect", data={"suite": "/agent"})).status_code == 403
        assert (await client.get("/connexion/proconnect")).status_code == 405


class TestSortir:
    async def test_signing_out_also_ends_the_provider_s_session(
        self, client: httpx.AsyncClient, provider: Provider, agent: dict[str, Any], db: Database
    ) -> None:
        await enter(client, provider, agent)
        page = (await client.get("/agent")).text
        csrf = re.findall(r'name="csrf" content="([0-9a-f]+)"', page)[0]
        vole = dict(client.cookies)
        reponse = await client.post("/deconnexion", data={"_csrf": csrf})
        assert reponse.status_code == 200
        suite = unescape(re.findall(r'http-equiv="refresh" content="0;url=([^"]+)"', reponse.text)[0])
        assert suite.startswith(f"{provider.url}/oauth2/end_session?")
        assert (
            await scalar(
                db, "SELECT count(*) FROM session WHERE agent_id = :a AND jeton_oidc IS NOT NULL", a=agent["id"]
            )
            == 0
        )
        async with httpx.AsyncClient(base_url=client.base_url, cookies=vole) as voleur:
            assert not await is_in(voleur)
        etat = parse_qs(urlsplit(suite).query)["state"][0]
        fin = await client.get("/deconnexion/retour", params={"state": etat})
        assert "Vous êtes déconnecté" in fin.text
        assert (await client.get("/deconnexion/retour", params={"state": "autre"})).status_code == 303


class TestReglages:
    """Production refuses half a configuration, and plain HTTP."""

    BASE: ClassVar[dict[str, str]] = {
        "DATABASE_URL": "postgresql://x",
        "REDIS_URL": "redis://x",
        "SECRET_KEY": "s" * 40,
        "BASE_URL": "https://rdv.example.fr",
    }

    @pytest.mark.parametrize(
        "plus",
        [
            {"PROCONNECT_ISSUER": "https://pc.example.fr"},
            {"PROCONNECT_CLIENT_SECRET": "x"},
            {"PROCONNECT_ISSUER": "http://pc.example.fr", "PROCONNECT_CLIENT_ID": "a", "PROCONNECT_CLIENT_SECRET": "b"},
        ],
    )
    def test_it_does_not_start(self, plus: dict[str, str]) -> None:
        with pytest.raises(ConfigurationInvalide, match="PROCONNECT"):
            load({**self.BASE, **plus})

    def test_none_or_all_three_is_fine(self) -> None:
        assert load(self.BASE).proconnect_issuer == ""
        tout = {"PROCONNECT_ISSUER": "https://pc.test/", "PROCONNECT_CLIENT_ID": "a", "PROCONNECT_CLIENT_SECRET": "b"}
        assert load({**self.BASE, **tout}).proconnect_issuer == "https://pc.test"
        assert "'b'" not in repr(load({**self.BASE, **tout}))
