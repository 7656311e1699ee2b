"""The day itself, and the end of a RDV: arrival, call, reception, end, absence, cancellation."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest

from tests.api.conftest import AUJOURDHUI, JEUDI, Api

_minutes = count(0)


async def book_today(api: Api) -> int:
    """The id of a RDV of this very day, at an hour of its own."""
    minute = next(_minutes) * 20
    debut = f"{AUJOURDHUI}T{14 + minute // 60:02d}:{minute % 60:02d}:00+02:00"
    reponse = await api.book("agent", debut=debut, duree=20, acquittees=["hors_plage"])
    assert reponse.status_code == 201, reponse.text
    return int(reponse.json()["id"])


async def book_thursday(api: Api) -> int:
    """The id of a RDV three days ahead."""
    lus = await api.call("agent", "GET", f"/services/{api.nevers.id}/creneaux?motif={api.nevers.motifs[0]}&du={JEUDI}")
    return int((await api.book("agent", debut=lus.json()["elements"][0]["debut"])).json()["id"])


class TestArrival:
    """Annexe 1 §3.2: marked or unmarked only on the day itself."""

    async def test_arrival_is_marked_once_however_often_it_is_put(self, api: Api) -> None:
        rdv = await book_today(api)
        reponses = await asyncio.gather(
            *(api.call("orientation", "PUT", f"/rendez-vous/{rdv}/arrivee") for _ in range(5))
        )
        assert {r.status_code for r in reponses} == {200}
        assert sum(r.json()["change"] for r in reponses) == 1
        assert {r.json()["etat"] for r in reponses} == {"arrive"}
        assert await api.scalar("SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.arrive'", r=rdv) == 1

    async def test_it_is_undone_by_delete(self, api: Api) -> None:
        rdv = await book_today(api)
        await api.call("box", "PUT", f"/rendez-vous/{rdv}/arrivee")
        lu = (await api.call("box", "DELETE", f"/rendez-vous/{rdv}/arrivee")).json()
        assert (lu["etat"], lu["change"]) == ("prevu", True)
        assert (await api.call("box", "DELETE", f"/rendez-vous/{rdv}/arrivee")).json()["change"] is False

    async def test_it_is_refused_before_the_day(self, api: Api) -> None:
        refus = await api.call("orientation", "PUT", f"/rendez-vous/{await book_thursday(api)}/arrivee")
        assert refus.status_code == 409
        assert refus.json()["cause"] == "jour_pas_venu"
        assert refus.json()["etat"] == "prevu"

    async def test_the_whole_visit(self, api: Api) -> None:
        rdv = await book_today(api)
        await api.call("orientation", "PUT", f"/rendez-vous/{rdv}/arrivee")
        etats = [
            (await api.call("box", "POST", f"/rendez-vous/{rdv}/{acte}")).json()["etat"]
            for acte in ("appel", "reception", "fin")
        ]
        assert etats == ["appele", "recu", "termine"]
        presence = (await api.call("box", "GET", f"/rendez-vous/{rdv}")).json()["presence"]
        assert all(presence[nom] for nom in ("arrivee_a", "appel_a", "reception_a", "fin_a"))
        assert (await api.call("box", "POST", f"/rendez-vous/{rdv}/appel")).status_code == 409

    async def test_an_absence(self, api: Api) -> None:
        rdv = await book_today(api)
        refus = await api.call("box", "POST", f"/rendez-vous/{rdv}/absence")
        assert refus.status_code == 409
        assert refus.json()["cause"] == "heure_pas_venue"
        assert "l’absence se note à partir de cette heure" in refus.json()["detail"]
        await api.execute(
            "UPDATE rendez_vous SET debut = debut - interval '10 hours', fin = fin - interval '10 hours' WHERE id = :r",
            r=rdv,
        )
        assert (await api.call("box", "POST", f"/rendez-vous/{rdv}/absence")).json()["etat"] == "non_honore"


class TestCancel:
    """[A1, summary table] Irreversible, with a reason."""

    async def test_it_frees_the_creneau_and_writes_to_the_usager(self, api: Api) -> None:
        rdv = await book_thursday(api)
        lu = await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json={"raison": "Réglé par téléphone"})
        assert (lu.status_code, lu.json()["etat"], lu.json()["change"]) == (200, "annule", True)
        evenements = "SELECT array_agg(evenement ORDER BY id) FROM courrier WHERE rdv_id = :r AND evenement <> 'rappel'"
        assert await api.scalar(evenements, r=rdv) == ["confirmation", "annulation"]
        fiche = (await api.call("agent", "GET", f"/rendez-vous/{rdv}")).json()
        assert fiche["annulation"]["raison"] == "Réglé par téléphone"
        encore = await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json={"raison": "Encore"})
        assert (encore.status_code, encore.json()["change"]) == (200, False)

    async def test_nothing_brings_it_back(self, api: Api) -> None:
        rdv = await book_today(api)
        await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json={"raison": "Erreur"})
        refus = await api.call("agent", "PUT", f"/rendez-vous/{rdv}/arrivee")
        assert refus.status_code == 409
        assert "irréversible" in refus.json()["detail"]

    async def test_a_stale_revision_is_409_with_the_present_state(self, api: Api) -> None:
        rdv = await book_today(api)
        lue = (await api.call("agent", "GET", f"/rendez-vous/{rdv}")).json()["revision"]
        await api.call("orientation", "PUT", f"/rendez-vous/{rdv}/arrivee")
        corps = {"raison": "Trop tard", "revision": lue}
        refus = await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json=corps)
        assert (refus.status_code, refus.json()["etat"], refus.json()["revision"]) == (409, "arrive", lue + 1)
        corps["revision"] = lue + 1
        assert (await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json=corps)).status_code == 200

    @pytest.mark.parametrize(
        ("corps", "champ"),
        [
            ({}, "raison"),
            ({"raison": "  "}, "raison"),
            ({"raison": ""}, "raison"),
            ({"raison": "\u0000"}, "raison"),
            ({"raison": "x" * 501}, "raison"),
            ({"raison": "Oui", "revision": "1"}, "revision"),
            ({"raison": "Oui", "revision": 2**31}, "revision"),
            ({"raison": "Oui", "etat": "prevu"}, "etat"),
        ],
    )
    async def test_a_wrong_field_is_named(self, api: Api, corps: dict[str, Any], champ: str) -> None:
        rdv = await book_thursday(api)
        refus = await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json=corps)
        assert refus.status_code == 422
        assert list(refus.json()["champs"]) == [champ]


class TestRights:
    """[C §4; A1, summary table] Out of the zone a RDV does not exist, and the attempt is journaled."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    @pytest.mark.parametrize(
        ("methode", "suite"),
        [
            ("GET", ""),
            ("PUT", "/arrivee"),
            ("DELETE", "/arrivee"),
            ("POST", "/appel"),
            ("POST", "/reception"),
            ("POST", "/fin"),
            ("POST", "/absence"),
            ("POST", "/annulation"),
        ],
    )
    async def test_a_rdv_of_another_service_is_404_and_journaled(
        self, api: Api, qui: str, methode: str, suite: str
    ) -> None:
        rdv = await book_thursday(api)
        corps = {"json": {"raison": "Par erreur"}} if suite == "/annulation" else {}
        refus = await api.call(qui, methode, f"/rendez-vous/{rdv}{suite}", **corps)
        inconnu = await api.call(qui, methode, f"/rendez-vous/4007199254740991{suite}", **corps)
        assert (refus.status_code, inconnu.status_code) == (404, 404)
        assert refus.json() == inconnu.json(), "the two must not be told apart"
        traces = "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.acces_refuse' AND agent_id = :a"
        assert await api.scalar(traces, r=rdv, a=api.nevers.agents[qui]) == 1
        assert await api.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    async def test_each_reading_of_a_fiche_is_journaled(self, api: Api) -> None:
        rdv = await book_thursday(api)
        lu = (await api.call("chef", "GET", f"/rendez-vous/{rdv}")).json()
        assert lu["usager"]["nom_usage"] == "Valenton"
        assert lu["usager"]["telephones"] == ["+33612345678"]
        assert lu["motif_libelle"].startswith("Déclaration")
        assert lu["debut"].endswith("+02:00")
        lectures = "SELECT agent_id FROM journal WHERE rdv_id = :r AND action = 'rdv.lu'"
        assert await api.scalar(lectures, r=rdv) == api.nevers.agents["chef"]

    async def test_a_hold_is_not_a_rdv(self, api: Api) -> None:
        option = await api.scalar(
            "INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe,"
            " canal, origine, nature_option, expire_a, cree_a, modifie_a) VALUES (:s, :g, :m, 'guichet',"
            " '2026-10-01T06:00Z', '2026-10-01T06:20Z', '2026-10-01', 'option', TRUE, 'internet', 'internet', 'saisie',"
            " '2026-09-14T07:40Z', now(), now()) RETURNING id",
            s=api.nevers.id,
            g=api.nevers.guichets[0],
            m=api.nevers.motifs[0],
        )
        assert (await api.call("agent", "GET", f"/rendez-vous/{option}")).status_code == 404
        jour = (await api.call("agent", "GET", f"/services/{api.nevers.id}/agenda?jour=2026-10-01")).json()
        assert jour["elements"] == []
        assert [o["guichet"] for o in jour["options"]] == [api.nevers.guichets[0]]

    @pytest.mark.parametrize("ident", ["0", "-1", "9007199254740993", "9223372036854775808", "9" * 80])
    @pytest.mark.parametrize(("methode", "suite"), [("GET", ""), ("PUT", "/arrivee"), ("POST", "/fin")])
    async def test_an_id_out_of_range_is_404_or_422(self, api: Api, ident: str, methode: str, suite: str) -> None:
        assert (await api.call("agent", methode, f"/rendez-vous/{ident}{suite}")).status_code in (404, 422)
