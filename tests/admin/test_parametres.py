"""Parameters on their two pages: who may, what is refused, two administrators at once, who is told (G 2.3.4)."""

from __future__ import annotations

import json
import re
import time
from datetime import date
from html import unescape
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app import clock
from app.config import RACINE
from app.courrier.message import MessageRdv
from app.courrier.rendu import Entete, render
from app.domain.definitions import LOCALES, NATIONALES, REGISTRE
from app.domain.parametres import resolve
from tests.accueil.monde import Journee, personne
from tests.fixtures.donnees import MondeService

NATIONAL = "/administration/parametres"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


@pytest.fixture(autouse=True)
async def _clean(journee: Journee) -> None:
    """Each test begins with the software's own values, known to every process."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text("DELETE FROM parametre"))
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))


def champs_de(page: str) -> dict[str, str]:
    """The values that a form of the page would send, for its fields of text and its radio buttons."""
    champs = {
        nom: unescape(valeur)
        for nom, valeur in re.findall(r'<input[^>]*name="([a-z_0-9]+)"[^>]*?value="([^"]*)">', page)
        if nom not in ("_csrf",)
    }
    for nom, valeur in re.findall(r'type="radio"[^>]*name="([a-z_]+)" value="([^"]*)" checked', page):
        champs[nom] = valeur
    for nom, valeur in re.findall(r'<textarea[^>]*name="([a-z_]+)"[^>]*>([^<]*)</textarea>', page):
        champs[nom] = unescape(valeur)
    return champs


async def form(client: AsyncClient, adresse: str) -> dict[str, str]:
    page = (await client.get(adresse)).text
    champs = champs_de(page)
    connues = {d.cle for d in (NATIONALES if adresse == NATIONAL else LOCALES)}
    radios = {d.cle for d in NATIONALES + LOCALES if d.genre.value == "booleen"} & connues
    manquants = {nom for nom in radios if f'name="{nom}" value="" checked' in page}
    return {nom: "" if nom in manquants else v for nom, v in champs.items() if nom in connues | {"vu"}}


async def local(journee: Journee, service: MondeService) -> dict[str, Any]:
    lu = await journee.scalar(
        "SELECT json_object_agg(cle, valeur)::text FROM parametre WHERE service_id = :s", s=service.id
    )
    return json.loads(lu) if lu else {}


class TestQui:
    """G 2.3.2: national parameters for national administrators; a service's own for who organises it."""

    @pytest.mark.parametrize(("qui", "statut"), [("national", 200), ("chef", 404), ("agent", 404), ("pilote", 404)])
    async def test_the_national_page_is_the_national_administrators(
        self, journee: Journee, nevers: MondeService, qui: str, statut: int
    ) -> None:
        async with journee.client(nevers.agents[qui]) as client:
            assert (await client.get(NATIONAL)).status_code == statut
            if statut == 404:
                assert (await client.post(NATIONAL, data={"vu": "{}"})).status_code == 404

    @pytest.mark.parametrize(("qui", "statut"), [("national", 200), ("chef", 200), ("agent", 404), ("pilote", 404)])
    async def test_the_service_s_page_is_for_who_organises_it(
        self, journee: Journee, nevers: MondeService, qui: str, statut: int
    ) -> None:
        adresse = f"/services/{nevers.id}/organiser/parametres"
        async with journee.client(nevers.agents[qui]) as client:
            assert (await client.get(adresse)).status_code == statut
            assert (await client.get(f"{adresse}/fragment")).status_code == statut
            if statut == 404:
                assert (await client.post(adresse, data={"vu": "{}"})).status_code == 404

    async def test_the_chef_next_door_changes_nothing_here(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        async with journee.client(autre.agents["chef"]) as client:
            reponse = await client.post(
                f"/services/{nevers.id}/organiser/parametres", data={"vu": "{}", "delai_ouvre": "9"}
            )
        assert reponse.status_code == 404
        assert await local(journee, nevers) == {}


class TestLaPageDuService:
    async def test_a_choice_is_kept_told_and_can_go_back_to_the_nation(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        adresse = f"/services/{nevers.id}/organiser/parametres"
        async with journee.client(nevers.agents["chef"]) as client:
            saisie = await form(client, adresse)
            reponse = await client.post(adresse, data={**saisie, "delai_ouvre": "5"})
            assert reponse.status_code == 303
            assert await local(journee, nevers) == {"delai_ouvre": 5}
            page = (await client.get(reponse.headers["location"])).text
            assert "choisie par le service" in page
            assert "Revenir à la valeur nationale" in page
            saisie = await form(client, adresse)
            reponse = await client.post(adresse, data={**saisie, "revenir": "delai_ouvre"})
            assert reponse.status_code == 303
            assert await local(journee, nevers) == {}
            histoire = (await client.get(f"/services/{nevers.id}/organiser/historique?objet=parametre")).text
            assert "Délai avant le rendez-vous" in histoire
            assert "5\u00a0jours ouvrés" in histoire

    async def test_saving_what_was_not_changed_writes_nothing(self, journee: Journee, nevers: MondeService) -> None:
        adresse = f"/services/{nevers.id}/organiser/parametres"
        version = "SELECT version_planning FROM agenda WHERE service_id = :s"
        avant = await journee.scalar(version, s=nevers.id)
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await client.post(adresse, data=await form(client, adresse))).status_code == 303
        assert await local(journee, nevers) == {}
        assert await journee.scalar(version, s=nevers.id) == avant

    @pytest.mark.parametrize(
        ("champ", "valeur", "mots"),
        [
            ("delai_ouvre", "1", "plus long que le délai national"),
            ("delai_ouvre", "-1", "nombre entier"),
            ("delai_ouvre", "1000000000", "nombre entier"),
            ("delai_ouvre", "deux", "nombre entier"),
            ("ouverture_agenda_jours", "31", "horizon national"),
            ("ouverture_agenda_jours", "4", "au moins"),
            ("ouverture_agenda_jours", "0", "nombre entier"),
            ("message_accueil", "x" * 501, "500 caractères"),
            ("message_accueil", "a\u202eb", "invisible"),
            ("liberation_differee", "peut-être", "valeurs proposées"),
            ("revenir", "horizon_internet", "valeurs proposées"),
            ("horizon_internet", "90", "champ inconnu"),
            ("vu", "[1", "incomplet"),
        ],
    )
    async def test_what_cannot_be_kept_is_told_beside_all_that_was_typed(
        self, journee: Journee, nevers: MondeService, champ: str, valeur: str, mots: str
    ) -> None:
        adresse = f"/services/{nevers.id}/organiser/parametres"
        async with journee.client(nevers.agents["chef"]) as client:
            saisie = {**await form(client, adresse), "message_confirmation": "Merci de venir", champ: valeur}
            reponse = await client.post(adresse, data=saisie)
        assert reponse.status_code == 422
        assert mots in unescape(reponse.text)
        assert "Merci de venir" in reponse.text
        assert await local(journee, nevers) == {}

    async def test_two_administrators_conflict_on_the_same_value_only(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        adresse = f"/services/{nevers.id}/organiser/parametres"
        async with journee.client(nevers.agents["chef"]) as chef, journee.client(nevers.agents["national"]) as autre:
            premiere, seconde = await form(chef, adresse), await form(autre, adresse)
            assert (await autre.post(adresse, data={**seconde, "delai_ouvre": "4"})).status_code == 303
            ailleurs = await chef.post(adresse, data={**premiere, "ouverture_agenda_jours": "20"})
            assert ailleurs.status_code == 303, "another value is no conflict"
            assert await local(journee, nevers) == {"delai_ouvre": 4, "ouverture_agenda_jours": 20}
            refus = await chef.post(adresse, data={**premiere, "delai_ouvre": "6", "message_accueil": "Bonjour"})
            assert refus.status_code == 409
            assert "4\u00a0jours ouvrés" in refus.text
            assert "Bonjour" in refus.text
            decide = {**champs_de(refus.text), "liberation_differee": ""}
            decide = {nom: v for nom, v in decide.items() if nom in {d.cle for d in LOCALES} | {"vu"}}
            assert decide["delai_ouvre"] == "6"
            assert (await chef.post(adresse, data=decide)).status_code == 303
        assert await local(journee, nevers) == {
            "delai_ouvre": 6,
            "ouverture_agenda_jours": 20,
            "message_accueil": "Bonjour",
        }

    async def test_the_window_of_each_channel_is_told(self, journee: Journee, nevers: MondeService) -> None:
        """It is Monday 23 November 2026."""
        adresse = f"/services/{nevers.id}/organiser/parametres"
        async with journee.client(nevers.agents["chef"]) as client:
            assert "du jeudi 26 novembre au mercredi 23 décembre" in (await client.get(f"{adresse}/fragment")).text
            await client.post(adresse, data={**await form(client, adresse), "ouverture_agenda_jours": "10"})
            page = (await client.get(f"{adresse}/fragment")).text
        assert "du jeudi 26 novembre au jeudi 3 décembre" in page
        assert "dès maintenant, jusqu’au vendredi 22 janvier" in page


class TestLaPageNationale:
    async def test_a_change_reaches_every_service_and_gives_way_to_longer_local_delays(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        locale = f"/services/{nevers.id}/organiser/parametres"
        async with journee.client(nevers.agents["chef"]) as chef:
            await chef.post(locale, data={**await form(chef, locale), "delai_ouvre": "4"})
        async with journee.client(nevers.agents["national"]) as client:
            saisie = await form(client, NATIONAL)
            reponse = await client.post(
                NATIONAL, data={**saisie, "delai_ouvre": "6", "ouverture_nationale": "01/10/2026"}
            )
            assert reponse.status_code == 303
            page = (await client.get(NATIONAL)).text
            assert "1 service a choisi" in page
            assert "01/10/2026" in page
            ecartee = (await client.get(locale)).text
            assert "ne s’applique plus" in ecartee
        async with journee.outils.db.read() as conn:
            for service in (nevers.id, autre.id):
                planning = await journee.scalar("SELECT version_planning FROM agenda WHERE service_id = :s", s=service)
                contexte = await journee.outils.dispo.contextes.get(conn, service, planning)
                assert contexte.parametres.delai_ouvre == 6
                assert contexte.ouverture_nationale == date(2026, 10, 1)

    @pytest.mark.parametrize(
        ("champ", "valeur", "mots"),
        [
            ("horizon_internet", "", "Indiquez une valeur"),
            ("horizon_internet", "-30", "nombre entier"),
            ("horizon_internet", "1000000000", "nombre entier"),
            ("horizon_internet", "trente", "nombre entier"),
            ("horizon_internet", "4", "aucun jour ne serait réservable"),
            ("duree_option_max_minutes", "3", "plus court"),
            ("ouverture_nationale", "31/02/2027", "n’existe pas"),
            ("modification_usager", "", "Indiquez une valeur"),
            ("message_accueil", "Bonjour", "champ inconnu"),
        ],
    )
    async def test_what_cannot_be_kept_is_refused(
        self, journee: Journee, nevers: MondeService, champ: str, valeur: str, mots: str
    ) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            reponse = await client.post(NATIONAL, data={**await form(client, NATIONAL), champ: valeur})
        assert reponse.status_code == 422
        assert mots in unescape(reponse.text)
        assert await journee.scalar("SELECT count(*) FROM parametre") == 0

    async def test_two_administrators_conflict(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        async with (
            journee.client(nevers.agents["national"]) as un,
            journee.client(autre.agents["national"]) as deux,
        ):
            premiere, seconde = await form(un, NATIONAL), await form(deux, NATIONAL)
            assert (await deux.post(NATIONAL, data={**seconde, "rappel_jours": "3"})).status_code == 303
            refus = await un.post(NATIONAL, data={**premiere, "rappel_jours": "1"})
            assert refus.status_code == 409
            assert "3\u00a0jours" in refus.text
            decide = {n: v for n, v in champs_de(refus.text).items() if n in {d.cle for d in NATIONALES} | {"vu"}}
            assert (await un.post(NATIONAL, data=decide)).status_code == 303
        assert await journee.scalar("SELECT valeur::text FROM parametre WHERE cle = 'rappel_jours'") == "1"

    async def test_four_thousand_services_are_told_within_two_seconds(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO service_fiscal (type_code, site_id, libelle, adresse, code_postal,"
                    " ville, departement, telephone, courriel, fuseau) SELECT 'SIP', :site, 'SERVICE ' || n, '', '',"
                    " '', '58', '', '', 'Europe/Paris' FROM generate_series(1, 4000) n"
                ),
                {"site": nevers.site_id},
            )
        async with journee.client(nevers.agents["national"]) as client:
            saisie = await form(client, NATIONAL)
            depart = time.monotonic()
            reponse = await client.post(NATIONAL, data={**saisie, "rappel_jours": "4"}, timeout=30)
            duree = time.monotonic() - depart
        assert reponse.status_code == 303
        assert duree < 2.0, f"{duree:.2f} s"


async def test_every_parameter_has_a_consumer() -> None:
    """No decoration: a key that nothing reads would be a lie on the screen."""
    sources = "\n".join(
        fichier.read_text(encoding="utf-8")
        for fichier in (RACINE / "app").rglob("*.py")
        if fichier.name not in ("definitions.py", "parametres.py")
    ) + (RACINE / "app/domain/calendrier.py").read_text(encoding="utf-8")
    for cle in REGISTRE:
        attribut = re.search(rf"(parametres|self|contexte|p)\.{cle}\b", sources)
        assert attribut or f'"{cle}"' in sources, cle
    assert set(resolve({})) == set(REGISTRE)


async def test_the_service_s_words_reach_the_usager_s_journey_and_mail_escaped(
    journee: Journee, nevers: MondeService
) -> None:
    adresse = f"/services/{nevers.id}/organiser/parametres"
    async with journee.client(nevers.agents["chef"]) as client:
        mots = {"message_accueil": "Fermé <b>le 24</b>", "message_confirmation": "Sonnez <i>deux fois</i>"}
        assert (await client.post(adresse, data={**await form(client, adresse), **mots})).status_code == 303
    async with journee.client() as usager:
        page = (await usager.get(f"/rdv/{nevers.id}/motif")).text
    assert "Fermé &lt;b&gt;le 24&lt;/b&gt;" in page
    await journee.book(nevers, "15:00", usager=personne(courriel="justine@usagers.test"))
    donnees = await journee.scalar(
        "SELECT donnees::text FROM courrier WHERE evenement = 'confirmation' ORDER BY id DESC LIMIT 1"
    )
    message = MessageRdv.from_donnees(json.loads(donnees))
    assert message.message_service == "Sonnez <i>deux fois</i>"
    entete = Entete("DGFiP", "ne-pas-repondre@dgfip.test", "justine@usagers.test", "<1@dgfip.test>")
    courriel = render("confirmation", message, entete, clock.now())
    html = courriel.get_body(("html",))
    texte = courriel.get_body(("plain",))
    assert html is not None
    assert texte is not None
    assert "Sonnez &lt;i&gt;deux fois&lt;/i&gt;" in html.get_content()
    assert "Sonnez <i>deux fois</i>" in texte.get_content()


async def test_the_privacy_page_tells_the_retention_that_applies(journee: Journee, nevers: MondeService) -> None:
    async with journee.client(nevers.agents["national"]) as client:
        assert "3\u00a0ans après le rendez-vous" in unescape((await client.get("/donnees-personnelles")).text)
        saisie = {**await form(client, NATIONAL), "conservation_jours": "540"}
        assert (await client.post(NATIONAL, data=saisie)).status_code == 303
        assert "18\u00a0mois après le rendez-vous" in unescape((await client.get("/donnees-personnelles")).text)
