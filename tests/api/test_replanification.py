"""POST rendez-vous/{id}/replanification: the rules of booking, warnings acknowledged by name [A1 §3.2]."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.conftest import JEUDI, Api
from tests.api.test_presence import book_thursday

VENDREDI = "2026-09-18"


async def move(api: Api, rdv: int, qui: str = "agent", **corps: Any) -> Any:
    """Move it; by default to Friday at 9:00."""
    corps = {"debut": f"{VENDREDI}T09:00:00+02:00", **corps}
    return await api.call(qui, "POST", f"/rendez-vous/{rdv}/replanification", json=corps)


async def free(api: Api, rang: int = 0) -> str:
    """A free créneau of that Friday."""
    lus = await api.call(
        "agent", "GET", f"/services/{api.nevers.id}/creneaux?motif={api.nevers.motifs[0]}&du={VENDREDI}"
    )
    return str(lus.json()["elements"][rang]["debut"])


class TestReplanification:
    """For the agents attached to the service that receives it."""

    async def test_it_moves_keeps_its_code_and_writes_to_the_usager(self, api: Api) -> None:
        rdv = await book_thursday(api)
        avant = (await api.call("agent", "GET", f"/rendez-vous/{rdv}")).json()
        debut = await free(api)
        lu = await move(api, rdv, debut=debut, revision=avant["revision"])
        assert lu.status_code == 200, lu.text
        corps = lu.json()
        assert (corps["debut"], corps["change"], corps["revision"]) == (debut, True, avant["revision"] + 1)
        apres = (await api.call("agent", "GET", f"/rendez-vous/{rdv}")).json()
        assert (apres["code"], apres["debut"]) == (avant["code"], debut)
        mails = "SELECT count(*) FROM courrier WHERE rdv_id = :r AND evenement = 'deplacement'"
        assert await api.scalar(mails, r=rdv) == 1
        encore = await move(api, rdv, debut=debut, guichet=corps["guichet"])
        assert (encore.status_code, encore.json()["change"]) == (200, False)

    async def test_a_warning_is_acknowledged_by_its_code(self, api: Api) -> None:
        rdv = await book_thursday(api)
        corps: dict[str, Any] = {"debut": f"{VENDREDI}T12:40:00+02:00", "guichet": api.nevers.guichets[0], "duree": 35}
        refus = await move(api, rdv, **corps)
        assert refus.status_code == 409
        codes = [alerte["code"] for alerte in refus.json()["alertes"]]
        assert "duree_modifiee" in codes
        lu = await move(api, rdv, **corps, acquittees=codes)
        assert lu.status_code == 200, lu.text
        fiche = (await api.call("agent", "GET", f"/rendez-vous/{rdv}")).json()
        assert sorted(fiche["forcages"]) == sorted(codes)

    async def test_a_place_taken_is_409_with_alternatives(self, api: Api) -> None:
        debut = await free(api)
        un, deux = await book_thursday(api), await book_thursday(api)
        pris = (await move(api, un, debut=debut)).json()
        refus = await move(api, deux, debut=debut, guichet=pris["guichet"])
        assert refus.status_code == 409
        assert refus.json()["alternatives"]

    async def test_many_at_once_move_it_once(self, api: Api) -> None:
        rdv = await book_thursday(api)
        debut = await free(api)
        lus = await asyncio.gather(*(move(api, rdv, debut=debut, revision=1) for _ in range(5)))
        assert sorted({lu.status_code for lu in lus}) in ([200], [200, 409])
        journal = "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.replanifie'"
        assert await api.scalar(journal, r=rdv) == 1

    async def test_a_stale_revision_and_a_cancelled_one_are_409(self, api: Api) -> None:
        rdv = await book_thursday(api)
        refus = await move(api, rdv, debut=await free(api), revision=7)
        assert (refus.status_code, refus.json()["revision"]) == (409, 1)
        await api.call("agent", "POST", f"/rendez-vous/{rdv}/annulation", json={"raison": "Erreur"})
        refus = await move(api, rdv, debut=await free(api))
        assert (refus.status_code, refus.json()["etat"]) == (409, "annule")

    @pytest.mark.parametrize(
        ("corps", "champ"),
        [
            ({"debut": "demain"}, "debut"),
            ({"debut": f"{VENDREDI}T09:00:00"}, "debut"),
            ({"debut": f"{VENDREDI}T09:00:30+02:00"}, "debut"),
            ({"guichet": 987654}, "guichet"),
            ({"guichet": "1"}, "guichet"),
            ({"duree": 0}, "duree"),
            ({"type": "fax"}, "type"),
            ({"acquittees": ["tout"]}, "acquittees[0]"),
            ({"service": 1}, "service"),
            ({"revision": 2**31}, "revision"),
        ],
    )
    async def test_a_wrong_field_is_named(self, api: Api, corps: dict[str, Any], champ: str) -> None:
        refus = await move(api, await book_thursday(api), **corps)
        assert refus.status_code == 422
        assert list(refus.json()["champs"]) == [champ]

    @pytest.mark.parametrize("qui", ["exterieur", "pilote"])
    async def test_who_is_not_attached_gets_404_journaled(self, api: Api, qui: str) -> None:
        rdv = await book_thursday(api)
        assert (await move(api, rdv, qui)).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.acces_refuse'"
        assert await api.scalar(refus, r=rdv) == 1
        jour = "SELECT jour FROM rendez_vous WHERE id = :r"
        assert str(await api.scalar(jour, r=rdv)) == JEUDI
