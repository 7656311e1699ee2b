"""Booking through the API: once per key, by the rules of who asks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.conftest import JEUDI, Api, particulier


def at(heure: str, jour: str = JEUDI) -> str:
    """A local instant of Nevers in September."""
    return f"{jour}T{heure}:00+02:00"


class TestBook:
    """Annexe 1, summary table: who may book what."""

    async def test_an_external_agent_books_with_the_external_rules(self, api: Api) -> None:
        reponse = await api.book("exterieur", debut=at("08:00"))
        assert reponse.status_code == 201
        lu = reponse.json()
        assert lu["guichet"] in api.nevers.guichets
        assert (lu["debut"], lu["fin"]) == (at("08:00"), at("08:20"))
        assert len(lu["code"]) == 6
        assert reponse.headers["location"] == f"/api/v1/rendez-vous/{lu['id']}"
        assert await api.scalar("SELECT canal || origine FROM rendez_vous WHERE id = :i", i=lu["id"]) == "exterieurapi"
        assert (
            await api.scalar(
                "SELECT count(*) FROM courrier WHERE evenement = 'confirmation' AND rdv_id = :i", i=lu["id"]
            )
            == 1
        )
        trace = "SELECT origine FROM journal WHERE rdv_id = :i AND action = 'rdv.cree'"
        assert await api.scalar(trace, i=lu["id"]) == "api"

    async def test_an_instant_may_come_with_any_offset(self, api: Api) -> None:
        lu = (await api.book("exterieur", debut=f"{JEUDI}T06:20:00Z")).json()
        assert lu["debut"] == at("08:20")

    async def test_an_attached_agent_books_today_and_is_recorded_as_attached(self, api: Api) -> None:
        lu = (await api.book("agent", debut=at("11:00", "2026-09-14"))).json()
        assert await api.scalar("SELECT canal FROM rendez_vous WHERE id = :i", i=lu["id"]) == "rattache"

    async def test_an_attached_agent_is_an_external_one_elsewhere(self, api: Api) -> None:
        tot = await api.book("agent", service=api.metz.id, debut=at("11:00", "2026-09-14"))
        assert tot.status_code == 422
        assert tot.json()["raison"] == "delai"
        lu = (await api.book("agent", service=api.metz.id, debut=at("11:00"))).json()
        assert await api.scalar("SELECT canal FROM rendez_vous WHERE id = :i", i=lu["id"]) == "exterieur"

    async def test_a_company_books_too(self, api: Api) -> None:
        usager = {
            "nature": "professionnel",
            "raison_sociale": "SARL Boulangerie des Remparts",
            "siren": "732 829 320",
            "contact": "Mme Brossard",
            "telephones": ["03 86 68 49 49"],
        }
        reponse = await api.book("exterieur", debut=at("09:00"), usager=usager)
        assert reponse.status_code == 201
        assert await api.scalar("SELECT count(*) FROM courrier WHERE rdv_id = :i", i=reponse.json()["id"]) == 0

    async def test_a_taken_creneau_is_a_409_with_the_nearest_alternatives(self, api: Api) -> None:
        for _ in api.nevers.guichets:
            assert (await api.book("exterieur", debut=at("10:00"))).status_code == 201
        refus = await api.book("exterieur", debut=at("10:00"))
        assert refus.status_code == 409
        assert refus.json()["detail"] == "Ce créneau vient d’être pris."
        assert {a["debut"] for a in refus.json()["alternatives"][:2]} == {at("09:40"), at("10:20")}

    @pytest.mark.parametrize(
        ("debut", "raison"),
        [
            (at("10:07"), "hors_grille"),
            (at("13:00"), "hors_grille"),
            (at("08:00", "2026-09-13"), "passe"),
            (at("10:00", "2026-09-15"), "delai"),
            (at("10:00", "2026-09-19"), "hors_plage"),
            ("2026-10-15T10:00:00+02:00", "horizon"),
        ],
    )
    async def test_forged_past_and_too_far_hours_are_422_for_an_external(
        self, api: Api, debut: str, raison: str
    ) -> None:
        refus = await api.book("exterieur", debut=debut)
        assert refus.status_code == 422
        assert refus.json()["raison"] == raison
        assert "debut" in refus.json()["champs"]

    async def test_day_60_is_possible_for_an_attached_agent_and_day_61_is_not(self, api: Api) -> None:
        assert (await api.book("agent", debut="2026-11-13T10:00:00+01:00")).status_code == 201
        refus = await api.book("agent", debut="2026-11-14T10:00:00+01:00")
        assert (refus.status_code, refus.json()["raison"]) == (422, "horizon")

    async def test_pilotage_books_nothing(self, api: Api) -> None:
        assert (await api.book("pilote")).status_code == 403
        trace = (
            "SELECT apres FROM journal WHERE action = 'service.acces_refuse' AND agent_id = :a ORDER BY id DESC LIMIT 1"
        )
        apres = await api.scalar(trace, a=api.nevers.agents["pilote"])
        assert apres == {"action": "reserver", "canal": "exterieur"}

    async def test_a_zone_lost_since_the_key_was_read_is_a_404(self, api: Api) -> None:
        assert (await api.book("box", debut=at("09:20", "2026-09-18"))).status_code == 201
        perte = "DELETE FROM rattachement WHERE agent_id = :a"
        await api.execute(perte, a=api.nevers.agents["box"])
        assert (await api.book("box", debut=at("09:40", "2026-09-18"))).status_code == 404

    async def test_a_service_or_a_motif_of_nothing_is_404(self, api: Api) -> None:
        assert (await api.book("agent", service=987654)).status_code == 404
        assert (await api.book("agent", motif=987654)).status_code == 404


class TestForce:
    """Annexe 1, summary table: what an attached agent may force, after a displayed warning."""

    async def test_an_external_who_forces_a_duration_is_forbidden(self, api: Api) -> None:
        refus = await api.book("exterieur", debut=at("08:00", "2026-09-18"), duree=40)
        assert refus.status_code == 403
        assert (
            await api.book("exterieur", debut=at("08:00", "2026-09-18"), fin=at("08:50", "2026-09-18"))
        ).status_code == 403

    async def test_an_external_chooses_neither_guichet_nor_warnings(self, api: Api) -> None:
        assert (await api.book("exterieur", guichet=api.nevers.guichets[0])).status_code == 403
        assert (await api.book("exterieur", acquittees=["hors_plage"])).status_code == 403

    async def test_an_external_may_repeat_the_duration_of_the_service(self, api: Api) -> None:
        assert (await api.book("exterieur", debut=at("08:20", "2026-09-18"), duree=20)).status_code == 201

    async def test_an_attached_agent_reads_the_warning_then_acknowledges_it(self, api: Api) -> None:
        demande: dict[str, Any] = {"debut": at("08:00", "2026-09-21"), "duree": 40, "guichet": api.nevers.guichets[1]}
        refus = await api.book("agent", **demande)
        assert refus.status_code == 409
        assert [a["code"] for a in refus.json()["alertes"]] == ["duree_modifiee"]
        assert "durée" in refus.json()["alertes"][0]["phrase"]
        reponse = await api.book("agent", **demande, acquittees=["duree_modifiee"])
        assert reponse.status_code == 201
        assert reponse.json()["fin"] == at("08:40", "2026-09-21")
        assert reponse.json()["guichet"] == api.nevers.guichets[1]

    async def test_without_a_guichet_the_one_that_bends_the_fewest_rules_is_found(self, api: Api) -> None:
        demande: dict[str, Any] = {"debut": at("12:30", "2026-09-22"), "fin": at("13:00", "2026-09-22")}
        refus = await api.book("agent", **demande)
        assert refus.status_code == 409
        codes = [a["code"] for a in refus.json()["alertes"]]
        assert codes == ["hors_plage", "duree_modifiee"]
        pris = [(await api.book("agent", **demande, acquittees=codes)).json()["guichet"] for _ in range(2)]
        assert sorted(pris) == sorted(api.nevers.guichets)
        assert (await api.book("agent", **demande, acquittees=codes)).json()["type"] == "/problemes/creneau-pris"

    async def test_an_hour_of_his_own_inside_the_plages_needs_no_warning(self, api: Api) -> None:
        assert (await api.book("agent", debut=at("10:07", "2026-09-22"))).status_code == 201

    async def test_a_guichet_of_another_service_does_not_exist_here(self, api: Api) -> None:
        refus = await api.book("agent", guichet=api.metz.guichets[0])
        assert refus.status_code == 422
        assert "guichet" in refus.json()["champs"]

    @pytest.mark.parametrize(
        ("plus", "champ"),
        [
            ({"fin": at("07:00")}, "fin"),
            ({"fin": "2026-09-19T08:00:00+02:00"}, "fin"),
            ({"fin": at("08:40"), "duree": 20}, "duree"),
            ({"fin": "2026-09-17T09:00:00"}, "fin"),
        ],
    )
    async def test_an_end_that_means_nothing_is_named(self, api: Api, plus: dict[str, Any], champ: str) -> None:
        refus = await api.book("agent", **plus)
        assert refus.status_code == 422
        assert champ in refus.json()["champs"]


class TestIdempotency:
    """[P2] One key, one RDV, whatever happens to the connection."""

    async def test_ten_copies_together_make_one_rdv_and_one_mail(self, api: Api) -> None:
        demande = {"debut": at("08:00", "2026-09-23")}
        reponses = await asyncio.gather(*(api.book("exterieur", cle="copies", **demande) for _ in range(10)))
        assert {r.status_code for r in reponses} == {201}
        assert len({r.text for r in reponses}) == 1
        lu = reponses[0].json()
        nombre = "SELECT count(*) FROM rendez_vous WHERE debut = CAST(:d AS text)::timestamptz AND etat = 'prevu'"
        assert await api.scalar(nombre, d=lu["debut"]) == 1
        assert (
            await api.scalar(
                "SELECT count(*) FROM courrier WHERE evenement = 'confirmation' AND rdv_id = :i", i=lu["id"]
            )
            == 1
        )

    async def test_ten_copies_of_a_forced_booking_make_one_rdv_too(self, api: Api) -> None:
        demande = {"debut": at("09:00", "2026-09-23"), "duree": 40, "acquittees": ["duree_modifiee"]}
        reponses = await asyncio.gather(*(api.book("agent", cle="forcee", **demande) for _ in range(10)))
        assert {r.status_code for r in reponses} == {201}
        assert len({r.text for r in reponses}) == 1

    async def test_a_replay_answers_the_same_after_the_creneau_has_gone(self, api: Api) -> None:
        demande = {"debut": at("10:00", "2026-09-23")}
        premiere = await api.book("exterieur", cle="rejouee", **demande)
        await api.book("exterieur", **demande)
        assert (await api.book("exterieur", cle="rejouee", **demande)).text == premiere.text

    async def test_the_same_key_for_something_else_is_422(self, api: Api) -> None:
        assert (await api.book("exterieur", cle="ailleurs", debut=at("11:00", "2026-09-23"))).status_code == 201
        for plus in (
            {"debut": at("11:20", "2026-09-23")},
            {"precision": "Autre chose"},
            {"usager": particulier(prenoms="Luc")},
        ):
            refus = await api.book("exterieur", cle="ailleurs", **{"debut": at("11:00", "2026-09-23"), **plus})
            assert refus.status_code == 422
            assert "Idempotency-Key" in refus.json()["champs"]

    async def test_two_agents_may_use_the_same_key_without_knowing(self, api: Api) -> None:
        demande = {"debut": at("14:00", "2026-09-23")}
        codes = {(await api.book(qui, cle="commune", **demande)).json()["code"] for qui in ("exterieur", "agent")}
        assert len(codes) == 2

    @pytest.mark.parametrize("cle", [None, "", "é", "a b", "x" * 256])
    async def test_a_missing_or_malformed_key_is_422(self, api: Api, cle: str | None) -> None:
        entetes = {} if cle is None else {"Idempotency-Key": cle.encode()}
        refus = await api.call("agent", "POST", "/rendez-vous", json=api.body(), headers=entetes)
        assert refus.status_code == 422
        assert "Idempotency-Key" in refus.json()["champs"]


class TestPerson:
    """Annexe 1 §2: the fields of the form, checked by the same rules as on the pages."""

    @pytest.mark.parametrize(
        ("plus", "champ"),
        [
            ({"telephones": []}, "usager.telephones"),
            ({"telephones": ["12"]}, "usager.telephones"),
            ({"telephones": ["06 12 34 56 78", "06 12 34 56 79", "06 12 34 56 80"]}, "usager.telephones"),
            ({"courriel": "a@exemple.fr, b@exemple.fr"}, "usager.courriel"),
            ({"courriel": "a@exemple.fr\r\nBcc: b@exemple.fr"}, "usager.courriel"),
            ({"nom_usage": "Val\u0000enton"}, "usager.nom_usage"),
            ({"nom_usage": "\u202eValenton"}, "usager.nom_usage"),
            ({"nom_usage": "   "}, "usager.nom_usage"),
            ({"nom_usage": "x" * 121}, "usager.nom_usage"),
            ({"prenoms": None}, "usager.prenoms"),
            ({"civilite": "docteur"}, "usager.civilite"),
            ({"date_naissance": "2001-02-31"}, "usager.date_naissance"),
            ({"date_naissance": "2031-01-01"}, "usager.date_naissance"),
            ({"numero_fiscal": "1234567890123"}, "usager.numero_fiscal"),
            ({"statut": "vip"}, "usager.statut"),
            ({"nature": "martien"}, "usager.nature"),
            ({"nature": "professionnel", "raison_sociale": "X", "siren": "732829321"}, "usager.civilite"),
        ],
    )
    async def test_a_wrong_field_is_named(self, api: Api, plus: dict[str, Any], champ: str) -> None:
        refus = await api.book("agent", usager=particulier(**plus))
        assert refus.status_code == 422, refus.text
        assert champ in refus.json()["champs"]

    async def test_a_bad_siren_is_named(self, api: Api) -> None:
        usager = {"nature": "professionnel", "raison_sociale": "X", "siren": "732829321", "telephones": ["0612345678"]}
        refus = await api.book("agent", usager=usager)
        assert (refus.status_code, list(refus.json()["champs"])) == (422, ["usager.siren"])

    async def test_every_wrong_field_is_said_at_once(self, api: Api) -> None:
        refus = await api.book(
            "agent", debut="2026-09-17T08:00:00", precision=" ", usager=particulier(nom_usage=" ", courriel="x")
        )
        assert set(refus.json()["champs"]) == {"debut", "precision", "usager.nom_usage", "usager.courriel"}

    @pytest.mark.parametrize(
        "debut",
        [
            "2026-09-17T08:00:00",
            "2026-02-31T08:00:00+01:00",
            "2026-09-17T08:00:30+02:00",
            "2026-09-17T08:00:00.000001+02:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:00-12:00",
            "2026-09-17T08:00:00+99:99",
            "demain à dix heures",
            "2026-09-17 quelque part",
        ],
    )
    async def test_an_instant_that_is_naive_or_does_not_exist_is_422(self, api: Api, debut: str) -> None:
        refus = await api.book("agent", debut=debut)
        assert refus.status_code == 422
        assert list(refus.json()["champs"]) == ["debut"]
