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


class TestParCode:
    """« RDV reached by exact code + name, journaled; else 404 »: both words, with every act, and no others."""

    NOM = "Valenton"

    @pytest.fixture(autouse=True)
    async def aucun_essai(self, api: Api) -> None:
        """Nobody has guessed yet."""
        await api.execute("DELETE FROM tentative")

    async def take(self, api: Api) -> tuple[int, dict[str, str]]:
        """A RDV of the service on Monday, by its own agent; and what names it."""
        libres = await api.call(
            "exterieur",
            "GET",
            f"/services/{api.nevers.id}/creneaux?motif={api.nevers.motifs[0]}&du=2026-09-21",
        )
        pris = await api.book("agent", debut=libres.json()["elements"][0]["debut"])
        assert pris.status_code == 201, pris.text
        return pris.json()["id"], {"code": pris.json()["code"], "nom": self.NOM}

    async def find(self, api: Api, dit: dict[str, str], qui: str = "exterieur") -> Any:
        return await api.call(qui, "POST", "/rendez-vous/par-code", json=dit)

    async def free(self, api: Api) -> str:
        """The last créneau offered to externals on Tuesday."""
        chemin = f"/services/{api.nevers.id}/creneaux?motif={api.nevers.motifs[0]}&du=2026-09-22&au=2026-09-22"
        return str((await api.call("exterieur", "GET", chemin)).json()["elements"][-1]["debut"])

    async def test_both_words_find_it_without_its_person(self, api: Api) -> None:
        rdv, dit = await self.take(api)
        lu = await self.find(api, {"code": dit["code"].lower(), "nom": " VALENTON "})
        assert lu.status_code == 200, lu.text
        corps = lu.json()
        assert set(corps) == {
            "id", "code", "service", "motif", "motif_libelle", "type", "debut", "fin", "etat", "revision",
        }  # fmt: skip
        assert (corps["id"], corps["code"], corps["etat"]) == (rdv, dit["code"], "prevu")
        trace = "SELECT apres::text FROM journal WHERE rdv_id = :r AND action = 'rdv.lu'"
        assert '"par": "code"' in await api.scalar(trace, r=rdv)

    async def test_whatever_is_wrong_it_is_the_same_404(self, api: Api) -> None:
        rdv, dit = await self.take(api)
        autre, _ = await self.take(api)
        faux = [
            {**dit, "code": "AAAAAA"},
            {**dit, "nom": "Philippe"},
            {**dit, "nom": "Valento"},
            {**dit, "code": "<b>"},
        ]
        reponses = [await self.find(api, essai) for essai in faux]
        for essai, ident in [*((f, rdv) for f in faux[:2]), (dit, autre), (dit, 987654321)]:
            for chemin, corps in (("annulation", {"raison": "x"}), ("replanification", {"debut": at("15:00")})):
                reponses.append(
                    await api.call("exterieur", "POST", f"/rendez-vous/{ident}/{chemin}", json={**corps, **essai})
                )
        assert {(r.status_code, r.text) for r in reponses} == {(404, reponses[0].text)}
        assert await api.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=autre) == "prevu"
        refus = "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.acces_refuse'"
        assert await api.scalar(refus, r=autre) == 2
        quotes = "SELECT count(*) FROM journal WHERE apres::text LIKE :mot"
        assert await api.scalar(quotes, mot=f"%{dit['code']}%") == 0

    async def test_he_cancels_with_both_words_and_once(self, api: Api) -> None:
        rdv, dit = await self.take(api)
        chemin, corps = f"/rendez-vous/{rdv}/annulation", {"raison": "Réglé au téléphone", "revision": 1}
        assert (await api.call("exterieur", "POST", chemin, json=corps)).status_code == 404
        perime = await api.call("exterieur", "POST", chemin, json={**corps, **dit, "revision": 7})
        assert (perime.status_code, perime.json()["revision"]) == (409, 1)
        faits = [await api.call("exterieur", "POST", chemin, json={**corps, **dit}) for _ in range(2)]
        assert [(f.status_code, f.json()["etat"], f.json()["change"]) for f in faits] == [
            (200, "annule", True),
            (200, "annule", False),
        ]
        par = "SELECT annule_par_agent FROM rendez_vous WHERE id = :r"
        assert await api.scalar(par, r=rdv) == api.nevers.agents["exterieur"]

    async def test_he_moves_it_within_the_external_rules(self, api: Api) -> None:
        rdv, dit = await self.take(api)
        chemin, debut = f"/rendez-vous/{rdv}/replanification", await self.free(api)
        lu = await api.call("exterieur", "POST", chemin, json={"debut": debut, "revision": 1, **dit})
        assert lu.status_code == 200, lu.text
        assert (lu.json()["debut"], lu.json()["revision"], lu.json()["change"]) == (debut, 2, True)
        for trop, raison in ((at("10:00", "2026-09-16"), "delai"), (at("10:07", "2026-09-22"), "hors_grille")):
            refus = await api.call("exterieur", "POST", chemin, json={"debut": trop, **dit})
            assert (refus.status_code, refus.json()["raison"]) == (422, raison)
        assert (await self.find(api, dit)).json()["debut"] == debut

    @pytest.mark.parametrize("qui", ["exterieur", "agent"])
    @pytest.mark.parametrize(
        "force", [{"guichet": 1}, {"duree": 40}, {"acquittees": ["hors_plage"]}], ids=["guichet", "duree", "alertes"]
    )
    async def test_by_both_words_nothing_is_forced(self, api: Api, qui: str, force: dict[str, Any]) -> None:
        rdv, dit = await self.take(api)
        corps = {"debut": at("15:00"), **dit, **force}
        refus = await api.call(qui, "POST", f"/rendez-vous/{rdv}/replanification", json=corps)
        assert refus.status_code == 403
        assert await api.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv) == 1

    @pytest.mark.parametrize("seul", ["code", "nom"])
    async def test_one_word_alone_is_said(self, api: Api, seul: str) -> None:
        rdv, dit = await self.take(api)
        for chemin, corps in (("annulation", {"raison": "x"}), ("replanification", {"debut": at("15:00")})):
            corps[seul] = dit[seul]
            refus = await api.call("exterieur", "POST", f"/rendez-vous/{rdv}/{chemin}", json=corps)
            assert (refus.status_code, list(refus.json()["champs"])) == (422, ["nom" if seul == "code" else "code"])

    async def test_pilotage_alone_is_refused_and_journaled(self, api: Api) -> None:
        rdv, dit = await self.take(api)
        assert (await self.find(api, dit, "pilote")).status_code == 403
        corps = {"raison": "x", **dit}
        assert (await api.call("pilote", "POST", f"/rendez-vous/{rdv}/annulation", json=corps)).status_code == 403
        refus = "SELECT count(*) FROM journal WHERE agent_id = :a AND action = 'service.acces_refuse'"
        assert await api.scalar(refus, a=api.nevers.agents["pilote"]) == 2

    async def test_guessing_is_stopped_by_every_door_at_once(self, api: Api) -> None:
        rdv, dit = await self.take(api)
        faux = {**dit, "nom": "Autre"}
        for _ in range(5):
            assert (await self.find(api, faux)).status_code == 404
            refus = await api.call("exterieur", "POST", f"/rendez-vous/{rdv}/annulation", json={"raison": "x", **faux})
            assert refus.status_code == 404
        for corps, chemin in ((dit, "par-code"), ({"raison": "x", **dit}, f"{rdv}/annulation")):
            refus = await api.call("exterieur", "POST", f"/rendez-vous/{chemin}", json=corps)
            assert refus.status_code == 429
            assert int(refus.headers["retry-after"]) <= 300
        assert (await self.find(api, dit, "agent")).status_code == 200, "nobody else is stopped"
