"""Annexe 1, summary table, column « agent extérieur », over the API: what its window and its journal do not say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.conftest import AUJOURDHUI, Api

VENDREDI = "2026-09-18"


def at(heure: str, jour: str = VENDREDI) -> str:
    return f"{jour}T{heure}:00+02:00"


class TestReserver:
    """Which services, which motifs, which types, which days."""

    async def test_the_thirtieth_day_is_the_last(self, api: Api) -> None:
        dernier = date.fromisoformat(AUJOURDHUI) + timedelta(days=30)
        assert (await api.book("exterieur", debut=at("10:00", dernier.isoformat()))).status_code == 201
        apres = await api.book("exterieur", debut=at("10:00", (dernier + timedelta(days=1)).isoformat()))
        assert (apres.status_code, apres.json()["raison"]) == (422, "horizon")

    async def test_a_motif_or_a_type_that_is_not_offered_is_refused(self, api: Api) -> None:
        ferme = await api.book("exterieur", debut=at("11:00"), motif=api.nevers.motifs[2])
        assert (ferme.status_code, ferme.json()["raison"]) == (422, "motif_non_propose")
        visio = await api.book("exterieur", debut=at("11:00"), type="visio")
        assert (visio.status_code, visio.json()["raison"]) == (422, "type_non_propose"), "there is nowhere to meet"
        motifs = (await api.call("exterieur", "GET", f"/services/{api.nevers.id}/motifs")).json()["elements"]
        assert all("visio" not in motif["types"] for motif in motifs)

    async def test_a_service_without_a_guichet_open_to_externals_is_closed_to_them(self, api: Api) -> None:
        await self.set_canaux(api, "'{internet,rattache}'")
        try:
            refus = await api.book("exterieur", debut=at("11:20"))
            assert (refus.status_code, refus.json()["raison"]) == (422, "service_ferme")
            assert (await api.book("agent", debut=at("11:20"))).status_code == 201
        finally:
            await self.set_canaux(api, "NULL")

    async def set_canaux(self, api: Api, canaux: str) -> None:
        await api.execute(f"UPDATE guichet SET canaux = {canaux} WHERE service_id = :s", s=api.nevers.id)
        await api.execute(
            "UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s", s=api.nevers.id
        )


class TestRdvPris:
    """« RDV reached by exact code + name; else 404 »: an id reaches nothing, his own booking included."""

    @pytest.mark.parametrize(
        ("methode", "chemin", "corps"),
        [
            ("GET", "", None),
            ("POST", "/annulation", {"raison": "x"}),
            ("POST", "/replanification", {"debut": at("15:00")}),
            ("PUT", "/arrivee", None),
            ("DELETE", "/arrivee", None),
            ("POST", "/appel", None),
            ("POST", "/reception", None),
            ("POST", "/fin", None),
            ("POST", "/absence", None),
            ("POST", "/contre-appel", {"resultat": "regle", "commentaire": "x"}),
        ],
        ids=[
            "fiche",
            "annuler",
            "deplacer",
            "arrivee",
            "sans-arrivee",
            "appel",
            "reception",
            "fin",
            "absence",
            "appel2",
        ],
    )
    async def test_each_act_is_404_and_journaled(self, api: Api, methode: str, chemin: str, corps: Any) -> None:
        cle = f"externe{methode}{chemin}".replace("/", "-")
        pris = await api.book("exterieur", cle=cle, debut=at("09:00", "2026-09-21"))
        if pris.status_code == 409:
            pris = await api.book("exterieur", cle=cle, debut=pris.json()["alternatives"][0]["debut"])
        rdv = pris.json()["id"]
        plus = {} if corps is None else {"json": corps}
        assert (await api.call("exterieur", methode, f"/rendez-vous/{rdv}{chemin}", **plus)).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.acces_refuse'"
        assert await api.scalar(refus, r=rdv) == 1

    async def test_he_sees_no_agenda(self, api: Api) -> None:
        chemin = f"/services/{api.nevers.id}/agenda?jour={VENDREDI}"
        assert (await api.call("exterieur", "GET", chemin)).status_code == 404
