"""When a suite may be noted [A1 §4]."""

from __future__ import annotations

import pytest

from app.domain.rendez_vous import Etat
from app.domain.suite_donnee import refuse_suite


@pytest.mark.parametrize("etat", [Etat.ARRIVE, Etat.APPELE, Etat.RECU, Etat.TERMINE])
def test_once_somebody_has_come_whatever_the_day(etat: Etat) -> None:
    assert refuse_suite(etat) is None


@pytest.mark.parametrize(
    ("etat", "mot"),
    [(Etat.PREVU, "n’a pas commencé"), (Etat.ANNULE, "annulé"), (Etat.NON_HONORE, "n’est pas venu")],
)
def test_nothing_follows_a_visit_that_did_not_take_place(etat: Etat, mot: str) -> None:
    phrase = refuse_suite(etat)
    assert phrase is not None
    assert mot in phrase
