"""Dates as people write them."""

from __future__ import annotations

from datetime import date

from app.web.dates import jour_court, jour_long, jour_moyen


def test_the_first_of_a_month_is_an_ordinal_in_french_only() -> None:
    premier = date(2026, 12, 1)
    assert jour_long(premier) == "mardi 1er décembre 2026"
    assert jour_moyen(premier) == "mardi 1er décembre"
    assert jour_court(premier) == "mar. 1er déc."
    assert jour_long(date(2026, 12, 21)) == "lundi 21 décembre 2026"
    assert "1er" not in jour_long(premier, "en")
