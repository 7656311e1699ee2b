"""The waiting list over HTTP on the real site: register, confirm by the mail, an agent cancels, take, book."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import text

from app import clock
from app.booking.contexte import read_contexte
from app.booking.deplacer import Cible, move
from app.booking.jugement import compute_fenetre
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.db import Database, create_engine
from app.domain.horaires import floor_minute, from_minute
from app.domain.rendez_vous import Action
from app.embedded.boite import list_messages, read_message
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.booking.outillage import USAGER, creneaux_libres, demande, personne
from tests.booking.usager.navigateur import NAISSANCE, SAISIE, caches, code
from tests.e2e.outillage import axe
from tests.fixtures.base import Site, run_site, until
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")


@dataclass
class Plein:
    """A service whose first bookable day is full, on the real site with its worker."""

    site: Site
    outils: Outils
    boite: Path
    service: MondeService
    jour: date
    pris: list[RdvReserve] = field(default_factory=list)

    async def sql(self, requete: str, **valeurs: Any) -> list[Any]:
        async with self.outils.db.read() as conn:
            return list((await conn.execute(text(requete), valeurs)).all())

    async def cancel(self) -> None:
        """An agent cancels one of the rendez-vous of that day."""
        auteur = Auteur("agent", agent_id=self.service.agents["agent"])
        await act(self.outils, self.pris.pop().id, Action.ANNULER, auteur, clock.now(), raison="empêchement")

    async def find_lien(self, adresse: str, sujet: str) -> str:
        """The path of the link in the mail to that address with that subject: one test's, all share the mailbox."""

        def find() -> str:
            for message in list_messages(self.boite):
                if adresse in message.a and sujet in message.sujet:
                    trouve = re.search(r"/attente/[\w-]{32}", read_message(self.boite, message.cle).texte)
                    if trouve:
                        return trouve[0]
            return ""

        return str(await until(find, delai_s=20))

    @property
    def champs(self) -> dict[str, str]:
        return {"du": self.jour.isoformat(), "au": self.jour.isoformat(), "nom": "Valenton"}


@pytest.fixture
def site(base_url: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path) -> Iterator[Site]:
    """The site at ten in the morning, whatever the hour of the tests: by night nothing is offered."""
    matin = clock.now().astimezone(PARIS).replace(hour=10, minute=0, second=0, microsecond=0)
    decalage = matin - clock.now()
    clock.shift(decalage)
    try:
        urls = (base_url, redis_server.url, smtp_server.url)
        with run_site(*urls, tmp_path, worker=True, ACCUEIL_HORLOGE=matin.isoformat()) as ouvert:
            yield ouvert
    finally:
        clock.shift(-decalage)


@pytest.fixture
async def plein(site: Site, smtp_server: Smtp) -> AsyncIterator[Plein]:
    outils = Outils(Database(create_engine(site.settings, nom="tests")), site.settings)
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, guichets=1, plages=((540, 580),))
        await build_equipe(conn, service)
        fenetre = compute_fenetre(await read_contexte(conn, service.id), "internet", clock.now())
    libres = await creneaux_libres(outils, service)
    jour = from_minute(libres[0].debut).astimezone(PARIS).date()
    assert jour >= fenetre.du
    plein = Plein(site, outils, smtp_server.dossier, service, jour)
    auteur = Auteur("agent", agent_id=service.agents["agent"])
    for rang, creneau in enumerate(c for c in libres if from_minute(c.debut).astimezone(PARIS).date() == jour):
        plus = {"canal": "rattache", "origine": "guichet", "guichet_id": service.guichets[0]}
        plein.pris.append(await book(outils, demande(service, creneau.debut, 50 + rang, **plus), auteur, clock.now()))
    yield plein
    await outils.db.close()


@pytest.fixture
async def client(plein: Plein) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=plein.site.url, headers={"Origin": plein.site.url, "Accept-Language": "fr"}, timeout=20
    ) as ouvert:
        yield ouvert


def base(plein: Plein) -> str:
    return f"/rdv/{plein.service.id}/attente"


def choix(plein: Plein) -> dict[str, str]:
    return {"motif": str(plein.service.motifs[0]), "type": "guichet", "nature": "particulier"}


async def join(client: httpx.AsyncClient, plein: Plein, courriel: str, **plus: str) -> httpx.Response:
    """The form, filled in and sent."""
    page = await client.get(base(plein), params=choix(plein))
    assert page.status_code == 200, page.text
    return await client.post(base(plein), data={**caches(page.text), **plein.champs, "courriel": courriel, **plus})


async def press(client: httpx.AsyncClient, lien: str, acte: str) -> httpx.Response:
    """One button of one's own request."""
    page = await client.get(lien)
    return await client.post(f"{lien}/{acte}", data={"_csrf": caches(page.text)["_csrf"]})


async def check_page(page: Page) -> None:
    """Nothing for axe, nothing beyond 320 pixels."""
    assert await axe(page) == []
    taille = page.viewport_size
    await page.set_viewport_size({"width": 320, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert taille is not None
    await page.set_viewport_size(taille)


class TestLeParcours:
    async def test_from_the_grid_to_the_rendez_vous_without_javascript(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        grille = await client.get(f"/rdv/{plein.service.id}/creneau", params=choix(plein))
        lien = re.search(rf'href="({base(plein)}\?[^"]+)"', grille.text)
        assert lien
        assert (await client.get(html.unescape(lien[1]))).status_code == 200
        envoi = await join(client, plein, "ada@usagers.test")
        assert envoi.status_code == 303, envoi.text
        assert "ada" not in envoi.headers["location"]
        assert "ouvrez dans l’heure le lien du courriel" in (await client.get(envoi.headers["location"])).text
        demande = await plein.find_lien("ada@usagers.test", "Confirmez votre inscription")
        # A scanner follows every link, with every safe method: nothing changes.
        for methode in ("GET", "HEAD"):
            assert (await client.request(methode, demande)).status_code == 200
            assert (await client.request(methode, f"{demande}/confirmer")).status_code == 303
        assert await plein.sql("SELECT etat FROM attente") == [("a_confirmer",)]
        assert (await press(client, demande, "confirmer")).headers["location"] == demande
        assert "Personne n’attend devant vous." in (await client.get(demande)).text
        await plein.cancel()
        assert await plein.find_lien("ada@usagers.test", "Un créneau se libère") == demande
        offre = await client.get(demande)
        assert "Prendre ce créneau" in offre.text
        assert offre.headers["referrer-policy"] == "no-referrer"
        prise = await press(client, demande, "prendre")
        assert prise.status_code == 303, prise.text
        etape3 = await client.get(prise.headers["location"])
        assert 'value="ada@usagers.test"' in etape3.text
        assert 'value="Valenton"' in etape3.text
        fin = await client.post(
            f"/rdv/{plein.service.id}/coordonnees",
            data={**caches(etape3.text), **SAISIE, "courriel": "ada@usagers.test"},
        )
        assert fin.status_code == 303, fin.text
        assert code((await client.get(fin.headers["location"])).text)

        async def closed() -> bool:
            return await plein.sql("SELECT etat, nom, contact FROM attente") == [("satisfaite", "", "")]

        await until(closed, delai_s=15)
        assert "Vous avez pris rendez-vous" in (await client.get(demande)).text

    async def test_in_english_pages_and_mails_are_english(self, plein: Plein, client: httpx.AsyncClient) -> None:
        client.headers["Accept-Language"] = "en"
        page = await client.get(base(plein), params=choix(plein))
        assert '<html lang="en"' in page.text
        assert "Join the waiting list" in page.text
        await join(client, plein, "bob@usagers.test")
        demande = await plein.find_lien("bob@usagers.test", "Confirm that you join the waiting list")
        await press(client, demande, "confirmer")
        assert "You are on the waiting list" in (await client.get(demande)).text
        await plein.cancel()
        await plein.find_lien("bob@usagers.test", "A time slot is free")
        assert "Take this time slot" in (await client.get(demande)).text
        assert (await press(client, demande, "refuser")).status_code == 303
        assert await plein.sql("SELECT etat FROM offre_attente ORDER BY id LIMIT 1") == [("refusee",)]

    async def test_with_a_browser(self, plein: Plein, browser: Browser) -> None:
        contexte = await browser.new_context(locale="fr-FR")
        page = await contexte.new_page()
        erreurs: list[str] = []
        page.on("pageerror", lambda erreur: erreurs.append(str(erreur)))
        page.on("console", lambda message: erreurs.append(message.text) if message.type == "error" else None)
        await page.goto(f"{plein.site.url}/rdv/{plein.service.id}/creneau?motif={plein.service.motifs[0]}&type=guichet")
        await page.get_by_role("link", name="Être prévenu(e) quand une place se libère").first.click()
        await page.locator("#champ-du").fill(plein.jour.isoformat())
        await page.locator("#champ-au").fill(plein.jour.isoformat())
        await page.locator("#champ-nom").fill("Valenton")
        await page.get_by_role("button", name="Rejoindre la liste d’attente").click()
        await page.get_by_role("alert").get_by_text("Indiquez l’adresse où vous prévenir.").wait_for()
        assert await page.locator("#champ-nom").input_value() == "Valenton"
        await page.locator("#champ-courriel").fill("eve@usagers.test")
        await page.get_by_role("button", name="Rejoindre la liste d’attente").click()
        await page.wait_for_url("**/attente/envoyee*")
        demande = plein.site.url + await plein.find_lien("eve@usagers.test", "Confirmez votre inscription")
        await page.goto(demande)
        await check_page(page)
        await page.get_by_role("button", name="Confirmer mon inscription").click()
        await page.get_by_role("heading", name="Vous êtes sur la liste d’attente").wait_for()
        await check_page(page)
        await plein.cancel()
        await plein.find_lien("eve@usagers.test", "Un créneau se libère")
        await page.goto(demande)
        await check_page(page)
        await page.get_by_role("button", name="Prendre ce créneau").click()
        await page.wait_for_url("**/coordonnees*")
        assert await page.locator("#champ-courriel").input_value() == "eve@usagers.test"
        assert not [erreur for erreur in erreurs if "status of 422" not in erreur]  # the form sent without an address
        await contexte.close()


class TestRefus:
    async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        tard = (plein.jour + timedelta(days=400)).isoformat()
        page = await join(client, plein, "pas une adresse", nom="<b>42</b>", au=tard)
        assert page.status_code == 422
        assert "Cette adresse de courriel n’est pas valable." in page.text
        assert "Choisissez un jour jusqu’au" in page.text
        assert "&lt;b&gt;42&lt;/b&gt;" in page.text
        assert "<b>42" not in page.text
        assert await plein.sql("SELECT count(*) FROM attente") == [(0,)]

    @pytest.mark.parametrize("courriel", ["a@b.fr, c@d.fr", "a@b.fr\r\nBcc: c@d.fr", "a\x00@b.fr", "a\u202eb@c.fr"])
    async def test_hostile_addresses_are_refused(self, plein: Plein, client: httpx.AsyncClient, courriel: str) -> None:
        assert (await join(client, plein, courriel)).status_code == 422

    async def test_the_answer_tells_nothing_of_who_waits_already(self, plein: Plein, client: httpx.AsyncClient) -> None:
        premiere = await join(client, plein, "iris@usagers.test")
        demande = await plein.find_lien("iris@usagers.test", "Confirmez votre inscription")
        await press(client, demande, "confirmer")
        seconde = await join(client, plein, "Iris@usagers.test")
        quatrieme = [await join(client, plein, "iris@usagers.test") for _ in range(2)][-1]
        assert quatrieme.headers["location"] == premiere.headers["location"], "no message leaves"
        assert "réessayez demain ou joignez le service" in (await client.get(quatrieme.headers["location"])).text
        assert (premiere.status_code, premiere.headers["location"]) == (
            seconde.status_code,
            seconde.headers["location"],
        )
        assert await plein.find_lien("iris@usagers.test", "Vous êtes déjà en liste d’attente") == demande

    async def test_without_the_proof_of_our_own_page_nothing_changes(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        await join(client, plein, "zoe@usagers.test")
        demande = await plein.find_lien("zoe@usagers.test", "Confirmez votre inscription")
        assert (await client.post(f"{demande}/confirmer", data={"_csrf": "faux"})).status_code == 403
        ailleurs = {"Origin": "https://ailleurs.test"}
        jeton = caches((await client.get(demande)).text)["_csrf"]
        reponse = await client.post(f"{demande}/confirmer", data={"_csrf": jeton}, headers=ailleurs)
        assert reponse.status_code == 403
        assert await plein.sql("SELECT etat FROM attente") == [("a_confirmer",)]

    async def test_any_other_token_is_the_same_404(self, plein: Plein, client: httpx.AsyncClient) -> None:
        for jeton in ("x" * 32, "é", "a" * 4000):
            assert (await client.get(f"/attente/{jeton}")).status_code == 404

    async def test_a_robot_behind_one_address_does_not_fill_the_line(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        statuts = [(await join(client, plein, f"robot{rang}@usagers.test")).status_code for rang in range(13)]
        assert statuts[:10] == [303] * 10
        assert set(statuts[10:]) == {429}


class TestDejaUnRendezVous:
    """One rendez-vous a person and motif: what is offered in vain goes on to the next one at once."""

    async def test_who_has_one_already_gives_the_place_back_at_the_form(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        libre = (await creneaux_libres(plein.outils, plein.service))[0]
        elle = personne(79, courriel="noe@usagers.test", nom_usage="Valenton", date_naissance=NAISSANCE)
        await book(plein.outils, demande(plein.service, libre.debut, 79, usager=elle, unique=True), USAGER, clock.now())
        liens = []
        for courriel in ("noe@usagers.test", "tom@usagers.test"):
            assert (await join(client, plein, courriel)).status_code == 303
            liens.append(await plein.find_lien(courriel, "Confirmez votre inscription"))
            await press(client, liens[-1], "confirmer")
        await plein.cancel()
        assert await plein.find_lien("noe@usagers.test", "Un créneau se libère") == liens[0]
        prise = await press(client, liens[0], "prendre")
        etape3 = await client.get(prise.headers["location"])
        saisie = {**caches(etape3.text), **SAISIE, "courriel": "noe@usagers.test"}
        fin = await client.post(f"/rdv/{plein.service.id}/coordonnees", data=saisie)
        assert (fin.status_code, fin.headers.get("location", fin.text)[-11:]) == (303, "/messagerie")
        assert await plein.find_lien("tom@usagers.test", "Un créneau se libère") == liens[1]
        assert await plein.sql("SELECT etat FROM offre_attente ORDER BY id") == [("refusee",), ("ouverte",)]


class TestPlusTot:
    """« Un rendez-vous plus tôt ? » when nothing is free: wait for it, and move [G 2.3.1]."""

    async def test_from_one_s_rendez_vous_to_the_move_without_javascript(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        libre = (await creneaux_libres(plein.outils, plein.service))[0]
        qui = personne(77, courriel="lea@usagers.test")
        rdv = await book(plein.outils, demande(plein.service, libre.debut, 77, usager=qui), USAGER, clock.now())
        page = await client.get(f"/mon-rendez-vous/{rdv.jeton}/plus-tot")
        assert f'href="/mon-rendez-vous/{rdv.jeton}/attente"' in page.text
        page = await client.get(f"/mon-rendez-vous/{rdv.jeton}/attente")
        assert page.status_code == 200
        assert "lea@usagers.test" not in page.text.split("<form", 1)[1], "the page asks for no contact"
        tard = {"du": plein.jour.isoformat(), "au": from_minute(libre.debut).astimezone(PARIS).date().isoformat()}
        refus = await client.post(f"/mon-rendez-vous/{rdv.jeton}/attente", data={**caches(page.text), **tard})
        assert refus.status_code == 422
        assert "Choisissez un jour jusqu’au" in refus.text
        jours = {"du": plein.jour.isoformat(), "au": plein.jour.isoformat(), "courriel": "voleur@usagers.test"}
        envoi = await client.post(f"/mon-rendez-vous/{rdv.jeton}/attente", data={**caches(page.text), **jours})
        assert envoi.status_code == 303, envoi.text
        envoyee = await client.get(envoi.headers["location"])
        assert "ouvrez dans l’heure le lien du courriel" in envoyee.text
        assert f'href="/mon-rendez-vous/{rdv.jeton}"' in envoyee.text
        demande_ = await plein.find_lien("lea@usagers.test", "Confirmez votre inscription")
        await press(client, demande_, "confirmer")
        await plein.cancel()
        await plein.find_lien("lea@usagers.test", "Un créneau se libère")
        offre = await client.get(demande_)
        assert "Votre rendez-vous actuel" in offre.text
        assert "Prendre ce créneau" not in offre.text
        assert (await client.get(f"{demande_}/deplacer")).headers["location"] == demande_
        fait = await client.post(f"{demande_}/deplacer", data=caches(offre.text))
        assert fait.status_code == 303, fait.text
        assert "Votre rendez-vous est déplacé" in (await client.get(fait.headers["location"])).text
        ((debut, etat),) = await plein.sql("SELECT debut, etat FROM rendez_vous WHERE id = :i", i=rdv.id)
        assert (debut.astimezone(PARIS).date(), etat) == (plein.jour, "prevu")
        encore = await client.post(f"{demande_}/deplacer", data=caches(offre.text))
        assert encore.status_code == 409

    async def test_moved_before_the_place_offered_one_is_told_that_there_is_nothing_to_change(
        self, plein: Plein, client: httpx.AsyncClient
    ) -> None:
        libre = (await creneaux_libres(plein.outils, plein.service))[0]
        qui = personne(80, courriel="lou@usagers.test")
        rdv = await book(plein.outils, demande(plein.service, libre.debut, 80, usager=qui), USAGER, clock.now())
        jours = {"du": plein.jour.isoformat(), "au": plein.jour.isoformat()}
        page = await client.get(f"/mon-rendez-vous/{rdv.jeton}/attente")
        await client.post(f"/mon-rendez-vous/{rdv.jeton}/attente", data={**caches(page.text), **jours})
        lien = await plein.find_lien("lou@usagers.test", "Confirmez votre inscription")
        await press(client, lien, "confirmer")
        premier = plein.pris[0].debut
        await plein.cancel()
        await plein.find_lien("lou@usagers.test", "Un créneau se libère")
        await plein.cancel()
        agent = Auteur("agent", agent_id=plein.service.agents["agent"])
        cible = Cible(floor_minute(premier), guichet_id=plein.service.guichets[0])
        await move(plein.outils, rdv.id, cible, agent, clock.now())
        offre = await client.get(lien)
        assert "Votre rendez-vous est maintenant avant ce créneau" in offre.text
        assert "Prendre ce créneau" not in offre.text
        assert "Déplacer mon rendez-vous" not in offre.text
        assert (await press(client, lien, "refuser")).status_code == 303
        assert await plein.sql("SELECT etat FROM offre_attente") == [("refusee",)]

    async def test_a_browser_finds_its_pages_right(self, plein: Plein, browser: Browser) -> None:
        libre = (await creneaux_libres(plein.outils, plein.service))[0]
        qui = personne(78, courriel="max@usagers.test")
        rdv = await book(plein.outils, demande(plein.service, libre.debut, 78, usager=qui), USAGER, clock.now())
        contexte = await browser.new_context(locale="fr-FR", viewport={"width": 390, "height": 800})
        page = await contexte.new_page()
        await page.goto(f"{plein.site.url}/mon-rendez-vous/{rdv.jeton}/attente")
        await check_page(page)
        await page.locator("#champ-au").fill(plein.jour.isoformat())
        await page.locator("#champ-du").fill(plein.jour.isoformat())
        await page.get_by_role("button", name="Rejoindre la liste d’attente").click()
        await page.wait_for_url("**/attente?envoyee=mail")
        await check_page(page)
        lien = plein.site.url + await plein.find_lien("max@usagers.test", "Confirmez votre inscription")
        await page.goto(lien)
        await page.get_by_role("button", name="Confirmer mon inscription").click()
        await page.get_by_role("heading", name="Vous êtes sur la liste d’attente").wait_for()
        await plein.cancel()
        await plein.find_lien("max@usagers.test", "Un créneau se libère")
        await page.goto(lien)
        await check_page(page)
        await page.get_by_role("button", name="Déplacer mon rendez-vous à ce créneau").click()
        await page.get_by_role("heading", name="Votre rendez-vous est déplacé").wait_for()
        await contexte.close()
