from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.horaires import get_cadran
from app.domain.plages import (
    ExceptionPlanning,
    OuverturesParJour,
    PlageType,
    Planning,
    RaisonFermeture,
    compute_ouvertures,
    select_plannings,
)
from tests.domain.fabrique import (
    GUADELOUPE,
    HORAIRES_DU_TEXTE,
    JOURS_REMARQUABLES,
    MIQUELON,
    PARIS,
    REUNION,
    each_day,
    exceptions_du,
    hm,
    plages_types,
    read_instant,
    semaine,
    utc,
    wall_clock,
)

JOUR = date(2026, 9, 14)
GUICHETS = (1, 2)


def exception(
    nature: Literal["fermeture", "ouverture"],
    debut: int | None = None,
    fin: int | None = None,
    guichet_id: int | None = None,
) -> ExceptionPlanning:
    return ExceptionPlanning(1, nature, guichet_id, JOUR, JOUR, debut, fin, "essai")


def compute(
    *exceptions: ExceptionPlanning, feries: frozenset[date] = frozenset(), rouverts: frozenset[date] = frozenset()
) -> OuverturesParJour:
    plannings = [semaine(*HORAIRES_DU_TEXTE)]
    return compute_ouvertures(GUICHETS, JOUR, JOUR, plannings, exceptions, feries, rouverts, PARIS)


def hours(ouvertures: OuverturesParJour, guichet_id: int = 1) -> list[tuple[int, int]]:
    base = get_cadran(JOUR, PARIS).debut
    return [(o.debut - base, o.fin - base) for o in ouvertures.get(guichet_id, JOUR)]


class TestExceptions:
    def test_without_exception_the_planning_is_what_opens(self) -> None:
        assert hours(compute()) == [(hm(8), hm(12)), (hm(14), hm(16))]

    def test_a_closure_in_the_middle_leaves_two_pieces_that_keep_the_origin_of_the_grid(self) -> None:
        ouvertures = compute(exception("fermeture", hm(9, 30), hm(10, 10)))
        assert hours(ouvertures) == [(hm(8), hm(9, 30)), (hm(10, 10), hm(12)), (hm(14), hm(16))]
        base = get_cadran(JOUR, PARIS).debut
        assert [o.ancre - base for o in ouvertures.get(1, JOUR)] == [hm(8), hm(8), hm(14)]

    def test_a_closure_of_one_guichet_leaves_the_others_open(self) -> None:
        ouvertures = compute(exception("fermeture", guichet_id=1))
        assert hours(ouvertures, 1) == []
        assert ouvertures.find_raison(1, JOUR) is RaisonFermeture.FERMETURE
        assert hours(ouvertures, 2) == [(hm(8), hm(12)), (hm(14), hm(16))]
        assert ouvertures.find_raison(2, JOUR) is None

    def test_an_extra_opening_adds_only_what_is_not_open_yet(self) -> None:
        ouvertures = compute(exception("ouverture", hm(11), hm(13)))
        assert hours(ouvertures) == [(hm(8), hm(12)), (hm(12), hm(13)), (hm(14), hm(16))]

    @pytest.mark.parametrize("rang", [0, 1])
    def test_a_closure_beats_an_extra_opening_in_whatever_order_they_were_written(self, rang: int) -> None:
        deux = [exception("ouverture", hm(17), hm(19)), exception("fermeture")]
        ouvertures = compute(*(deux if rang else reversed(deux)))
        assert hours(ouvertures) == []
        assert ouvertures.find_raison(1, JOUR) is RaisonFermeture.FERMETURE

    def test_a_day_without_plage_says_so_even_when_it_is_also_closed(self) -> None:
        ouvertures = compute_ouvertures((1,), JOUR, JOUR, [], [exception("fermeture")], (), (), PARIS)
        assert ouvertures.find_raison(1, JOUR) is RaisonFermeture.HORS_PLAGE


class TestFeries:
    FERIES = frozenset({JOUR})

    def test_a_holiday_closes_by_itself(self) -> None:
        ouvertures = compute(feries=self.FERIES)
        assert hours(ouvertures) == []
        assert ouvertures.find_raison(1, JOUR) is RaisonFermeture.FERIE

    def test_a_day_reopened_by_the_chef_de_service_is_an_ordinary_day(self) -> None:
        assert hours(compute(feries=self.FERIES, rouverts=self.FERIES)) == [(hm(8), hm(12)), (hm(14), hm(16))]

    def test_an_extra_opening_opens_its_own_hours_on_a_holiday_and_nothing_else(self) -> None:
        ouvertures = compute(exception("ouverture", hm(9), hm(11), guichet_id=2), feries=self.FERIES)
        assert hours(ouvertures, 1) == []
        assert hours(ouvertures, 2) == [(hm(9), hm(11))]

    def test_an_extra_opening_without_hours_brings_back_the_plages_of_that_guichet(self) -> None:
        ouvertures = compute(exception("ouverture", guichet_id=2), feries=self.FERIES)
        assert hours(ouvertures, 1) == []
        assert hours(ouvertures, 2) == [(hm(8), hm(12)), (hm(14), hm(16))]


class TestInterdits:
    """[A1, summary table] closed guichet, closure and holiday can never be forced; absence of plage can."""

    def find(self, ouvertures: OuverturesParJour, debut: int, fin: int) -> RaisonFermeture | None:
        base = get_cadran(JOUR, PARIS).debut
        return ouvertures.find_interdit(1, JOUR, base + debut, base + fin)

    def test_the_hours_of_a_closure_are_forbidden_and_its_ends_are_not(self) -> None:
        ouvertures = compute(exception("fermeture", hm(9), hm(10)))
        assert self.find(ouvertures, hm(9, 50), hm(10, 10)) is RaisonFermeture.FERMETURE
        assert self.find(ouvertures, hm(10), hm(10, 20)) is None
        assert self.find(ouvertures, hm(8, 40), hm(9)) is None

    def test_a_closure_forbids_even_outside_the_plages(self) -> None:
        assert self.find(compute(exception("fermeture")), hm(18), hm(19)) is RaisonFermeture.FERMETURE

    def test_a_holiday_is_forbidden_but_for_what_was_opened_on_purpose(self) -> None:
        ouvertures = compute(exception("ouverture", hm(9), hm(11)), feries=frozenset({JOUR}))
        assert self.find(ouvertures, hm(9), hm(9, 20)) is None
        assert self.find(ouvertures, hm(10, 50), hm(11, 10)) is RaisonFermeture.FERIE

    def test_absence_of_plage_is_not_forbidden(self) -> None:
        assert self.find(compute(), hm(12), hm(14)) is None

    def test_asking_about_a_day_that_was_not_computed_is_an_error_not_a_yes(self) -> None:
        with pytest.raises(KeyError):
            compute().find_interdit(1, JOUR + timedelta(days=1), 0, 1)


class TestCouverture:
    def test_plages_that_touch_cover_together(self) -> None:
        deux = [semaine(PlageType(hm(8), hm(12)), PlageType(hm(12), hm(14)))]
        ouvertures = compute_ouvertures((1,), JOUR, JOUR, deux, (), (), (), PARIS)
        base = get_cadran(JOUR, PARIS).debut
        assert ouvertures.is_couvert(1, JOUR, base + hm(11, 50), base + hm(12, 10))
        assert not ouvertures.is_couvert(1, JOUR, base + hm(13, 50), base + hm(14, 10))
        assert len(ouvertures.get(1, JOUR)) == 2


class TestPromesseP12:
    """Plages across the nights when the clock changes, and far from Paris."""

    @pytest.mark.parametrize(("zone", "jour", "heures"), JOURS_REMARQUABLES)
    def test_open_all_day_lasts_as_long_as_the_day(self, zone: ZoneInfo, jour: date, heures: int) -> None:
        ouvertures = compute_ouvertures((1,), jour, jour, [semaine(PlageType(0, 1440))], (), (), (), zone)
        (seule,) = ouvertures.get(1, jour)
        assert seule.fin - seule.debut == heures * 60

    def test_a_night_plage_is_an_hour_shorter_in_march_and_longer_in_october(self) -> None:
        for jour, heures in ((date(2027, 3, 28), 3), (date(2027, 10, 31), 5), (date(2027, 6, 1), 4)):
            ouvertures = compute_ouvertures((1,), jour, jour, [semaine(PlageType(hm(1), hm(5)))], (), (), (), PARIS)
            (seule,) = ouvertures.get(1, jour)
            assert seule.fin - seule.debut == heures * 60

    def test_a_plage_wholly_inside_the_hour_that_does_not_exist_opens_nothing(self) -> None:
        jour = date(2027, 3, 28)
        ouvertures = compute_ouvertures((1,), jour, jour, [semaine(PlageType(hm(2), hm(3)))], (), (), (), PARIS)
        assert ouvertures.get(1, jour) == ()
        assert ouvertures.find_raison(1, jour) is RaisonFermeture.HORS_PLAGE

    @pytest.mark.parametrize(
        ("zone", "huit_heures"), [(PARIS, (6, 0)), (REUNION, (4, 0)), (GUADELOUPE, (12, 0)), (MIQUELON, (10, 0))]
    )
    def test_eight_o_clock_is_eight_o_clock_there(self, zone: ZoneInfo, huit_heures: tuple[int, int]) -> None:
        ouvertures = compute_ouvertures((1,), JOUR, JOUR, [semaine(*HORAIRES_DU_TEXTE)], (), (), (), zone)
        assert ouvertures.get(1, JOUR)[0].debut == utc(JOUR, *huit_heures)


def oracle(
    jour: date,
    zone: ZoneInfo,
    guichet_id: int,
    plannings: list[Planning],
    exceptions: list[ExceptionPlanning],
    ferie: bool,
) -> set[int]:
    """The open minutes, decided one by one."""

    def within(debut: int | None, fin: int | None, instant: int) -> bool:
        if debut is None or fin is None:
            return True
        return read_instant(jour, debut, zone) <= instant < read_instant(jour, fin, zone)

    siennes = [e for e in exceptions if e.concerns(guichet_id) and e.du <= jour <= e.au]
    rouvert = any(e.nature == "ouverture" and e.debut is None for e in siennes)
    ecrites = [p for planning in select_plannings(plannings, guichet_id, jour) for p in planning.find_plages(jour)]
    ouverts = set()
    for instant, _ in wall_clock(jour, zone):
        planifie = (not ferie or rouvert) and any(within(p.debut, p.fin, instant) for p in ecrites)
        ajoute = any(
            e.nature == "ouverture" and e.debut is not None and within(e.debut, e.fin, instant) for e in siennes
        )
        ferme = any(e.nature == "fermeture" and within(e.debut, e.fin, instant) for e in siennes)
        if (planifie or ajoute) and not ferme:
            ouverts.add(instant)
    return ouverts


class TestProprietes:
    @given(st.data())
    def test_what_is_open_is_what_the_written_order_of_things_says_minute_by_minute(self, data: st.DataObject) -> None:
        zone, jour, _ = data.draw(st.sampled_from(JOURS_REMARQUABLES))
        communes = data.draw(st.lists(plages_types(), max_size=3))
        plannings = [semaine(*communes)]
        if data.draw(st.booleans()):
            propres = data.draw(st.lists(plages_types(), max_size=2))
            plannings.append(Planning(2, "propre", 1, "semaine", 1, jour, jour, each_day(*propres)))
        exceptions = data.draw(st.lists(exceptions_du(jour, GUICHETS), max_size=4))
        ferie, rouvert = data.draw(st.booleans()), data.draw(st.booleans())
        feries, rouverts = ({jour} if ferie else set()), ({jour} if rouvert else set())

        ouvertures = compute_ouvertures(GUICHETS, jour, jour, plannings, exceptions, feries, rouverts, zone)

        for guichet_id in GUICHETS:
            plages = ouvertures.get(guichet_id, jour)
            attendu = oracle(jour, zone, guichet_id, plannings, exceptions, ferie and not rouvert)
            assert {minute for plage in plages for minute in range(plage.debut, plage.fin)} == attendu
            assert all(avant.fin <= apres.debut for avant, apres in pairwise(plages)), "ouvertures are disjoint"
            assert all(plage.ancre <= plage.debut < plage.fin for plage in plages)
            assert (ouvertures.find_raison(guichet_id, jour) is None) is bool(plages)
            for plage in plages:
                assert ouvertures.find_interdit(guichet_id, jour, plage.debut, plage.fin) is None
                assert ouvertures.is_couvert(guichet_id, jour, plage.debut, plage.fin)
