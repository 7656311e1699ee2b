"""What is free, and why when nothing is."""

from __future__ import annotations

import pytest

from tests.api.conftest import JEUDI, Api


class TestCreneaux:
    """[A1 §2; G 2.3.4] One computation for display and booking; « délai de 2 jours ouvrés »."""

    async def test_an_external_agent_starts_on_the_third_working_day(self, api: Api) -> None:
        lus = (await api.call("exterieur", "GET", self._url(api))).json()
        assert lus["elements"][0] == {
            "debut": f"{JEUDI}T08:00:00+02:00",
            "fin": f"{JEUDI}T08:20:00+02:00",
            "libres": 2,
        }
        raisons = {j["jour"]: (j["raison"], j["phrase"]) for j in lus["jours"]}
        assert raisons["2026-09-16"] == ("delai", "délai de 2\u00a0jours ouvrés")
        assert raisons["2026-09-19"][0] == "hors_plage"
        assert raisons[JEUDI] == (None, None)
        assert lus["raison"] is None
        assert lus["jours"][-1]["jour"] == "2026-10-14"

    async def test_an_attached_agent_starts_at_once_and_sees_sixty_days(self, api: Api) -> None:
        lus = (await api.call("agent", "GET", self._url(api))).json()
        assert lus["elements"][0]["debut"] == "2026-09-14T09:40:00+02:00"
        assert lus["jours"][-1]["jour"] == "2026-11-13"

    async def test_offsets_are_those_of_each_side_of_the_clock_change(self, api: Api) -> None:
        lus = (await api.call("agent", "GET", self._url(api, "&du=2026-10-23&au=2026-10-26"))).json()
        heures = {e["debut"] for e in lus["elements"]}
        assert "2026-10-23T08:00:00+02:00" in heures
        assert "2026-10-26T08:00:00+01:00" in heures

    async def test_days_beyond_the_window_say_so(self, api: Api) -> None:
        lus = (await api.call("exterieur", "GET", self._url(api, "&du=2026-10-15&au=2026-10-16"))).json()
        assert lus["elements"] == []
        assert [j["raison"] for j in lus["jours"]] == ["horizon", "horizon"]
        assert lus["raison"] == "horizon"
        assert lus["phrase"] == "au-delà de 30\u00a0jours"
        passes = (await api.call("exterieur", "GET", self._url(api, "&du=2026-09-01&au=2026-09-02"))).json()
        assert [j["raison"] for j in passes["jours"]] == ["passe", "passe"]

    async def test_a_closed_motif_gives_its_reason_for_the_whole(self, api: Api) -> None:
        lus = (await api.call("exterieur", "GET", self._url(api, motif=api.nevers.motifs[2]))).json()
        assert lus["elements"] == []
        assert lus["raison"] == "motif_non_propose"

    async def test_a_booked_day_says_complet(self, api: Api) -> None:
        url = f"/services/{api.metz.id}/creneaux?motif={api.nevers.motifs[0]}&du=2026-09-18&au=2026-09-18"
        libres = (await api.call("exterieur", "GET", url)).json()["elements"]
        for creneau in libres:
            reponse = await api.book("exterieur", service=api.metz.id, debut=creneau["debut"])
            assert reponse.status_code == 201, reponse.text
        lus = (await api.call("exterieur", "GET", url)).json()
        assert lus["elements"] == []
        assert lus["raison"] == "complet"
        assert lus["jours"] == [{"jour": "2026-09-18", "creneaux": 0, "raison": "complet", "phrase": "complet"}]

    async def test_the_version_rises_with_what_is_booked(self, api: Api) -> None:
        avant = (await api.call("agent", "GET", self._url(api))).json()["version"]
        assert (await api.book("agent", debut="2026-09-21T08:00:00+02:00")).status_code == 201
        lus = (await api.call("agent", "GET", self._url(api, "&du=2026-09-21&au=2026-09-21"))).json()
        assert lus["version"] > avant
        assert lus["elements"][0]["libres"] == 1

    @pytest.mark.parametrize(
        ("plus", "champ"),
        [
            ("&du=2026-02-31", "du"),
            ("&du=demain", "du"),
            ("&du=0001-01-01", "du"),
            ("&au=9999-12-31", "au"),
            ("&du=2026-09-20&au=2026-09-19", "au"),
            ("&du=2026-09-01&au=2027-03-01", "au"),
            ("&type=borne", "type"),
            ("&duree=40", "duree"),
            ("&du=2026-09-20&du=2026-09-21", "du"),
        ],
    )
    async def test_a_wrong_criterion_is_named(self, api: Api, plus: str, champ: str) -> None:
        reponse = await api.call("agent", "GET", self._url(api, plus))
        assert reponse.status_code == 422, reponse.text
        assert champ in reponse.json()["champs"]

    async def test_a_motif_is_required_and_must_be_of_the_service(self, api: Api) -> None:
        sans = await api.call("agent", "GET", f"/services/{api.nevers.id}/creneaux")
        assert sans.status_code == 422
        assert sans.json()["champs"] == {"motif": "Cette valeur est obligatoire."}
        assert (await api.call("agent", "GET", self._url(api, motif=987654))).status_code == 404
        assert (await api.call("agent", "GET", self._url(api, motif=2**63))).status_code == 422

    def _url(self, api: Api, plus: str = "", motif: int | None = None) -> str:
        return f"/services/{api.nevers.id}/creneaux?motif={motif or api.nevers.motifs[0]}{plus}"
