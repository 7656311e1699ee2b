"""Moving a RDV from its fiche, and the JSON that a drag in the agenda exchanges with the same address [A1 §3.2]."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.domain.rendez_vous import Action
from tests.accueil.monde import Journee, epoch_minute, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, change, close_guichet, service_ordinaire, texte
from tests.booking.agents.test_fiche import agir, lire
from tests.booking.agents.test_fiche_modifier import formulaire
from tests.fixtures.donnees import MondeService


async def place(journee: Journee, rdv: int) -> tuple[str, int, int]:
    """(local start, minutes, guichet) of the RDV."""
    lu = await journee.scalar(
        "SELECT to_char(debut AT TIME ZONE 'Europe/Paris', 'YYYY-MM-DD HH24:MI') || '|' ||"
        " extract(epoch FROM fin - debut)::int / 60 || '|' || guichet_id FROM rendez_vous WHERE id = :r",
        r=rdv,
    )
    debut, duree, guichet = lu.split("|")
    return debut, int(duree), int(guichet)


def glisser(service: MondeService, heure: str, guichet: int = 0, **plus: Any) -> dict[str, Any]:
    """What a drag posts: another hour of tomorrow."""
    return {
        "guichet": str(service.guichets[guichet]),
        "jour": DEMAIN.isoformat(),
        "du": heure,
        "revision": "1",
        "faire": "deplacer",
        **plus,
    }


class TestGlisser:
    """The contract of the agenda's drag."""

    async def test_it_moves_and_says_where(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        reponse = await agir(journee, service, rdv, "deplacer", champs=glisser(service, "10:05", 1))
        assert reponse.status_code == 200
        assert reponse.json() == {
            "message": "Rendez-vous déplacé au mardi 24 novembre à 10:05, Guichet 2"
            " ; l’usager ne reçoit ni courriel ni SMS : prévenez-le",
            "revision": 2,
            "suite": f"/rendez-vous/{rdv}",
        }
        assert await place(journee, rdv) == ("2026-11-24 10:05", 20, service.guichets[1])

    async def test_the_warnings_come_back_with_their_codes_then_it_is_forced(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        champs = glisser(service, "12:40", au="13:20")
        refus = await agir(journee, service, rdv, "deplacer", champs=champs)
        assert refus.status_code == 409
        codes = [alerte["code"] for alerte in refus.json()["alertes"]]
        assert sorted(codes) == ["duree_modifiee", "hors_plage"]
        assert all(alerte["phrase"] for alerte in refus.json()["alertes"])
        assert await place(journee, rdv) == ("2026-11-24 08:40", 20, service.guichets[0])
        encore = await agir(journee, service, rdv, "deplacer", champs=champs | {"acquittees": codes})
        assert encore.status_code == 200
        assert await place(journee, rdv) == ("2026-11-24 12:40", 40, service.guichets[0])

    async def test_a_place_taken_is_409_with_who_takes_it_and_alternatives(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await journee.book(service, "09:20", "Valenton", jour=DEMAIN)
        refus = await agir(journee, service, rdv, "deplacer", champs=glisser(service, "09:20"))
        assert refus.status_code == 409
        assert "déjà occupé de 09:20 à 09:40 (Madame VALENTON)" in refus.json()["detail"]
        assert refus.json()["alternatives"]

    async def test_it_never_stands_in_its_own_way(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        assert (await agir(journee, service, rdv, "deplacer", champs=glisser(service, "08:50"))).status_code == 200
        await journee.book(service, "09:10", "Valenton", jour=DEMAIN)
        champs = glisser(service, "08:55", revision="2")
        detail = (await agir(journee, service, rdv, "deplacer", champs=champs)).json()["detail"]
        assert "VALENTON" in detail
        assert "MERVILLE" not in detail

    async def test_a_stale_revision_is_409_with_the_present_state(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await agir(journee, service, rdv, "deplacer", champs=glisser(service, "10:00"))
        refus = await agir(journee, service, rdv, "deplacer", champs=glisser(service, "11:00"))
        assert (refus.status_code, refus.json()["etat"], refus.json()["revision"]) == (409, "prevu", 2)

    async def test_dropped_where_it_was_it_changes_nothing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        reponse = await agir(journee, service, rdv, "deplacer", champs=glisser(service, "08:40"))
        assert (reponse.status_code, reponse.json()["revision"]) == (200, 1)
        assert "déjà à cette place" in reponse.json()["message"]

    async def test_a_closed_guichet_is_never_forced(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await close_guichet(journee, service, 1)
        toutes = ["hors_plage", "duree_modifiee", "motif_non_propose", "type_non_propose"]
        champs = glisser(service, "10:00", 1, acquittees=toutes)
        assert (await agir(journee, service, rdv, "deplacer", champs=champs)).status_code == 422
        assert await place(journee, rdv) == ("2026-11-24 08:40", 20, service.guichets[0])

    async def test_it_keeps_its_duration_whatever_the_motif_lasts_now(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await change(
            journee, service, "UPDATE motif_service SET duree_minutes = 30 WHERE service_id = :s", s=service.id
        )
        assert (await agir(journee, service, rdv, "deplacer", champs=glisser(service, "10:00"))).status_code == 200
        assert await place(journee, rdv) == ("2026-11-24 10:00", 20, service.guichets[0])

    @pytest.mark.parametrize(
        ("champs", "fautif"),
        [
            ({"du": "25:00"}, "du"),
            ({"jour": "2026-02-30"}, "jour"),
            ({"au": "08:00"}, "au"),
            ({"guichet": "987654"}, "guichet"),
            ({"guichet": "' OR 1=1"}, "guichet"),
            ({"motif": "987654"}, "motif"),
            ({"type": "visio"}, "type"),
        ],
    )
    async def test_a_wrong_field_is_named(self, journee: Journee, champs: dict[str, str], fautif: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        refus = await agir(journee, service, rdv, "deplacer", champs={**glisser(service, "10:00"), **champs})
        assert refus.status_code == 422
        assert fautif in refus.json()["champs"]

    @pytest.mark.parametrize(
        "champs", [{"service_id": "1"}, {"revision": ""}, {"revision": "x"}, {"canal": "internet"}]
    )
    async def test_what_is_not_of_the_form_is_refused(self, journee: Journee, champs: dict[str, str]) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        refus = await agir(journee, service, rdv, "deplacer", champs={**glisser(service, "10:00"), **champs})
        assert refus.status_code == 422
        assert await place(journee, rdv) == ("2026-11-24 08:40", 20, service.guichets[0])


class TestPage:
    """The same without script."""

    async def test_the_nearest_places_are_buttons_and_one_press_moves(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        usager = personne("Valenton", courriel="bouge@usagers.test")
        rdv = await journee.book(service, "08:40", jour=DEMAIN, usager=usager)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/deplacer")).text
        boutons = re.findall(r'name="choix" value="(\d+-\d+)">([^<]+)<', page)
        assert len(boutons) == 6
        valeur = f"{service.guichets[0]}-{epoch_minute('09:00', jour=DEMAIN)}"
        assert valeur in dict(boutons)
        champs = formulaire(page, choix=valeur)
        champs.pop("faire")
        reponse = await agir(journee, service, rdv, "deplacer", json=False, champs=champs)
        assert (reponse.status_code, reponse.headers["location"]) == (303, f"/rendez-vous/{rdv}?fait=deplace")
        assert await place(journee, rdv) == ("2026-11-24 09:00", 20, service.guichets[0])
        lu = texte((await lire(journee, service, reponse.headers["location"])).text)
        assert "Rendez-vous déplacé L’usager est prévenu par courriel : bouge@usagers.test" in lu
        assert (
            "Rendez-vous déplacé du mardi 24 novembre à 08:40, Guichet 1 au mardi 24 novembre à 09:00, Guichet 1, par"
            in lu
        )

    async def test_another_day_shows_its_own_nearest_places(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/deplacer")).text
        champs = formulaire(page, jour="2026-12-03", du="15:00", faire="proposer", guichet=str(service.guichets[1]))
        proches = (await agir(journee, service, rdv, "deplacer", json=False, champs=champs)).text
        assert "jeudi 3 décembre, 15:00 – 15:20, Guichet 2" in texte(proches)
        assert await place(journee, rdv) == ("2026-11-24 08:40", 20, service.guichets[0])

    async def test_motif_type_and_end_change_too_once_acknowledged(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/deplacer")).text
        champs = formulaire(page, motif=str(service.motifs[1]), type="telephone", au="09:30")
        alerte = await agir(journee, service, rdv, "deplacer", json=False, champs=champs)
        assert alerte.status_code == 409
        assert "Déplacer quand même" in texte(alerte.text)
        assert 'name="acquittees" value="duree_modifiee"' in alerte.text
        force = {**champs, "acquittees": "duree_modifiee"}
        assert (await agir(journee, service, rdv, "deplacer", json=False, champs=force)).status_code == 303
        lu = await journee.scalar("SELECT motif_id || type_rdv FROM rendez_vous WHERE id = :r", r=rdv)
        assert lu == f"{service.motifs[1]}telephone"
        histoire = texte((await lire(journee, service, f"/rendez-vous/{rdv}")).text)
        assert "Durée 20 min → 50 min ; désormais par téléphone ; motif" in histoire

    async def test_off_the_grid_without_a_guichet_one_is_asked_for(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        for plus in ({"du": "09:05"}, {"du": "12:20"}, {"du": "09:00", "au": "09:50"}):
            champs = {**glisser(service, "09:00"), "guichet": "", **plus}
            refus = await agir(journee, service, rdv, "deplacer", json=False, champs=champs)
            assert refus.status_code == 422, plus
            assert "Choisissez le guichet" in texte(refus.text)
        champs = {**glisser(service, "09:00"), "guichet": ""}
        assert (await agir(journee, service, rdv, "deplacer", json=False, champs=champs)).status_code == 303

    async def test_changed_meanwhile_it_says_what_and_keeps_what_was_asked(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/deplacer", "chef")).text
        await agir(journee, service, rdv, "deplacer", champs=glisser(service, "10:00"))
        refus = await agir(
            journee, service, rdv, "deplacer", agent="chef", json=False, champs=formulaire(page, du="11:00", guichet="")
        )
        assert refus.status_code == 409
        assert "Rendez-vous déplacé du mardi 24 novembre à 08:40" in texte(refus.text)
        assert 'name="revision" value="2"' in refus.text
        assert re.search(r'id="champ-du"[^>]* value="11:00"', refus.text)

    async def test_cancelled_meanwhile_it_says_so(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/deplacer")).text
        await journee.act(service, rdv, Action.ANNULER)
        champs = formulaire(page, du="10:00", guichet=str(service.guichets[0]))
        refus = await agir(journee, service, rdv, "deplacer", json=False, champs=champs)
        assert refus.status_code == 409
        assert "Rien n’a été déplacé" in texte(refus.text) or "a changé" in texte(refus.text)
        retour = await lire(journee, service, f"/rendez-vous/{rdv}/deplacer")
        assert (retour.status_code, retour.headers["location"]) == (303, f"/rendez-vous/{rdv}")

    async def test_it_goes_back_where_the_agent_was(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        agenda = f"/services/{service.id}/agenda?jour=2026-11-24"
        champs = glisser(service, "10:00", retour=agenda)
        assert (await agir(journee, service, rdv, "deplacer", json=False, champs=champs)).headers["location"] == agenda

    async def test_received_by_delegation_it_is_offered_places_and_moved_there(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await book_for(journee, a, b, await entrust(journee, a, b), "11:00")
        page = await lire(journee, b, f"/rendez-vous/{rdv}/deplacer")
        assert page.status_code == 200
        assert 'name="choix"' in page.text
        champs = {**glisser(b, "11:20"), "jour": "2026-11-23"}
        assert (await agir(journee, b, rdv, "deplacer", champs=champs)).status_code == 200
