"""The contre-appel, the suite and the fiche de visite over HTTP [A1 §3.2, §4]."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import text

from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, service_ordinaire, texte
from tests.booking.agents.test_fiche import lire
from tests.fixtures.donnees import MondeService

APPEL = {"revision": "1", "jour": JOUR.isoformat(), "resultat": "sans_reponse", "commentaire": "Pas de répondeur"}
REGLE = {**APPEL, "resultat": "regle", "offert": "1", "annuler": "oui", "confirmer": "oui"}


async def post(
    journee: Journee,
    service: MondeService,
    chemin: str,
    champs: dict[str, str],
    *,
    agent: str = "agent",
    json: bool = False,
) -> Any:
    async with journee.client(service.agents[agent]) as client:
        return await client.post(chemin, data=champs, headers={"accept": "application/json"} if json else {})


async def call(journee: Journee, service: MondeService, rdv: int, **plus: Any) -> Any:
    champs = {**plus.pop("base", APPEL), **plus.pop("champs", {})}
    return await post(journee, service, f"/rendez-vous/{rdv}/contre-appel", champs, **plus)


def erreurs(page: str) -> list[str]:
    """The fields that the summary leads to."""
    return re.findall(r'<li><a href="#champ-(\w+)"', page)


class TestFormulaire:
    """Annexe 1 §3.2, « Enregistrement d'un contre-appel »."""

    async def test_what_the_call_needs_is_at_hand(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        usager = personne(telephones=("+33612345678", "+14155552671"), preference_appel="matin")
        rdv = await journee.book(service, "08:40", jour=DEMAIN, usager=usager)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/contre-appel")).text
        assert 'href="tel:+33612345678"' in page
        assert 'href="tel:+14155552671"' in page
        lu = texte(page)
        for attendu in (
            "Informations du RDV n° FI",
            "MERVILLE Justine",
            "de préférence le matin",
            "Question sur mon avis",
        ):
            assert attendu in lu, attendu
        assert f'value="{JOUR}"' in page
        assert f'max="{JOUR}"' in page
        assert 'min="2026-11-20"' in page
        assert "une opération irréversible" in lu
        champs = re.findall(r'name="(\w+)"', page)
        assert {"jour", "resultat", "annuler", "confirmer", "commentaire", "revision"} <= set(champs)
        assert not re.search(r'name="(?:annuler|confirmer|resultat)"[^>]*checked', page)

    async def test_the_fragment_is_the_region_of_the_page(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", "O'Hara <b>", jour=DEMAIN)
        await call(journee, service, rdv, champs={"commentaire": "<script>alert(1)</script>"})
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/contre-appel")).text
        fragment = (await lire(journee, service, f"/rendez-vous/{rdv}/contre-appel/fragment")).text.strip()
        assert fragment in page
        assert "_csrf" not in fragment
        assert "<script>alert" not in page

    async def test_it_is_kept_on_the_fiche_and_in_its_story(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        reponse = await call(journee, service, rdv)
        assert (reponse.status_code, reponse.headers["location"]) == (303, f"/rendez-vous/{rdv}")
        lu = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        assert "Sans réponse Appelé lundi 23 novembre à 10:05 par Agent" in lu
        assert "Pas de répondeur" in lu
        assert "23/11/2026 à 10:05 – Contre-appel : sans réponse, par Agent" in lu

    async def test_settled_it_cancels_and_goes_back_to_the_list(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        retour = "/agent/a-rappeler?jours=5"
        reponse = await call(journee, service, rdv, base={**REGLE, "retour": retour})
        assert reponse.headers["location"] == f"{retour}&fait=annule"
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "annule"
        assert "sa place est rendue" in (await lire(journee, service, reponse.headers["location"])).text
        lu = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        assert "Contre-appel : réglé par téléphone – rendez-vous annulé" in lu

    async def test_a_script_is_answered_in_json(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        corps = (await call(journee, service, rdv, json=True)).json()
        assert (corps["etat"], corps["revision"]) == ("prevu", 2)


class TestRefus:
    """Errors beside their fields, nothing typed is lost, nothing written."""

    @pytest.mark.parametrize(
        ("champs", "fautifs"),
        [
            ({"resultat": "", "commentaire": ""}, ["resultat", "commentaire"]),
            ({"jour": "31/02/2026"}, ["jour"]),
            ({"jour": "2026-11-24"}, ["jour"]),
            ({"jour": "2026-11-19"}, ["jour"]),
            ({"resultat": "regle", "offert": "1"}, ["annuler"]),
            ({"resultat": "regle", "offert": "1", "annuler": "oui"}, ["confirmer"]),
            ({"offert": "1", "annuler": "oui", "confirmer": "oui"}, ["annuler"]),
        ],
        ids=["rien", "date", "futur", "avant la prise", "sans choix", "sans confirmation", "pas regle"],
    )
    async def test_each_field_has_its_sentence(
        self, journee: Journee, champs: dict[str, str], fautifs: list[str]
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        reponse = await call(journee, service, rdv, champs={"commentaire": "Tapé longuement", **champs})
        assert reponse.status_code == 422
        assert erreurs(reponse.text) == fautifs
        assert champs.get("commentaire", "Tapé longuement") in reponse.text
        assert await journee.scalar("SELECT count(*) FROM contre_appel WHERE rdv_id = :r", r=rdv) == 0

    async def test_an_unknown_field_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        assert (await call(journee, service, rdv, champs={"etat": "annule"})).status_code == 422

    async def test_called_meanwhile_by_somebody_else_it_says_by_whom_and_keeps_what_was_typed(
        self, journee: Journee
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await call(journee, service, rdv, agent="box")
        reponse = await call(journee, service, rdv, champs={"commentaire": "Mon appel à moi"})
        assert reponse.status_code == 409
        lu = texte(reponse.text)
        assert "Déjà appelé lundi 23 novembre à 10:05 par Box" in lu
        assert "Mon appel à moi" in lu
        assert 'name="revision" value="2"' in reponse.text

    @pytest.mark.parametrize("etat", ["annule", "passe"])
    async def test_too_late_the_page_says_why_and_has_no_form(self, journee: Journee, etat: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN, etat="annule" if etat == "annule" else "prevu")
        if etat == "passe":
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(
                    text(
                        "UPDATE rendez_vous SET jour = jour - 7, debut = debut - interval '7 days',"
                        " fin = fin - interval '7 days' WHERE id = :r"
                    ),
                    {"r": rdv},
                )
        page = await lire(journee, service, f"/rendez-vous/{rdv}/contre-appel")
        assert page.status_code == 200
        assert ("est annulé" if etat == "annule" else "est passé") in texte(page.text)
        assert "contre-appel-form" not in page.text
        refus = await call(journee, service, rdv, champs={"revision": "2" if etat == "annule" else "1"})
        assert refus.status_code == 409
        assert ("est annulé" if etat == "annule" else "est passé") in texte(refus.text)


class TestDroits:
    """[A1, summary table]"""

    PAGES = ("contre-appel", "contre-appel/fragment", "suite", "fiche-visite")

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    @pytest.mark.parametrize("page", PAGES)
    async def test_out_of_the_zone_it_does_not_exist(self, journee: Journee, qui: str, page: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        assert (await lire(journee, service, f"/rendez-vous/{rdv}/{page}", qui)).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r"
        assert await journee.scalar(refus, r=rdv) == 1

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    @pytest.mark.parametrize("acte", ["contre-appel", "suite"])
    async def test_nor_can_it_be_written(self, journee: Journee, qui: str, acte: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        champs = APPEL if acte == "contre-appel" else {"revision": "1", "nature": "sans_suite"}
        reponse = await post(journee, service, f"/rendez-vous/{rdv}/{acte}", champs, agent=qui)
        assert reponse.status_code == 404
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r"
        assert await journee.scalar(refus, r=rdv) == 1

    async def test_the_service_that_entrusted_it_calls_and_leaves_the_suite_to_who_receives(
        self, journee: Journee
    ) -> None:
        service, confiant = await service_ordinaire(journee), await service_ordinaire(journee)
        delegation = await entrust(journee, confiant, service)
        rdv = await book_for(journee, confiant, service, delegation, "11:00", "Confiee", outils=journee.outils)
        page = texte((await lire(journee, confiant, f"/rendez-vous/{rdv}/contre-appel")).text)
        assert "Enregistrer le contre-appel" in page
        assert (await call(journee, confiant, rdv)).status_code == 303
        assert "c’est lui qui note la suite" in texte((await lire(journee, confiant, f"/rendez-vous/{rdv}/suite")).text)


class TestSuite:
    """Annexe 1 §4."""

    async def test_it_is_noted_and_shown_on_the_fiche(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "10:00", etat="recu")
        revision = str(await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv))
        champs = {"revision": revision, "nature": "demarche", "reference": "EC-2026-1", "note": "Relancer jeudi"}
        reponse = await post(journee, service, f"/rendez-vous/{rdv}/suite", champs)
        assert reponse.headers["location"] == f"/rendez-vous/{rdv}"
        lu = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        assert "Démarche ouverte , référence EC-2026-1" in lu
        assert "Relancer jeudi" in lu
        assert "Suite donnée : démarche ouverte" in lu

    async def test_a_refusal_keeps_what_was_typed(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "10:00", etat="recu")
        champs = {"revision": "4", "nature": "demarche", "reference": "", "note": "Longue note"}
        reponse = await post(journee, service, f"/rendez-vous/{rdv}/suite", champs)
        assert (reponse.status_code, erreurs(reponse.text)) == (422, ["reference"])
        assert "Longue note" in reponse.text

    async def test_nobody_came_the_page_says_so(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        assert "n’a pas commencé" in texte((await lire(journee, service, f"/rendez-vous/{rdv}/suite")).text)


class TestFicheDeVisite:
    """Annexe 1 §4: what the usager takes away."""

    async def test_it_says_what_was_asked_and_what_follows_and_nothing_written_for_agents(
        self, journee: Journee
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "10:00", note_interne="NOTE INTERNE", etat="recu")
        revision = str(await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv))
        champs = {"revision": revision, "nature": "fiche_visite", "reference": "EC-77", "note": "NOTE DE SUITE"}
        reponse = await post(journee, service, f"/rendez-vous/{rdv}/suite", champs)
        assert reponse.headers["location"] == f"/rendez-vous/{rdv}/fiche-visite"
        page = (await lire(journee, service, reponse.headers["location"])).text
        lu = texte(page)
        for attendu in (
            "lundi 23 novembre 2026",
            "Déclaration et calcul de l'impôt sur le revenu",
            "Question sur mon avis",
            "EC-77",
            "Votre demande a été enregistrée",
            "19 rue Camille Baynac",
        ):
            assert attendu in lu, attendu
        for interdit in ("NOTE INTERNE", "NOTE DE SUITE", "Pas de répondeur"):
            assert interdit not in page
        lectures = (
            "SELECT count(*) FROM journal WHERE action = 'rdv.lu' AND rdv_id = :r AND apres->>'ecran' = 'fiche-visite'"
        )
        assert await journee.scalar(lectures, r=rdv) == 1

    async def test_nobody_came_there_is_nothing_to_print(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        page = await lire(journee, service, f"/rendez-vous/{rdv}/fiche-visite")
        assert "n’a pas commencé" in texte(page.text)
        assert "Votre demande" not in page.text
