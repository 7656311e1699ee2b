"""Sign-in over HTTP on the real site: fixation, CSRF, Origin, one sentence for every failure, revocation [P13]."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app import clock
from app.booking.outils import Outils
from app.db import async_url
from app.identite import essais
from app.identite.echecs import PAR_ADRESSE, Debit, record_inconnu
from app.identite.empreintes import print_critere
from app.identite.sessions import hash_mot_de_passe
from tests.fixtures.base import Site
from tests.fixtures.donnees import build_agent, build_service

HACHE = hash_mot_de_passe("demo")


@pytest.fixture(scope="module")
async def site(site_du_module: Site) -> Site:
    """A site that knows two agents, « claire » and « bloquee »."""
    moteur = create_async_engine(async_url(site_du_module.settings.database_url))
    async with moteur.begin() as conn:
        service = await build_service(conn)
        for nom in ("claire", "bloquee"):
            await build_agent(conn, nom, service_id=service.id, zone=[service.id], mot_de_passe_hache=HACHE)
    await moteur.dispose()
    return site_du_module


@pytest.fixture
async def navigateur(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without JavaScript."""
    async with httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url}, timeout=10) as client:
        yield client


async def jeton_csrf(client: httpx.AsyncClient, page: str = "/nulle-part") -> str:
    trouve = re.search(r'name="csrf" content="([0-9a-f]+)"', (await client.get(page)).text)
    assert trouve
    return trouve[1]


async def connect(client: httpx.AsyncClient, mot_de_passe: str = "demo", **plus: str) -> httpx.Response:
    donnees = {"identifiant": "claire", "mot_de_passe": mot_de_passe, "_csrf": await jeton_csrf(client), **plus}
    return await client.post("/connexion", data=donnees)


class TestConnexion:
    """promises, pitfall 4 and « CSRF absent or of another session »."""

    @pytest.mark.parametrize(
        ("suite", "location"),
        [
            ("/services/1/agenda?jour=2026-11-23&vue=jour", "/services/1/agenda?jour=2026-11-23&vue=jour"),
            ("/日本", "/%E6%97%A5%E6%9C%AC"),
            ("/agent?x=\u202e", "/agent"),
            ("/agent\r\nX-Injected: 1", "/agent"),
            ("/\x00", "/agent"),
            ("/agent\x7f", "/agent"),
            ("//ailleurs.example", "/agent"),
            ("https://ailleurs.example/", "/agent"),
            ("/\\ailleurs.example", "/agent"),
        ],
    )
    async def test_it_goes_on_to_a_page_of_ours_whatever_was_asked(
        self, navigateur: httpx.AsyncClient, suite: str, location: str
    ) -> None:
        reponse = await connect(navigateur, suite=suite)
        assert (reponse.status_code, reponse.headers["location"]) == (303, location)

    async def test_a_good_password_opens_a_session(self, navigateur: httpx.AsyncClient) -> None:
        reponse = await connect(navigateur)
        assert reponse.status_code == 303
        assert reponse.headers["location"] == "/agent"
        biscuit = reponse.headers["set-cookie"]
        assert "HttpOnly" in biscuit
        assert "SameSite=Lax" in biscuit

    async def test_a_planted_identifier_opens_nothing(self, navigateur: httpx.AsyncClient) -> None:
        navigateur.cookies.set("accueil_session", "plante-par-un-tiers-0123456789", domain="127.0.0.1")
        await connect(navigateur)
        autre = httpx.AsyncClient(base_url=navigateur.base_url)
        autre.cookies.set("accueil_session", "plante-par-un-tiers-0123456789", domain="127.0.0.1")
        assert (await autre.get("/agent")).status_code == 303
        await autre.aclose()

    async def test_signing_in_again_ends_the_previous_session(self, navigateur: httpx.AsyncClient, site: Site) -> None:
        await connect(navigateur)
        await connect(navigateur)
        conn = await asyncpg.connect(site.settings.database_url)
        etats = await conn.fetch("SELECT revoquee_a IS NULL AS vive FROM session ORDER BY id DESC LIMIT 2")
        await conn.close()
        assert [e["vive"] for e in etats] == [True, False]

    async def test_every_failure_says_the_same_sentence(self, navigateur: httpx.AsyncClient) -> None:
        phrases = set()
        for identifiant, mot in (("claire", "faux"), ("inconnue", "demo"), ("", ""), ("claire\x00", "demo")):
            reponse = await connect(navigateur, mot, identifiant=identifiant)
            assert reponse.status_code == 401
            phrases.add(re.findall(r'fr-alert__title">([^<]+)<', reponse.text)[0])
        assert phrases == {"Identifiant ou mot de passe incorrect."}

    async def test_what_was_typed_is_kept_but_never_the_password(self, navigateur: httpx.AsyncClient) -> None:
        reponse = await connect(navigateur, "secret-tapé")
        assert 'value="claire"' in reponse.text
        assert "secret-tapé" not in reponse.text

    async def test_guessing_is_stopped_for_a_while(self, navigateur: httpx.AsyncClient) -> None:
        for _ in range(essais.PAR_ADRESSE + 1):  # the window may turn once on the way
            await connect(navigateur, "faux", identifiant="bloquee")
        reponses = [await connect(navigateur, "faux", identifiant="bloquee") for _ in range(essais.PAR_ADRESSE)]
        reponse = next(r for r in reponses if r.status_code == 429)
        assert "quelques minutes" in reponse.text
        assert 0 < int(reponse.headers["retry-after"]) <= essais.FENETRE.total_seconds()

    async def test_no_way_out_to_another_site(self, navigateur: httpx.AsyncClient) -> None:
        for suite in ("https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"):
            reponse = await connect(navigateur, suite=suite)
            assert reponse.headers["location"] == "/agent"


class TestChangementsRefuses:
    """A change proves that it comes from our own pages."""

    @pytest.mark.parametrize("origine", [None, "null", "https://evil.test", "http://127.0.0.1", "http://127.0.0.1:1"])
    async def test_another_origin_is_refused(self, navigateur: httpx.AsyncClient, origine: str | None) -> None:
        jeton = await jeton_csrf(navigateur)
        navigateur.headers.pop("Origin")
        reponse = await navigateur.post(
            "/connexion",
            data={"identifiant": "claire", "mot_de_passe": "demo", "_csrf": jeton},
            headers={"Origin": origine} if origine else {},
        )
        assert reponse.status_code == 403

    async def test_a_missing_wrong_or_foreign_token_is_refused(self, navigateur: httpx.AsyncClient, site: Site) -> None:
        async with httpx.AsyncClient(base_url=site.url) as autre:
            etranger = await jeton_csrf(autre)
        await jeton_csrf(navigateur)
        for jeton in ("", "0" * 40, etranger, "é" * 40):
            reponse = await navigateur.post(
                "/connexion", data={"identifiant": "claire", "mot_de_passe": "demo", "_csrf": jeton}
            )
            assert reponse.status_code == 403
            assert "Traceback" not in reponse.text

    async def test_signing_out_closes_http_at_once(self, navigateur: httpx.AsyncClient) -> None:
        await connect(navigateur)
        assert (await navigateur.get("/agent")).status_code == 200
        jeton = await jeton_csrf(navigateur)
        vole = dict(navigateur.cookies)
        await navigateur.post("/deconnexion", data={"_csrf": jeton})
        async with httpx.AsyncClient(base_url=navigateur.base_url, cookies=vole) as voleur:
            assert (await voleur.get("/agent")).status_code == 303


class TestReponses:
    """Headers on every answer, errors included; no traceback ever reaches a person."""

    @pytest.mark.parametrize("chemin", ["/connexion", "/nulle-part", "/services/999999/agenda", "/api/v1/rien"])
    async def test_security_headers(self, navigateur: httpx.AsyncClient, chemin: str) -> None:
        reponse = await navigateur.get(chemin)
        assert "default-src 'self'" in reponse.headers["content-security-policy"]
        assert "unsafe" not in reponse.headers["content-security-policy"]
        assert reponse.headers["referrer-policy"] == "no-referrer"
        assert reponse.headers["x-content-type-options"] == "nosniff"
        assert reponse.headers["cache-control"] == "no-store"

    async def test_two_megabytes_are_413(self, navigateur: httpx.AsyncClient) -> None:
        reponse = await navigateur.post("/connexion", data={"identifiant": "a" * 2_000_000})
        assert reponse.status_code == 413
        assert "volumineux" in reponse.text

    async def test_hostile_paths_are_404_not_500(self, navigateur: httpx.AsyncClient) -> None:
        for chemin in (
            "/rendez-vous/99999999999999999999999",
            "/services/%00/agenda",
            "/%F0%9F%92%A9",
            "/rdv/-1/motif",
        ):
            assert (await navigateur.get(chemin)).status_code in (303, 404)


class TestCadre:
    """A refusal is read in one's own frame: an agent keeps his header and his menu."""

    @pytest.mark.parametrize("chemin", ["/nulle-part", "/services/999999/agenda", "/sites/999999/accueil", "/pilotage"])
    async def test_a_signed_in_agent_keeps_his_menu_on_a_404(self, navigateur: httpx.AsyncClient, chemin: str) -> None:
        await connect(navigateur)
        page = await navigateur.get(chemin)
        assert page.status_code == 404
        assert "Se déconnecter" in page.text
        assert 'id="menu-principal"' in page.text
        assert 'href="/agent"' in page.text
        assert page.headers["cache-control"] == "no-store"

    async def test_and_on_a_403(self, navigateur: httpx.AsyncClient) -> None:
        await connect(navigateur)
        page = await navigateur.post("/connexion", data={"_csrf": "faux"})
        assert page.status_code == 403
        assert "Se déconnecter" in page.text

    async def test_an_usager_keeps_his(self, navigateur: httpx.AsyncClient) -> None:
        for chemin in ("/nulle-part", "/rdv/999999/motif"):
            page = await navigateur.get(chemin)
            assert page.status_code == 404
            assert "Se déconnecter" not in page.text

    async def test_so_does_an_agent_who_walks_through_the_pages_of_usagers(self, navigateur: httpx.AsyncClient) -> None:
        await connect(navigateur)
        assert "Se déconnecter" not in (await navigateur.get("/rdv/999999/motif")).text

    async def test_a_session_that_is_over_is_nobody(self, navigateur: httpx.AsyncClient) -> None:
        navigateur.cookies.set("accueil_session", "jamais-ouverte-0123456789", domain="127.0.0.1")
        assert "Se déconnecter" not in (await navigateur.get("/nulle-part")).text


class TestComptesInconnus:
    """A failed sign-in leaves a trace even when the account does not exist, and never what was typed."""

    async def test_it_keeps_the_print_of_the_account_alone(self, navigateur: httpx.AsyncClient, site: Site) -> None:
        await connect(navigateur, "peu importe", identifiant="Mon-Mot-De-Passe-Secret")
        conn = await asyncpg.connect(site.settings.database_url)
        lignes = await conn.fetch(
            "SELECT acteur, adresse::text, apres::text FROM journal WHERE action = 'connexion.echec'"
            " AND agent_id IS NULL ORDER BY id DESC LIMIT 1"
        )
        tout = await conn.fetchval("SELECT string_agg(j::text, ' ') FROM journal j")
        await conn.close()
        attendue = print_critere(site.settings, "compte", "mon-mot-de-passe-secret")
        assert [(ligne["acteur"], ligne["adresse"]) for ligne in lignes] == [("inconnu", "127.0.0.1/32")]
        assert attendue in lignes[0]["apres"]
        assert "secret" not in tout.lower()

    def test_a_flood_is_counted_not_written(self) -> None:
        debit, a = Debit(par_adresse=3, en_tout=5), clock.now()
        assert [debit.take("1.1.1.1", a) for _ in range(5)] == [0, 0, 0, None, None]
        assert [debit.take(f"2.2.2.{n}", a) for n in range(4)] == [2, 0, None, None]
        assert debit.take("1.1.1.1", a + timedelta(minutes=1)) == 2

    async def test_a_thousand_tries_write_a_few_lines(self, outils: Outils) -> None:
        a = clock.now()
        for rang in range(200):
            await record_inconnu(outils.db, outils.settings, f"compte{rang}", "198.51.100.7", a)
        async with outils.db.read() as conn:
            ecrites = (await conn.execute(text("SELECT count(*) FROM journal"))).scalar_one()
        assert ecrites <= PAR_ADRESSE
