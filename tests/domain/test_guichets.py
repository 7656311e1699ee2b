from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.guichets import GuichetRegle, find_eligibles, order_guichets
from app.domain.vocabulaire import Canal, TypeRdv
from tests.domain.fabrique import ask, guichets

POLYVALENT = GuichetRegle(1, "polyvalent")
TROIS_MOTIFS = GuichetRegle(2, "trois motifs", motifs=frozenset({1, 2, 3}))
UN_MOTIF = GuichetRegle(3, "un motif", motifs=frozenset({1}))
GUICHET_SEUL = GuichetRegle(4, "sans téléphone", types=frozenset({"guichet"}))
TOUS = (POLYVALENT, TROIS_MOTIFS, UN_MOTIF, GUICHET_SEUL)


class TestArticle233Specialisation:
    """Article §2.3.3: a guichet may be specialised by motif, channel of origin or type."""

    def test_an_absent_restriction_accepts_everything_and_an_empty_one_nothing(self) -> None:
        assert find_eligibles(ask(), [POLYVALENT])[0] == (POLYVALENT,)
        assert find_eligibles(ask(), [GuichetRegle(9, "rien", motifs=frozenset())])[0] == ()

    def test_words_and_enumerations_are_the_same_set(self) -> None:
        regle = GuichetRegle(1, "a", canaux=frozenset({"internet"}), types=frozenset({"visio"}))
        assert regle.accepts_canal(Canal.INTERNET)
        assert regle.accepts_type(TypeRdv.VISIO)
        assert not regle.accepts_canal(Canal.EXTERIEUR)


class TestAttribution:
    """Decision 4: the most specialised eligible one, then the least loaded, turned by the request's key."""

    def test_the_most_specialised_comes_first_and_the_versatile_last(self) -> None:
        assert order_guichets([1, 2, 3, 4], TOUS, {}, ask(), 0) == (3, 2, 4, 1)

    def test_being_loaded_does_not_make_a_specialised_guichet_come_after_a_versatile_one(self) -> None:
        assert order_guichets([1, 3], TOUS, {3: 400, 1: 0}, ask(), 0) == (3, 1)

    def test_among_equals_the_least_loaded_of_the_day_comes_first(self) -> None:
        assert order_guichets([1, 2, 3], guichets(1, 2, 3), {1: 60, 2: 20, 3: 40}, ask(), 5) == (2, 3, 1)

    def test_among_equals_of_the_same_load_the_key_decides(self) -> None:
        assert order_guichets([3, 1, 2], guichets(1, 2, 3), {}, ask(), 0) == (1, 2, 3)
        assert order_guichets([3, 1, 2], guichets(1, 2, 3), {}, ask(), 4) == (2, 3, 1)

    def test_rivals_with_different_keys_spread_over_all_the_guichets(self) -> None:
        tous = guichets(*range(20))
        assert {order_guichets(range(20), tous, {}, ask(), cle)[0] for cle in range(500)} == set(range(20))

    def test_a_guichet_that_is_closed_or_unsuitable_is_never_given(self) -> None:
        regles = (GuichetRegle(8, "fermé", ouvert=False), GuichetRegle(9, "autre", motifs=frozenset({9})), POLYVALENT)
        assert order_guichets([8, 9], regles, {}, ask(), 0) == ()
        assert order_guichets([8, 9, 1], regles, {}, ask(), 0) == (1,)

    @given(st.sets(st.integers(1, 6)), st.dictionaries(st.integers(1, 6), st.integers(0, 3)), st.integers())
    def test_it_is_always_a_permutation_of_the_candidates(
        self, voulus: set[int], charge: dict[int, int], tour: int
    ) -> None:
        ordre = order_guichets(voulus, guichets(*range(1, 7)), charge, ask(), tour)
        assert sorted(ordre) == sorted(voulus)
        assert [charge.get(g, 0) for g in ordre] == sorted(charge.get(g, 0) for g in ordre)
