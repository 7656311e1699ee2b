"""Open around now, at any hour of any day, and never where usagers book online."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.demo.horaires import compute_ouvertures
from app.domain.calendrier import earliest_jour

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("heure", range(24))
def test_the_hours_around_now_are_open_up_to_midnight(heure: int) -> None:
    maintenant = datetime(2026, 11, 22, heure, 37, tzinfo=PARIS)
    aujourdhui, demain, _ = compute_ouvertures(maintenant.astimezone(UTC), PARIS)
    minute = heure * 60 + 37
    assert aujourdhui.debut <= max(0, minute - 240)
    assert aujourdhui.fin >= min(1440, minute + 480)
    if minute + 480 > 1440:
        assert aujourdhui.fin == 1440
        assert demain.debut == 0
        assert demain.fin >= minute + 480 - 1440
    assert 0 <= aujourdhui.debut < aujourdhui.fin <= 1440


def test_in_the_daytime_they_are_those_of_an_office() -> None:
    ouvertures = compute_ouvertures(datetime(2026, 11, 24, 9, 5, tzinfo=UTC), PARIS)
    assert [(o.debut, o.fin) for o in ouvertures] == [(6 * 60, 19 * 60), (480, 1080), (480, 1080)]


@pytest.mark.parametrize("jour", range(1, 29))
def test_they_stop_before_the_first_day_offered_online(jour: int) -> None:
    maintenant = datetime(2026, 11, jour, 22, 30, tzinfo=PARIS)
    derniere = compute_ouvertures(maintenant.astimezone(UTC), PARIS)[-1]
    assert derniere.jour == maintenant.date() + timedelta(days=2)
    assert derniere.jour < earliest_jour(maintenant.date(), 2, frozenset())
