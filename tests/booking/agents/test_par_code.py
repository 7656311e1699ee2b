"""A RDV reached by its exact code and name [A1, summary table, « agent extérieur », modify, move, cancel]."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.booking.par_code import PAR_AGENT, prove
from app.booking.titres import ParCode
from app.booking.vie import act
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse, Introuvable, TropDeDemandes
from app.identite.empreintes import print_critere
from tests.accueil.monde import Journee, epoch_minute, personne
from tests.booking.agents.outillage import change, service_ordinaire, texte
from tests.fixtures.donnees import MondeService

URL = "/agent/rendez-vous/par-code"
JEUDI = date(2026, 11, 26)
VENDREDI = date(2026, 11, 27)
PARIS = ZoneInfo("Europe/Paris")
#: The last answer of a page is about a person: these words never are in it.
NOTES = "Ne pas lire au téléphone"


@pytest.fixture(autouse=True)
async def aucun_essai(journee: Journee) -> None:
    """Nobody has guessed yet."""
    await execute(journee, "DELETE FROM tentative")


async def execute(journee: Journee, ordre: str, **valeurs: Any) -> None:
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text(ordre), valeurs)


async def rdv_de(journee: Journee, service: MondeService, nom: str = "Éluard-Valentin", **plus: Any) -> tuple[int, str]:
    """A RDV of Thursday 9:00 and its code."""
    usager = personne(nom, **plus.pop("usager", {}))
    valeurs = {"jour": JEUDI, "usager": usager, "note_interne": NOTES, **plus}
    rdv = await journee.book(service, valeurs.pop("heure", "09:00"), nom, **valeurs)
    return rdv, await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)


@asynccontextmanager
async def externe(journee: Journee, service: MondeService, qui: str = "exterieur") -> AsyncIterator[httpx.AsyncClient]:
    async with journee.client(service.agents[qui]) as client:
        yield client


def champs(page: str, chemin: str) -> dict[str, str]:
    """The hidden fields of the form that posts there."""
    formulaire = re.search(rf'<form method="post" action="{re.escape(chemin)}".*?</form>', page, re.DOTALL)
    assert formulaire, page[-3000:]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', formulaire[0]))


def horaires(page: str) -> list[str]:
    """The créneaux offered."""
    return re.findall(r'type="radio"[^>]*name="debut" value="([^"]+)"', page)


def affiche(page: str) -> dict[str, str]:
    """What the form of the move would send, as it is shown: its hidden fields, its lists, the type that is ticked."""
    formulaires = re.findall(rf'<form method="post" action="{re.escape(URL)}/deplacer".*?</form>', page, re.DOTALL)
    (entier,) = (f for f in formulaires if 'id="proche"' not in f)
    listes = {
        nom: re.findall(r'value="([^"]*)" selected', options)[0]
        for nom, options in re.findall(r'<select[^>]*name="([^"]+)".*?>(.*?)</select>', entier, re.DOTALL)
    }
    type_rdv = re.findall(r'name="type" value="([^"]+)" checked', entier)
    caches = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', entier))
    return {**caches, **listes, "type": type_rdv[0]}


class TestLire:
    """Reached by the exact code and name; what an external needs, and not the notes."""

    @pytest.mark.parametrize(
        "dit", ["Éluard-Valentin", "eluard valentin", " ELUARD  VALENTIN "], ids=["exact", "minuscules", "espaces"]
    )
    @pytest.mark.parametrize("forme", ["exact", "minuscules", "espaces"])
    async def test_it_shows_what_the_usager_may_ask(self, journee: Journee, dit: str, forme: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        tape = {"exact": code, "minuscules": code.lower(), "espaces": f"{code[:3]} {code[3:]}"}[forme]
        async with externe(journee, service) as client:
            page = await client.post(URL, data={"code": tape, "nom": dit})
        assert page.status_code == 200
        lu = texte(page.text)
        for attendu in ("26 novembre", "à 9", "Motif :", "Pièce d'identité", "NEVERS", "Prévu", "Déplacer"):
            assert attendu in lu
        for tu in (NOTES, "Question sur mon avis", "+33639980001", "06 39 98", "Justine"):
            assert tu not in page.text
        assert "Ouvrir la fiche" not in lu
        trace = await journee.scalar("SELECT apres::text FROM journal WHERE rdv_id = :r AND action = 'rdv.lu'", r=rdv)
        assert '"par": "code"' in trace

    @pytest.mark.parametrize(
        "usager",
        [{"nom_naissance": "Dupont"}, {"nature": "professionnel", "raison_sociale": "Dupont", "civilite": None}],
        ids=["naissance", "raison sociale"],
    )
    async def test_the_name_of_birth_and_the_company_are_names_too(self, journee: Journee, usager: Any) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service, usager=usager)
        async with externe(journee, service) as client:
            assert (await client.post(URL, data={"code": code, "nom": "DUPONT"})).status_code == 200

    async def test_the_letters_taken_for_digits_are_read(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, _ = await rdv_de(journee, service)
        await execute(journee, "UPDATE rendez_vous SET code = 'OIOIAB' WHERE id = :r", r=rdv)
        async with externe(journee, service) as client:
            assert (await client.post(URL, data={"code": "0101ab", "nom": "Éluard-Valentin"})).status_code == 200

    async def test_a_cancelled_one_says_nothing_to_bring_nor_where_to_go(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        _, annule = await rdv_de(journee, service, heure="09:20", etat="annule")
        async with externe(journee, service) as client:
            avant = texte((await client.post(URL, data={"code": code, "nom": "Éluard-Valentin"})).text)
            page = await client.post(URL, data={"code": annule, "nom": "Éluard-Valentin"})
        assert page.status_code == 200
        for dit_avant in ("Documents à apporter", "Où se rendre", "Au guichet du service"):
            assert dit_avant in avant
            assert dit_avant not in texte(page.text)
        assert "Ce rendez-vous est annulé" in texte(page.text)

    async def test_who_holds_the_agenda_is_led_to_the_fiche(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service, "agent") as client:
            page = await client.post(URL, data={"code": code, "nom": "Éluard-Valentin"})
        assert f'href="/rendez-vous/{rdv}"' in page.text


class TestRefus:
    """« Else 404 », journaled; nothing tells what was wrong."""

    async def test_whatever_is_wrong_the_answer_is_the_same(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        annule, ancien = await rdv_de(journee, service, heure="09:20", etat="annule")
        passe, fini = await rdv_de(journee, service, heure="09:40")
        await execute(journee, "UPDATE rendez_vous SET annule_a = annule_a - interval '3 days' WHERE id = :r", r=annule)
        await execute(
            journee,
            "UPDATE rendez_vous SET debut = debut - interval '9 days', fin = fin - interval '9 days',"
            " jour = jour - 9 WHERE id = :r",
            r=passe,
        )
        essais = [
            ("AAAAAA", "Éluard-Valentin"),
            (code, "Valentin"),
            (code, "Justine"),
            (code, "%"),
            (ancien, "Éluard-Valentin"),
            (fini, "Éluard-Valentin"),
            ("<b>", "Éluard-Valentin"),
            ("😀" * 6, "\u202e"),
        ]
        async with externe(journee, service) as client:
            reponses = [await client.post(URL, data={"code": c, "nom": n}) for c, n in essais]
        assert {r.status_code for r in reponses} == {404}
        # The token of a form is never twice the same.
        sans_jeton = [re.sub(r'(?<=")[0-9a-f]{56}(?=")', "", r.text) for r in reponses]
        sans_saisie = {re.sub(r'(name="(?:code|nom)"[^>]*value=")[^"]*"', r'\1"', texte) for texte in sans_jeton}
        sans_saisie = {re.sub(r'content="\d{4}-[^"]+"', "", page) for page in sans_saisie}
        assert len(sans_saisie) == 1
        assert "Aucun rendez-vous ne correspond à ce code et à ce nom" in sans_saisie.pop()

    async def test_each_try_leaves_a_line_that_names_nobody(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            await client.post(URL, data={"code": code, "nom": "Personne-Ici"})
        apres = await journee.scalar("SELECT apres::text FROM journal ORDER BY id DESC LIMIT 1")
        assert print_critere(journee.outils.settings, "code", code) in apres
        assert code not in apres
        assert "Personne" not in apres

    async def test_it_takes_the_same_time(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        durees: dict[str, list[float]] = {code: [], "AAAAAA": []}
        for _ in range(15):
            for essai, liste in durees.items():
                await execute(journee, "DELETE FROM tentative")
                depart = time.perf_counter()
                with pytest.raises(AccesRefuse):
                    await prove(journee.outils, essai, "Autre", auteur, clock.now(), action="lire")
                liste.append(time.perf_counter() - depart)
        bon, faux = (statistics.median(liste) for liste in durees.values())
        assert abs(bon - faux) < 0.5 * max(bon, faux)

    @pytest.mark.parametrize("champ", ["code", "nom"])
    async def test_a_word_left_empty_is_said(self, journee: Journee, champ: str) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await client.post(URL, data={"code": code, "nom": "X", champ: "  "})
        assert page.status_code == 422
        assert "Saisissez le" in texte(page.text)

    async def test_pilotage_alone_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with externe(journee, service, "pilote") as client:
            assert (await client.get(URL)).status_code == 403
            assert (await client.post(URL, data={"code": "AAAAAA", "nom": "X"})).status_code == 403

    @pytest.mark.parametrize("chemin", ["annuler", "deplacer"])
    async def test_the_address_of_an_act_reloaded_asks_both_words_again(self, journee: Journee, chemin: str) -> None:
        service = await service_ordinaire(journee)
        async with externe(journee, service) as client:
            reponse = await client.get(f"{URL}/{chemin}")
        assert (reponse.status_code, reponse.headers["location"]) == (303, URL)


class TestEssais:
    """Guessing is stopped where it comes from; who is right goes on."""

    async def test_wrong_pairs_are_limited_for_the_one_who_guesses(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        juste = {"code": code, "nom": "Éluard-Valentin"}
        async with externe(journee, service) as client, externe(journee, service, "national") as autre:
            for rang in range(PAR_AGENT):
                assert (await client.post(URL, data={"code": "AAAAAA", "nom": f"Nom{rang}"})).status_code == 404
            refus = await client.post(URL, data=juste)
            assert refus.status_code == 429
            assert int(refus.headers["retry-after"]) <= 300
            assert (await autre.post(URL, data=juste)).status_code == 200, "behind the same address"
        lignes = await journee.scalar("SELECT count(*) FROM journal WHERE action = 'rdv.essais_refuses'")
        assert lignes == 1

    async def test_right_ones_never_count_and_forget_nothing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        auteur = Auteur("agent", agent_id=service.agents["exterieur"], adresse="127.0.0.1")
        juste = (code, "Éluard-Valentin")
        for _ in range(3 * PAR_AGENT):
            assert (await prove(journee.outils, *juste, auteur, clock.now(), action="lire")).rdv["code"] == code
        for _ in range(PAR_AGENT):  # one right between two guesses does not give the guesses back
            with pytest.raises(AccesRefuse):
                await prove(journee.outils, code, "Autre", auteur, clock.now(), action="lire")
            if _ < PAR_AGENT - 1:
                await prove(journee.outils, *juste, auteur, clock.now(), action="lire")
        with pytest.raises(TropDeDemandes):
            await prove(journee.outils, code, "Autre", auteur, clock.now(), action="lire")


class TestAnnuler:
    """« Annulation du RDV : OUI »: once proved again, with a reason."""

    async def test_it_is_cancelled_with_its_reason(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        dit = {"code": code, "nom": "Éluard-Valentin"}
        async with externe(journee, service) as client:
            page = await client.post(f"{URL}/annuler", data=dit)
            assert "Une annulation est irréversible" in texte(page.text)
            envoi = {**champs(page.text, f"{URL}/annuler"), "faire": "confirmer"}
            vide = await client.post(f"{URL}/annuler", data=envoi)
            assert vide.status_code == 422
            fait = await client.post(f"{URL}/annuler", data={**envoi, "raison": "Réglé au téléphone"})
        assert fait.status_code == 200
        assert "Rendez-vous annulé" in texte(fait.text)
        ligne = await journee.scalar(
            "SELECT etat || ' ' || annule_raison || ' ' || annule_par_agent FROM rendez_vous WHERE id = :r", r=rdv
        )
        assert ligne == f"annule Réglé au téléphone {service.agents['exterieur']}"

    @pytest.mark.parametrize("faux", ["code", "nom"])
    async def test_each_act_proves_again(self, journee: Journee, faux: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        dit = {"code": code, "nom": "Éluard-Valentin", "revision": "1", "raison": "x", "faire": "confirmer"}
        async with externe(journee, service) as client:
            for chemin in ("annuler", "deplacer"):
                envoi = {**dit, faux: "AAAAAA"}
                if chemin == "deplacer":
                    envoi.pop("raison")
                assert (await client.post(f"{URL}/{chemin}", data=envoi)).status_code == 404
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    async def test_a_stale_page_shows_the_rdv_as_it_is(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        await execute(journee, "UPDATE rendez_vous SET revision = 7 WHERE id = :r", r=rdv)
        dit = {"code": code, "nom": "Éluard-Valentin", "revision": "1", "raison": "x", "faire": "confirmer"}
        async with externe(journee, service) as client:
            page = await client.post(f"{URL}/annuler", data=dit)
        assert page.status_code == 409
        assert "La situation a changé" in texte(page.text)

    @pytest.mark.parametrize("chemin", ["annuler", "deplacer"])
    @pytest.mark.parametrize("champ", ["duree", "guichet", "acquittees"])
    async def test_nothing_is_forced(self, journee: Journee, chemin: str, champ: str) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            dit = {"code": code, "nom": "Éluard-Valentin", champ: "40"}
            assert (await client.post(f"{URL}/{chemin}", data=dit)).status_code == 403


class TestDeplacer:
    """« Initial motif, and motifs of open guichets bookable by externals », offered créneaux only."""

    async def open(self, client: httpx.AsyncClient, code: str, **choix: str) -> httpx.Response:
        return await client.post(f"{URL}/deplacer", data={"code": code, "nom": "Éluard-Valentin", **choix})

    async def move(self, client: httpx.AsyncClient, page: str, debut: str, **plus: str) -> httpx.Response:
        """Tick that hour on the page and press « Déplacer à cet horaire »; ``plus``: what was chosen meanwhile."""
        return await client.post(
            f"{URL}/deplacer", data={**affiche(page), "debut": debut, "faire": "confirmer", **plus}
        )

    async def test_it_moves_to_an_offered_creneau_and_keeps_its_code(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await self.open(client, code, jour=VENDREDI.isoformat())
            debut = horaires(page.text)[0]
            assert debut.startswith(VENDREDI.isoformat())
            fait = await self.move(client, page.text, debut)
        assert fait.status_code == 200
        assert "Rendez-vous déplacé" in texte(fait.text)
        assert code in fait.text
        assert await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv) == datetime.fromisoformat(
            debut
        )
        assert await journee.scalar("SELECT canal FROM rendez_vous WHERE id = :r", r=rdv) == "rattache"

    async def test_the_hour_where_it_is_already_is_offered_only_with_another_motif_or_type(
        self, journee: Journee
    ) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        sien = "2026-11-26T09:00:00+01:00"
        async with externe(journee, service) as client:
            offerts = horaires((await self.open(client, code, jour=JEUDI.isoformat())).text)
            par_telephone = await self.open(client, code, jour=JEUDI.isoformat(), type="telephone")
        assert "2026-11-26T09:20:00+01:00" in offerts
        assert sien not in offerts
        assert sien in horaires(par_telephone.text)

    async def test_an_hour_of_another_day_than_the_one_chosen_moves_nothing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        avant = await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv)
        lundi = "2026-11-30"
        async with externe(journee, service) as client:
            page = await self.open(client, code, jour=VENDREDI.isoformat())
            refus = await self.move(client, page.text, horaires(page.text)[0], jour=lundi)
            assert refus.status_code == 422
            dit = texte(refus.text)
            assert "L’horaire coché est du vendredi 27 novembre et le jour choisi est le lundi 30 novembre." in dit
            assert await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv) == avant
            assert affiche(refus.text)["jour"] == lundi
            offerts = horaires(refus.text)
            assert offerts
            assert all(debut.startswith(lundi) for debut in offerts)
            assert (await self.move(client, refus.text, offerts[0])).status_code == 200
        assert await journee.scalar("SELECT jour::text FROM rendez_vous WHERE id = :r", r=rdv) == lundi

    async def test_what_is_chosen_above_hours_already_shown_is_what_is_moved(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        deces = service.motifs[1]
        await change(
            journee,
            service,
            "UPDATE motif_service SET duree_minutes = 40 WHERE service_id = :s AND motif_id = :m",
            s=service.id,
            m=deces,
        )
        async with externe(journee, service) as client:
            page = await self.open(client, code, jour=VENDREDI.isoformat())
            fait = await self.move(client, page.text, horaires(page.text)[0], motif=str(deces), type="telephone")
        assert fait.status_code == 200
        lu = await journee.scalar(
            "SELECT motif_id || ' ' || type_rdv || ' ' || extract(epoch FROM fin - debut)::int / 60"
            " FROM rendez_vous WHERE id = :r",
            r=rdv,
        )
        assert lu == f"{deces} telephone 40"

    async def test_motifs_are_offered_under_their_branches(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service, motif_id=service.motifs[1])
        async with externe(journee, service) as client:
            page = await self.open(client, code)
        motifs = re.search(r'name="motif".*?</select>', page.text, re.DOTALL)
        assert motifs
        assert re.findall(r'<option value="(\d+)"', motifs[0]) == [str(m) for m in service.motifs[:2]]
        assert "(motif actuel)" in re.findall(rf'value="{service.motifs[1]}" selected>([^<]+)<', motifs[0])[0]

    async def test_its_own_motif_is_kept_whatever_is_open_and_others_must_be_offered(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        await change(
            journee, service, "UPDATE motif_service SET ouvert = FALSE WHERE motif_id = :m", m=service.motifs[0]
        )
        async with externe(journee, service) as client:
            page = await self.open(client, code)
            assert re.findall(r'<option value="(\d+)"', page.text)[:2] == [str(m) for m in service.motifs[:2]]
            assert str(service.motifs[2]) not in re.findall(r'<option value="(\d+)"', page.text)
            debut = horaires(page.text)[-1]
            refus = await self.move(client, page.text, debut, motif=str(service.motifs[2]))
            assert refus.status_code == 422
            autre = await self.move(client, page.text, debut, motif=str(service.motifs[1]))
            assert autre.status_code == 200
        assert await journee.scalar("SELECT motif_id FROM rendez_vous WHERE id = :r", r=rdv) == service.motifs[1]

    @pytest.mark.parametrize(
        "debut",
        ["2026-11-25T09:00:00+01:00", "2026-12-24T09:00:00+01:00", "2026-11-27T08:07:00+01:00", "demain"],
        ids=["delai", "horizon", "grille", "texte"],
    )
    async def test_nothing_outside_the_external_rules(self, journee: Journee, debut: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        avant = await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv)
        async with externe(journee, service) as client:
            page = await self.open(client, code)
            refus = await self.move(client, page.text, debut, jour=debut[:10])
        assert refus.status_code == 422
        assert "L’horaire coché est du" not in texte(refus.text)
        assert await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv) == avant

    async def test_the_duration_that_was_decided_for_it_is_kept(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service, duree=40, acquittees=frozenset({"duree_modifiee"}))
        async with externe(journee, service) as client:
            page = await self.open(client, code, jour=VENDREDI.isoformat())
            assert "40 minutes" in texte(page.text)
            assert (await self.move(client, page.text, horaires(page.text)[1])).status_code == 200
        assert (
            await journee.scalar("SELECT extract(epoch FROM fin - debut) / 60 FROM rendez_vous WHERE id = :r", r=rdv)
            == 40
        )

    async def test_a_service_closed_to_externals_moves_nothing_and_may_still_be_cancelled(
        self, journee: Journee
    ) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        await change(journee, service, "UPDATE guichet SET canaux = '{rattache}' WHERE service_id = :s", s=service.id)
        async with externe(journee, service) as client:
            page = await self.open(client, code)
            assert "ne peut pas être déplacé ici" in texte(page.text)
            dit = {"code": code, "nom": "Éluard-Valentin"}
            annuler = champs((await client.post(f"{URL}/annuler", data=dit)).text, f"{URL}/annuler")
            fait = await client.post(f"{URL}/annuler", data={**annuler, "raison": "x", "faire": "confirmer"})
        assert fait.status_code == 200

    async def test_a_creneau_just_taken_is_said_with_the_nearest_ones(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        _, code = await rdv_de(journee, service)
        async with externe(journee, service) as client:
            page = await self.open(client, code, jour=VENDREDI.isoformat())
            debut = horaires(page.text)[0]
            await journee.book(service, debut[11:16], "Rival", jour=VENDREDI)
            perdu = await self.move(client, page.text, debut)
            assert perdu.status_code == 409
            assert "Le rendez-vous n’a pas bougé" in texte(perdu.text)
            proche = champs(perdu.text, f"{URL}/deplacer")
            autre = re.findall(r'form="proche" name="debut" value="([^"]+)"', perdu.text)[0]
            fait = await client.post(f"{URL}/deplacer", data={**proche, "debut": autre})
        assert fait.status_code == 200


class TestTitre:
    """The use cases themselves: the title restricts the statement that locks."""

    async def test_presence_is_not_for_who_has_a_code(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        titre = ParCode(code, "Éluard-Valentin", clock.now())
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        for action in (Action.MARQUER_ARRIVEE, Action.APPELER, Action.MARQUER_NON_VENU):
            with pytest.raises(Introuvable):
                await act(journee.outils, rdv, action, auteur, clock.now(), titre=titre)

    @pytest.mark.parametrize("nom", ["", " ", "Autre", "Éluard"], ids=["vide", "espace", "autre", "partie"])
    async def test_another_name_reaches_nothing(self, journee: Journee, nom: str) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        titre = ParCode(code, nom, clock.now())
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        with pytest.raises(Introuvable):
            await act(journee.outils, rdv, Action.ANNULER, auteur, clock.now(), raison="x", titre=titre)
        with pytest.raises(Introuvable):
            cible = Cible(epoch_minute("10:00", jour=VENDREDI))
            await move(journee.outils, rdv, cible, auteur, clock.now(), titre=titre)

    async def test_a_code_reaches_its_own_rdv_alone(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, code = await rdv_de(journee, service)
        autre, _ = await rdv_de(journee, service, heure="10:00")
        titre = ParCode(code, "Éluard-Valentin", clock.now())
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        with pytest.raises(Introuvable):
            await act(journee.outils, autre, Action.ANNULER, auteur, clock.now(), raison="x", titre=titre)

    async def test_an_anonymised_rdv_has_no_name_to_give(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, code = await rdv_de(journee, service)
        await execute(journee, "UPDATE rdv_usager SET nom_usage = '', nom_naissance = '' WHERE rdv_id = :r", r=rdv)
        auteur = Auteur("agent", agent_id=service.agents["exterieur"])
        for nom in ("", "-"):
            with pytest.raises(AccesRefuse):
                await prove(journee.outils, code, nom, auteur, clock.now(), action="lire")
