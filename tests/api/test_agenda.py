"""The agenda of one day, from which a machine follows the wire."""

from __future__ import annotations

import pytest

from tests.api.conftest import JEUDI, Api


class TestAgenda:
    """[A1 §3.1] For attached agents only; « State + events == fresh state »."""

    async def test_it_holds_the_day_in_order_without_what_is_cancelled(self, api: Api) -> None:
        ids = [
            (await api.book("agent", debut=f"{JEUDI}T{heure}:00+02:00")).json()["id"]
            for heure in ("10:00", "08:00", "09:00")
        ]
        await api.call("agent", "POST", f"/rendez-vous/{ids[0]}/annulation", json={"raison": "Erreur de jour"})
        lu = (await api.call("box", "GET", f"/services/{api.nevers.id}/agenda?jour={JEUDI}")).json()
        assert [e["id"] for e in lu["elements"]] == [ids[1], ids[2]]
        assert lu["elements"][0]["usager"] == "Monsieur VALENTON"
        assert lu["elements"][0]["debut"] == f"{JEUDI}T08:00:00+02:00"
        assert [g["id"] for g in lu["guichets"]] == api.nevers.guichets
        assert lu["guichets"][0]["plages"][0] == {
            "debut": f"{JEUDI}T08:00:00+02:00",
            "fin": f"{JEUDI}T12:00:00+02:00",
        }
        assert (lu["jour"], lu["fuseau"], lu["suite"]) == (JEUDI, "Europe/Paris", None)

    async def test_its_version_and_epoch_are_those_of_the_wire(self, api: Api) -> None:
        lu = (await api.call("agent", "GET", f"/services/{api.nevers.id}/agenda")).json()
        version = await api.scalar("SELECT version FROM agenda WHERE service_id = :s", s=api.nevers.id)
        assert lu["version"] == version
        assert lu["epoque"] == await api.scalar("SELECT valeur FROM epoque")
        assert lu["jour"] == "2026-09-14"

    async def test_each_reading_is_journaled(self, api: Api) -> None:
        combien = "SELECT count(*) FROM journal WHERE action = 'agenda.lu' AND agent_id = :a"
        avant = await api.scalar(combien, a=api.nevers.agents["chef"])
        await api.call("chef", "GET", f"/services/{api.nevers.id}/agenda")
        assert await api.scalar(combien, a=api.nevers.agents["chef"]) == avant + 1

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_nobody_else_sees_an_agenda(self, api: Api, qui: str) -> None:
        ailleurs = await api.call(qui, "GET", f"/services/{api.nevers.id}/agenda")
        nulle_part = await api.call(qui, "GET", "/services/987654/agenda")
        assert (ailleurs.status_code, nulle_part.status_code) == (404, 404)
        assert ailleurs.json() == nulle_part.json()

    async def test_an_attached_agent_does_not_see_the_agenda_of_another_service_and_leaves_a_line(
        self, api: Api
    ) -> None:
        assert (await api.call("agent", "GET", f"/services/{api.metz.id}/agenda")).status_code == 404
        refus = "SELECT agent_id FROM journal WHERE action = 'service.acces_refuse' AND service_id = :s"
        assert await api.scalar(refus, s=api.metz.id) == api.nevers.agents["agent"]

    @pytest.mark.parametrize("jour", ["hier", "2026-02-30", "0001-01-01", "9999-12-31", "", "2026-09-17T10:00:00Z"])
    async def test_a_day_that_does_not_exist_is_422(self, api: Api, jour: str) -> None:
        refus = await api.call("agent", "GET", f"/services/{api.nevers.id}/agenda?jour={jour}")
        assert refus.status_code == 422
        assert "jour" in refus.json()["champs"]
