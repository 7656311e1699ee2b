"""The fiche of a RDV and its one-click changes, over HTTP [A1 §3.2 « Annoter un RDV arrivé »]."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.accueil.monde import Journee, personne
from tests.booking.agents.outillage import DEMAIN, service_ordinaire, texte
from tests.fixtures.donnees import MondeService, build_agent

REGION = re.compile(r'<section id="fiche".*?</section>\s*</div>\s*</section>', re.S)


async def lire(journee: Journee, service: MondeService, chemin: str, agent: str = "agent") -> Any:
    """A page, as one of the service's people."""
    async with journee.client(service.agents[agent]) as client:
        return await client.get(chemin)


async def agir(
    journee: Journee,
    service: MondeService,
    rdv: int,
    acte: str,
    *,
    agent: str = "agent",
    json: bool = True,
    champs: dict[str, str] | None = None,
    **plus: str,
) -> Any:
    """Press a button: by script (JSON), or as a plain form."""
    entetes = {"accept": "application/json, text/html;q=0.9"} if json else {}
    async with journee.client(service.agents[agent]) as client:
        return await client.post(f"/rendez-vous/{rdv}/{acte}", data={**(champs or {}), **plus}, headers=entetes)


def boutons(page: str) -> list[str]:
    """What the buttons of the fiche would post to."""
    return re.findall(r'formaction="/rendez-vous/\d+/([\w/]+)', page)


class TestFiche:
    """Everything known, and the story in words."""

    async def test_it_says_all_that_is_known(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, visio_base="https://visio.test/salle")
        usager = personne(
            "Valenton",
            "Philippe",
            nom_naissance="Pericol",
            numero_fiscal="3023217600053",
            courriel="philippe@usagers.test",
            preference_appel="matin",
            telephones=("+33612345678", "+14155552671"),
        )
        rdv = await journee.book(
            service, "12:20", jour=DEMAIN, usager=usager, type_rdv="visio", note_interne="Dossier 12",
            acquittees=frozenset({"hors_plage"}),
        )  # fmt: skip
        lu = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        for attendu in (
            "VALENTON Philippe",
            f"Code {code}",
            "mardi 24 novembre 2026",
            "12:20 – 12:40 (20 min)",
            "Guichet 1",
            "En visio",
            "Déclaration et calcul de l'impôt sur le revenu",
            "Pris par un agent du service",
            "Téléphone 2 +1 415-555-2671",
            "06 12 34 56 78",
            "philippe@usagers.test",
            "le matin",
            "Pericol",
            "30 23 217 600 053",
            "Dossier 12",
            "Question sur mon avis",
            "Pièce d'identité",
            "en dehors des plages d’ouverture",
            "Rendez-vous pris pour le mardi 24 novembre à 12:20, Guichet 1, par Agent",
        ):
            assert attendu in lu, attendu

    async def test_opening_it_is_journaled_and_refreshing_it_is_not(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        await lire(journee, service, f"/rendez-vous/{rdv}")
        await lire(journee, service, f"/rendez-vous/{rdv}/fragment")
        lectures = await journee.scalar(
            "SELECT count(*) FROM journal"
            " WHERE action = 'rdv.lu' AND rdv_id = :r AND agent_id = :a AND service_id = :s",
            r=rdv,
            a=service.agents["agent"],
            s=service.id,
        )
        assert lectures == 1

    async def test_the_fragment_is_the_region_of_the_page(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", "O'Hara <b>", etat="arrive")
        page = (await lire(journee, service, f"/rendez-vous/{rdv}")).text
        fragment = (await lire(journee, service, f"/rendez-vous/{rdv}/fragment")).text.strip()
        assert fragment.startswith('<section id="fiche"')
        assert fragment in page
        assert "_csrf" not in fragment
        assert "<b>'" not in fragment

    async def test_another_services_rdv_an_unknown_one_and_a_hold_are_the_same_404_journaled(
        self, journee: Journee
    ) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await journee.book(ailleurs, "11:00")
        for suite in ("", "/fragment", "/annuler"):
            assert (await lire(journee, ici, f"/rendez-vous/{rdv}{suite}")).status_code == 404
        assert (await lire(journee, ici, "/rendez-vous/987654321")).status_code == 404
        assert (await lire(journee, ici, f"/rendez-vous/{2**70}")).status_code == 404
        assert (await lire(journee, ailleurs, f"/rendez-vous/{rdv}", "exterieur")).status_code == 404
        refus = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r", r=rdv
        )
        assert refus == 4

    @pytest.mark.parametrize(
        ("etat", "attendus"),
        [
            ("prevu", ["arrivee", "absence"]),
            ("arrive", ["appel", "reception", "arrivee/annulation"]),
            ("appele", ["reception", "fin", "absence", "arrivee/annulation"]),
            ("recu", ["fin"]),
            ("termine", []),
            ("non_honore", ["arrivee"]),
            ("annule", []),
        ],
    )
    async def test_the_actions_are_those_that_the_state_allows(
        self, journee: Journee, etat: str, attendus: list[str]
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat=etat)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}")).text
        assert boutons(page) == attendus
        assert (f'href="/rendez-vous/{rdv}/annuler"' in page) is (etat in ("prevu", "arrive", "appele"))

    async def test_presence_is_for_the_day_itself_and_frozen_afterwards(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        demain = await journee.book(service, "11:00", jour=DEMAIN)
        assert boutons((await lire(journee, service, f"/rendez-vous/{demain}")).text) == []
        refus = await agir(journee, service, demain, "arrivee")
        assert refus.status_code == 409
        assert "le jour même" in refus.json()["detail"]
        async with journee.outils.db.engine.begin() as conn:
            await conn.exec_driver_sql(
                "UPDATE rendez_vous SET jour = jour - 4, debut = debut - interval '4 days',"
                f" fin = fin - interval '4 days' WHERE id = {demain}"
            )
        assert "/annuler" not in (await lire(journee, service, f"/rendez-vous/{demain}")).text
        assert "figée" in (await agir(journee, service, demain, "arrivee")).json()["detail"]


class TestActes:
    """One click, one change; twice the same click, one change."""

    async def test_a_whole_visit_by_script(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        for rang, (acte, etat) in enumerate(
            (("arrivee", "arrive"), ("arrivee/annulation", "prevu"), ("arrivee", "arrive"), ("appel", "appele"),
             ("reception", "recu"), ("fin", "termine")), start=2
        ):  # fmt: skip
            reponse = await agir(journee, service, rdv, acte)
            assert reponse.status_code == 200
            assert reponse.json()["etat"] == etat
            assert reponse.json()["revision"] == rang
            assert reponse.json()["message"]
        lu = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        assert lu.index("Arrivée enregistrée") < lu.index("Arrivée annulée") < lu.index("Entretien terminé, par Agent")

    async def test_pressed_twice_it_changes_once(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        premiere, seconde = [(await agir(journee, service, rdv, "arrivee")).json() for _ in range(2)]
        assert premiere == seconde
        assert (
            await journee.scalar("SELECT count(*) FROM journal WHERE action = 'rdv.arrive' AND rdv_id = :r", r=rdv) == 1
        )

    async def test_without_script_it_goes_back_where_the_agent_was(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        retour = await agir(journee, service, rdv, "arrivee", json=False, retour=f"/rendez-vous/{rdv}")
        assert (retour.status_code, retour.headers["location"]) == (303, f"/rendez-vous/{rdv}")
        defaut = await agir(journee, service, rdv, "arrivee/annulation", json=False)
        assert defaut.headers["location"] == f"/services/{service.id}/agenda?jour=2026-11-23"

    @pytest.mark.parametrize(
        "retour",
        ["https://malin.test/", "//malin.test", "/\\malin.test", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1"],
    )
    async def test_it_never_goes_to_another_site(self, journee: Journee, retour: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        reponse = await agir(journee, service, rdv, "arrivee", json=False, retour=retour)
        assert reponse.headers["location"] == f"/services/{service.id}/agenda?jour=2026-11-23"

    @pytest.mark.parametrize("champ", ["statut", "service_id", "etat"])
    async def test_a_field_it_does_not_have_is_refused(self, journee: Journee, champ: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        reponse = await agir(journee, service, rdv, "arrivee", champs={champ: "annule"})
        assert reponse.status_code == 422
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    @pytest.mark.parametrize(
        "acte", ["arrivee", "arrivee/annulation", "appel", "reception", "fin", "absence", "annulation"]
    )
    async def test_another_services_rdv_is_a_404_journaled(self, journee: Journee, acte: str) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await journee.book(ailleurs, "11:00")
        champs = {"raison": "x", "revision": "1"} if acte == "annulation" else {}
        assert (await agir(journee, ici, rdv, acte, champs=champs)).status_code == 404
        assert (
            await journee.scalar(
                "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r", r=rdv
            )
            == 1
        )
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    async def test_who_manages_but_does_not_receive_sees_no_presence_button(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.outils.db.engine.begin() as conn:
            service.agents["siege"] = await build_agent(
                conn, f"siege-{service.id}", profil="admin_national", perimetre="nation", zone=[service.id]
            )
        rdv = await journee.book(service, "11:00")
        page = (await lire(journee, service, f"/rendez-vous/{rdv}", "siege")).text
        assert boutons(page) == []
        assert f"/rendez-vous/{rdv}/annuler" in page
        assert (await agir(journee, service, rdv, "arrivee", agent="siege")).status_code == 404

    async def test_a_get_changes_nothing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        for acte in ("arrivee", "annulation", "fin"):
            assert (await lire(journee, service, f"/rendez-vous/{rdv}/{acte}")).status_code == 405
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"


class TestAnnulation:
    """A reason, the revision that was seen, and no way back."""

    async def test_the_page_warns_and_the_post_cancels(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", usager=personne(courriel="annule@usagers.test"))
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/annuler")).text
        assert "irréversible" in texte(page)
        revision = re.search(r'name="revision" value="(\d+)"', page)
        assert revision is not None
        reponse = await agir(
            journee, service, rdv, "annulation", json=False, raison="Agent absent", revision=revision[1]
        )
        assert (reponse.status_code, reponse.headers["location"]) == (303, f"/rendez-vous/{rdv}?fait=annule")
        fiche = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        assert "Rendez-vous annulé Le 23/11/2026" in fiche
        assert "Raison : Agent absent" in fiche
        mails = await journee.scalar(
            "SELECT count(*) FROM courrier WHERE evenement = 'annulation' AND destinataire = 'annule@usagers.test'"
        )
        assert mails == 1

    async def test_of_two_who_cancel_the_second_is_not_told_that_he_did(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        premiere = await agir(journee, service, rdv, "annulation", json=False, raison="Souffrant", revision="1")
        reprise = await agir(journee, service, rdv, "annulation", json=False, raison="Souffrant", revision="1")
        assert premiere.headers["location"] == reprise.headers["location"] == f"/rendez-vous/{rdv}?fait=annule"
        async with journee.client(service.agents["chef"]) as client:
            seconde = await client.post(f"/rendez-vous/{rdv}/annulation", data={"raison": "Autre", "revision": "1"})
            fiche = texte((await client.get(seconde.headers["location"])).text)
        assert "était déjà annulé" in fiche
        assert "Votre raison n’a pas été enregistrée" in fiche
        assert "Raison : Souffrant" in fiche

    async def test_without_a_reason_it_is_refused_beside_the_field(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        reponse = await agir(journee, service, rdv, "annulation", json=False, raison="  ", revision="1")
        assert reponse.status_code == 422
        assert 'id="champ-raison-erreur"' in reponse.text
        par_script = await agir(journee, service, rdv, "annulation", raison="", revision="1")
        assert par_script.json()["champs"].keys() == {"raison"}

    async def test_a_stale_revision_shows_the_current_state(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        await journee.lead(service, rdv, "arrive")
        reponse = await agir(journee, service, rdv, "annulation", json=False, raison="Absence", revision="1")
        assert reponse.status_code == 409
        assert "La situation a changé" in texte(reponse.text)
        assert "État actuel : Arrivé" in texte(reponse.text)
        assert 'name="revision" value="2"' in reponse.text
        assert "Absence</textarea>" in reponse.text
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "arrive"

    @pytest.mark.parametrize("revision", ["", "un", "-1", "9" * 30])
    async def test_a_page_without_its_revision_cancels_nothing(self, journee: Journee, revision: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        reponse = await agir(journee, service, rdv, "annulation", raison="Absence", revision=revision)
        assert reponse.status_code == 422
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    @pytest.mark.parametrize("acte", ["arrivee", "appel", "reception", "fin", "absence", "arrivee/annulation"])
    async def test_nothing_brings_a_cancelled_rdv_back(self, journee: Journee, acte: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat="annule")
        reponse = await agir(journee, service, rdv, acte)
        assert reponse.status_code == 409
        assert "irréversible" in reponse.json()["detail"]
        assert reponse.json()["etat"] == "annule"

    async def test_cancelling_twice_is_done_once_and_the_page_leads_back_to_the_fiche(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat="annule")
        assert (await agir(journee, service, rdv, "annulation", raison="Encore", revision="1")).status_code == 200
        assert await journee.scalar("SELECT annule_raison FROM rendez_vous WHERE id = :r", r=rdv) == "empêchement"
        page = await lire(journee, service, f"/rendez-vous/{rdv}/annuler")
        assert (page.status_code, page.headers["location"]) == (303, f"/rendez-vous/{rdv}")

    async def test_a_freed_place_can_be_booked_again(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        await agir(journee, service, rdv, "annulation", raison="Absence", revision="1")
        assert await journee.book(service, "11:00", "Wayne") > rdv
