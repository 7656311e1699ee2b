"""Correcting a RDV from its fiche, over HTTP: the form, its refusals, what somebody else did meanwhile [A1 §3.2]."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from app.booking.forms import UsagerSaisi
from app.booking.liens import url_lien
from app.domain.rendez_vous import Action
from tests.accueil.monde import Journee, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, NUMERO_FISCAL, SIREN, change, service_ordinaire, texte
from tests.booking.agents.test_fiche import agir, lire
from tests.fixtures.donnees import MondeService

_CHAMP = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def caches(page: str) -> dict[str, str]:
    """The hidden fields of the form, but for the token."""
    return {nom: html.unescape(valeur) for nom, valeur in _CHAMP.findall(page) if nom != "_csrf"}


def formulaire(page: str, **plus: str) -> dict[str, str]:
    """The form as the page shows it, with other values."""
    champs = caches(page)
    for nom, valeur in re.findall(r'<input class="fr-input"[^>]* name="(\w+)"[^>]* value="([^"]*)"', page):
        champs[nom] = html.unescape(valeur)
    for nom, valeur in re.findall(r'<textarea class="fr-input"[^>]* name="(\w+)"[^>]*>([^<]*)</textarea>', page):
        champs[nom] = html.unescape(valeur)
    for nom, options in re.findall(r'<select [^>]* name="(\w+)"[^>]*>(.*?)</select>', page, re.S):
        champs[nom] = next(iter(re.findall(r'<option value="([^"]*)" selected', options)), "")
    for nom, valeur in re.findall(r'<input type="radio"[^>]* name="(\w+)" value="([^"]*)" checked', page):
        champs[nom] = html.unescape(valeur)
    return {**champs, "faire": "enregistrer", **plus}


async def ouvrir(journee: Journee, service: MondeService, rdv: int, agent: str = "agent") -> str:
    """The form, as one of the service's people."""
    page = await lire(journee, service, f"/rendez-vous/{rdv}/modifier", agent)
    assert page.status_code == 200
    return str(page.text)


async def envoyer(
    journee: Journee, service: MondeService, rdv: int, champs: dict[str, str], agent: str = "agent"
) -> Any:
    """Post it, without script."""
    return await agir(journee, service, rdv, "modifier", agent=agent, json=False, champs=champs)


def joignable(**plus: Any) -> UsagerSaisi:
    """Somebody whose telephone is one: the form checks it again."""
    return personne(**{"telephones": ("+33612345678",), **plus})


class TestFormulaire:
    """What is known is there; what is saved is shown on the fiche."""

    async def test_it_opens_filled_and_saves_what_differs(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        usager = personne("Valenton", "Philippe", numero_fiscal=NUMERO_FISCAL, telephones=("+33612345678",))
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=usager, note_interne="Dossier 12")
        champs = formulaire(await ouvrir(journee, service, rdv))
        assert champs["numero_fiscal"] == NUMERO_FISCAL
        assert (champs["telephone1"], champs["note_interne"], champs["civilite"]) == (
            "06 12 34 56 78", "Dossier 12", "madame",
        )  # fmt: skip
        champs |= {"telephone2": "06 11 22 33 44", "message_usager": "Venez par l’entrée B"}
        reponse = await envoyer(journee, service, rdv, champs)
        assert (reponse.status_code, reponse.headers["location"]) == (303, f"/rendez-vous/{rdv}?fait=modifie")
        lu = texte((await lire(journee, service, reponse.headers["location"])).text)
        for attendu in (
            "Modifications enregistrées", "06 11 22 33 44", "Venez par l’entrée B", "Message à l’usager",
            "Rendez-vous modifié : téléphones, message à l’usager, par Agent",
        ):  # fmt: skip
            assert attendu in lu, attendu

    async def test_the_usager_reads_the_message_and_never_the_note(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        usager = joignable(courriel="lit@usagers.test")
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=usager)
        plus = {"message_usager": "Venez par l’entrée B", "note_interne": "Difficile"}
        reponse = await envoyer(journee, service, rdv, formulaire(await ouvrir(journee, service, rdv), **plus))
        assert reponse.headers["location"].endswith("?fait=message")
        sel = await journee.scalar("SELECT lien_sel FROM rendez_vous WHERE id = :r", r=rdv)
        lien = url_lien(journee.site.settings, sel)
        async with journee.client() as client:
            page = texte((await client.get(lien)).text)
        assert "Venez par l’entrée B" in page
        assert "Difficile" not in page

    async def test_an_address_corrected_to_and_fro_says_that_its_confirmation_is_held(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable(courriel="une@usagers.test"))
        fins = []
        for adresse in ("deux@usagers.test", "une@usagers.test", "deux@usagers.test"):
            champs = formulaire(await ouvrir(journee, service, rdv), courriel=adresse)
            reponse = await envoyer(journee, service, rdv, champs)
            fins.append(reponse.headers["location"].partition("?fait=")[2])
            partie = "UPDATE courrier SET envoye_a = coalesce(envoye_a, cree_a) WHERE rdv_id = :r RETURNING id"
            await change(journee, service, partie, r=rdv)
        assert fins[-1] == "modifie-retenue-intervalle", fins
        lu = texte((await lire(journee, service, f"/rendez-vous/{rdv}?fait={fins[-1]}")).text)
        assert "La confirmation n’est pas partie à deux@usagers.test" in lu
        assert "attendez une minute" in lu

    async def test_a_new_address_is_told_on_the_fiche(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        plus = {"courriel": "nouvelle@usagers.test"}
        reponse = await envoyer(journee, service, rdv, formulaire(await ouvrir(journee, service, rdv), **plus))
        assert reponse.headers["location"].endswith("?fait=modifie-envoye")
        lu = texte((await lire(journee, service, reponse.headers["location"])).text)
        assert "La confirmation part à la nouvelle adresse : nouvelle@usagers.test" in lu

    async def test_nothing_changed_is_said(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        reponse = await envoyer(journee, service, rdv, formulaire(await ouvrir(journee, service, rdv)))
        assert reponse.headers["location"].endswith("?fait=inchange")
        assert "Rien n’a changé" in texte((await lire(journee, service, reponse.headers["location"])).text)

    async def test_a_person_becomes_a_company_and_what_was_typed_is_kept(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        champs = formulaire(await ouvrir(journee, service, rdv), faire="professionnel", precision="Autre demande")
        page = (await envoyer(journee, service, rdv, champs)).text
        assert 'id="champ-siren"' in page
        assert "Autre demande</textarea>" in page
        assert caches(page)["nom_usage"] == "Merville"
        champs = formulaire(page, siren=SIREN, raison_sociale="SARL Remparts")
        assert (await envoyer(journee, service, rdv, champs)).status_code == 303
        nature = await journee.scalar("SELECT nature || siren FROM rdv_usager WHERE rdv_id = :r", r=rdv)
        assert nature == f"professionnel{SIREN}"

    @pytest.mark.parametrize(
        ("champ", "valeur"),
        [
            ("nom_usage", ""),
            ("numero_fiscal", "123"),
            ("date_naissance", "31/02/1970"),
            ("telephone1", "pas un numéro"),
            ("courriel", "a@b, c@d"),
            ("precision", "  "),
            ("note_interne", "x" * 1001),
            ("message_usager", "bidi \u202e"),
        ],
    )
    async def test_a_wrong_field_is_named_and_nothing_typed_is_lost(
        self, journee: Journee, champ: str, valeur: str
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        champs = formulaire(await ouvrir(journee, service, rdv), prenoms="Gardé", **{champ: valeur})
        reponse = await envoyer(journee, service, rdv, champs)
        assert reponse.status_code == 422
        assert f'id="champ-{champ}-erreur"' in reponse.text
        assert 'value="Gardé"' in reponse.text
        assert await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv) == 1

    @pytest.mark.parametrize("champ", ["statut", "service_id", "etat", "guichet", "code"])
    async def test_a_field_it_does_not_have_is_refused(self, journee: Journee, champ: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        champs = formulaire(await ouvrir(journee, service, rdv), **{champ: "1", "prenoms": "Autre"})
        assert (await envoyer(journee, service, rdv, champs)).status_code == 422
        assert await journee.scalar("SELECT prenoms FROM rdv_usager WHERE rdv_id = :r", r=rdv) == "Justine"

    @pytest.mark.parametrize("etat", ["arrive", "recu", "termine", "non_honore"])
    async def test_it_may_be_corrected_until_after_the_visit(self, journee: Journee, etat: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat=etat, usager=joignable())
        champs = formulaire(await ouvrir(journee, service, rdv), note_interne="Reçu avec sa fille")
        assert (await envoyer(journee, service, rdv, champs)).status_code == 303

    async def test_once_cancelled_the_page_leads_back_to_the_fiche(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat="annule")
        page = await lire(journee, service, f"/rendez-vous/{rdv}/modifier")
        assert (page.status_code, page.headers["location"]) == (303, f"/rendez-vous/{rdv}")


class TestEnsemble:
    """Two agents on the same RDV."""

    async def test_the_second_is_told_what_the_first_changed_and_keeps_his_words(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        un, deux = await ouvrir(journee, service, rdv), await ouvrir(journee, service, rdv, "chef")
        await envoyer(journee, service, rdv, formulaire(un, precision="Mots de l’agent"))
        champs = formulaire(deux, precision="Mots du chef")
        refus = await envoyer(journee, service, rdv, champs, "chef")
        lu = texte(refus.text)
        assert refus.status_code == 409
        assert "Rendez-vous modifié : précisions, par Agent" in lu
        assert "Précisions Mots de l’agent" in lu
        assert "Mots du chef</textarea>" in refus.text
        assert await journee.scalar("SELECT precision FROM rendez_vous WHERE id = :r", r=rdv) == "Mots de l’agent"
        encore = await envoyer(journee, service, rdv, formulaire(refus.text), "chef")
        assert encore.status_code == 303
        assert await journee.scalar("SELECT precision FROM rendez_vous WHERE id = :r", r=rdv) == "Mots du chef"

    async def test_cancelled_meanwhile_it_says_so_and_keeps_the_words(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        page = await ouvrir(journee, service, rdv)
        await journee.act(service, rdv, Action.ANNULER)
        refus = await envoyer(journee, service, rdv, formulaire(page, precision="Mes mots"))
        assert refus.status_code == 409
        assert "irréversible" in texte(refus.text)
        assert "Mes mots</textarea>" in refus.text

    async def test_the_region_of_the_form_tells_it_live(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        page = await ouvrir(journee, service, rdv)
        (fragment,) = re.findall(r'data-fragment="([^"]*/changements/fragment[^"]*)"', page)
        adresse = html.unescape(fragment)
        avant = await lire(journee, service, adresse)
        assert avant.text.strip() in page
        assert "a changé" not in texte(avant.text)
        await journee.lead(service, rdv, "arrive")
        apres = texte((await lire(journee, service, adresse)).text)
        assert "Ce rendez-vous a changé depuis l’ouverture de cette page" in apres
        assert "Arrivée enregistrée, par Agent" in apres
        assert "Rendez-vous pris" not in apres

    @pytest.mark.parametrize("suite", ["", "?revision=1", "?revision=x&vu=1", "?revision=1&vu=-1"])
    async def test_that_region_needs_what_the_page_showed(self, journee: Journee, suite: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        reponse = await lire(journee, service, f"/rendez-vous/{rdv}/changements/fragment{suite}")
        assert reponse.status_code == 422


class TestDroits:
    """[C §4; G 2.3.5] The agents of the service that receives it, nobody else."""

    @pytest.mark.parametrize("chemin", ["modifier", "deplacer", "affectation"])
    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_is_not_attached_gets_a_404_journaled(self, journee: Journee, qui: str, chemin: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        assert (await lire(journee, service, f"/rendez-vous/{rdv}/{chemin}", qui)).status_code == 404
        assert (await agir(journee, service, rdv, chemin, agent=qui, champs={"revision": "1"})).status_code == 404
        assert (await agir(journee, service, rdv, "confirmation", agent=qui)).status_code == 404
        refus = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r AND agent_id = :a",
            r=rdv,
            a=service.agents[qui],
        )
        assert refus == 3

    async def test_the_service_that_entrusted_it_reads_and_cancels_and_nothing_else(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await book_for(journee, a, b, await entrust(journee, a, b), "11:00")
        fiche = (await lire(journee, a, f"/rendez-vous/{rdv}")).text
        assert f'href="/rendez-vous/{rdv}/annuler"' in fiche
        for chemin in ("modifier", "deplacer", "affectation"):
            assert f"/{chemin}" not in fiche
            assert (await lire(journee, a, f"/rendez-vous/{rdv}/{chemin}")).status_code == 404
            assert (await agir(journee, a, rdv, chemin, champs={"revision": "1"})).status_code == 404
            assert (await lire(journee, b, f"/rendez-vous/{rdv}/{chemin}")).status_code == 200
        assert (await agir(journee, a, rdv, "confirmation")).status_code == 404
        assert (await lire(journee, a, f"/rendez-vous/{rdv}/annuler")).status_code == 200

    @pytest.mark.parametrize("chemin", ["modifier", "deplacer", "affectation"])
    async def test_opening_a_page_is_journaled_and_a_get_changes_nothing(self, journee: Journee, chemin: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", jour=DEMAIN, usager=joignable())
        await lire(journee, service, f"/rendez-vous/{rdv}/{chemin}")
        lus = "SELECT count(*) FROM journal WHERE action = 'rdv.lu' AND rdv_id = :r"
        assert await journee.scalar(lus, r=rdv) == 1
        assert await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv) == 1
        assert (await lire(journee, service, f"/rendez-vous/{rdv}/confirmation")).status_code == 405
