"""A RDV reached by its exact code and name, corrected [A1, summary table, « agent extérieur », modify]."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from app import clock
from app.booking.forms import UsagerSaisi
from app.booking.modifier import Modification, modify
from app.booking.outils import Auteur
from app.booking.par_code import PAR_AGENT
from app.booking.titres import ParCode
from app.domain.rendez_vous import Action
from app.errors import Introuvable
from tests.accueil.monde import Journee, axe, personne
from tests.booking.agents.outillage import SIREN, service_ordinaire, texte
from tests.booking.agents.test_par_code import NOTES, URL, champs, execute, externe, rdv_de
from tests.fixtures.donnees import MondeService

NOM = "Éluard-Valentin"
ADRESSE = "avant@usagers.test"
MODIFIER = f"{URL}/modifier"


@pytest.fixture(autouse=True)
async def aucun_essai(journee: Journee) -> None:
    """Nobody has guessed yet."""
    await execute(journee, "DELETE FROM tentative")


async def open_form(client: httpx.AsyncClient, code: str, nom: str = NOM) -> httpx.Response:
    return await client.post(MODIFIER, data={"code": code, "nom": nom})


async def save(client: httpx.AsyncClient, page: httpx.Response, **saisie: str) -> httpx.Response:
    return await client.post(MODIFIER, data={**champs(page.text, MODIFIER), **saisie})


async def usager(journee: Journee, rdv: int) -> dict[str, Any]:
    return dict(json.loads(await journee.scalar("SELECT to_json(u)::text FROM rdv_usager u WHERE rdv_id = :r", r=rdv)))


async def textes(journee: Journee, rdv: int) -> tuple[str, str, str, int]:
    ligne = "SELECT json_build_array(precision, note_interne, message_usager, revision)::text"
    lus: list[Any] = json.loads(await journee.scalar(f"{ligne} FROM rendez_vous WHERE id = :r", r=rdv))
    return lus[0], lus[1], lus[2], lus[3]


class TestModifier:
    """How to join the person, and the demand; what is left empty stays."""

    async def test_the_form_shows_nothing_of_what_is_recorded(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, usager={"courriel": ADRESSE})
        await execute(journee, "UPDATE rendez_vous SET message_usager = 'Hall B' WHERE id = :r", r=rdv)
        async with externe(journee, service) as client:
            page = await open_form(client, code)
        assert page.status_code == 200
        for tu in (NOTES, "Hall B", "Question sur mon avis", "3998", "39 98", "avant@", "Justine", "madame"):
            assert tu not in page.text
        assert "Un numéro est enregistré" in texte(page.text)

    async def test_what_is_filled_replaces_and_the_rest_stays(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, usager={"courriel": ADRESSE, "preference_appel": "matin"})
        avant = await usager(journee, rdv)
        async with externe(journee, service) as client:
            fait = await save(
                client, await open_form(client, code), telephone1="06 12 34 56 78", precision="Le <b>toit</b>"
            )
        assert fait.status_code == 200
        assert "Rendez-vous modifié" in texte(fait.text)
        assert "Le &lt;b&gt;" not in fait.text
        assert await usager(journee, rdv) == {**avant, "telephones": ["+33612345678"]}
        assert await textes(journee, rdv) == ("Le <b>toit</b>", NOTES, "", 2)
        ligne = "SELECT json_build_array(agent_id, service_id, apres)::text FROM journal WHERE rdv_id = :r"
        lu = json.loads(await journee.scalar(f"{ligne} AND action = 'rdv.modifie'", r=rdv))
        assert lu == [service.agents["exterieur"], service.id, {"champs": ["telephones", "precision"]}]
        trames = "SELECT count(*) FROM outbox WHERE trame::text LIKE '%rdv.modifie%' AND trame::text LIKE :r"
        assert await journee.scalar(trames, r=f'%"rdv":{rdv},%') >= 1

    async def test_a_new_address_receives_the_confirmation(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, usager={"courriel": ADRESSE})
        lien = await journee.scalar("SELECT lien_empreinte FROM rendez_vous WHERE id = :r", r=rdv)
        async with externe(journee, service) as client:
            fait = await save(client, await open_form(client, code), courriel="Apres@Usagers.test")
        assert "La confirmation part à la nouvelle adresse" in texte(fait.text)
        mails = "SELECT count(*) FROM courrier WHERE rdv_id = :r AND evenement = 'confirmation' AND destinataire = :d"
        assert await journee.scalar(mails, r=rdv, d="Apres@usagers.test") == 1
        assert await journee.scalar("SELECT lien_empreinte FROM rendez_vous WHERE id = :r", r=rdv) != lien

    async def test_the_address_and_the_half_day_are_erased_when_asked(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, usager={"courriel": ADRESSE, "preference_appel": "matin"})
        async with externe(journee, service) as client:
            page = await open_form(client, code)
            deux = await save(client, page, courriel="b@usagers.test", sans_courriel="1")
            assert deux.status_code == 422
            fait = await save(client, page, sans_courriel="1", preference_appel="indifferent")
        assert fait.status_code == 200
        lu = await usager(journee, rdv)
        assert (lu["courriel"], lu["preference_appel"], lu["telephones"]) == (None, None, ["+33639980001"])

    async def test_the_contact_is_a_company_s(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        societe = {"nature": "professionnel", "civilite": None, "raison_sociale": "SARL Remparts", "siren": SIREN}
        rdv, code = await rdv_de(journee, service, "", usager={**societe, "nom_usage": "", "prenoms": ""})
        _, autre = await rdv_de(journee, service, heure="10:00")
        async with externe(journee, service) as client:
            page = await open_form(client, code, "sarl remparts")
            assert 'name="contact"' in page.text
            assert (await save(client, page, contact="Marc Pericol")).status_code == 200
            page = await open_form(client, autre)
            assert 'name="contact"' not in page.text
            assert (await save(client, page, contact="Marc Pericol")).status_code == 422
        lu = await usager(journee, rdv)
        assert (lu["contact"], lu["siren"], "PERICOL" in lu["recherche"]) == ("Marc Pericol", SIREN, True)

    async def test_the_same_values_write_nothing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, usager={"telephones": ("+33612345678",)})
        async with externe(journee, service) as client:
            fait = await save(client, await open_form(client, code), telephone1="06 12 34 56 78")
        assert "Rien n’a changé" in texte(fait.text)
        assert (await textes(journee, rdv))[3] == 1

    async def test_sent_many_times_at_once_it_is_written_once(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await open_form(client, code)
            faits = await asyncio.gather(*(save(client, page, precision="Autre") for _ in range(4)))
        assert {fait.status_code for fait in faits} == {200}
        assert (await textes(journee, rdv))[3] == 2


class TestRefus:
    """Beside the fields, with what was typed; what is not his to change does not exist."""

    @pytest.mark.parametrize(
        ("champ", "valeur"),
        [
            ("telephone1", "12"),
            ("telephone2", "<i>"),
            ("courriel", "pas une adresse"),
            ("preference_appel", "minuit"),
            ("precision", "x" * 1001),
        ],
        ids=["telephone1", "telephone2", "courriel", "preference", "precision"],
    )
    async def test_a_wrong_field_is_said_beside_it(self, journee: Journee, champ: str, valeur: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        saisie = {"telephone1": "06 12 34 56 79", "precision": "Tapé déjà", champ: valeur}
        async with externe(journee, service) as client:
            refus = await save(client, await open_form(client, code), **saisie)
        assert refus.status_code == 422
        assert f'href="#champ-{champ}"' in refus.text
        assert f'id="champ-{champ}-erreur"' in refus.text or champ == "preference_appel"
        assert "Tapé déjà" in refus.text or champ == "precision"
        assert (await textes(journee, rdv))[3] == 1

    async def test_an_empty_form_is_said(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            refus = await save(client, await open_form(client, code), telephone1="  ")
        assert refus.status_code == 422
        assert "Vous n’avez rien saisi" in texte(refus.text)

    @pytest.mark.parametrize(
        "champ", ["note_interne", "message_usager", "nom_usage", "prenoms", "numero_fiscal", "siren", "nature"]
    )
    async def test_notes_and_identity_are_not_in_this_form(self, journee: Journee, champ: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        avant = await usager(journee, rdv)
        async with externe(journee, service) as client:
            refus = await save(client, await open_form(client, code), precision="Autre", **{champ: "Autre"})
        assert refus.status_code == 422
        assert (await usager(journee, rdv), (await textes(journee, rdv))[1]) == (avant, NOTES)

    @pytest.mark.parametrize("faux", ["code", "nom"])
    async def test_both_words_are_proved_again(self, journee: Journee, faux: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            refus = await save(client, await open_form(client, code), precision="Autre", **{faux: "AAAAAA"})
            assert refus.status_code == 404
            for _ in range(PAR_AGENT - 1):
                await save(client, await open_form(client, code), precision="Autre", **{faux: "AAAAAA"})
            assert (await open_form(client, code)).status_code == 429
        assert (await textes(journee, rdv))[3] == 1

    async def test_a_stale_form_keeps_what_was_typed_and_then_saves_it(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await open_form(client, code)
            await execute(journee, "UPDATE rendez_vous SET revision = 7, precision = 'Du service' WHERE id = :r", r=rdv)
            refus = await save(client, page, telephone1="06 12 34 56 78")
            assert refus.status_code == 409
            assert "Ce rendez-vous a changé" in texte(refus.text)
            assert 'value="06 12 34 56 78"' in refus.text
            assert "Du service" not in refus.text
            assert (await usager(journee, rdv))["telephones"] == ["+33639980001"]
            assert (await save(client, refus, telephone1="06 12 34 56 78")).status_code == 200
        assert (await textes(journee, rdv))[0] == "Du service"

    async def test_a_wrong_field_does_not_make_a_stale_form_fresh(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await open_form(client, code)
            await execute(journee, "UPDATE rendez_vous SET revision = 7 WHERE id = :r", r=rdv)
            refus = await save(client, page, telephone1="12")
            assert (await save(client, refus, telephone1="06 12 34 56 78")).status_code == 409

    async def test_who_has_come_is_for_his_own_service(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await open_form(client, code)
            await execute(journee, "UPDATE rendez_vous SET etat = 'arrive' WHERE id = :r", r=rdv)
            refus = await save(client, page, precision="Autre")
            assert refus.status_code == 409
            assert "ne peut plus être modifié d’ici" in texte(refus.text)
            await execute(journee, "UPDATE rendez_vous SET etat = 'prevu' WHERE id = :r", r=rdv)
            await journee.act(service, rdv, Action.ANNULER)
            assert (await save(client, page, precision="Autre")).status_code == 409
        assert (await textes(journee, rdv))[0] == "Question sur mon avis"

    async def test_pilotage_alone_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        async with externe(journee, service, "pilote") as client:
            assert (await open_form(client, code)).status_code == 403

    async def test_the_address_reloaded_asks_both_words_again(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with externe(journee, service) as client:
            reponse = await client.get(MODIFIER)
        assert (reponse.status_code, reponse.headers["location"]) == (303, URL)


class TestTitre:
    """The use case itself: the title restricts the statement that locks."""

    @pytest.mark.parametrize("quoi", ["nom", "autre", "droit"])
    async def test_nothing_else_reaches_it(self, journee: Journee, quoi: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        autre, _ = await rdv_de(journee, service, heure="10:00")
        titre = None if quoi == "droit" else ParCode(code, "Éluard" if quoi == "nom" else NOM, clock.now())
        voulu = Modification(personne(NOM), "Autre", NOTES, "")
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        with pytest.raises(Introuvable):
            cible = autre if quoi == "autre" else rdv
            await modify(journee.outils, cible, voulu, auteur, clock.now(), revision=1, titre=titre)
        assert (await textes(journee, rdv))[0] == "Question sur mon avis"

    async def test_the_right_words_do(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        voulu = Modification(UsagerSaisi(**{**vars_of(personne(NOM)), "preference_appel": "matin"}), "Autre", NOTES, "")
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        titre = ParCode(code, NOM, clock.now())
        fait = await modify(journee.outils, rdv, voulu, auteur, clock.now(), revision=1, titre=titre)
        assert fait.champs == ("preference_appel", "precision")


def vars_of(saisi: UsagerSaisi) -> dict[str, Any]:
    return {champ: getattr(saisi, champ) for champ in UsagerSaisi.__dataclass_fields__}


class TestNavigateur:
    """Keyboard alone, and the open fiche of the service shows it at once."""

    async def test_by_keyboard_and_without_a_fault_for_axe(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, usager={"courriel": ADRESSE})
        contexte = await journee.context(browser, service.agents["exterieur"])
        interne = await journee.context(browser, service.agents["agent"])
        try:
            fiche = await journee.open(interne, f"/rendez-vous/{rdv}")
            page = await journee.open(contexte, URL, direct=False)
            await page.keyboard.type(code)
            await page.keyboard.press("Tab")
            await page.keyboard.type(NOM)
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="Modifier").press("Enter")
            await page.wait_for_selector("#champ-telephone1:focus")
            assert await axe(page) == []
            await page.keyboard.type("12")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("[data-erreurs]:focus")
            assert await axe(page) == []
            await page.locator("#champ-telephone1").fill("06 12 34 56 78")
            await page.keyboard.press("Enter")
            await page.get_by_text("Rendez-vous modifié").wait_for()
            await fiche.get_by_text("06 12 34 56 78").first.wait_for(timeout=8000)
        finally:
            await contexte.close()
            await interne.close()


class TestApi:
    """One count of wrong pairs for an agent, by his screens or by his key."""

    async def test_the_limits_are_shared(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        cle = await find_cle(journee, service)
        chemin = f"{journee.site.url}/api/v1/rendez-vous/par-code"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {cle}"}) as api:
            for _ in range(PAR_AGENT):
                assert (await api.post(chemin, json={"code": code, "nom": "Autre"})).status_code == 404
            refus = await api.post(chemin, json={"code": code, "nom": NOM})
            assert refus.status_code == 429
            assert int(refus.headers["retry-after"]) <= 300
        async with externe(journee, service) as client:
            assert (await client.post(URL, data={"code": code, "nom": NOM})).status_code == 429


async def find_cle(journee: Journee, service: MondeService) -> str:
    """The key of the service's agent extérieur."""
    identifiant = "SELECT identifiant FROM agent WHERE id = :a"
    return f"cle-{await journee.scalar(identifiant, a=service.agents['exterieur'])}"
