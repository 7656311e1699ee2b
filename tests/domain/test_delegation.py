"""What a delegation allows on a day, whatever it is [G 2.3.5]."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.delegation import Delegation, find_delegation, list_vivantes
from app.domain.raisons import Raison

LUNDI = date(2026, 11, 23)
jours = st.integers(-400, 400).map(lambda n: LUNDI + timedelta(days=n))
motifs = st.integers(1, 6)


@st.composite
def delegations(draw: st.DrawFn) -> Delegation:
    """Any accepted delegation."""
    du, longueur = draw(jours), draw(st.integers(0, 120))
    quota = draw(st.none() | st.integers(1, 30))
    confies = draw(st.dictionaries(motifs, st.integers(5, 90), min_size=1))
    return Delegation(draw(st.integers(1, 50)), 1, "A", 2, "B", confies, du, du + timedelta(days=longueur), quota)


class TestUneDelegation:
    """« motifs, dates, daily quota, automatic return »."""

    @given(delegations(), motifs, jours, st.integers(0, 40))
    def test_a_day_is_refused_exactly_outside_the_motifs_the_dates_or_the_quota(
        self, delegation: Delegation, motif: int, jour: date, pris: int
    ) -> None:
        confiee = motif in delegation.motifs and delegation.du <= jour <= delegation.au
        pleine = delegation.quota_jour is not None and pris >= delegation.quota_jour
        attendue = Raison.MOTIF_NON_PROPOSE if not confiee else Raison.COMPLET if pleine else None
        assert delegation.refuse_jour(motif, jour, pris) is attendue
        assert delegation.accepts(motif, jour) is confiee

    @given(delegations(), jours)
    def test_it_ends_by_itself_the_day_after_its_last(self, delegation: Delegation, jour: date) -> None:
        assert delegation.is_vivante(jour) is (jour <= delegation.au)
        if not delegation.is_vivante(jour):
            assert all(delegation.refuse_jour(motif, jour, 0) for motif in delegation.motifs)

    @given(delegations(), motifs, jours, st.integers(0, 40))
    def test_what_a_day_refuses_is_still_refused_when_more_is_taken(
        self, delegation: Delegation, motif: int, jour: date, pris: int
    ) -> None:
        if delegation.refuse_jour(motif, jour, pris):
            assert delegation.refuse_jour(motif, jour, pris + 1)


class TestPlusieurs:
    @given(st.lists(delegations(), unique_by=lambda d: d.id), motifs, jours)
    def test_the_live_ones_of_a_motif_are_those_and_no_other_in_order(
        self, toutes: list[Delegation], motif: int, jour: date
    ) -> None:
        vivantes = list_vivantes(toutes, motif, jour)
        assert {d.id for d in vivantes} == {d.id for d in toutes if motif in d.motifs and d.is_vivante(jour)}
        assert [d.id for d in vivantes] == sorted(d.id for d in vivantes)

    @given(st.lists(delegations(), unique_by=lambda d: d.id), st.none() | st.integers(-5, 60))
    def test_an_id_finds_its_own_or_nothing(self, toutes: list[Delegation], cherche: int | None) -> None:
        trouvee = find_delegation(toutes, cherche)
        assert (trouvee is None) is (cherche not in {d.id for d in toutes})
        assert trouvee is None or trouvee.id == cherche
