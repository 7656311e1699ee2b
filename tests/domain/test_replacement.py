"""Another place for each rendez-vous: nearest in time, compatible, no place twice (G 2.3.4)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.creneaux import Creneau
from app.domain.replacement import Besoin, Place, Prises, iter_proches, list_autres, propose

PAS = 20


def besoin(rdv_id: int, debut: int, *, guichet: int = 9, pas_avant: int = 0, forme: int = 0) -> Besoin:
    return Besoin(rdv_id, guichet, debut, debut + PAS, forme, pas_avant)


def creneaux(*debuts: int, guichets: tuple[int, ...] = (1, 2), duree: int = PAS) -> list[Creneau]:
    return [Creneau(debut, debut + duree, guichets) for debut in debuts]


class TestLePlusProche:
    """Nearest in time, the earlier of two as near; nothing before the notice that the usager needs."""

    def test_the_same_hour_at_another_guichet_comes_first(self) -> None:
        proposees, _ = propose([besoin(1, 100)], {0: creneaux(60, 80, 100, 120)})
        assert proposees == {1: Place(100, 120, 1)}

    def test_nothing_is_proposed_before_the_notice(self) -> None:
        proposees, _ = propose([besoin(1, 100, pas_avant=100)], {0: creneaux(80, 140)})
        assert proposees == {1: Place(140, 160, 1)}

    def test_its_own_guichet_is_preferred_when_it_is_free(self) -> None:
        proposees, _ = propose([besoin(1, 100, guichet=2)], {0: creneaux(120)})
        assert proposees == {1: Place(120, 140, 2)}

    def test_nothing_left_is_said_by_its_absence(self) -> None:
        proposees, _ = propose([besoin(1, 100), besoin(2, 100)], {0: creneaux(100, guichets=(1,))})
        assert proposees == {1: Place(100, 120, 1)}

    @given(st.lists(st.integers(0, 60), unique=True).map(sorted), st.integers(0, 1200), st.integers(0, 1200))
    def test_créneaux_come_by_distance(self, rangs: list[int], debut: int, pas_avant: int) -> None:
        libres = creneaux(*(rang * PAS for rang in rangs))
        voulu = besoin(1, debut, pas_avant=pas_avant)
        trouves = [creneau.debut for creneau in iter_proches(libres, voulu)]
        assert trouves == sorted((c.debut for c in libres if c.debut >= pas_avant), key=lambda d: (abs(d - debut), d))


class TestDistinctes:
    """No two rendez-vous are offered the same place, whatever their durations."""

    @given(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), max_size=20),
        st.lists(st.integers(0, 30), unique=True).map(sorted),
        st.lists(st.integers(0, 30), unique=True).map(sorted),
    )
    def test_no_place_is_proposed_twice(
        self, demandes: list[tuple[int, int]], courts: list[int], longs: list[int]
    ) -> None:
        libres = {
            0: creneaux(*(r * PAS for r in courts)),
            1: creneaux(*(r * PAS for r in longs), guichets=(2, 3), duree=45),
        }
        besoins = [besoin(i, rang * PAS, forme=forme) for i, (rang, forme) in enumerate(demandes)]
        proposees, prises = propose(besoins, libres)
        places = list(proposees.values())
        for i, une in enumerate(places):
            for autre in places[i + 1 :]:
                assert une.guichet_id != autre.guichet_id or une.fin <= autre.debut or autre.fin <= une.debut, (
                    une,
                    autre,
                )
        for voulu in besoins:
            permis = {(c.debut, g) for c in libres[voulu.forme] for g in c.guichets}
            if voulu.rdv_id in proposees:
                assert (proposees[voulu.rdv_id].debut, proposees[voulu.rdv_id].guichet_id) in permis
            else:  # nobody is left out while a place remains for him
                assert not list_autres(voulu, libres[voulu.forme], prises, 1)

    def test_the_others_offered_are_proposed_to_nobody(self) -> None:
        libres = {0: creneaux(100, 120, 140, guichets=(1,))}
        un, deux = besoin(1, 100), besoin(2, 100)
        proposees, prises = propose([un, deux], libres)
        assert {place.debut for place in proposees.values()} == {100, 120}
        assert list_autres(un, libres[0], prises, 5) == [Place(140, 160, 1)]

    def test_a_place_met_by_another_is_not_free(self) -> None:
        prises = Prises()
        prises.add(Place(100, 120, 1))
        assert not prises.is_libre(Place(110, 130, 1))
        assert prises.is_libre(Place(120, 140, 1))
        assert prises.is_libre(Place(110, 130, 2))
