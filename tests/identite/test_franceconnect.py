"""Usagers through FranceConnect, against a real local provider: who is believed, what is filled in, what is his."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from html import unescape
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import text

from app.config import ConfigurationInvalide, load
from app.db import Database, create_engine
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.booking.usager.navigateur import Navigateur, caches, creneaux
from tests.fixtures.base import Site, run_site
from tests.fixtures.donnees import MondeService, build_service
from tests.identite.fournisseur import CLIENT, SECRET, Provider, run_provider

ANGELA: dict[str, Any] = {
    "given_name": "Angela Claire Louise",
    "family_name": "DUBOIS",
    "birthdate": "1962-08-24",
    "gender": "female",
    "email": "angela@usagers.test",
}
CONTACTS = {"telephone1": "06 12 34 56 78", "precision": "Question sur mes revenus fonciers"}
_numeros = iter(range(1, 10_000))


@pytest.fixture(scope="module")
def fournisseur() -> Iterator[Provider]:
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(fournisseur: Provider) -> Iterator[Provider]:
    """FranceConnect, telling the truth at the start of each test."""
    fournisseur.repair()
    fournisseur.acr = "eidas1"
    yield fournisseur
    fournisseur.repair()


@pytest.fixture(scope="module")
def site_fc(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
    fournisseur: Provider,
) -> Iterator[Site]:
    """A site for which FranceConnect is that provider."""
    url = postgres_server.create_database("essai_franceconnect", modele=modele)
    reglages: dict[str, Any] = {
        "FRANCECONNECT_ISSUER": fournisseur.url,
        "FRANCECONNECT_CLIENT_ID": CLIENT,
        "FRANCECONNECT_CLIENT_SECRET": SECRET,
    }
    with run_site(url, redis_server.url, smtp_server.url, tmp_path_factory.mktemp("franceconnect"), **reglages) as site:
        yield site
    postgres_server.drop_database("essai_franceconnect")


@pytest.fixture(scope="module")
async def db(site_fc: Site) -> AsyncIterator[Database]:
    base = Database(create_engine(site_fc.settings, nom="tests"))
    yield base
    await base.close()


@pytest.fixture(scope="module")
async def service(db: Database) -> MondeService:
    async with db.engine.begin() as conn:
        return await build_service(conn, guichets=4, types=["guichet", "telephone"])


Venir = Callable[..., Navigateur]


@pytest.fixture
async def venir(site_fc: Site, service: MondeService) -> AsyncIterator[Venir]:
    """``venir()``: a new visitor in a browser of his own, without JavaScript."""
    ouverts: list[httpx.AsyncClient] = []

    def arriver(motif: int = 0) -> Navigateur:
        client = httpx.AsyncClient(base_url=site_fc.url, headers={"Origin": site_fc.url}, timeout=20)
        ouverts.append(client)
        return Navigateur(client, service.id, {"motif": service.motifs[motif], "type": "guichet"})

    yield arriver
    for client in ouverts:
        await client.aclose()


def personne() -> str:
    """A subject nobody has had yet."""
    return f"sujet-{next(_numeros)}"


async def declare(provider: Provider, sub: str, **dits: Any) -> None:
    async with httpx.AsyncClient() as client:
        dits = {cle: valeur for cle, valeur in {**ANGELA, **dits}.items() if valeur is not None}
        assert (await client.put(f"{provider.url}/users/{sub}", json=dits)).status_code == 204


async def leave(client: httpx.AsyncClient, depuis: str = "/") -> str:
    """Press « Se connecter avec FranceConnect » on that page: where the browser is sent."""
    page = (await client.get(depuis)).text
    formulaire = re.findall(r'action="/franceconnect/connexion".*?</form>', page, re.DOTALL)[0]
    reponse = await client.post("/franceconnect/connexion", data=caches(formulaire))
    assert reponse.status_code == 200, reponse.text
    return unescape(re.findall(r'http-equiv="refresh" content="0;url=([^"]+)"', reponse.text)[0])


async def authorize(depart: str, sub: str) -> str:
    """What the person does at FranceConnect: where he is sent back."""
    async with httpx.AsyncClient() as ailleurs:
        reponse = await ailleurs.post(depart, data={"sub": sub})
    assert reponse.status_code in (302, 303), reponse.text
    return reponse.headers["location"]


async def enter(
    usager: Navigateur, provider: Provider, sub: str | None = None, depuis: str = "/", **dits: Any
) -> httpx.Response:
    """The whole way in; the answer to the return, not followed."""
    sub = sub or personne()
    await declare(provider, sub, **dits)
    return await usager.client.get(await authorize(await leave(usager.client, depuis), sub))


async def is_in(client: httpx.AsyncClient) -> bool:
    return "Se déconnecter" in (await client.get("/mes-rendez-vous")).text


async def sql(db: Database, requete: str, **parametres: Any) -> Any:
    async with db.read() as conn:
        return (await conn.execute(text(requete), parametres)).all()


class TestEntrer:
    async def test_without_configuration_nothing_of_it_shows(self, site_du_module: Site) -> None:
        async with httpx.AsyncClient(base_url=site_du_module.url) as ailleurs:
            assert "FranceConnect" not in (await ailleurs.get("/")).text
            assert (await ailleurs.get("/franceconnect/retour?code=a&state=b")).status_code == 404
            assert "pas proposée" in (await ailleurs.get("/mes-rendez-vous")).text

    async def test_a_person_enters_and_the_register_knows_his_civil_identity(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, sub = venir(), personne()
        reponse = await enter(usager, provider, sub, preferred_username="MARTIN")
        assert (reponse.status_code, reponse.headers["location"]) == (303, "/")
        cookie = reponse.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        page = (await usager.client.get("/")).text
        assert "Angela MARTIN" in page
        lus = await sql(
            db,
            "SELECT nature, civilite, nom_usage, nom_naissance, prenoms, date_naissance::text, courriel, telephones"
            " FROM usager WHERE sujet_oidc = :s",
            s=f"{provider.url}#{sub}",
        )
        qui = ("particulier", "madame", "MARTIN", "DUBOIS", "Angela Claire Louise", "1962-08-24")
        assert lus == [(*qui, "angela@usagers.test", [])]
        demande = provider.demandes[-1]
        assert demande["acr_values"] == "eidas1"
        assert demande["code_challenge_method"] == "S256"
        assert set(demande["scope"].split()) >= {"openid", "profile", "email"}

    async def test_at_the_next_sign_in_names_follow_and_his_own_contacts_stay(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        sub = personne()
        await enter(venir(), provider, sub)
        async with db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE usager SET courriel = 'choisi@usagers.test' WHERE sujet_oidc LIKE :s"), {"s": f"%#{sub}"}
            )
        await enter(venir(), provider, sub, preferred_username="MARTIN", email="autre@usagers.test")
        lus = await sql(db, "SELECT nom_usage, courriel FROM usager WHERE sujet_oidc LIKE :s", s=f"%#{sub}")
        assert lus == [("MARTIN", "choisi@usagers.test")]

    async def test_he_comes_back_to_his_form_and_the_creneau_is_still_held(
        self, venir: Venir, provider: Provider
    ) -> None:
        usager = venir()
        option = await usager.choose()
        ici = option.headers["location"]
        reponse = await enter(usager, provider, depuis=ici)
        assert reponse.headers["location"] == ici
        page = (await usager.client.get(ici)).text
        assert "réservé pendant encore" in page
        assert "Angela Claire Louise" in page
        assert 'name="nom_usage"' not in page
        assert 'value="angela@usagers.test"' in page

    async def test_the_session_is_new_and_the_previous_one_dies(
        self, venir: Venir, provider: Provider, site_fc: Site
    ) -> None:
        usager, sub = venir(), personne()
        await enter(usager, provider, sub)
        premiere = usager.client.cookies["accueil_usager"]
        await usager.client.post("/franceconnect/connexion")  # refused: no proof
        page = (await usager.client.get("/")).text
        csrf = caches(page)["_csrf"]
        reponse = await usager.client.post("/franceconnect/connexion", data={"suite": "/", "_csrf": csrf})
        depart = unescape(re.findall(r'content="0;url=([^"]+)"', reponse.text)[0])
        await usager.client.get(await authorize(depart, sub))
        assert usager.client.cookies["accueil_usager"] != premiere
        async with httpx.AsyncClient(base_url=site_fc.url, cookies={"accueil_usager": premiere}) as ancien:
            assert not await is_in(ancien)

    async def test_it_never_leads_to_another_site(self, venir: Venir, provider: Provider) -> None:
        sub = personne()
        await declare(provider, sub)
        for suite in ("https://evil.test/", "//evil.test", "/\\evil.test", "//[", "\x00"):
            usager = venir()
            csrf = caches((await usager.client.get("/")).text)["_csrf"]
            reponse = await usager.client.post("/franceconnect/connexion", data={"suite": suite, "_csrf": csrf})
            depart = unescape(re.findall(r'content="0;url=([^"]+)"', reponse.text)[0])
            retour = await usager.client.get(await authorize(depart, sub))
            assert retour.headers["location"] == "/", suite

    async def test_an_idle_session_ends_after_half_an_hour(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager = venir()
        await enter(usager, provider)
        assert await is_in(usager.client)
        async with db.engine.begin() as conn:
            await conn.execute(
                text(
                    "UPDATE session_usager SET vue_a = vue_a - interval '31 min',"
                    " expire_a = expire_a - interval '31 min'"
                )
            )
        assert not await is_in(usager.client)


class TestReponsesRefusees:
    """A sentence, the way back to the page, and no session."""

    async def refused(self, usager: Navigateur, reponse: httpx.Response, statut: int = 403) -> None:
        assert reponse.status_code == statut, reponse.text[:500]
        assert "Identification impossible" in reponse.text
        assert not await is_in(usager.client)

    async def test_a_state_that_was_never_given(self, venir: Venir, provider: Provider) -> None:
        usager = venir()
        for etat in ("", "x" * 43, "é", "\x00"):
            reponse = await usager.client.get("/franceconnect/retour", params={"code": "c", "state": etat})
            await self.refused(usager, reponse)

    async def test_an_answer_serves_once_and_in_the_browser_that_began(self, venir: Venir, provider: Provider) -> None:
        usager, victime, sub = venir(), venir(), personne()
        await declare(provider, sub)
        retour = await authorize(await leave(usager.client), sub)
        await victime.client.get("/")
        await self.refused(victime, await victime.client.get(retour))
        assert (await usager.client.get(retour)).status_code == 303, "and the one who began still can"
        usager.client.cookies.delete("accueil_usager")
        await self.refused(usager, await usager.client.get(retour))

    async def test_a_code_replayed_under_a_new_state(self, venir: Venir, provider: Provider) -> None:
        usager, sub = venir(), personne()
        await declare(provider, sub)
        premier = await authorize(await leave(usager.client), sub)
        assert (await usager.client.get(premier)).status_code == 303
        usager.client.cookies.delete("accueil_usager")
        code = parse_qs(urlsplit(premier).query)["code"][0]
        etat = parse_qs(urlsplit(await leave(usager.client)).query)["state"][0]
        reponse = await usager.client.get("/franceconnect/retour", params={"code": code, "state": etat})
        await self.refused(usager, reponse)

    @pytest.mark.parametrize(
        ("champ", "valeur"),
        [("nonce", "autre"), ("aud", "autre"), ("iss", "https://evil.test"), ("exp", 1_000_000_000), ("acr", "eidas0")],
    )
    async def test_an_id_token_that_is_not_ours_now(
        self, venir: Venir, provider: Provider, champ: str, valeur: Any
    ) -> None:
        provider.id_token = lambda dits: {**dits, champ: valeur}
        usager = venir()
        await self.refused(usager, await enter(usager, provider))

    async def test_a_level_that_is_not_said_is_not_believed(self, venir: Venir, provider: Provider) -> None:
        provider.acr = ""
        usager = venir()
        await self.refused(usager, await enter(usager, provider))

    async def test_a_signature_by_another_key_or_none(self, venir: Venir, provider: Provider) -> None:
        usager = venir()
        provider.cle = RSAKey.generate_key(2048)
        await self.refused(usager, await enter(usager, provider))
        provider.cle, provider.signe = None, False
        await self.refused(usager, await enter(usager, provider))

    @pytest.mark.parametrize("family_name", [None, "", "   ", "12", "DU\u0000BOIS", "DU\u202eBOIS", "D" * 121])
    async def test_a_name_that_cannot_be_kept(self, venir: Venir, provider: Provider, family_name: str | None) -> None:
        provider.userinfo = lambda dits: {**dits, "family_name": family_name}
        usager = venir()
        await self.refused(usager, await enter(usager, provider))

    async def test_who_was_born_on_an_unknown_day_enters_without_a_date(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, sub = venir(), personne()
        assert (await enter(usager, provider, sub, birthdate="1954-00-00")).status_code == 303
        assert await sql(db, "SELECT date_naissance FROM usager WHERE sujet_oidc LIKE :s", s=f"%#{sub}") == [(None,)]

    async def test_who_gives_up_goes_on_without_signing_in(self, venir: Venir, provider: Provider) -> None:
        usager = venir()
        etat = parse_qs(urlsplit(await leave(usager.client)).query)["state"][0]
        reponse = await usager.client.get("/franceconnect/retour", params={"error": "access_denied", "state": etat})
        await self.refused(usager, reponse)
        assert "interrompu" in reponse.text
        assert "continuer sans vous identifier" in reponse.text

    async def test_a_provider_that_is_down_is_a_sentence_in_both_languages(
        self, venir: Venir, provider: Provider
    ) -> None:
        usager, sub = venir(), personne()
        await declare(provider, sub)
        retour = await authorize(await leave(usager.client), sub)
        provider.panne = 502
        reponse = await usager.client.get(retour, headers={"Accept-Language": "en"})
        assert reponse.status_code == 503
        assert "continue without signing in" in reponse.text

    async def test_beginning_and_ending_need_our_own_page(self, venir: Venir, provider: Provider) -> None:
        usager = venir()
        for chemin in ("connexion", "deconnexion"):
            assert (await usager.client.post(f"/franceconnect/{chemin}", data={"suite": "/"})).status_code == 403
        assert (await usager.client.get("/franceconnect/connexion")).status_code == 405


class TestSortir:
    """P13 : « logout … closes HTTP »."""

    async def test_signing_out_ends_here_at_once_and_then_there(
        self, venir: Venir, provider: Provider, site_fc: Site, db: Database
    ) -> None:
        usager = venir()
        await enter(usager, provider)
        csrf = caches((await usager.client.get("/")).text)["_csrf"]
        vole = dict(usager.client.cookies)
        reponse = await usager.client.post("/franceconnect/deconnexion", data={"_csrf": csrf})
        suite = unescape(re.findall(r'content="0;url=([^"]+)"', reponse.text)[0])
        lus = parse_qs(urlsplit(suite).query)
        assert suite.startswith(f"{provider.url}/oauth2/end_session?")
        assert lus["id_token_hint"][0].count(".") == 2
        assert lus["post_logout_redirect_uri"] == [f"{site_fc.url}/franceconnect/deconnexion"]
        async with httpx.AsyncClient(base_url=site_fc.url, cookies=vole) as voleur:
            assert not await is_in(voleur)
        restes = "SELECT count(*) FROM session_usager WHERE revoquee_a IS NOT NULL AND jeton_oidc IS NOT NULL"
        assert await sql(db, restes) == [(0,)]
        assert "accueil_visite" not in usager.client.cookies, "the next person owns none of his forms"
        assert "Vous êtes déconnecté" in (await usager.client.get("/franceconnect/deconnexion")).text


class TestReserverIdentifie:
    """« An authenticated usager's data are prefilled » ; the identity is the session's."""

    async def book(self, usager: Navigateur, provider: Provider, sub: str | None = None, **plus: str) -> httpx.Response:
        await enter(usager, provider, sub)
        formulaire = await usager.open_form()
        donnees = {**formulaire, **CONTACTS, "courriel": "angela@usagers.test", **plus}
        return await usager.client.post(f"{usager.base}/coordonnees", data=donnees)

    async def test_the_rendez_vous_is_his_and_nobody_forges_a_name(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, sub = venir(), personne()
        forge = {"nom_usage": "Autre", "prenoms": "Quelqu’un", "date_naissance": "01/01/1990", "usager_id": "1"}
        reponse = await self.book(usager, provider, sub, **forge)
        assert reponse.status_code == 303, reponse.text
        lus = await sql(
            db,
            "SELECT s.civilite, s.nom_usage, s.prenoms, s.date_naissance::text, u.telephones, u.courriel"
            " FROM usager u JOIN rendez_vous r ON r.usager_id = u.id JOIN rdv_usager s ON s.rdv_id = r.id"
            " WHERE u.sujet_oidc LIKE :s",
            s=f"%#{sub}",
        )
        qui = ("madame", "DUBOIS", "Angela Claire Louise", "1962-08-24")
        assert lus == [(*qui, ["+33612345678"], "angela@usagers.test")]

    async def test_signed_out_meanwhile_he_is_told_and_loses_nothing(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager = venir()
        await enter(usager, provider)
        formulaire = await usager.open_form()
        usager.client.cookies.delete("accueil_usager")
        avant = await sql(db, "SELECT count(*) FROM rendez_vous WHERE etat <> 'option'")
        reponse = await usager.client.post(f"{usager.base}/coordonnees", data={**formulaire, **CONTACTS})
        assert reponse.status_code == 422
        assert "Vous n’êtes plus identifié" in unescape(reponse.text)
        assert "Question sur mes revenus fonciers" in reponse.text
        assert await sql(db, "SELECT count(*) FROM rendez_vous WHERE etat <> 'option'") == avant

    async def test_signed_in_meanwhile_in_another_tab_he_checks_the_name_shown(
        self, venir: Venir, provider: Provider
    ) -> None:
        usager = venir()
        formulaire = await usager.open_form()
        await enter(usager, provider)
        reponse = await usager.send(formulaire)
        assert reponse.status_code == 422
        assert "vérifiez l’identité affichée" in unescape(reponse.text)
        assert "Angela Claire Louise" in reponse.text
        encore = await usager.client.post(
            f"{usager.base}/coordonnees", data={**caches(reponse.text), **CONTACTS, "courriel": ""}
        )
        assert encore.status_code == 303, encore.text

    async def test_a_second_one_for_the_same_motif_is_refused_with_the_first(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, sub = venir(), personne()
        assert (await self.book(usager, provider, sub)).status_code == 303
        deuxieme = await self.book(venir(), provider, sub)
        assert deuxieme.status_code == 409
        assert "Vous avez déjà un rendez-vous pour ce motif" in unescape(deuxieme.text)
        lien = re.findall(r'href="(/mes-rendez-vous/\d+)"', deuxieme.text)[0]
        assert (await usager.client.get(lien)).status_code == 200
        assert len(await self.siens(db, sub)) == 1
        tenues = await sql(db, "SELECT count(*) FROM rendez_vous WHERE etat = 'option' AND motif_id = 0")
        assert tenues == [(0,)]

    async def test_another_motif_is_another_rendez_vous(self, venir: Venir, provider: Provider, db: Database) -> None:
        sub = personne()
        assert (await self.book(venir(), provider, sub)).status_code == 303
        assert (await self.book(venir(1), provider, sub)).status_code == 303
        assert len(await self.siens(db, sub)) == 2

    async def test_a_form_sent_twice_is_one_rendez_vous_and_no_refusal(self, venir: Venir, provider: Provider) -> None:
        usager = venir()
        await enter(usager, provider)
        donnees = {**await usager.open_form(), **CONTACTS}
        envois = [usager.client.post(f"{usager.base}/coordonnees", data=donnees) for _ in range(5)]
        reponses = await asyncio.gather(*envois)
        assert {r.status_code for r in reponses} == {303}
        assert len({r.headers["location"] for r in reponses}) == 1

    async def test_two_browsers_at_once_make_one(self, venir: Venir, provider: Provider, db: Database) -> None:
        for _ in range(5):
            sub = personne()
            onglets = [venir(), venir(), venir()]
            formulaires = []
            for onglet in onglets:
                await enter(onglet, provider, sub)
                page = await onglet.page_creneaux()
                formulaires.append(await onglet.open_form(creneaux(page.text)[0]))
            reponses = await asyncio.gather(
                *(
                    onglet.client.post(f"{onglet.base}/coordonnees", data={**formulaire, **CONTACTS})
                    for onglet, formulaire in zip(onglets, formulaires, strict=True)
                )
            )
            assert sorted(r.status_code for r in reponses) == [303, 409, 409]
            assert len(await self.siens(db, sub)) == 1

    @staticmethod
    async def siens(db: Database, sub: str) -> Any:
        return await sql(
            db,
            "SELECT r.id FROM rendez_vous r JOIN usager u ON u.id = r.usager_id WHERE u.sujet_oidc LIKE :s"
            " AND r.etat <> 'option'",
            s=f"%#{sub}",
        )


class TestMesRendezVous:
    async def test_the_list_says_what_is_to_come_and_leads_there_without_the_secret_link(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, sub = venir(), personne()
        await TestReserverIdentifie().book(usager, provider, sub)
        page = (await usager.client.get("/mes-rendez-vous")).text
        assert "/mon-rendez-vous/" not in page
        lien = re.findall(r'href="(/mes-rendez-vous/\d+)"', page)[0]
        sien = await usager.client.get(lien)
        assert sien.status_code == 200
        assert "/mon-rendez-vous/" not in sien.text
        for suite in ("/annuler", "/deplacer", "/plus-tot", "/agenda.ics"):
            assert (await usager.client.get(lien + suite)).status_code == 200, suite
        traces = await sql(
            db,
            "SELECT action FROM journal WHERE objet = 'usager' AND objet_id ="
            " (SELECT id FROM usager WHERE sujet_oidc LIKE :s) ORDER BY id",
            s=f"%#{sub}",
        )
        assert {"usager.connexion", "usager.rdv_listes", "rdv.lu"} <= {t.action for t in traces}

    async def test_he_cancels_it_there_and_may_then_take_another(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, sub = venir(), personne()
        await TestReserverIdentifie().book(usager, provider, sub)
        lien = re.findall(r'href="(/mes-rendez-vous/\d+)"', (await usager.client.get("/mes-rendez-vous")).text)[0]
        question = await usager.client.get(f"{lien}/annuler")
        reponse = await usager.client.post(f"{lien}/annuler", data=caches(question.text))
        assert reponse.status_code == 303, reponse.text
        rdv = lien.rpartition("/")[2]
        assert await sql(db, "SELECT etat, annule_par FROM rendez_vous WHERE id = :r", r=int(rdv)) == [
            ("annule", "usager")
        ]
        assert (await TestReserverIdentifie().book(venir(), provider, sub)).status_code == 303

    async def test_another_s_is_the_same_404_as_none_and_leaves_a_line(
        self, venir: Venir, provider: Provider, db: Database
    ) -> None:
        usager, curieux = venir(), venir()
        await TestReserverIdentifie().book(usager, provider)
        lien = re.findall(r'href="(/mes-rendez-vous/\d+)"', (await usager.client.get("/mes-rendez-vous")).text)[0]
        await enter(curieux, provider)
        autre, aucun = await curieux.client.get(lien), await curieux.client.get("/mes-rendez-vous/999999999")
        assert (autre.status_code, aucun.status_code) == (404, 404)
        proprement = [
            re.sub(r'(value|content)="[0-9a-f]{40,}"|/mes-rendez-vous/\d+|\d\d:\d\d:\d\d[^"]*', "", r.text)
            for r in (autre, aucun)
        ]
        assert proprement[0] == proprement[1]
        for suite in ("/annuler", "/deplacer", "/fragment", "/agenda.ics"):
            assert (await curieux.client.get(lien + suite)).status_code == 404
        csrf = caches((await curieux.client.get("/")).text)["_csrf"]
        for suite in ("/annuler", "/deplacer", "/documents"):
            donnees = {"_csrf": csrf, "revision": "1"}
            assert (await curieux.client.post(lien + suite, data=donnees)).status_code == 404
        refus = await sql(db, "SELECT apres->>'demande' FROM journal WHERE action = 'rdv.acces_refuse'")
        assert (lien.rpartition("/")[2],) in refus

    async def test_nobody_signed_in_is_led_to_the_way_in(self, venir: Venir, provider: Provider) -> None:
        usager = venir()
        assert "S’identifier avec" in (await usager.client.get("/mes-rendez-vous")).text
        reponse = await usager.client.get("/mes-rendez-vous/1")
        assert (reponse.status_code, reponse.headers["location"]) == (303, "/mes-rendez-vous")


class TestReglages:
    BASE: ClassVar[dict[str, str]] = {
        "DATABASE_URL": "postgresql://x",
        "REDIS_URL": "redis://x",
        "SECRET_KEY": "s" * 40,
        "BASE_URL": "https://r.fr",
    }

    @pytest.mark.parametrize(
        "plus",
        [
            {"FRANCECONNECT_ISSUER": "https://fc.test"},
            {
                "FRANCECONNECT_ISSUER": "http://fc.test",
                "FRANCECONNECT_CLIENT_ID": "a",
                "FRANCECONNECT_CLIENT_SECRET": "b",
            },
        ],
    )
    def test_half_a_configuration_and_plain_http_are_refused(self, plus: dict[str, str]) -> None:
        with pytest.raises(ConfigurationInvalide):
            load({**self.BASE, **plus})
