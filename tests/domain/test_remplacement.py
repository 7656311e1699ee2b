"""« Modifier seulement ce jour », and the rendez-vous that a change of organisation leaves outside (G 2.3.4)."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest

from app.domain.guichets import GuichetRegle
from app.domain.horaires import get_cadran
from app.domain.hors_organisation import CauseHors, RdvPlace, find_hors_organisation
from app.domain.plages import ExceptionPlanning, RaisonFermeture, compute_ouvertures
from tests.domain.fabrique import HORAIRES_DU_TEXTE, PARIS, hm, open_days, semaine

JOUR = date(2026, 9, 14)
MINUIT = get_cadran(JOUR, PARIS).debut
GUICHETS = {
    1: GuichetRegle(1, "Guichet 1"),
    2: GuichetRegle(2, "Guichet 2", ouvert=False),
    3: GuichetRegle(3, "Guichet 3", motifs=frozenset({5}), types=frozenset({"guichet"}), canaux=frozenset()),
}


def exception(
    nature: Literal["fermeture", "ouverture", "remplacement"],
    debut: int | None = None,
    fin: int | None = None,
    guichet: int | None = None,
) -> ExceptionPlanning:
    return ExceptionPlanning(1, nature, guichet, JOUR, JOUR, debut, fin, "essai")


def hours(*exceptions: ExceptionPlanning, guichet: int = 1, ferie: bool = False) -> list[tuple[int, int]]:
    feries = frozenset({JOUR} if ferie else ())
    plannings = [semaine(*HORAIRES_DU_TEXTE)]
    ouvertures = compute_ouvertures((1, 2), JOUR, JOUR, plannings, exceptions, feries, frozenset(), PARIS)
    return [(o.debut - MINUIT, o.fin - MINUIT) for o in ouvertures.get(guichet, JOUR)]


class TestUnJourSeul:
    """The plages of one day instead of the planned ones."""

    def test_they_replace_those_of_the_planning(self) -> None:
        assert hours(exception("remplacement", hm(10), hm(11))) == [(600, 660)]

    def test_a_guichet_s_own_go_before_the_service_s(self) -> None:
        les_deux = (exception("remplacement", hm(10), hm(11)), exception("remplacement", hm(17), hm(18), 1))
        assert hours(*les_deux) == [(1020, 1080)]
        assert hours(*les_deux, guichet=2) == [(600, 660)]

    def test_without_hours_the_day_has_no_plage_and_nothing_is_forbidden(self) -> None:
        rien = exception("remplacement")
        assert hours(rien) == []
        ouvertures = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, exceptions=(rien,))
        assert ouvertures.find_raison(1, JOUR) is RaisonFermeture.HORS_PLAGE
        assert ouvertures.find_interdit(1, JOUR, MINUIT + 600, MINUIT + 620) is None

    def test_a_closure_still_beats_them(self) -> None:
        assert hours(exception("remplacement", hm(10), hm(12)), exception("fermeture", hm(11), hm(15))) == [(600, 660)]

    def test_an_extra_opening_is_added_to_them(self) -> None:
        ouvert = hours(exception("remplacement", hm(10), hm(11)), exception("ouverture", hm(18), hm(19)))
        assert ouvert == [(600, 660), (1080, 1140)]

    def test_a_holiday_stays_closed_unless_it_is_reopened(self) -> None:
        assert hours(exception("remplacement", hm(10), hm(11)), ferie=True) == []
        assert hours(exception("remplacement", hm(10), hm(11)), exception("ouverture"), ferie=True) == [(600, 660)]


class TestHorsOrganisation:
    """Which rendez-vous no longer fit, and why; none is cancelled for it."""

    def find(self, *exceptions: ExceptionPlanning, **rdv: object) -> list[CauseHors]:
        valeurs = {
            "rdv_id": 7,
            "guichet_id": 1,
            "debut": MINUIT + 600,
            "fin": MINUIT + 620,
            "motif_id": 5,
            "type_rdv": "guichet",
            **rdv,
        }
        ouvertures = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, guichet_ids=(1, 2, 3), exceptions=exceptions)
        return [hors.cause for hors in find_hors_organisation([RdvPlace(**valeurs)], GUICHETS, ouvertures, PARIS)]  # type: ignore[arg-type]

    def test_one_that_fits_is_not_listed(self) -> None:
        assert self.find() == []

    @pytest.mark.parametrize("guichet", [2, 99])
    def test_a_guichet_closed_or_gone(self, guichet: int) -> None:
        assert self.find(guichet_id=guichet) == [CauseHors.GUICHET_FERME]

    def test_a_closure_even_when_it_was_forced_outside_the_plages(self) -> None:
        forces = frozenset({"hors_plage"})
        assert self.find(exception("fermeture"), forcages=forces) == [CauseHors.FERMETURE]

    def test_a_holiday(self) -> None:
        ouvertures = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, feries=frozenset({JOUR}))
        rdv = RdvPlace(7, 1, MINUIT + 600, MINUIT + 620, 5, "guichet")
        (hors,) = find_hors_organisation([rdv], GUICHETS, ouvertures, PARIS)
        assert hors.cause is CauseHors.FERIE

    def test_the_end_counts_and_what_was_forced_by_decision_does_not(self) -> None:
        midi = {"debut": MINUIT + 700, "fin": MINUIT + 740}
        assert self.find(**midi) == [CauseHors.HORS_PLAGE]
        assert self.find(**midi, forcages=frozenset({"hors_plage"})) == []

    def test_one_taken_under_a_delegation_is_never_outside_for_its_motif(self) -> None:
        """G 2.3.5: it stays where it was accepted, whatever the guichet is restricted to; a closure counts."""
        assert self.find(guichet_id=3, motif_id=77) == [CauseHors.MOTIF]
        assert self.find(guichet_id=3, motif_id=77, delegue=True) == []
        assert self.find(exception("fermeture"), delegue=True) == [CauseHors.FERMETURE]

    def test_a_motif_or_a_type_that_the_guichet_does_not_take_any_more(self) -> None:
        assert self.find(guichet_id=3) == []
        assert self.find(guichet_id=3, motif_id=6) == [CauseHors.MOTIF]
        assert self.find(guichet_id=3, type_rdv="visio") == [CauseHors.TYPE]
        assert self.find(guichet_id=3, motif_id=6, type_rdv="visio") == [CauseHors.MOTIF]

    def test_what_was_decided_against_one_restriction_is_not_against_the_other(self) -> None:
        autre = {"guichet_id": 3, "motif_id": 6, "type_rdv": "visio"}
        assert self.find(**autre, forcages=frozenset({"motif_non_propose"})) == [CauseHors.TYPE]
        assert self.find(**autre, forcages=frozenset({"type_non_propose"})) == [CauseHors.MOTIF]
        assert self.find(**autre, forcages=frozenset({"motif_non_propose", "type_non_propose"})) == []

    def test_the_hours_go_before_the_restrictions(self) -> None:
        midi = {"debut": MINUIT + 700, "fin": MINUIT + 740}
        assert self.find(**midi, guichet_id=3, motif_id=6) == [CauseHors.HORS_PLAGE]
        assert self.find(**midi, guichet_id=3, motif_id=6, forcages=frozenset({"hors_plage"})) == [CauseHors.MOTIF]

    def test_each_cause_has_words(self) -> None:
        assert all(cause.phrase for cause in CauseHors)
