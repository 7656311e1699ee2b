"""What an usager may still do alone, and the documents that he ticks [A1, summary table; G 2.3.1]."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.documents import count_prets, keep_demandes, print_document
from app.domain.libre_service import PHRASES, Empechement, find_empechement
from app.domain.rendez_vous import Etat

DEBUT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AVANT = DEBUT - timedelta(minutes=1)


class TestEmpechement:
    """Tableau de synthèse : « modify, cancel: own RDV »; « a national parameter, on by default »."""

    def test_until_its_very_hour_he_may(self) -> None:
        assert find_empechement("prevu", DEBUT, AVANT, permis=True) is None
        assert find_empechement("prevu", DEBUT, DEBUT, permis=True) is Empechement.PASSE

    @pytest.mark.parametrize(
        ("etat", "attendu"),
        [
            ("annule", Empechement.ANNULE),
            ("arrive", Empechement.SUR_PLACE),
            ("appele", Empechement.SUR_PLACE),
            ("recu", Empechement.SUR_PLACE),
            ("termine", Empechement.TERMINE),
            ("non_honore", Empechement.NON_HONORE),
        ],
    )
    @pytest.mark.parametrize("permis", [True, False])
    def test_what_became_of_it_is_said_first(self, etat: str, attendu: Empechement, permis: bool) -> None:
        assert find_empechement(etat, DEBUT, AVANT, permis=permis) is attendu

    def test_the_parameter_closes_what_was_open(self) -> None:
        assert find_empechement("prevu", DEBUT, AVANT, permis=False) is Empechement.DESACTIVE

    def test_every_reason_has_its_words_and_every_state_its_answer(self) -> None:
        assert set(PHRASES) == set(Empechement)
        for etat in set(Etat) - {Etat.PREVU, Etat.OPTION}:
            assert find_empechement(etat, DEBUT, AVANT, permis=True) is not None

    def test_an_unknown_state_is_a_defect(self) -> None:
        with pytest.raises(ValueError, match="inconnu"):
            find_empechement("inconnu", DEBUT, AVANT, permis=True)


class TestDocuments:
    """« documents de la liste à apporter »: what is ticked is kept as prints."""

    LISTE = ("Pièce d’identité", "Dernier avis d’impôt", "RIB")

    def test_only_what_is_asked_for_is_kept_once_in_the_order_of_the_list(self) -> None:
        rib, identite, avis = (print_document(d) for d in ("RIB", "Pièce d’identité", "Dernier avis d’impôt"))
        assert keep_demandes(self.LISTE, [rib, "forgée", identite, rib]) == [identite, rib]
        assert avis not in keep_demandes(self.LISTE, [rib])

    def test_a_list_put_in_another_order_keeps_its_ticks(self) -> None:
        prets = keep_demandes(self.LISTE, [print_document("RIB")])
        assert count_prets(tuple(reversed(self.LISTE)), prets) == 1
        assert count_prets(("rib ", "Autre"), prets) == 1
        assert count_prets(("Autre",), prets) == 0

    def test_a_print_tells_documents_apart_and_is_short(self) -> None:
        assert len({print_document(d) for d in self.LISTE}) == 3
        assert {len(print_document(d)) for d in (*self.LISTE, "x" * 5000)} == {12}
