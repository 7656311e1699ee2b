"""Who is next, what suits, how long an offer lasts: pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.attente import (
    MINIMUM,
    Voeu,
    add_gels,
    compute_depart_envoi,
    compute_limite,
    find_depart,
    is_lasse,
    list_limites,
    order_voeux,
)
from app.domain.horaires import to_minute

PARIS, MIQUELON, REUNION = map(ZoneInfo, ("Europe/Paris", "America/Miquelon", "Indian/Reunion"))
HEURE = timedelta(hours=1)


def a(heures: int, minutes: int = 0, jour: date = date(2027, 2, 3), zone: ZoneInfo = PARIS) -> datetime:
    return datetime(jour.year, jour.month, jour.day, heures, minutes, tzinfo=zone)


def voeu(ident: int = 1, rang: datetime | None = None, **plus: object) -> Voeu:
    valeurs: dict[str, object] = {
        "id": ident,
        "motif_id": 1,
        "type_rdv": "guichet",
        "du": date(2027, 2, 8),
        "au": date(2027, 2, 12),
        "demi_journee": "",
        "rang_a": rang or a(9),
    }
    return Voeu(**{**valeurs, **plus})  # type: ignore[arg-type]


class TestOrdre:
    def test_the_first_confirmed_is_the_first_served(self) -> None:
        file = [voeu(1, a(10)), voeu(2, a(9)), voeu(3, a(9))]
        assert [v.id for v in order_voeux(file)] == [2, 3, 1]

    def test_two_unanswered_offers_are_enough_to_ask(self) -> None:
        assert [is_lasse(n) for n in (0, 1, 2, 3)] == [False, False, True, True]


class TestCeQuiConvient:
    @pytest.mark.parametrize(
        ("demi", "heure", "attendu"),
        [("", 9, True), ("", 15, True), ("matin", 11, True), ("matin", 12, False), ("apres-midi", 12, True)],
    )
    def test_the_half_day_is_that_of_the_place(self, demi: str, heure: int, attendu: bool) -> None:
        for zone in (PARIS, MIQUELON, REUNION):
            depart = to_minute(a(heure, jour=date(2027, 2, 9), zone=zone))
            assert voeu(demi_journee=demi).suits(depart, zone) is attendu

    def test_both_ends_of_the_period_are_included_in_local_days(self) -> None:
        for jour, attendu in ((7, False), (8, True), (12, True), (13, False)):
            assert voeu().suits(to_minute(a(0, jour=date(2027, 2, jour))), PARIS) is attendu

    def test_the_earliest_that_was_not_offered_before(self) -> None:
        lundi, mardi = (to_minute(a(9, jour=date(2027, 2, jour))) for jour in (8, 9))
        assert find_depart(voeu(), [mardi, lundi], PARIS) == lundi
        assert find_depart(voeu(deja=frozenset({lundi})), [mardi, lundi], PARIS) == mardi
        assert find_depart(voeu(deja=frozenset({lundi, mardi})), [mardi, lundi], PARIS) is None


class TestTempsPourRepondre:
    @pytest.mark.parametrize(
        ("maintenant", "limite"),
        [
            (a(9), a(11)),
            (a(18), a(20)),
            (a(19), a(9, jour=date(2027, 2, 4))),
            (a(20), a(10, jour=date(2027, 2, 4))),
            (a(23), a(10, jour=date(2027, 2, 4))),
            (a(3), a(10)),
            (a(7, 59), a(10)),
        ],
    )
    def test_it_runs_between_eight_and_twenty(self, maintenant: datetime, limite: datetime) -> None:
        assert compute_limite(maintenant, 120, PARIS) == limite

    def test_nobody_s_telephone_rings_at_night(self) -> None:
        assert compute_depart_envoi(a(12), PARIS) == a(12)
        assert compute_depart_envoi(a(2), PARIS) == a(8)
        assert compute_depart_envoi(a(22), PARIS) == a(8, jour=date(2027, 2, 4))

    @pytest.mark.parametrize(
        ("zone", "veille"),
        [
            (PARIS, date(2027, 3, 27)),
            (PARIS, date(2027, 10, 30)),
            (MIQUELON, date(2027, 3, 13)),
            (MIQUELON, date(2027, 11, 6)),
        ],
    )
    def test_the_nights_of_23_and_25_hours_change_nothing(self, zone: ZoneInfo, veille: date) -> None:
        limite = compute_limite(a(19, 30, jour=veille, zone=zone), 120, zone)
        assert limite == a(9, 30, jour=veille + timedelta(days=1), zone=zone)

    def test_a_place_that_must_be_booked_today_is_offered_until_this_evening(self) -> None:
        assert list_limites(a(9), 120, PARIS) == (a(11),)
        assert list_limites(a(19), 120, PARIS) == (a(9, jour=date(2027, 2, 4)), a(20))
        assert list_limites(a(19, 50), 120, PARIS) == (a(9, 50, jour=date(2027, 2, 4)),)

    @given(
        st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 (given a zone below)
        st.integers(15, 720),
        st.sampled_from([PARIS, MIQUELON, REUNION]),
    )
    def test_it_is_never_shorter_than_promised_nor_ends_at_night(
        self, instant: datetime, minutes: int, zone: ZoneInfo
    ) -> None:
        maintenant = instant.replace(tzinfo=UTC)
        for limite in list_limites(maintenant, minutes, zone):
            local = limite.astimezone(zone)
            assert 8 <= local.hour <= 20
            assert limite - compute_depart_envoi(maintenant, zone) >= min(MINIMUM, timedelta(minutes=minutes))
        assert compute_limite(maintenant, minutes, zone) - maintenant >= timedelta(minutes=minutes)


class TestPlacesGardees:
    def test_a_start_under_cancelled_places_alone_may_be_offered(self) -> None:
        gels = {1: frozenset({(100, 120)})}
        assert add_gels([(100, (1, 2)), (120, (1,))], 20, {1: [(100, 120)]}, gels) == {100: (1,)}
        assert add_gels([(100, (1,))], 40, {1: [(100, 120), (120, 140)]}, gels) == {}
        assert add_gels([(100, (1,))], 20, {1: []}, gels) == {}
