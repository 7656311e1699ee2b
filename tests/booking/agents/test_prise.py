"""Booking by an attached agent: the cells of the summary table, over HTTP [A1 §3.2 and summary table]."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import date
from typing import Any

import pytest

from tests.accueil.monde import JOUR, Journee, epoch_minute, personne
from tests.booking.agents.outillage import (
    ALERTES,
    DEMAIN,
    NUMERO_FISCAL,
    SIREN,
    add_fermeture,
    change,
    close_guichet,
    count_rdv,
    formulaire,
    post_rdv,
    service_ordinaire,
    texte,
)


def acquittees(page: str) -> list[str]:
    """The warnings that « Enregistrer quand même » would acknowledge."""
    return re.findall(r'name="acquittees" value="(\w+)"', page)


def valeurs(page: str) -> dict[str, str]:
    """What the form shows in its text fields."""
    return dict(re.findall(r'<input [^>]*name="(\w+)"[^>]* value="([^"]*)"', page))


class TestCasNominal:
    """« Il suffit de cliquer sur la zone choisie dans l'agenda »."""

    async def test_the_form_opens_with_the_place_that_was_clicked(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        url = f"/services/{service.id}/rendez-vous/nouveau?jour=2026-11-24&guichet={service.guichets[1]}&heure=08:40"
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get(url)).text
        lus = valeurs(page)
        assert (lus["jour"], lus["du"]) == ("2026-11-24", "08:40")
        assert f'<option value="{service.guichets[1]}" selected>Guichet 2' in page
        ordre = ("guichet", "du", "numero_fiscal", "nom_usage", "courriel", "motif", "precision")
        rangs = [page.index(f'id="champ-{nom}"') for nom in ordre]
        assert rangs == sorted(rangs), "the place, who comes, then what for"
        assert page.index('value="rechercher"') < page.index('id="champ-civilite"')

    async def test_motifs_not_offered_are_listed_apart(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get(f"/services/{service.id}/rendez-vous/nouveau")).text
        ouverts, _, fermes = page.partition('<optgroup label="Non proposé par le service">')
        assert "Problème de paiement d&#39;un impôt (20 min)" in ouverts
        assert "taxe d&#39;habitation" in fermes
        assert "taxe d&#39;habitation" not in ouverts

    async def test_motifs_of_several_levels_are_grouped_under_their_parents(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        parent, enfant = service.motifs[2], service.motifs[0]
        await change(journee, service, "UPDATE motif SET parent_id = :p WHERE id = :e", p=parent, e=enfant)
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get(f"/services/{service.id}/rendez-vous/nouveau")).text
        assert re.search(
            rf'<optgroup label="Calcul de la taxe d&#39;habitation"><option value="{enfant}">', page.replace("\n", "")
        )

    async def test_saving_shows_the_code_to_read_out_and_the_way_back(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, courriel="philippe@usagers.test", note_interne="Dossier 12")
        reponse = await post_rdv(journee, service, donnees)
        assert reponse.status_code == 303
        async with journee.client(service.agents["agent"]) as client:
            fiche = (await client.get(reponse.headers["location"])).text
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE service_id = :s", s=service.id)
        assert f"Rendez-vous enregistré : code {code}" in texte(fiche)
        assert "Il est attendu le mardi 24 novembre 2026 à 08:40, Guichet 1." in texte(fiche)
        assert f"/services/{service.id}/agenda?jour=2026-11-24" in fiche
        rdv = await journee.scalar(
            "SELECT r.canal || ' ' || r.origine || ' ' || r.note_interne || ' ' || u.nom_usage FROM rendez_vous r"
            " JOIN rdv_usager u ON u.rdv_id = r.id WHERE r.service_id = :s",
            s=service.id,
        )
        assert rdv == "rattache telephone Dossier 12 Valenton"
        mails = await journee.scalar(
            "SELECT count(*) FROM courrier WHERE evenement = 'confirmation' AND destinataire = 'philippe@usagers.test'"
        )
        assert mails == 1

    async def test_a_script_gets_json(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponse = await post_rdv(journee, service, formulaire(service), accept="application/json")
        assert reponse.status_code == 200
        assert reponse.json()["suite"] == f"/rendez-vous/{reponse.json()['id']}"
        assert len(reponse.json()["code"]) == 6

    async def test_a_professional_is_known_by_siren(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, nature="professionnel", siren="732 829 320", raison_sociale="SARL Remparts")
        assert (await post_rdv(journee, service, donnees)).status_code == 303
        assert (
            await journee.scalar(
                "SELECT siren FROM rdv_usager u JOIN rendez_vous r ON r.id = u.rdv_id WHERE r.service_id = :s",
                s=service.id,
            )
            == SIREN
        )


class TestFenetre:
    """Horizon of sixty sliding days, no minimum delay."""

    async def test_an_attached_agent_books_immediately(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, jour=JOUR.isoformat(), du="11:40")
        assert (await post_rdv(journee, service, donnees)).status_code == 303

    async def test_not_in_the_past(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponse = await post_rdv(journee, service, formulaire(service, jour=JOUR.isoformat(), du="09:00"))
        assert reponse.status_code == 422
        assert "passée" in texte(reponse.text)

    async def test_day_60_yes(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        assert (await post_rdv(journee, service, formulaire(service, jour="2027-01-22"))).status_code == 303

    async def test_day_61_no_whatever_is_acknowledged(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, jours_semaine=range(1, 8))
        donnees = formulaire(service, jour="2027-01-23", acquittees=list(ALERTES))
        reponse = await post_rdv(journee, service, donnees)
        assert reponse.status_code == 422
        assert "60" in texte(reponse.text)
        assert await count_rdv(journee, service) == 0


#: What leaves the frame: fields that do, the warning, and how long the RDV then lasts.
HORS_CADRE: dict[str, tuple[dict[str, str], int]] = {
    "hors_plage": ({"du": "12:20"}, 20),
    "duree_modifiee": ({"au": "09:20"}, 40),
    "type_non_propose": ({"type": "telephone"}, 20),
    "motif_non_propose": ({}, 20),
}


class TestForcages:
    """Outside the plages, another duration, type or motif: after a displayed warning only."""

    @pytest.mark.parametrize("alerte", HORS_CADRE)
    async def test_it_is_refused_until_acknowledged_then_saved_and_kept_in_the_journal(
        self, journee: Journee, alerte: str
    ) -> None:
        service = await service_ordinaire(journee, types=["guichet"])
        champs, duree = HORS_CADRE[alerte]
        motif = service.motifs[2] if alerte == "motif_non_propose" else service.motifs[0]
        donnees = formulaire(service, motif=str(motif), **champs)
        refus = await post_rdv(journee, service, donnees)
        assert refus.status_code == 409
        assert acquittees(refus.text) == [alerte]
        assert "Enregistrer quand même" in texte(refus.text)
        assert valeurs(refus.text)["nom_usage"] == "Valenton"
        assert await count_rdv(journee, service) == 0
        assert (await post_rdv(journee, service, {**donnees, "acquittees": [alerte]})).status_code == 303
        assert (
            await journee.scalar(
                "SELECT apres->'forcages'->>0 FROM journal WHERE action = 'rdv.cree' AND service_id = :s", s=service.id
            )
            == alerte
        )
        minutes = await journee.scalar(
            "SELECT extract(epoch FROM fin - debut)::int / 60 FROM rendez_vous WHERE service_id = :s", s=service.id
        )
        assert minutes == duree

    async def test_all_the_warnings_come_together(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, types=["guichet"])
        donnees = formulaire(service, du="12:20", au="13:00", type="telephone", motif=str(service.motifs[2]))
        refus = await post_rdv(journee, service, donnees)
        assert acquittees(refus.text) == sorted(ALERTES)
        partiel = await post_rdv(journee, service, {**donnees, "acquittees": list(ALERTES[:3])})
        assert partiel.status_code == 409
        assert (await post_rdv(journee, service, {**donnees, "acquittees": list(ALERTES)})).status_code == 303

    async def test_an_end_equal_to_the_motifs_duration_is_no_forcing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        assert (await post_rdv(journee, service, formulaire(service, au="09:00"))).status_code == 303


class TestJamais:
    """Closed guichet, closure, holiday, overlap: never, whatever is forced."""

    async def test_a_closed_guichet(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await close_guichet(journee, service)
        reponse = await post_rdv(journee, service, formulaire(service, acquittees=list(ALERTES)))
        assert reponse.status_code == 422
        assert "Ce guichet est fermé" in texte(reponse.text)
        assert 'id="champ-guichet-erreur"' in reponse.text

    async def test_a_closure(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await add_fermeture(journee, service, DEMAIN)
        reponse = await post_rdv(journee, service, formulaire(service, acquittees=list(ALERTES)))
        assert reponse.status_code == 422
        assert "fermé à cette date" in texte(reponse.text)

    async def test_a_holiday(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponse = await post_rdv(journee, service, formulaire(service, jour="2026-12-25", acquittees=list(ALERTES)))
        assert reponse.status_code == 422
        assert 'id="champ-jour-erreur"' in reponse.text

    async def test_an_overlap(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", jour=DEMAIN)
        donnees = formulaire(service, du="08:50", au="09:10", acquittees=list(ALERTES))
        reponse = await post_rdv(journee, service, donnees)
        assert reponse.status_code == 409
        assert await count_rdv(journee, service) == 1

    async def test_a_guichet_closed_to_the_services_own_agents(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, canaux=["internet", "rattache"])
        ordre = "UPDATE guichet SET canaux = '{internet}' WHERE id = :g"
        await change(journee, service, ordre, g=service.guichets[0])
        reponse = await post_rdv(journee, service, formulaire(service, acquittees=list(ALERTES)))
        assert reponse.status_code == 422
        assert await count_rdv(journee, service) == 0


class TestCreneauPris:
    """409: what was typed is kept, the nearest places as buttons. « vient d'être pris » is for races only."""

    async def test_an_alternative_is_one_press_away_and_keeps_what_was_typed(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", jour=DEMAIN)
        donnees = formulaire(service)
        refus = await post_rdv(journee, service, donnees)
        assert refus.status_code == 409
        assert "Ce guichet est déjà occupé de 08:40 à 09:00 (Madame MERVILLE)." in texte(refus.text)
        sans_region = re.sub(r'<section id="place".*?</section>', "", refus.text, flags=re.S)
        assert "vient d’être pris" not in texte(sans_region)
        assert 'data-place-zone class="place-dite"' in refus.text, "the refusal has said it: the live region does not"
        assert "choisissez l’un des créneaux proposés" in texte(refus.text)
        assert valeurs(refus.text)["prenoms"] == "Philippe"
        assert "Question sur un investissement pericol</textarea>" in refus.text
        choix = re.findall(r'name="choix" value="([\d-]+)">([^<]+)<', refus.text)
        assert choix[0][1] == "mardi 24 novembre, 08:40 – 09:00, Guichet 2"
        accepte = await post_rdv(journee, service, {**donnees, "faire": "", "choix": choix[0][0]})
        assert accepte.status_code == 303
        guichet = await journee.scalar(
            "SELECT guichet_id FROM rendez_vous WHERE service_id = :s ORDER BY id DESC LIMIT 1", s=service.id
        )
        assert guichet == service.guichets[1]

    async def test_two_agents_on_one_place_make_one_rdv(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponses = await asyncio.gather(
            *(post_rdv(journee, service, formulaire(service), agent=nom) for nom in ("agent", "box", "chef"))
        )
        assert sorted(r.status_code for r in reponses) == [303, 409, 409]
        assert await count_rdv(journee, service) == 1


class TestIdempotence:
    """A cancelled request may have committed: the same key gives the same RDV."""

    async def test_ten_clicks_make_one_rdv(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, numero_fiscal=NUMERO_FISCAL)
        reponses = await asyncio.gather(*(post_rdv(journee, service, donnees) for _ in range(10)))
        assert {r.status_code for r in reponses} == {303}
        assert len({r.headers["location"] for r in reponses}) == 1
        assert await count_rdv(journee, service) == 1

    async def test_a_form_sent_again_with_other_facts_says_that_it_has_served(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service)
        await post_rdv(journee, service, donnees)
        reponse = await post_rdv(journee, service, {**donnees, "du": "10:00"})
        assert reponse.status_code == 409
        assert "a déjà servi" in texte(reponse.text)
        assert await count_rdv(journee, service) == 1


class TestDejaUnRendezVous:
    """« L'agent en est informé avant la validation finale »."""

    async def test_a_future_rdv_of_the_same_numero_fiscal_is_announced_first(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        deja = await journee.book(service, "15:00", jour=DEMAIN, usager=personne(numero_fiscal=NUMERO_FISCAL))
        donnees = formulaire(service, numero_fiscal="30 23 217 600 053", du="12:20")
        refus = await post_rdv(journee, service, donnees)
        assert refus.status_code == 409
        assert f'href="/rendez-vous/{deja}"' in refus.text
        assert 'name="deja_vu"' in refus.text
        assert acquittees(refus.text) == ["hors_plage"]
        coche = await post_rdv(journee, service, {**donnees, "acquittees": ["hors_plage"]})
        assert coche.status_code == 409
        assert await count_rdv(journee, service) == 1
        accepte = await post_rdv(journee, service, {**donnees, "acquittees": ["hors_plage"], "deja_vu": "1"})
        assert accepte.status_code == 303

    @pytest.mark.parametrize("etat", ["annule", "non_honore"])
    async def test_a_cancelled_or_missed_one_is_not(self, journee: Journee, etat: str) -> None:
        service = await service_ordinaire(journee)
        usager = personne(numero_fiscal=NUMERO_FISCAL)
        await journee.book(service, "11:00", etat=etat, usager=usager)
        donnees = formulaire(service, numero_fiscal=NUMERO_FISCAL)
        assert (await post_rdv(journee, service, donnees)).status_code == 303

    async def test_another_services_rdv_is_not_disclosed(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        await journee.book(ailleurs, "11:00", jour=DEMAIN, usager=personne(numero_fiscal=NUMERO_FISCAL))
        reponse = await post_rdv(journee, ici, formulaire(ici, numero_fiscal=NUMERO_FISCAL))
        assert reponse.status_code == 303

    async def test_a_siren_too(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, nature="professionnel", siren=SIREN, raison_sociale="SARL Remparts")
        assert (await post_rdv(journee, service, donnees)).status_code == 303
        refus = await post_rdv(journee, service, {**donnees, "cle": uuid.uuid4().hex, "du": "09:00"})
        assert refus.status_code == 409
        assert "déjà un rendez-vous à venir" in texte(refus.text)


class TestFormulaireAgent:
    """« Formulaire agent »: the summary reads from top to bottom, in words for agents; the place chosen is recalled."""

    async def test_errors_are_listed_in_the_order_of_the_fields(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        vide = dict.fromkeys(("precision", "motif", "guichet", "origine", "prenoms", "telephone1", "civilite"), "")
        page = (await post_rdv(journee, service, formulaire(service, **vide, nom_usage="😀"))).text
        resume = page[page.index("data-erreurs-liste") : page.index("</ul>", page.index("data-erreurs-liste"))]
        annonces = re.findall(r'href="#champ-(\w+)"', resume)
        champs = re.findall(r'data-champ="(\w+)"', page)
        assert annonces == [champ for champ in champs if champ in annonces]
        assert len(annonces) == 8
        assert "Précisez la demande de l’usager en quelques mots, pour l’agent qui le recevra." in texte(resume)

    async def test_the_place_chosen_is_recalled_above_the_form(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            page = await client.get(
                f"/services/{service.id}/rendez-vous/nouveau?jour=2026-11-24&heure=08:40&guichet={service.guichets[0]}"
            )
        assert "mardi 24 novembre 2026 à 08:40, Guichet 1" in texte(page.text)


class TestRecherche:
    """« Rechercher l'utilisateur par son identifiant »."""

    async def test_a_person_known_to_the_service_fills_the_form_and_the_read_is_journaled(
        self, journee: Journee
    ) -> None:
        service = await service_ordinaire(journee)
        connu = personne("Merville", "Justine", numero_fiscal=NUMERO_FISCAL, courriel="justine@usagers.test")
        deja = await journee.book(service, "15:00", jour=DEMAIN, usager=connu)
        donnees = formulaire(service, faire="rechercher", numero_fiscal=NUMERO_FISCAL, nom_usage="", prenoms="")
        page = await post_rdv(journee, service, donnees)
        lus = valeurs(page.text)
        assert page.status_code == 200
        assert (lus["nom_usage"], lus["prenoms"], lus["courriel"]) == ("Merville", "Justine", "justine@usagers.test")
        assert lus["telephone1"] == "06 39 98 00 01"
        assert f'href="/rendez-vous/{deja}"' in page.text
        assert await count_rdv(journee, service) == 1
        assert await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'usager.recherche' AND service_id = :s", s=service.id
        )

    async def test_an_unknown_number_says_so_and_a_wrong_one_too(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, faire="rechercher", numero_fiscal=NUMERO_FISCAL)
        page = await post_rdv(journee, service, donnees)
        assert "Aucun usager connu avec ce numéro" in texte(page.text)
        assert valeurs(page.text)["nom_usage"] == "Valenton"
        faux = await post_rdv(journee, service, {**donnees, "numero_fiscal": "1234567890123"})
        assert faux.status_code == 422
        assert 'id="champ-numero_fiscal-erreur"' in faux.text

    async def test_another_services_usagers_stay_unknown(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        await journee.book(ailleurs, "15:00", "Secret", usager=personne("Secret", numero_fiscal=NUMERO_FISCAL))
        page = await post_rdv(journee, ici, formulaire(ici, faire="rechercher", numero_fiscal=NUMERO_FISCAL))
        assert "Secret" not in page.text

    async def test_changing_the_kind_of_person_keeps_everything_typed(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        pro = await post_rdv(journee, service, formulaire(service, faire="professionnel"))
        assert 'name="raison_sociale"' in pro.text
        assert valeurs(pro.text)["nom_usage"] == "Valenton"
        assert valeurs(pro.text)["telephone1"] == "06 12 34 56 78"


class TestMauvaisesSaisies:
    """Every refusal is beside its field, and nothing typed is lost."""

    @pytest.mark.parametrize(
        ("champ", "valeur"),
        [
            ("motif", ""),
            ("motif", "999999999"),
            ("guichet", ""),
            ("type", "visio"),
            ("type", "telepathie"),
            ("origine", "internet"),
            ("jour", "2026-02-31"),
            ("jour", ""),
            ("du", "25:00"),
            ("du", ""),
            ("au", "08:40"),
            ("au", "08:20"),
            ("telephone1", ""),
            ("telephone1", "12"),
            ("precision", " "),
            ("precision", "un\x00deux"),
            ("note_interne", "‮sens"),
            ("nom_usage", ""),
            ("nom_usage", "Val‮enton"),
            ("civilite", "duc"),
            ("date_naissance", "31/02/1970"),
            ("date_naissance", "01/01/2030"),
            ("numero_fiscal", "1234567890123"),
            ("courriel", "a@b.fr\r\nBcc: x@y.fr"),
            ("courriel", "a@b.fr,c@d.fr"),
        ],
    )
    async def test_a_wrong_field_is_a_422_beside_it(self, journee: Journee, champ: str, valeur: str) -> None:
        service = await self.service(journee)
        reponse = await post_rdv(journee, service, formulaire(service, **{champ: valeur}))
        assert reponse.status_code == 422
        assert f'id="champ-{champ}-erreur"' in reponse.text or f'id="champ-{champ}"' in reponse.text
        assert f'<a href="#champ-{champ}">' in reponse.text
        assert "Question sur un investissement" in reponse.text or champ == "precision"
        assert await count_rdv(journee, service) == 0

    async def service(self, journee: Journee) -> Any:
        """One service for the whole table: nothing is ever written in it."""
        if not hasattr(type(self), "connu") or type(self).connu[0] is not journee:
            type(self).connu = (journee, await service_ordinaire(journee))
        return type(self).connu[1]

    connu: tuple[Any, Any]

    @pytest.mark.parametrize("champ", ["service_id", "statut", "etat", "canal", "code"])
    async def test_a_field_that_the_form_does_not_have_is_refused(self, journee: Journee, champ: str) -> None:
        service = await self.service(journee)
        reponse = await post_rdv(journee, service, formulaire(service, **{champ: "1"}))
        assert reponse.status_code == 422
        assert await count_rdv(journee, service) == 0

    async def test_a_field_sent_twice_is_refused(self, journee: Journee) -> None:
        service = await self.service(journee)
        assert (await post_rdv(journee, service, formulaire(service, motif=["1", "2"]))).status_code == 422

    async def test_an_unknown_warning_acknowledges_nothing(self, journee: Journee) -> None:
        service = await self.service(journee)
        donnees = formulaire(service, du="12:20", acquittees=["tout", "chevauchement"])
        assert (await post_rdv(journee, service, donnees)).status_code == 409

    async def test_without_its_token_the_form_is_refused(self, journee: Journee) -> None:
        service = await self.service(journee)
        reponse = await post_rdv(journee, service, formulaire(service), **{"X-CSRF-Token": "faux"})
        assert reponse.status_code == 403
        assert await count_rdv(journee, service) == 0

    @pytest.mark.parametrize("agent", ["exterieur", "pilote", "national"])
    async def test_whoever_is_not_attached_gets_a_404(self, journee: Journee, agent: str) -> None:
        service = await self.service(journee)
        assert (await post_rdv(journee, service, formulaire(service), agent=agent)).status_code == 404
        async with journee.client(service.agents[agent]) as client:
            assert (await client.get(f"/services/{service.id}/rendez-vous/nouveau")).status_code == 404
        assert await count_rdv(journee, service) == 0

    async def test_another_services_guichet_is_not_a_choice(self, journee: Journee) -> None:
        service, ailleurs = await self.service(journee), await service_ordinaire(journee)
        reponse = await post_rdv(journee, service, formulaire(service, guichet=str(ailleurs.guichets[0])))
        assert reponse.status_code == 422
        choix = f"{ailleurs.guichets[0]}-{epoch_minute('10:00', jour=date(2026, 11, 24))}"
        assert (await post_rdv(journee, service, formulaire(service, choix=choix))).status_code == 422
