from __future__ import annotations

import random
import string
from datetime import UTC, date, datetime, timedelta, timezone
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rendez_vous import (
    FINAUX,
    OCCUPE,
    Action,
    CauseRefus,
    Etat,
    Evenement,
    Inchange,
    Issue,
    Transition,
    TransitionRefusee,
    find_heure_a_venir,
    generate_code,
    is_occupe,
    normalize_code,
    transition,
)

JOUR = date(2026, 9, 14)
VEILLE, LENDEMAIN = JOUR - timedelta(days=1), JOUR + timedelta(days=1)


def act(
    etat: Etat,
    action: Action,
    courant: date = JOUR,
    *,
    a_distance: bool = False,
    jour_cible: date | None = None,
    heure_a_venir: str | None = None,
) -> Issue:
    return transition(
        etat,
        action,
        jour_rdv=JOUR,
        jour_local_courant=courant,
        heure_a_venir=heure_a_venir,
        a_distance=a_distance,
        jour_cible=jour_cible,
    )


def cause(issue: Issue) -> CauseRefus:
    assert isinstance(issue, TransitionRefusee)
    assert issue.phrase.endswith(".")
    return issue.cause


class TestVie:
    def test_a_good_day_goes_from_the_hold_to_the_end_of_the_visit(self) -> None:
        etat, dits = Etat.OPTION, []
        for action in (
            Action.CONFIRMER,
            Action.MARQUER_ARRIVEE,
            Action.APPELER,
            Action.RECEVOIR,
            Action.TERMINER,
        ):
            issue = act(etat, action)
            assert isinstance(issue, Transition)
            etat = issue.etat
            dits.append(issue.evenement)
        assert etat is Etat.TERMINE
        assert dits == ["rdv.cree", "rdv.arrive", "rdv.appele", "rdv.recu", "rdv.termine"]

    #: action → {state: state after, None when already done}; every other state refuses. On the day itself.
    TABLE: ClassVar[dict[Action, dict[str, str | None]]] = {
        Action.CONFIRMER: {"option": "prevu", "prevu": None},
        Action.LEVER: {"option": "annule", "annule": None},
        Action.MODIFIER: {e: e for e in ("prevu", "arrive", "appele", "recu", "termine", "non_honore")},
        Action.REPLANIFIER: {"prevu": "prevu"},
        Action.ANNULER: {"prevu": "annule", "arrive": "annule", "appele": "annule", "annule": None},
        Action.MARQUER_ARRIVEE: {
            "prevu": "arrive",
            "non_honore": "arrive",
            "arrive": None,
            "appele": None,
            "recu": None,
        },
        Action.ANNULER_ARRIVEE: {"arrive": "prevu", "appele": "prevu", "prevu": None},
        Action.APPELER: {"arrive": "appele", "appele": None},
        Action.RECEVOIR: {"arrive": "recu", "appele": "recu", "recu": None},
        Action.TERMINER: {"recu": "termine", "appele": "termine", "termine": None},
        Action.MARQUER_NON_VENU: {"prevu": "non_honore", "appele": "non_honore", "non_honore": None},
    }

    @pytest.mark.parametrize("action", TABLE)
    @pytest.mark.parametrize("etat", Etat)
    def test_each_state_and_action_of_the_day(self, action: Action, etat: Etat) -> None:
        issue = act(etat, action)
        if etat not in self.TABLE[action]:
            assert isinstance(issue, TransitionRefusee)
            return
        attendu = self.TABLE[action][etat]
        if attendu is None:
            assert issue == Inchange(etat)
        else:
            assert isinstance(issue, Transition)
            assert issue.etat == attendu

    def test_a_cancellation_is_irreversible(self) -> None:
        for action in set(Action) - {Action.ANNULER, Action.LEVER, Action.CLORE_JOURNEE}:
            issue = act(Etat.ANNULE, action)
            assert cause(issue) is CauseRefus.IRREVERSIBLE
            assert isinstance(issue, TransitionRefusee)
            assert "irréversible" in issue.phrase

    def test_a_past_rendez_vous_is_neither_cancelled_nor_moved_but_may_still_be_annotated(self) -> None:
        assert cause(act(Etat.PREVU, Action.ANNULER, LENDEMAIN)) is CauseRefus.PASSE
        assert cause(act(Etat.PREVU, Action.REPLANIFIER, LENDEMAIN)) is CauseRefus.PASSE
        assert act(Etat.TERMINE, Action.MODIFIER, LENDEMAIN) == Transition(Etat.TERMINE, Evenement.MODIFIE)

    def test_a_move_keeps_the_state_and_somebody_present_only_moves_within_the_day(self) -> None:
        assert act(Etat.PREVU, Action.REPLANIFIER) == Transition(Etat.PREVU, Evenement.REPLANIFIE)
        assert act(Etat.ARRIVE, Action.REPLANIFIER, jour_cible=JOUR) == Transition(Etat.ARRIVE, Evenement.REPLANIFIE)
        assert cause(act(Etat.ARRIVE, Action.REPLANIFIER, jour_cible=LENDEMAIN)) is CauseRefus.ETAT

    def test_a_phone_call_starts_without_an_arrival_and_a_visit_does_not(self) -> None:
        assert act(Etat.PREVU, Action.APPELER, a_distance=True) == Transition(Etat.APPELE, Evenement.APPELE)
        assert act(Etat.PREVU, Action.RECEVOIR, a_distance=True) == Transition(Etat.RECU, Evenement.RECU)
        assert cause(act(Etat.PREVU, Action.APPELER)) is CauseRefus.ETAT


class TestAnnexe1Section32Presence:
    """Annexe 1 §3.2: « cette annotation ne peut se faire qu'au plus tard le jour même »."""

    PRESENCE = (
        Action.MARQUER_ARRIVEE,
        Action.ANNULER_ARRIVEE,
        Action.APPELER,
        Action.RECEVOIR,
        Action.MARQUER_NON_VENU,
    )

    @pytest.mark.parametrize("action", PRESENCE)
    @pytest.mark.parametrize("etat", sorted(set(Etat) - {Etat.ANNULE}))
    def test_presence_is_frozen_from_the_next_day_and_not_open_the_day_before(self, action: Action, etat: Etat) -> None:
        assert cause(act(etat, action, LENDEMAIN)) is CauseRefus.FIGE
        assert cause(act(etat, action, VEILLE)) is CauseRefus.JOUR_PAS_VENU

    def test_a_double_click_changes_nothing_and_is_not_an_error(self) -> None:
        premier = act(Etat.PREVU, Action.MARQUER_ARRIVEE)
        assert isinstance(premier, Transition)
        assert act(premier.etat, Action.MARQUER_ARRIVEE) == Inchange(Etat.ARRIVE)

    def test_undoing_an_arrival_gives_back_the_state_before_it(self) -> None:
        assert act(Etat.ARRIVE, Action.ANNULER_ARRIVEE) == Transition(Etat.PREVU, Evenement.ARRIVEE_ANNULEE)

    def test_somebody_noted_absent_who_comes_late_the_same_day_is_an_arrival(self) -> None:
        assert act(Etat.NON_HONORE, Action.MARQUER_ARRIVEE) == Transition(Etat.ARRIVE, Evenement.ARRIVE)

    def test_nobody_still_expected_is_absent_before_his_hour(self) -> None:
        refus = act(Etat.PREVU, Action.MARQUER_NON_VENU, heure_a_venir="14:20")
        assert cause(refus) is CauseRefus.HEURE_PAS_VENUE
        assert isinstance(refus, TransitionRefusee)
        assert refus.phrase == "Ce rendez-vous est à 14:20 : l’absence se note à partir de cette heure."
        assert act(Etat.PREVU, Action.MARQUER_NON_VENU) == Transition(Etat.NON_HONORE, Evenement.NON_HONORE)

    def test_somebody_called_who_does_not_show_up_is_absent_even_before_the_hour(self) -> None:
        issue = act(Etat.APPELE, Action.MARQUER_NON_VENU, heure_a_venir="14:20")
        assert issue == Transition(Etat.NON_HONORE, Evenement.NON_HONORE)

    @pytest.mark.parametrize("action", [a for a in Action if a is not Action.MARQUER_NON_VENU])
    def test_the_hour_to_come_stands_in_the_way_of_nothing_else(self, action: Action) -> None:
        assert act(Etat.PREVU, action, heure_a_venir="14:20") == act(Etat.PREVU, action)

    def test_the_hour_has_come_at_its_very_instant_and_is_said_in_the_service_s_zone(self) -> None:
        debut = datetime(2026, 9, 14, 12, 20, tzinfo=UTC)
        zone = timezone(timedelta(hours=2))
        assert find_heure_a_venir(debut, debut - timedelta(microseconds=1), zone) == "14:20"
        assert find_heure_a_venir(debut, debut, zone) is None

    @pytest.mark.parametrize(("action", "etat"), [(Action.APPELER, Etat.APPELE), (Action.RECEVOIR, Etat.RECU)])
    def test_somebody_who_did_not_answer_the_phone_may_be_called_again(self, action: Action, etat: Etat) -> None:
        issue = act(Etat.NON_HONORE, action, a_distance=True)
        assert isinstance(issue, Transition)
        assert issue.etat is etat
        assert cause(act(Etat.NON_HONORE, action)) is CauseRefus.ETAT


class TestFinDeJournee:
    @pytest.mark.parametrize(
        ("etat", "issue"),
        [
            (Etat.PREVU, Transition(Etat.NON_HONORE, Evenement.NON_HONORE)),
            (Etat.ARRIVE, Transition(Etat.TERMINE, Evenement.TERMINE)),
            (Etat.APPELE, Transition(Etat.TERMINE, Evenement.TERMINE)),
            (Etat.RECU, Transition(Etat.TERMINE, Evenement.TERMINE)),
            (Etat.TERMINE, Inchange(Etat.TERMINE)),
            (Etat.NON_HONORE, Inchange(Etat.NON_HONORE)),
            (Etat.ANNULE, Inchange(Etat.ANNULE)),
        ],
    )
    def test_the_night_closes_what_nobody_closed(self, etat: Etat, issue: Issue) -> None:
        assert act(etat, Action.CLORE_JOURNEE, LENDEMAIN) == issue

    @pytest.mark.parametrize("courant", [VEILLE, JOUR])
    def test_a_day_is_not_closed_before_it_ends(self, courant: date) -> None:
        assert cause(act(Etat.PREVU, Action.CLORE_JOURNEE, courant)) is CauseRefus.JOUR_PAS_VENU


class TestInvariants:
    @given(st.sampled_from(Etat), st.lists(st.tuples(st.sampled_from(Action), st.integers(-1, 2), st.booleans())))
    def test_whatever_happens_a_state_is_left_only_by_its_doors(
        self, depart: Etat, suite: list[tuple[Action, int, bool]]
    ) -> None:
        etat = depart
        for action, decalage, a_distance in suite:
            issue = act(etat, action, JOUR + timedelta(days=decalage), a_distance=a_distance)
            if etat is Etat.ANNULE:
                assert not isinstance(issue, Transition)
            if isinstance(issue, Transition):
                assert issue.etat is not Etat.OPTION
                assert (issue.evenement is Evenement.ANNULE) <= (issue.etat is Etat.ANNULE)
                # Doing it again at once is either already done, or another change of the same kind.
                encore = act(issue.etat, action, JOUR + timedelta(days=decalage), a_distance=a_distance)
                if action not in (Action.MODIFIER, Action.REPLANIFIER):
                    assert encore == Inchange(issue.etat)
            else:
                assert issue.etat is etat
            etat = issue.etat

    def test_unknown_words_are_errors(self) -> None:
        with pytest.raises(ValueError, match="perdu"):
            transition("perdu", "annuler", jour_rdv=JOUR, jour_local_courant=JOUR, heure_a_venir=None)
        with pytest.raises(ValueError, match="oublier"):
            transition("prevu", "oublier", jour_rdv=JOUR, jour_local_courant=JOUR, heure_a_venir=None)

    def test_every_state_but_annule_occupies_its_guichet(self) -> None:
        assert {etat for etat in Etat if is_occupe(etat)} == OCCUPE == set(Etat) - {Etat.ANNULE}
        assert {Etat.TERMINE, Etat.ANNULE, Etat.NON_HONORE} == FINAUX


class TestCode:
    """Annexe 1 §2, step 4: « Notez son code : XOWVVO »."""

    @pytest.mark.parametrize(
        "saisi",
        [
            "XOWVVO",
            "xowvvo",
            " xow vvo ",
            "X0WVV0",
            "x0w-vv0",
            "XOW\u00a0VVO",
            "xow.vvo",
            "XOW\u2011VVO\n",
            "X O W V V O",
        ],
    )
    def test_the_code_of_the_reference_text_is_read_however_it_is_typed(self, saisi: str) -> None:
        assert normalize_code(saisi) == "XOWVVO"

    def test_a_typed_1_reads_i(self) -> None:
        assert normalize_code("1abcd1") == "IABCDI"

    @pytest.mark.parametrize(
        "saisi",
        [
            "",
            "XOWVV",
            "XOWVVOO",
            "XOWVV2",
            "ÀBCDEF",
            "straße",
            "ıabcde",
            "XOWVV\x00",
            "XOWVV\ud800",
            "'; --",
            "A" * 10_000,
        ],
    )
    def test_what_cannot_be_a_code_is_nothing(self, saisi: str) -> None:
        assert normalize_code(saisi) is None

    @given(st.text(max_size=80) | st.text(alphabet="aZ01 -é", min_size=5, max_size=8))
    def test_the_result_is_always_six_capital_letters_and_reading_it_again_changes_nothing(self, saisi: str) -> None:
        code = normalize_code(saisi)
        if code is not None:
            assert len(code) == 6
            assert set(code) <= set(string.ascii_uppercase)
            assert normalize_code(code) == code

    def test_a_generated_code_draws_each_of_the_26_letters_and_is_read_back(self) -> None:
        hasard = random.Random(1)
        codes = [generate_code(hasard.randrange) for _ in range(500)]
        assert set("".join(codes)) == set(string.ascii_uppercase)
        assert all(normalize_code(code) == code for code in codes)
        assert len(set(codes)) == 500
