"""Bodies that mean two things, or nothing: refused, never guessed, never a 5xx [bad inputs, « Exports, API »]."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api


async def post(api: Api, corps: bytes, nature: str | None = "application/json") -> httpx.Response:
    """The raw body, as it is."""
    entetes = {"Idempotency-Key": "corps", **({"Content-Type": nature} if nature else {})}
    return await api.call("agent", "POST", "/rendez-vous", content=corps, headers=entetes)


def change(api: Api, **plus: Any) -> bytes:
    """The good body with these fields."""
    return json.dumps({**api.body(), **plus}).encode()


class TestStrictJson:
    """What a lenient parser would let through."""

    async def test_a_key_written_twice_is_refused_at_any_depth(self, api: Api) -> None:
        texte = json.dumps(api.body())
        double = await post(api, texte.replace('"type":', '"service": 1, "type":', 1).encode())
        assert (double.status_code, list(double.json()["champs"])) == (422, ["service"])
        profonde = await post(api, texte.replace('"prenoms":', '"nom_usage": "Autre", "prenoms":', 1).encode())
        assert (profonde.status_code, list(profonde.json()["champs"])) == (422, ["nom_usage"])

    @pytest.mark.parametrize("nombre", ["NaN", "Infinity", "-Infinity", "1e999", "9223372036854775808", "-" + "9" * 30])
    async def test_numbers_that_are_none_or_too_large_are_refused(self, api: Api, nombre: str) -> None:
        corps = change(api, service="N").replace(b'"N"', nombre.encode())
        assert (await post(api, corps)).status_code == 422

    @pytest.mark.parametrize(
        "corps",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"texte"',
            b"12",
            b"\xff\xfe{\x00}\x00",
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b'{"service": 1,}',
            b"{'service': 1}",
            b'{"\\ud800": 1}',
            b"[" * 200_000,
            b'{"a":' * 40_000,
            b"\x00",
            b"-",
        ],
        ids=range(16),
    )
    async def test_what_is_not_one_json_object_is_422(self, api: Api, corps: bytes) -> None:
        reponse = await post(api, corps)
        assert reponse.status_code == 422
        assert reponse.json()["champs"]

    @pytest.mark.parametrize(
        ("plus", "champ"),
        [
            ({"service": "1"}, "service"),
            ({"service": True}, "service"),
            ({"service": 1.5}, "service"),
            ({"service": None}, "service"),
            ({"service": 0}, "service"),
            ({"service": -1}, "service"),
            ({"motif": [1]}, "motif"),
            ({"type": "borne"}, "type"),
            ({"type": "guichet\u0000"}, "type"),
            ({"debut": 1789632000}, "debut"),
            ({"precision": {"a": 1}}, "precision"),
            ({"precision": "x" * 1001}, "precision"),
            ({"precision": "Case\u00007DB"}, "precision"),
            ({"usager": []}, "usager"),
            ({"usager": {}}, "usager.nature"),
            ({"acquittees": ["tout"]}, "acquittees[0]"),
            ({"acquittees": "hors_plage"}, "acquittees"),
            ({"duree": 0}, "duree"),
            ({"duree": 2000}, "duree"),
            ({"guichet": "1"}, "guichet"),
            ({"service_id": 1}, "service_id"),
            ({"statut": "prevu"}, "statut"),
            ({"etat": "termine"}, "etat"),
            ({"canal": "rattache"}, "canal"),
        ],
    )
    async def test_wrong_types_and_unknown_fields_are_named(self, api: Api, plus: dict[str, Any], champ: str) -> None:
        reponse = await post(api, change(api, **plus))
        assert reponse.status_code == 422, reponse.text
        assert list(reponse.json()["champs"]) == [champ]

    @pytest.mark.parametrize("champ", ["service", "motif", "type", "debut", "precision", "usager"])
    async def test_a_missing_field_is_named(self, api: Api, champ: str) -> None:
        reponse = await post(api, json.dumps(api.body(**{champ: None})).encode())
        assert reponse.json()["champs"] == {champ: "Ce champ est obligatoire."}

    async def test_a_lone_surrogate_is_refused(self, api: Api) -> None:
        corps = change(api, precision="P").replace(b'"P"', b'"a\\ud800b"')
        assert (await post(api, corps)).status_code == 422

    async def test_html_and_formulas_are_kept_as_text(self, api: Api) -> None:
        texte = '=HYPERLINK("http://x") <script>alert(1)</script> \'; DROP TABLE agent; --'
        reponse = await post(api, change(api, precision=texte))
        assert reponse.status_code == 201
        lu = (await api.call("agent", "GET", f"/rendez-vous/{reponse.json()['id']}")).json()
        assert lu["precision"] == texte


class TestEnvelope:
    """Size, kind and address of the request."""

    async def test_a_body_over_256_kib_is_413(self, api: Api) -> None:
        assert (await post(api, b'{"precision": "' + b"x" * (256 * 1024) + b'"}')).status_code == 413

    @pytest.mark.parametrize("nature", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", None])
    async def test_another_content_type_is_415(self, api: Api, nature: str | None) -> None:
        assert (await post(api, change(api), nature)).status_code == 415

    async def test_a_charset_changes_nothing(self, api: Api) -> None:
        corps = change(api, debut="2026-09-18T08:00:00+02:00")
        assert (await post(api, corps, "Application/JSON; charset=utf-8")).status_code in (201, 422)

    @pytest.mark.parametrize("methode", ["PUT", "PATCH", "DELETE"])
    async def test_another_method_is_405_and_says_which_are_allowed(self, api: Api, methode: str) -> None:
        reponse = await api.call("agent", methode, "/rendez-vous")
        assert reponse.status_code == 405
        assert "POST" in reponse.headers["allow"]

    @pytest.mark.parametrize("chemin", ["/rien", "/rendez-vous/abc", "/rendez-vous/1/tout", "/services/1/tickets"])
    async def test_an_address_of_nothing_is_a_404_problem(self, api: Api, chemin: str) -> None:
        assert (await api.call("agent", "GET", chemin)).status_code == 404


class TestSansCorps:
    """promises: unknown fields → 422, on the acts that read no body too."""

    @pytest.mark.parametrize(
        ("methode", "suite"),
        [
            ("PUT", "arrivee"),
            ("DELETE", "arrivee"),
            ("POST", "appel"),
            ("POST", "reception"),
            ("POST", "fin"),
            ("POST", "absence"),
        ],
    )
    async def test_an_act_refuses_whatever_it_would_ignore(self, api: Api, methode: str, suite: str) -> None:
        chemin = f"/rendez-vous/987654/{suite}"
        refus = await api.call("agent", methode, chemin, json={"statut": "termine"})
        assert refus.status_code == 422
        assert list(refus.json()["champs"]) == ["statut"]
        assert (await api.call("agent", methode, chemin, json=["statut"])).status_code == 422
        brut = {"content": b"statut=termine", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
        assert (await api.call("agent", methode, chemin, **brut)).status_code == 415

    async def test_nothing_or_an_empty_object_is_accepted(self, api: Api) -> None:
        corps: list[dict[str, Any]] = [{}, {"json": {}}, {"content": b"  "}]
        for plus in corps:
            assert (await api.call("agent", "POST", "/rendez-vous/987654/fin", **plus)).status_code == 404

    async def test_a_key_comes_before_the_body(self, api: Api) -> None:
        assert (await api.call(None, "POST", "/rendez-vous/1/fin", json={"statut": "x"})).status_code == 401

    async def test_a_cancellation_refuses_them_too(self, api: Api) -> None:
        corps = {"raison": "Erreur", "service_id": 3}
        refus = await api.call("agent", "POST", "/rendez-vous/987654/annulation", json=corps)
        assert (refus.status_code, list(refus.json()["champs"])) == (422, ["service_id"])


class TestRemedes:
    """A refusal says what the client may do: a program has no page to reopen."""

    async def test_a_transition_refused_names_its_remedy_and_the_state(self, api: Api) -> None:
        rdv = (await api.book("agent", debut="2026-09-22T09:00:00+02:00")).json()["id"]
        refus = (await api.call("agent", "POST", f"/rendez-vous/{rdv}/fin")).json()
        assert (refus["status"], refus["etat"]) == (409, "prevu")
        assert "GET rendez-vous/{id}" in refus["remede"]

    async def test_a_taken_place_points_at_its_alternatives(self, api: Api) -> None:
        place: dict[str, Any] = {"debut": "2026-09-22T10:00:00+02:00", "guichet": api.nevers.guichets[0]}
        await api.book("agent", **place)
        refus = (await api.book("agent", **place)).json()
        assert refus["detail"] == "Ce guichet est déjà occupé de 10:00 à 10:20 (Monsieur VALENTON)."
        assert "« alternatives »" in refus["remede"]
        assert refus["alternatives"]

    async def test_a_warning_points_at_what_to_acknowledge(self, api: Api) -> None:
        refus = (await api.book("agent", debut="2026-09-22T12:40:00+02:00", guichet=api.nevers.guichets[0])).json()
        assert "« acquittees »" in refus["remede"]

    async def test_an_address_of_nothing_points_at_the_document(self, api: Api) -> None:
        assert "openapi" in (await api.call("agent", "GET", "/rien")).json()["remede"]
