"""Who is next, what suits, how long an offer lasts: pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.attente import (
    MINIMUM,
    Libre,
    Voeu,
    add_gels,
    compute_depart_envoi,
    compute_limite,
    compute_offres_max,
    count_places,
    is_lasse,
    is_rare,
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

    def test_who_wants_it_earlier_is_suited_only_before_the_rendez_vous_that_he_has(self) -> None:
        sien = to_minute(a(10, jour=date(2027, 2, 9)))
        for debut, attendu in ((sien - 1, True), (sien, False), (sien + 1, False)):
            assert voeu(avant=sien).suits(debut, PARIS) is attendu
            assert voeu().suits(debut, PARIS)


class TestTempsPourRepondre:
    @pytest.mark.parametrize(
        ("maintenant", "limite"),
        [
            (a(8), a(10)),
            (a(18), a(20)),
            (a(19), a(20)),
            (a(19, 1), None),
            (a(20), None),
            (a(23), None),
            (a(3), None),
            (a(7, 59), None),
        ],
    )
    def test_nothing_is_held_that_could_not_be_answered_by_day(
        self, maintenant: datetime, limite: datetime | None
    ) -> None:
        assert compute_limite(maintenant, 120, PARIS) == limite

    def test_nobody_s_telephone_rings_at_night(self) -> None:
        assert compute_depart_envoi(a(12), PARIS) == a(12)
        assert compute_depart_envoi(a(2), PARIS) == a(8)
        assert compute_depart_envoi(a(22), PARIS) == a(8, jour=date(2027, 2, 4))

    @given(
        st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 (given a zone below)
        st.integers(15, 720),
        st.sampled_from([PARIS, MIQUELON, REUNION]),
    )
    def test_it_never_leaves_less_than_an_hour_nor_ends_at_night(
        self, instant: datetime, minutes: int, zone: ZoneInfo
    ) -> None:
        maintenant = instant.replace(tzinfo=UTC)
        limite = compute_limite(maintenant, minutes, zone)
        if limite is not None:
            assert limite.astimezone(zone).date() == maintenant.astimezone(zone).date()
            assert limite <= a(20, jour=maintenant.astimezone(zone).date(), zone=zone)
            assert min(MINIMUM, timedelta(minutes=minutes)) <= limite - maintenant <= timedelta(minutes=minutes)


class TestPlacesRares:
    """P15: a place is held only where places are rare, and few are held at one time."""

    @staticmethod
    def libres(*places: tuple[int, int]) -> list[Libre]:
        return [Libre(debut, date(2027, 2, 8), "matin", (1,), public) for debut, public in places]

    @pytest.mark.parametrize(
        ("places", "rare"),
        [
            ((), True),
            (((0, 1),), True),
            (((0, 1), (10, 1)), True),  # two starts in one place
            (((0, 1), (20, 1)), True),
            (((0, 1), (20, 1), (40, 1)), False),
            (((0, 3),), False),  # one start, three guichets
            (((0, 1), (10, 2), (20, 1)), False),
            (((0, 0), (20, 0), (40, 0)), True),  # kept from the public: nobody can take them
        ],
    )
    def test_two_places_free_to_everybody_are_rare_and_three_are_not(
        self, places: tuple[tuple[int, int], ...], rare: bool
    ) -> None:
        assert is_rare(self.libres(*places), 20) is rare

    def test_a_day_s_places_are_counted_without_overlap(self) -> None:
        assert count_places([(0, (1, 2)), (10, (1, 2)), (20, (1,)), (30, (2,))], 20) == 4

    @pytest.mark.parametrize(("places", "attendu"), [(0, 2), (40, 2), (60, 3), (200, 10)])
    def test_a_twentieth_of_the_day_is_held_at_most_and_two_places_at_least(self, places: int, attendu: int) -> None:
        assert compute_offres_max(places) == attendu


class TestPlacesGardees:
    def test_a_start_under_cancelled_places_alone_may_be_offered(self) -> None:
        gels = {1: frozenset({(100, 120)})}
        assert add_gels([(100, (1, 2)), (120, (1,))], 20, {1: [(100, 120)]}, gels) == {100: (1,)}
        assert add_gels([(100, (1,))], 40, {1: [(100, 120), (120, 140)]}, gels) == {}
        assert add_gels([(100, (1,))], 20, {1: []}, gels) == {}
