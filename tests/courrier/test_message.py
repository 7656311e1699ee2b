"""The facts of a message, and their journey through a JSON column."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.courrier.message import MessageRdv
from tests.courrier.exemples import CAEN_NORD, message


class TestAllerRetour:
    def test_what_is_written_is_read_again(self) -> None:
        m = message(ancien_debut=datetime(2016, 9, 13, 8, tzinfo=UTC), annule_par="agent", visio_lien="https://v.fr/x")
        assert MessageRdv.from_donnees(json.loads(json.dumps(m.to_donnees()))) == m

    @given(st.text(), st.lists(st.text()))
    def test_whatever_was_typed_survives_as_json_without_nul_nor_surrogate(self, texte: str, liste: list[str]) -> None:
        m = message(usager_nom=texte, motif=texte, documents=tuple(liste))
        brut = json.dumps(m.to_donnees())
        assert "\\u0000" not in brut
        assert json.dumps(m.to_donnees(), ensure_ascii=False).encode()
        assert MessageRdv.from_donnees(json.loads(brut)) == m

    def test_the_sequence_is_at_the_top_of_the_row_for_its_unique_index(self) -> None:
        assert message(sequence=3).to_donnees()["sequence"] == 3

    def test_a_row_of_another_version_is_still_read(self) -> None:
        donnees = CAEN_NORD.to_donnees()
        del donnees["lien_gestion"], donnees["langue"]
        donnees["inconnu"] = 1
        assert MessageRdv.from_donnees(donnees) == message(lien_gestion="")


class TestFaits:
    def test_instants_are_kept_in_utc(self) -> None:
        ici = timezone(timedelta(hours=2))
        m = message(debut=datetime(2016, 9, 14, 10, 20, tzinfo=ici))
        assert m.debut == CAEN_NORD.debut
        assert m.debut.tzinfo is UTC

    @pytest.mark.parametrize(
        "champs",
        [
            {"debut": datetime(2016, 9, 14, 8, 20, tzinfo=UTC).replace(tzinfo=None)},
            {"fin": CAEN_NORD.debut},
            {"type_rdv": "pigeon"},
        ],
    )
    def test_impossible_facts_are_refused(self, champs: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"offset|ends after|unknown type"):
            message(**champs)
