from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.horaires import (
    Intervalle,
    contains,
    find_transition,
    floor_minute,
    from_minute,
    get_cadran,
    heure_locale,
    iter_jours,
    jour_local,
    local_minute_to_epoch,
    merge,
    overlaps,
    subtract,
    to_minute,
)
from tests.domain.fabrique import JOURS_REMARQUABLES, MIQUELON, PARIS, ZONES, hm, read_instant, utc, wall_clock

intervalles = st.builds(lambda debut, duree: Intervalle(debut, debut + duree), st.integers(0, 200), st.integers(1, 60))


def minutes(quoi: tuple[Intervalle, ...] | list[Intervalle]) -> set[int]:
    return {minute for intervalle in quoi for minute in range(intervalle.debut, intervalle.fin)}


class TestMinuteEpoque:
    def test_a_naive_datetime_is_refused(self) -> None:
        naif = datetime(2026, 4, 1, 8, 0, tzinfo=UTC).replace(tzinfo=None)
        with pytest.raises(ValueError, match="naive"):
            to_minute(naif)
        with pytest.raises(ValueError, match="naive"):
            floor_minute(naif)

    @pytest.mark.parametrize("reste", [timedelta(seconds=1), timedelta(microseconds=1), timedelta(seconds=59)])
    def test_an_instant_inside_a_minute_is_refused_by_to_minute_and_floored_by_floor_minute(
        self, reste: timedelta
    ) -> None:
        instant = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
        with pytest.raises(ValueError, match="whole minute"):
            to_minute(instant + reste)
        assert floor_minute(instant + reste) == to_minute(instant)

    def test_the_offset_of_the_datetime_does_not_matter(self) -> None:
        miquelon = timezone(timedelta(hours=-3))
        assert to_minute(datetime(2026, 4, 1, 5, 0, tzinfo=miquelon)) == to_minute(datetime(2026, 4, 1, 8, tzinfo=UTC))

    @given(st.integers(-10_000_000, 100_000_000))
    def test_to_minute_undoes_from_minute(self, minute: int) -> None:
        assert to_minute(from_minute(minute)) == minute
        assert from_minute(minute).tzinfo is UTC


class TestHeureLocale:
    """Promise P12: the nights when the clock changes, and places far from Paris."""

    @pytest.mark.parametrize(("zone", "jour", "heures"), JOURS_REMARQUABLES)
    def test_a_day_has_23_24_or_25_hours(self, zone: ZoneInfo, jour: date, heures: int) -> None:
        cadran = get_cadran(jour, zone)
        assert cadran.fin - cadran.debut == heures * 60
        assert cadran.uniforme is (heures == 24)
        assert get_cadran(jour + timedelta(days=1), zone).debut == cadran.fin

    @pytest.mark.parametrize(("zone", "jour", "heures"), JOURS_REMARQUABLES)
    def test_every_wall_minute_is_the_first_instant_that_shows_it_or_the_first_after_the_gap(
        self, zone: ZoneInfo, jour: date, heures: int
    ) -> None:
        cadran = get_cadran(jour, zone)
        for minute in range(1441):
            assert local_minute_to_epoch(jour, minute, zone) == read_instant(jour, minute, zone), minute
            assert cadran.to_epoch(minute) == read_instant(jour, minute, zone), minute

    def test_half_past_two_does_not_exist_on_28_march_2027_in_paris_and_stands_for_three_o_clock(self) -> None:
        trois_heures = utc(date(2027, 3, 28), 1)
        assert local_minute_to_epoch(date(2027, 3, 28), hm(2, 30), PARIS) == trois_heures
        assert heure_locale(trois_heures, PARIS) == (3, 0)

    def test_half_past_two_happens_twice_on_31_october_2027_in_paris_and_stands_for_the_first(self) -> None:
        assert local_minute_to_epoch(date(2027, 10, 31), hm(2, 30), PARIS) == utc(date(2027, 10, 31), 0, 30)

    def test_miquelon_changes_its_clock_on_other_nights(self) -> None:
        assert local_minute_to_epoch(date(2027, 3, 14), hm(2, 30), MIQUELON) == utc(date(2027, 3, 14), 5)
        assert get_cadran(date(2027, 3, 28), MIQUELON).uniforme

    def test_a_clock_that_changes_at_midnight_starts_the_day_at_its_first_instant(self) -> None:
        beyrouth = ZoneInfo("Asia/Beirut")
        cadran = get_cadran(date(2027, 3, 28), beyrouth)
        assert heure_locale(cadran.debut, beyrouth) == (1, 0)
        assert cadran.fin - cadran.debut == 23 * 60

    @pytest.mark.parametrize("minute", [-1, 1441])
    def test_a_minute_out_of_the_day_is_refused(self, minute: int) -> None:
        with pytest.raises(ValueError, match=r"0\.\.1440"):
            local_minute_to_epoch(date(2026, 4, 1), minute, PARIS)
        with pytest.raises(ValueError, match=r"0\.\.1440"):
            get_cadran(date(2026, 4, 1), PARIS).to_epoch(minute)

    @given(st.sampled_from(ZONES), st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.integers(0, 1439))
    def test_going_to_the_epoch_and_back_keeps_the_day_and_any_hour_that_exists(
        self, zone: ZoneInfo, jour: date, minute: int
    ) -> None:
        instant = local_minute_to_epoch(jour, minute, zone)
        assert jour_local(instant, zone) == jour
        if any(mur == minute for _, mur in wall_clock(jour, zone)):
            assert heure_locale(instant, zone) == divmod(minute, 60)

    @given(st.sampled_from(ZONES), st.dates(date(2020, 1, 1), date(2035, 12, 31)))
    def test_time_never_goes_back_along_the_wall_clock(self, zone: ZoneInfo, jour: date) -> None:
        instants = [local_minute_to_epoch(jour, minute, zone) for minute in range(0, 1441, 15)]
        assert instants == sorted(instants)

    def test_a_transition_is_found_to_the_minute(self) -> None:
        jour = date(2027, 3, 28)
        assert find_transition(utc(jour, 0), utc(jour, 9), PARIS) == utc(jour, 1)
        assert find_transition(utc(jour, 1), utc(jour, 9), PARIS) is None
        assert find_transition(utc(jour, 0), utc(jour, 1), PARIS) == utc(jour, 1)


class TestIntervalle:
    @pytest.mark.parametrize(("debut", "fin"), [(10, 10), (11, 10)])
    def test_an_interval_that_does_not_begin_before_it_ends_is_refused(self, debut: int, fin: int) -> None:
        with pytest.raises(ValueError, match="begin before"):
            Intervalle(debut, fin)

    def test_two_intervals_that_only_touch_do_not_overlap(self) -> None:
        assert not Intervalle(0, 10).overlaps(Intervalle(10, 20))
        assert Intervalle(0, 11).overlaps(Intervalle(10, 20))

    def test_the_end_is_outside(self) -> None:
        assert Intervalle(0, 10).contains(9)
        assert not Intervalle(0, 10).contains(10)
        assert Intervalle(0, 10).contains(Intervalle(0, 10))
        assert Intervalle(0, 10).duree == 10

    @given(intervalles, intervalles)
    def test_overlap_and_inclusion_agree_with_the_minutes(self, un: Intervalle, autre: Intervalle) -> None:
        assert overlaps(un, autre) == bool(minutes([un]) & minutes([autre]))
        assert contains(un, autre) == (minutes([autre]) <= minutes([un]))

    @given(st.lists(intervalles, max_size=8))
    def test_merge_keeps_the_minutes_in_intervals_that_neither_overlap_nor_touch(self, tous: list[Intervalle]) -> None:
        fusion = merge(tous)
        assert minutes(fusion) == minutes(tous)
        assert all(avant.fin < apres.debut for avant, apres in pairwise(fusion))

    @given(st.lists(intervalles, max_size=6), st.lists(intervalles, max_size=6))
    def test_subtract_removes_exactly_the_minutes_taken_away(
        self, tous: list[Intervalle], retires: list[Intervalle]
    ) -> None:
        restes = subtract(tous, retires)
        assert minutes(restes) == minutes(tous) - minutes(retires)
        assert all(any(intervalle.contains(reste) for intervalle in tous) for reste in restes)

    def test_subtract_does_not_join_pieces_that_touch(self) -> None:
        matin, midi = Intervalle(0, 10), Intervalle(10, 20)
        assert subtract([midi, matin], []) == (matin, midi)


def test_days_are_iterated_with_both_ends_and_not_at_all_backwards() -> None:
    assert list(iter_jours(date(2026, 2, 28), date(2026, 3, 1))) == [date(2026, 2, 28), date(2026, 3, 1)]
    assert list(iter_jours(date(2026, 3, 1), date(2026, 2, 28))) == []
