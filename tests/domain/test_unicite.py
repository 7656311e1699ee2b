"""« One active RDV per person and motif … nobody can block somebody else's booking »: the rule alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from app.domain.unicite import Personne, is_meme_personne, keeps_from_booking, may_be

ANGELA = Personne(frozenset({" DUBOIS "}), "ANGELA", date(1962, 8, 24))


class TestMemePersonne:
    def test_the_same_names_and_birth_are_one_person(self) -> None:
        assert is_meme_personne(ANGELA, replace(ANGELA, noms=frozenset({" MARTIN ", " DUBOIS "})))

    @pytest.mark.parametrize(
        "autre",
        [
            replace(ANGELA, noms=frozenset({" MARTIN "})),
            replace(ANGELA, prenom="CLAIRE"),
            replace(ANGELA, date_naissance=date(1990, 1, 1)),
            replace(ANGELA, date_naissance=None),
            Personne(),
        ],
    )
    def test_a_family_on_one_mailbox_is_several_people(self, autre: Personne) -> None:
        assert not is_meme_personne(ANGELA, autre)

    def test_a_number_decides_over_names(self) -> None:
        une, autre = replace(ANGELA, numero_fiscal="1"), replace(ANGELA, numero_fiscal="2")
        assert not is_meme_personne(une, autre)
        assert is_meme_personne(une, Personne(frozenset({" X "}), "Y", None, "1"))
        assert is_meme_personne(une, ANGELA), "a number that only one of the forms gives tells nothing"

    def test_companies_are_their_siren(self) -> None:
        assert is_meme_personne(Personne(siren="732829320"), Personne(siren="732829320"))
        assert not is_meme_personne(Personne(siren="732829320"), Personne(siren="552100554"))
        assert not is_meme_personne(Personne(siren="732829320"), ANGELA)

    def test_nobody_is_nobody(self) -> None:
        assert not is_meme_personne(Personne(), Personne())


class TestQuiEstEmpeche:
    def test_only_who_can_be_told_and_can_free_himself(self) -> None:
        assert keeps_from_booking(ANGELA, ANGELA, joint=True, libre=True)
        assert not keeps_from_booking(ANGELA, ANGELA, joint=False, libre=True), "an acquaintance used his own address"
        assert not keeps_from_booking(ANGELA, ANGELA, joint=True, libre=False), "he could not cancel it"
        assert not keeps_from_booking(ANGELA, Personne(), joint=True, libre=True)


class TestNomSeul:
    """A name typed in one field, against somebody's names: may it be his?"""

    @pytest.mark.parametrize("nom", [" VALENTON ", " MME VALENTON ", " PHILIPPA ", " VALENTON PHILIPPA ", " DUPRE "])
    def test_all_of_a_surname_or_all_that_was_typed_is_enough(self, nom: str) -> None:
        assert may_be(nom, (" VALENTON ", " DUPRE ", ""), " PHILIPPA MARIE ")

    @pytest.mark.parametrize("nom", [" ADA ", " LE GALL ", " DE LA TOUR "])
    def test_a_word_in_common_is_not(self, nom: str) -> None:
        assert not may_be(nom, (" LE ROUX ", " DE LA CROIX ", ""), " PHILIPPA ")
