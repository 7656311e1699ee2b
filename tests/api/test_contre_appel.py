"""A contre-appel recorded from another application [A1 §3.2]."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import AUJOURDHUI, JEUDI, Api
from tests.api.test_presence import book_thursday

CORPS = {"resultat": "sans_reponse", "commentaire": "Pas de répondeur"}


async def call(api: Api, rdv: int, qui: str = "agent", **plus: Any) -> Any:
    return await api.call(qui, "POST", f"/rendez-vous/{rdv}/contre-appel", json={**CORPS, **plus})


class TestRecord:
    async def test_it_is_recorded_and_keeps_the_rdv(self, api: Api) -> None:
        rdv = await book_thursday(api)
        lu = await call(api, rdv, jour=AUJOURDHUI, revision=1)
        assert lu.status_code == 201, lu.text
        corps = lu.json()
        assert (corps["id"], corps["etat"], corps["revision"], corps["change"]) == (rdv, "prevu", 2, True)
        assert await api.scalar("SELECT rdv_id FROM contre_appel WHERE id = :i", i=corps["contre_appel"]) == rdv

    async def test_settled_it_cancels(self, api: Api) -> None:
        rdv = await book_thursday(api)
        lu = await call(api, rdv, resultat="regle", commentaire="Réglé", annule=True)
        assert (lu.status_code, lu.json()["etat"]) == (201, "annule")
        fiche = (await api.call("agent", "GET", f"/rendez-vous/{rdv}")).json()
        assert fiche["annulation"]["raison"].startswith("Réglé par téléphone le ")
        encore = await call(api, rdv)
        assert (encore.status_code, encore.json()["cause"]) == (409, "irreversible")

    async def test_sent_again_it_is_recorded_once(self, api: Api) -> None:
        rdv = await book_thursday(api)
        lus = [await call(api, rdv, revision=1) for _ in range(2)]
        assert [lu.json()["change"] for lu in lus] == [True, False]

    async def test_a_stale_revision_is_409_with_the_present_state(self, api: Api) -> None:
        rdv = await book_thursday(api)
        await call(api, rdv, "box")
        refus = await call(api, rdv, revision=1)
        assert (refus.status_code, refus.json()["revision"], refus.json()["etat"]) == (409, 2, "prevu")


class TestRefuse:
    @pytest.mark.parametrize(
        ("plus", "champ"),
        [
            ({"resultat": "ok"}, "resultat"),
            ({"commentaire": ""}, "commentaire"),
            ({"commentaire": "  "}, "commentaire"),
            ({"commentaire": "\u0000"}, "commentaire"),
            ({"commentaire": "x" * 1001}, "commentaire"),
            ({"jour": "2026-02-31"}, "jour"),
            ({"jour": JEUDI}, "jour"),
            ({"jour": "2020-01-01"}, "jour"),
            ({"annule": True}, "annule"),
            ({"annule": "oui"}, "annule"),
            ({"etat": "prevu"}, "etat"),
        ],
        ids=[
            *("resultat inconnu", "vide", "blanc", "nul", "long", "31 fevrier", "futur", "avant la prise"),
            *("annule sans regler", "annule mal ecrit", "champ inconnu"),
        ],
    )
    async def test_a_wrong_field_is_named(self, api: Api, plus: dict[str, Any], champ: str) -> None:
        rdv = await book_thursday(api)
        refus = await call(api, rdv, **plus)
        assert refus.status_code == 422
        assert list(refus.json()["champs"]) == [champ]
        assert await api.scalar("SELECT count(*) FROM contre_appel WHERE rdv_id = :r", r=rdv) == 0

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_out_of_the_zone_it_does_not_exist(self, api: Api, qui: str) -> None:
        rdv = await book_thursday(api)
        assert (await call(api, rdv, qui)).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r"
        assert await api.scalar(refus, r=rdv) == 1
