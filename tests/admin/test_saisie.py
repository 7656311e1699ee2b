"""What is typed in the forms of « Organiser »: read as promised, or refused with a sentence."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admin.saisie import Saisie, parse_heure, parse_jour
from app.errors import SaisieInvalide


class TestLesDates:
    @pytest.mark.parametrize("texte", ["2026-11-22", "22/11/2026", " 2026-11-22 "])
    def test_the_two_ways_that_the_forms_promise_are_read(self, texte: str) -> None:
        assert Saisie({"du": [texte]}).jour("du") == date(2026, 11, 22)

    @pytest.mark.parametrize(
        "texte",
        [
            "20261122",
            "2026-W52-4",
            "2026W524",
            "2026-W52",
            "2026-1-2",
            "2026-11-31",
            "31/02/2026",
            "26/11/22",
            "2026-11-22T08:00",
            "+2026-11-22",
            "٢٠٢٦-١١-٢٢",
            "٢٢/١١/٢٠٢٦",
            "2026–11–22",
            "0000-00-00",
        ],
    )
    def test_any_other_way_is_refused_with_a_sentence(self, texte: str) -> None:
        saisie = Saisie({"du": [texte]})
        assert saisie.jour("du") is None
        with pytest.raises(SaisieInvalide) as refus:
            saisie.check()
        assert refus.value.champs == {"du": "Cette date n’existe pas : écrivez-la sous la forme 23/11/2026."}

    @given(st.dates(date(1, 1, 1)))
    def test_a_browser_s_date_is_read_back(self, jour: date) -> None:
        assert parse_jour(jour.isoformat()) == jour

    @given(st.text(max_size=12))
    def test_anything_typed_is_a_date_or_none(self, texte: str) -> None:
        lue = parse_jour(texte)
        assert lue is None or texte == lue.isoformat() or "/" in texte


class TestLesNombres:
    @pytest.mark.parametrize("texte", ["5", " 5 ", "05"])
    def test_a_whole_number_is_read(self, texte: str) -> None:
        assert Saisie({"n": [texte]}).entier("n", minimum=1, maximum=10) == 5

    @pytest.mark.parametrize(
        "texte", ["+5", "-5", "٥", "５", "5²", "²", "5.0", "5,0", "5e0", "0x5", "1_0", "cinq", "11"]
    )
    def test_signs_other_digits_and_fractions_are_refused(self, texte: str) -> None:
        saisie = Saisie({"n": [texte]})
        assert saisie.entier("n", minimum=1, maximum=10) is None
        assert saisie.erreurs == {"n": "Indiquez un nombre entier de 1 à 10."}


class TestLesHeures:
    @pytest.mark.parametrize(
        ("texte", "minute"), [("8:30", 510), ("08h30", 510), ("8 h", 480), ("8", 480), ("24:00", 1440)]
    )
    def test_every_usual_way_is_read(self, texte: str, minute: int) -> None:
        assert parse_heure(texte) == minute

    @pytest.mark.parametrize("texte", ["٠٨:٣٠", "8h٣٠", "+8:30", "25:00", "24:01", "8:60", "8:3", ""])
    def test_what_is_no_hour_is_not_read(self, texte: str) -> None:
        assert parse_heure(texte) is None
