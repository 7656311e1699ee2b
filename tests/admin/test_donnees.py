"""Data of a person, on the pages of the national administration: rights, what is shown, what is erased, live (P16)."""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import count
from typing import Any

import pytest
from httpx import AsyncClient, Response
from playwright.async_api import Browser

from app import clock
from app.booking.outils import Auteur
from app.booking.suite_donnee import record_suite
from tests.accueil.monde import Journee, personne
from tests.admin.conftest import Ouvrir
from tests.e2e.outillage import Temoin, axe, find_difference, read_versions, wait_for_versions
from tests.fixtures.donnees import MondeService

URL = "/administration/donnees-personnelles"
_rangs = count(1)


def dites(**plus: str) -> dict[str, Any]:
    return {"genre": "telephone", "valeur": "06 39 98 77 01", "nom": "", **plus}


def qui(rang: int) -> tuple[str, str]:
    """A name and a phone that nobody else has."""
    return "Quatrebarbes" + chr(97 + rang % 26) * (1 + rang // 26), f"+3361299{rang:04}"


async def book(journee: Journee, service: MondeService, heure: str, etat: str = "prevu") -> tuple[int, str, str]:
    """A RDV of somebody new: (id, name, phone)."""
    nom, telephone = qui(next(_rangs))
    ident = await journee.book(service, heure, nom, etat=etat, usager=personne(nom, telephones=(telephone,)))
    return ident, nom, telephone


async def chercher(client: AsyncClient, telephone: str) -> Response:
    return await client.post(URL, data=dites(valeur=telephone))


class TestLesDroits:
    """C §4: who answers people about their data is a national administrator; everybody else is told that it is not
    there, and the journal keeps the attempt."""

    @pytest.mark.parametrize("role", ["orientation", "box", "agent", "chef", "exterieur", "pilote"])
    async def test_every_other_profile_is_refused_everywhere(self, journee: Journee, role: str) -> None:
        service = await journee.service()
        ident, _, telephone = await book(journee, service, "14:00", "termine")
        async with journee.client(service.agents[role]) as client:
            assert (await client.get(URL)).status_code == 404
            for suite in ("", "/export", "/effacement"):
                envoi = {**dites(valeur=telephone), "rdv": str(ident), "confirme": "oui", "raison": "demande"}
                assert (await client.post(URL + suite, data=envoi)).status_code == 404
        assert await journee.scalar("SELECT anonymise_a FROM rendez_vous WHERE id = :r", r=ident) is None
        refus = "SELECT count(*) FROM journal WHERE action = 'organisation.acces_refuse' AND agent_id = :a"
        assert await journee.scalar(refus, a=service.agents[role]) == 4

    async def test_a_stranger_is_sent_to_sign_in(self, journee: Journee) -> None:
        async with journee.client() as client:
            assert (await client.get(URL)).status_code in (302, 303)
            assert (await client.post(URL, data=dites())).status_code in (302, 303, 401, 403)

    async def test_a_post_without_its_token_is_refused(self, journee: Journee, national: int) -> None:
        async with journee.client(national) as client:
            del client.headers["X-CSRF-Token"]
            for suite in ("", "/export", "/effacement"):
                assert (await client.post(URL + suite, data=dites())).status_code == 403

    async def test_reading_again_an_answer_s_address_asks_again(self, journee: Journee, national: int) -> None:
        async with journee.client(national) as client:
            for suite in ("/export", "/effacement"):
                reponse = await client.get(URL + suite)
                assert (reponse.status_code, reponse.headers["location"]) == (303, URL)


class TestChercher:
    """Nothing personal is in an address; everything is in every service."""

    async def test_it_is_found_in_every_service_at_once(self, journee: Journee, national: int) -> None:
        ici, ailleurs = await journee.service(), await journee.service()
        nom, telephone = qui(next(_rangs))
        for service, heure in ((ici, "14:00"), (ailleurs, "15:00")):
            await journee.book(service, heure, nom, usager=personne(nom, telephones=(telephone,)))
        async with journee.client(national) as client:
            reponse = await chercher(client, telephone)
        texte = unescape(reponse.text)
        assert reponse.status_code == 200
        assert texte.count(nom.upper()) == 2
        assert "Rendez-vous (2)" in texte
        assert "Ne s’efface pas encore" in texte
        assert reponse.headers["cache-control"] == "no-store"
        assert "set-cookie" not in {nom.lower() for nom in reponse.headers} or telephone not in str(reponse.headers)

    async def test_a_shared_criterion_ticks_nothing(self, journee: Journee, national: int) -> None:
        service = await journee.service()
        ident, nom, telephone = await book(journee, service, "14:20")
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=ident)
        async with journee.client(national) as client:
            par_telephone = (await chercher(client, telephone)).text
            par_code = (await client.post(URL, data=dites(genre="code", valeur=code.lower(), nom=nom.upper()))).text
        case = rf'name="rdv" value="{ident}"'
        assert re.search(case + r" checked", par_code)
        assert not re.search(case + r" checked", par_telephone)
        assert "Chercher aussi par" in unescape(par_code)

    @pytest.mark.parametrize(
        ("envoi", "phrase"),
        [
            ({"genre": "", "valeur": ""}, "Choisissez un critère."),
            ({"genre": "nom", "valeur": "Martin"}, "Choisissez un critère."),
            ({"valeur": "06"}, "Indiquez le numéro entier"),
            ({"genre": "courriel", "valeur": "<script>alert(1)</script>"}, "Indiquez l’adresse entière"),
            ({"genre": "code", "valeur": "XOWVVO"}, "Indiquez le nom"),
            ({"genre": "siren", "valeur": "1\x00"}, "caractère invisible"),
            ({"statut": "1"}, "champ inconnu"),
            ({"rdv": "1 OR 1=1"}, "choix inconnu"),
            ({"rdv": "9" * 30}, "choix inconnu"),
        ],
        ids=str,
    )
    async def test_what_is_no_criterion_is_told_by_its_field(
        self, journee: Journee, national: int, envoi: dict[str, str], phrase: str
    ) -> None:
        async with journee.client(national) as client:
            reponse = await client.post(URL, data={**dites(), **envoi})
        assert reponse.status_code == 422
        assert phrase in unescape(reponse.text)
        assert "<script>alert" not in reponse.text

    async def test_hostile_names_are_shown_as_text(self, journee: Journee, national: int) -> None:
        service, (_, telephone) = await journee.service(), qui(next(_rangs))
        nom = "<img src=x onerror=alert(1)>"
        ident = await journee.book(service, "16:00", nom, usager=personne(nom, telephones=(telephone,)))
        async with journee.client(national) as client:
            for suite in ("", "/export", "/effacement"):
                texte = (await client.post(URL + suite, data={**dites(valeur=telephone), "rdv": str(ident)})).text
                assert "<img src=x" not in texte
                assert "&lt;" in texte


class TestRemettre:
    """The document: a page and JSON, of what was ticked alone."""

    async def test_the_page_and_the_file(self, journee: Journee, national: int) -> None:
        service = await journee.service()
        ident, nom, telephone = await book(journee, service, "14:40", "termine")
        agent = Auteur("agent", agent_id=service.agents["agent"])
        await record_suite(journee.outils, ident, "sans_suite", "", "dossier <b>clos</b>", agent, clock.now())
        envoi = {**dites(valeur=telephone), "rdv": str(ident)}
        async with journee.client(national) as client:
            texte = unescape((await client.post(f"{URL}/export", data=envoi)).text)
            fichier = await client.post(f"{URL}/export", data={**envoi, "forme": "json"})
        assert nom in texte
        assert "Délégué à la protection des données" in texte
        assert fichier.headers["content-disposition"] == 'attachment; filename="donnees-personnelles.json"'
        objet = json.loads(fichier.content)
        assert objet["rendez_vous"][0]["nom_usage"] == nom
        assert objet["suites"][0]["note"] == "dossier <b>clos</b>"
        assert "Agent" not in json.dumps(objet["suites"])
        lignes = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'donnees.exportees' AND agent_id = :a", a=national
        )
        assert lignes == 2

    async def test_nothing_ticked_says_so_and_what_is_not_his_is_not_exported(
        self, journee: Journee, national: int
    ) -> None:
        service = await journee.service()
        _, _, telephone = await book(journee, service, "15:00")
        autre, nom_autre, _ = await book(journee, service, "15:20")
        async with journee.client(national) as client:
            rien = await client.post(f"{URL}/export", data=dites(valeur=telephone))
            assert rien.status_code == 422
            assert "Cochez ce qui concerne la personne." in unescape(rien.text)
            envoi = {**dites(valeur=telephone), "rdv": str(autre), "forme": "json"}
            objet = (await client.post(f"{URL}/export", data=envoi)).json()
        assert objet["rendez_vous"] == []
        assert nom_autre not in json.dumps(objet)


class TestEffacer:
    """A question, a reason, then nothing left; what the mission needs stays and says why."""

    async def test_it_asks_then_erases_then_finds_nothing(self, journee: Journee, national: int) -> None:
        service = await journee.service()
        passe, nom, telephone = await book(journee, service, "08:00", "termine")
        futur = await journee.book(service, "18:00", nom, usager=personne(nom, telephones=(telephone,)))
        envoi = {**dites(valeur=telephone), "rdv": [str(passe), str(futur)]}
        async with journee.client(national) as client:
            question = unescape((await client.post(f"{URL}/effacement", data=envoi)).text)
            assert "Sera effacé, sans retour possible" in question
            assert "Annulez-le d’abord" in question
            assert await journee.scalar("SELECT anonymise_a FROM rendez_vous WHERE id = :r", r=passe) is None
            sans_raison = await client.post(f"{URL}/effacement", data={**envoi, "confirme": "oui", "reference": "x y"})
            assert sans_raison.status_code == 422
            assert "Choisissez la raison." in unescape(sans_raison.text)
            assert 'value="x y"' in sans_raison.text
            fin = await client.post(
                f"{URL}/effacement", data={**envoi, "confirme": "oui", "raison": "demande", "reference": "D-12"}
            )
            texte = unescape(fin.text)
            assert "1 rendez-vous, 0 demande" in texte
            assert f"Rendez-vous FI{futur}" in texte
            encore = unescape((await chercher(client, telephone)).text)
            assert "Rendez-vous (1)" in encore
            deja = await client.post(f"{URL}/effacement", data={**envoi, "confirme": "oui", "raison": "demande"})
            assert "Rien de plus à effacer" in unescape(deja.text)
        assert await journee.scalar("SELECT nom_usage FROM rdv_usager WHERE rdv_id = :r", r=passe) == ""
        faits = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'donnees.effacees' AND rdv_id = :r", r=passe
        )
        assert faits == {"raison": "demande", "reference": "D-12"}


@pytest.mark.e2e
class TestEnDirect:
    """No open screen goes on showing the name: live page == fresh page after an erasure."""

    @pytest.mark.parametrize("chemin", ["/rendez-vous/{rdv}", "/services/{s}/agenda?jour=2026-11-23&vue=jour"])
    async def test_the_fiche_and_the_agenda_forget_the_name(
        self, journee: Journee, national: int, browser: Browser, temoin: Temoin, chemin: str
    ) -> None:
        service = await journee.service()
        ident, nom, telephone = await book(journee, service, "09:00", "termine")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, chemin.format(rdv=ident, s=service.id))
        temoin.watch(page)
        assert nom.upper() in (await page.content()).upper()
        async with journee.client(national) as client:
            envoi = {**dites(valeur=telephone), "rdv": str(ident), "confirme": "oui", "raison": "demande"}
            assert "Effacé" in unescape((await client.post(f"{URL}/effacement", data=envoi)).text)
        versions = await read_versions(journee.outils)
        await wait_for_versions(page, {s: v for s, v in versions.items() if s == f"service:{service.id}"})
        assert await find_difference(page) == ""
        assert nom.upper() not in (await page.locator("main").inner_html()).upper()
        await contexte.close()


@pytest.mark.e2e
class TestLesEcrans:
    """By keyboard, at 320 px, nothing for axe to say."""

    async def test_from_the_criterion_to_the_erasure(self, ouvrir: Ouvrir, journee: Journee, national: int) -> None:
        service = await journee.service()
        _, nom, telephone = await book(journee, service, "09:20", "termine")
        page = await ouvrir(national, viewport={"width": 320, "height": 700})

        async def check() -> None:
            assert await axe(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
            assert telephone[3:] not in page.url

        await page.goto(journee.site.url + URL)
        await check()
        await page.locator("#champ-genre").select_option("telephone")
        await page.locator("#champ-valeur").fill(telephone)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Ce qui est détenu").wait_for()
        await check()
        case = page.get_by_role("checkbox", name=nom.upper())
        await case.focus()
        await page.keyboard.press("Space")
        await page.get_by_role("button", name="Document à remettre").press("Enter")
        await page.get_by_role("heading", name="Données personnelles détenues").wait_for()
        await check()
        await page.get_by_role("button", name="Revenir à ce qui est détenu").press("Enter")
        await page.get_by_role("heading", name="Ce qui est détenu").wait_for()
        await page.get_by_role("checkbox", name=nom.upper()).check(force=True)
        await page.get_by_role("button", name="Effacer…").press("Enter")
        await page.get_by_role("heading", name="Sera effacé").wait_for()
        await check()
        await page.get_by_role("radio", name="La personne demande l’effacement").check(force=True)
        await page.get_by_role("button", name="Effacer définitivement").press("Enter")
        await page.get_by_role("heading", name="Effacé", exact=True).wait_for()
        await check()
