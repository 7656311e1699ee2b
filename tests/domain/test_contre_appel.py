"""When a call may be recorded, what it may cancel, whom to call first [A1 §3.2 « Pratiquer un contre-appel »]."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contre_appel import (
    ASSEZ,
    Compte,
    can_annuler,
    estimate,
    last_jour,
    refuse_contre_appel,
    refuse_jour,
)
from app.domain.rendez_vous import Etat
from app.feries import feries

LUNDI = date(2026, 11, 23)
MARDI = date(2026, 11, 24)
RIEN = Compte()
comptes = st.integers(0, 500).flatmap(lambda total: st.builds(Compte, st.integers(0, total), st.just(total)))


class TestQuand:
    """Annexe 1 §3.2: before the visit, or on its day."""

    @pytest.mark.parametrize("etat", [e for e in Etat if e not in (Etat.ANNULE, Etat.OPTION)])
    @pytest.mark.parametrize("aujourdhui", [LUNDI, MARDI], ids=["la veille", "le jour"])
    def test_until_the_day_of_the_visit_included(self, etat: Etat, aujourdhui: date) -> None:
        assert refuse_contre_appel(etat, MARDI, aujourdhui) is None

    def test_after_the_day_it_is_refused_with_a_sentence(self) -> None:
        phrase = refuse_contre_appel("prevu", LUNDI, MARDI)
        assert phrase is not None
        assert "passé" in phrase

    def test_a_cancelled_one_has_no_call_left(self) -> None:
        phrase = refuse_contre_appel("annule", MARDI, LUNDI)
        assert phrase is not None
        assert "annulé" in phrase

    @pytest.mark.parametrize("etat", [e for e in Etat if e is not Etat.OPTION])
    def test_only_somebody_expected_can_be_cancelled_by_phone(self, etat: Etat) -> None:
        assert can_annuler(etat, MARDI, LUNDI) is (etat is Etat.PREVU)

    def test_and_no_longer_once_the_day_is_over(self) -> None:
        assert not can_annuler("prevu", LUNDI, MARDI)

    @pytest.mark.parametrize(
        ("jour", "mot"),
        [(date(2026, 11, 25), "futur"), (date(2026, 11, 19), "20/11/2026"), (date(2026, 11, 20), None), (MARDI, None)],
        ids=["demain", "avant la prise", "le jour de la prise", "aujourd'hui"],
    )
    def test_the_call_is_neither_in_the_future_nor_before_the_booking(self, jour: date, mot: str | None) -> None:
        phrase = refuse_jour(jour, date(2026, 11, 20), MARDI)
        assert phrase is None if mot is None else phrase is not None and mot in phrase


class TestJoursOuvres:
    """domain « Working days »: Monday to Friday less the holidays of the département."""

    @pytest.mark.parametrize(
        ("depuis", "jours", "dernier"),
        [
            (LUNDI, 1, MARDI),
            (LUNDI, 4, date(2026, 11, 27)),
            (LUNDI, 5, date(2026, 11, 30)),
            (date(2026, 11, 27), 1, date(2026, 11, 30)),
            (date(2026, 12, 24), 1, date(2026, 12, 28)),
        ],
    )
    def test_weekends_and_holidays_do_not_count(self, depuis: date, jours: int, dernier: date) -> None:
        assert last_jour(depuis, jours, feries("58", depuis, date(2027, 1, 31))) == dernier

    def test_no_day_at_all_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="working day"):
            last_jour(LUNDI, 0, ())


class TestOrdre:
    """What the figures show: own service first, the nation when few, smoothed."""

    def test_its_own_figures_come_first_once_there_are_enough(self) -> None:
        chance = estimate(Compte(7, 10), Compte(100, 1000), Compte(100, 1000))
        assert (chance.source, chance.sur_dix, chance.compte) == ("service", 7, Compte(7, 10))

    def test_the_nation_speaks_for_a_service_that_has_called_too_little(self) -> None:
        chance = estimate(Compte(ASSEZ - 1, ASSEZ - 1), Compte(30, 100), Compte(30, 100))
        assert (chance.source, chance.sur_dix) == ("nation", 3)

    def test_too_few_calls_anywhere_give_an_order_and_no_figure(self) -> None:
        chance = estimate(RIEN, Compte(1, 2), Compte(1, 2))
        assert chance.source == ""
        assert 0 < chance.note < 1

    def test_one_out_of_one_does_not_come_before_seventy_out_of_a_hundred(self) -> None:
        tous = Compte(71, 101)
        assert estimate(RIEN, Compte(1, 1), tous).note < estimate(RIEN, Compte(90, 100), tous).note
        assert Compte(1, 1).smooth(0.5) < Compte(70, 100).smooth(0.5)
        assert Compte(1, 1).regles / 1 > 70 / 100  # what the bare shares would have said

    @given(comptes, comptes, comptes)
    def test_a_note_is_a_share(self, service: Compte, nation: Compte, tous: Compte) -> None:
        chance = estimate(service, nation, tous)
        assert 0 <= chance.note <= 1
        assert 0 <= chance.sur_dix <= 10

    @given(comptes, comptes)
    def test_one_more_settled_never_ranks_lower(self, service: Compte, nation: Compte) -> None:
        plus = estimate(service + Compte(1, 1), nation, nation)
        moins = estimate(service + Compte(0, 1), nation, nation)
        assert plus.note > moins.note
