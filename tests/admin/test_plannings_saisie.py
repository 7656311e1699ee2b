"""Plages as people type them, and Monday's words of a planning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admin.plannings.plages import PlagesInvalides, parse_plages, write_plages
from app.domain.plannings import PlageType
from tests.domain.fabrique import plages_types


class TestPlagesTapees:
    @pytest.mark.parametrize(
        "texte",
        [
            "08:30-12:00, 14:00-16:00",
            "8h30-12h 14h-16h",
            "8h30 à 12h et 14h à 16h",
            "8:30–12:00 ; 14:00–16:00",
            "8 h 30 - 12 h / 14 - 16",
        ],
    )
    def test_every_usual_way_of_writing_is_read(self, texte: str) -> None:
        assert parse_plages(texte) == (PlageType(510, 720), PlageType(840, 960))

    @given(st.lists(plages_types(), max_size=5))
    def test_what_a_field_shows_is_read_back(self, plages: list[PlageType]) -> None:
        assert parse_plages(write_plages(tuple(plages))) == tuple(sorted(plages))

    @given(st.text(max_size=40))
    def test_anything_else_is_refused_with_a_sentence_never_a_crash(self, texte: str) -> None:
        try:
            parse_plages(texte)
        except PlagesInvalides as refus:
            assert str(refus).endswith(".")  # noqa: PT017  # either outcome is right, a crash is not
