"""What the guichets of a service let be booked together, and what a change takes away (G 2.3.3)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.couverture import Perte, find_couverture, find_pertes
from app.domain.guichets import GuichetRegle

MOTIFS = (1, 2, 3)


def ensembles(valeurs: tuple[object, ...]) -> st.SearchStrategy[frozenset[object] | None]:
    return st.none() | st.frozensets(st.sampled_from(valeurs))


guichets = st.lists(
    st.builds(
        GuichetRegle,
        id=st.integers(1, 9),
        nom=st.just("G"),
        ouvert=st.booleans(),
        motifs=ensembles(MOTIFS),
        canaux=ensembles(("internet", "exterieur", "rattache")),
        types=ensembles(("guichet", "telephone", "visio")),
    ),
    max_size=4,
    unique_by=lambda g: g.id,
)


class TestCouverture:
    """G 2.3.3: « aucune restriction » is everything, an empty one is nothing."""

    def test_no_restriction_takes_everything_and_an_empty_one_nothing(self) -> None:
        libre = GuichetRegle(1, "G")
        assert len(find_couverture([1], [libre])[1]) == 9
        assert find_couverture([1], [replace(libre, motifs=frozenset())])[1] == frozenset()

    def test_a_closed_guichet_takes_nothing(self) -> None:
        assert find_couverture([1], [GuichetRegle(1, "G", ouvert=False)])[1] == frozenset()

    @given(guichets, guichets)
    def test_what_is_lost_was_had_and_is_had_no_more(
        self, avant: list[GuichetRegle], apres: list[GuichetRegle]
    ) -> None:
        ancienne, nouvelle = find_couverture(MOTIFS, avant), find_couverture(MOTIFS, apres)
        pertes = {p.motif_id: p for p in find_pertes(ancienne, nouvelle)}
        for motif in MOTIFS:
            perte = pertes.get(motif)
            assert (perte is not None and perte.nulle_part) == (bool(ancienne[motif]) and not nouvelle[motif])
            if perte is not None and not perte.nulle_part:
                assert perte.canaux <= {canal for canal, _ in ancienne[motif]}
                assert perte.canaux.isdisjoint(canal for canal, _ in nouvelle[motif])
                assert perte.types.isdisjoint(genre for _, genre in nouvelle[motif])

    @given(guichets)
    def test_the_same_guichets_lose_nothing(self, tous: list[GuichetRegle]) -> None:
        couverture = find_couverture(MOTIFS, tous)
        assert find_pertes(couverture, couverture) == ()

    def test_closing_the_only_one_open_to_the_internet_says_so(self) -> None:
        agents = GuichetRegle(1, "Agents", canaux=frozenset({"rattache"}))
        tous = GuichetRegle(2, "Tous")
        ferme = replace(tous, ouvert=False)
        pertes = find_pertes(find_couverture([7], [agents, tous]), find_couverture([7], [agents, ferme]))
        assert pertes == (Perte(7, False, frozenset({"internet", "exterieur"}), frozenset()),)
