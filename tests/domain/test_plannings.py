from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.plannings import (
    RANG_DERNIER,
    ExceptionPlanning,
    PlageType,
    Planning,
    find_chevauchements,
    select_plannings,
)
from tests.domain.fabrique import hm, semaine

MATIN = PlageType(hm(8), hm(12), "matin")
APRES_MIDI = PlageType(hm(13, 30), hm(16))
AN_2026 = (date(2026, 1, 1), date(2026, 12, 31))


def planning(jours: dict[tuple[int, int], tuple[PlageType, ...]], **autres: Any) -> Planning:
    valeurs: dict[str, Any] = {
        "id": 1,
        "nom": "semaine type",
        "guichet_id": None,
        "nature": "semaine",
        "cycle": 1,
        "du": date(2026, 1, 1),
        "au": None,
        "jours": jours,
    }
    return Planning(**(valeurs | autres))


class TestArticle234SemaineType:
    """Article §2.3.4: « des journées / semaines / mois types »."""

    def test_weeks_a_and_b_alternate_from_the_monday_of_the_week_of_du(self) -> None:
        # Thursday 1 January 2026: its Monday is 29 December 2025.
        alterne = planning({(0, 4): (MATIN,), (1, 4): (APRES_MIDI,)}, cycle=2)
        jeudis = [date(2026, 1, 1) + timedelta(weeks=n) for n in range(4)]
        assert [alterne.find_plages(jour) for jour in jeudis] == [(MATIN,), (APRES_MIDI,), (MATIN,), (APRES_MIDI,)]
        # Monday 5 January is the second Monday counted, though the first one inside the validity.
        lundis = planning({(0, 1): (MATIN,), (1, 1): (APRES_MIDI,)}, cycle=2)
        assert lundis.find_plages(date(2026, 1, 5)) == (APRES_MIDI,)

    def test_the_alternation_goes_on_across_the_years(self) -> None:
        alterne = planning({(0, 1): (MATIN,)}, cycle=3, du=date(2026, 12, 28))
        lundis = [date(2026, 12, 28) + timedelta(weeks=n) for n in range(7)]
        assert [bool(alterne.find_plages(jour)) for jour in lundis] == [True, False, False, True, False, False, True]

    def test_both_ends_of_the_validity_are_included_and_nothing_beyond(self) -> None:
        court = planning({(0, iso): (MATIN,) for iso in range(1, 8)}, du=date(2026, 3, 2), au=date(2026, 3, 4))
        ouverts = [n for n in range(1, 8) if court.find_plages(date(2026, 3, n))]
        assert ouverts == [2, 3, 4]

    def test_plages_come_in_order_however_they_were_written(self) -> None:
        assert planning({(0, 1): (APRES_MIDI, MATIN)}).find_plages(date(2026, 1, 5)) == (MATIN, APRES_MIDI)


class TestArticle234MoisType:
    def mardis(self, *rangs: int) -> list[int]:
        mois = planning({(rang, 2): (MATIN,) for rang in rangs}, nature="mois")
        return [n for n in range(1, 31) if mois.find_plages(date(2026, 6, n))]  # Tuesdays: 2, 9, 16, 23, 30

    def test_first_and_third_tuesday(self) -> None:
        assert self.mardis(1, 3) == [2, 16]

    def test_the_last_one_is_the_fifth_when_there_is_a_fifth_and_the_fourth_otherwise(self) -> None:
        assert self.mardis(RANG_DERNIER) == [30]
        mois = planning({(RANG_DERNIER, 2): (MATIN,)}, nature="mois")
        assert [n for n in range(1, 32) if mois.find_plages(date(2026, 7, n))] == [28]

    def test_a_day_that_is_fourth_and_last_has_the_plages_of_both_once(self) -> None:
        mois = planning({(4, 2): (MATIN,), (RANG_DERNIER, 2): (MATIN, APRES_MIDI)}, nature="mois")
        assert mois.find_plages(date(2026, 7, 28)) == (MATIN, APRES_MIDI)

    def test_a_fifth_weekday_only_opens_in_the_months_that_have_one(self) -> None:
        mois = planning({(5, 2): (MATIN,)}, nature="mois")
        assert not any(mois.find_plages(date(2026, 7, n)) for n in range(1, 32))
        assert mois.find_plages(date(2026, 6, 30)) == (MATIN,)


class TestNiveaux:
    def test_a_guichet_s_own_planning_replaces_the_service_s_even_on_days_where_it_opens_nothing(self) -> None:
        service, propre = semaine(MATIN), planning({(0, 2): (APRES_MIDI,)}, id=2, guichet_id=7)
        lundi = date(2026, 1, 5)
        assert select_plannings([service, propre], 7, lundi) == (propre,)
        assert select_plannings([service, propre], 8, lundi) == (service,)

    def test_outside_its_validity_the_guichet_comes_back_to_the_service_s_planning(self) -> None:
        service = semaine(MATIN)
        propre = planning({}, id=2, guichet_id=7, au=date(2026, 1, 5))
        assert select_plannings([service, propre], 7, date(2026, 1, 5)) == (propre,)
        assert select_plannings([service, propre], 7, date(2026, 1, 6)) == (service,)

    def test_several_plannings_of_one_level_add_up(self) -> None:
        un, deux = semaine(MATIN), semaine(APRES_MIDI, id=2)
        assert select_plannings([un, deux], 7, date(2026, 1, 5)) == (un, deux)


class TestChevauchements:
    """Overlapping plages on one guichet are refused, naming both."""

    def test_8_to_12_and_half_past_11_to_14_are_reported_once_naming_both_on_the_first_day(self) -> None:
        un = semaine(MATIN, guichet_id=3)
        deux = planning({(0, 2): (PlageType(hm(11, 30), hm(14), "renfort"),)}, id=2, nom="renfort", guichet_id=3)
        (trouve,) = find_chevauchements([un, deux], AN_2026)
        assert trouve.jour == date(2026, 1, 6)
        assert trouve.guichet_id == 3
        for mot in ("08:00–12:00", "11:30–14:00", "matin", "renfort", "planning 1", "mardi 6 janvier 2026"):
            assert mot in trouve.phrase

    def test_the_first_of_the_month_is_said_as_people_do(self) -> None:
        un, deux = semaine(MATIN), semaine(MATIN, id=2)
        (trouve,) = find_chevauchements([un, deux], (date(2026, 9, 1), date(2026, 9, 2)))
        assert "mardi 1er septembre 2026" in trouve.phrase

    def test_two_plages_of_one_planning_are_compared_too(self) -> None:
        seul = planning({(0, 1): (MATIN, PlageType(hm(11), hm(13)))})
        assert len(find_chevauchements([seul], AN_2026)) == 1

    def test_plages_that_only_touch_do_not_overlap(self) -> None:
        assert find_chevauchements([semaine(MATIN), semaine(PlageType(hm(12), hm(13)), id=2)], AN_2026) == ()

    def test_a_guichet_s_planning_does_not_clash_with_the_service_s_which_it_replaces(self) -> None:
        assert find_chevauchements([semaine(MATIN), semaine(MATIN, guichet_id=3, id=2)], AN_2026) == ()

    def test_alternating_weeks_that_never_meet_do_not_clash(self) -> None:
        semaine_a = planning({(0, 1): (MATIN,)}, cycle=2)
        semaine_b = planning({(1, 1): (MATIN,)}, cycle=2, id=2)
        assert find_chevauchements([semaine_a, semaine_b], AN_2026) == ()

    def test_an_alternating_week_and_a_month_clash_on_the_first_day_they_share(self) -> None:
        # Weeks of rang 0 begin on 29 December, 12 and 26 January, 9 and 23 February, 9 and 23 March, 6 April …
        semaine_a = planning({(0, 1): (MATIN,)}, cycle=2)
        premier_lundi = planning({(1, 1): (MATIN,)}, nature="mois", id=3)
        assert [c.jour for c in find_chevauchements([semaine_a, premier_lundi], AN_2026)] == [date(2026, 4, 6)]

    def test_a_clash_outside_the_horizon_is_not_reported(self) -> None:
        un, deux = semaine(MATIN), planning({(0, 1): (MATIN,)}, id=2, du=date(2027, 1, 1))
        assert find_chevauchements([un, deux], AN_2026) == ()


class TestSaisies:
    """Promises, bad inputs: end < start, duration 0."""

    @pytest.mark.parametrize(("debut", "fin"), [(720, 480), (480, 480), (-1, 10), (480, 1441)])
    def test_a_plage_outside_a_day_or_that_ends_before_it_begins_is_refused(self, debut: int, fin: int) -> None:
        with pytest.raises(ValueError):
            PlageType(debut, fin)
        with pytest.raises(ValueError):
            ExceptionPlanning(1, "fermeture", None, date(2026, 1, 1), date(2026, 1, 1), debut, fin, "")

    @pytest.mark.parametrize(
        "mauvais",
        [
            {"nature": "année"},
            {"cycle": 0},
            {"au": date(2025, 12, 31)},
            {"jours": {(1, 1): ()}},
            {"jours": {(0, 8): ()}},
            {"jours": {(0, 0): ()}},
            {"nature": "mois", "jours": {(0, 1): ()}},
            {"nature": "mois", "jours": {(6, 1): ()}},
        ],
    )
    def test_a_planning_that_means_nothing_is_refused(self, mauvais: dict[str, Any]) -> None:
        with pytest.raises(ValueError):
            planning(mauvais.pop("jours", {}), **mauvais)

    def test_an_exception_with_one_hour_or_backwards_or_of_unknown_nature_is_refused(self) -> None:
        jour = date(2026, 1, 1)
        with pytest.raises(ValueError, match="both hours"):
            ExceptionPlanning(1, "fermeture", None, jour, jour, 480, None, "")
        with pytest.raises(ValueError, match="begins before"):
            ExceptionPlanning(1, "fermeture", None, jour, jour - timedelta(days=1), None, None, "")
        inconnue: Any = "pause"
        with pytest.raises(ValueError, match="pause"):
            ExceptionPlanning(1, inconnue, None, jour, jour, None, None, "")
