"""The demo's past has calls before visits: « À rappeler » has figures from its first second."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.demo.appels import imagine_appel

MAINTENANT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def rdv(rang: int, **plus: Any) -> dict[str, Any]:
    debut = MAINTENANT - timedelta(days=3)
    faits = {"id": rang, "code": f"CODE{rang}", "debut": debut, "jour": debut.date(), "service_origine_id": None}
    return {**faits, "cree_a": debut - timedelta(days=9), **plus}


class TestAppels:
    """[A1 §3.2] a call before the visit, which settles it or not."""

    def test_one_in_three_is_called_and_what_is_settled_depends_on_the_motif(self) -> None:
        taux = []
        for motif in (0, 3):
            appels = [a for n in range(600) if (a := imagine_appel(rdv(n), motif, MAINTENANT))]
            assert 150 < len(appels) < 250
            assert all(a["annule_rdv"] == (a["resultat"] == "regle") for a in appels)
            assert all(a["cree_a"] < rdv(0)["debut"] for a in appels)
            taux.append(sum(a["annule_rdv"] for a in appels) / len(appels))
        assert taux[0] > 0.6 > 0.15 > taux[1]

    def test_it_is_the_same_each_time_and_never_about_today_nor_for_another_service(self) -> None:
        assert imagine_appel(rdv(4), 0, MAINTENANT) == imagine_appel(rdv(4), 0, MAINTENANT)
        for plus in ({"jour": date(2026, 11, 23)}, {"service_origine_id": 2}, {"cree_a": MAINTENANT}):
            assert all(imagine_appel(rdv(n, **plus), 0, MAINTENANT) is None for n in range(60))
