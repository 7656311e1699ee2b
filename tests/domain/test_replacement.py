"""Another place for each rendez-vous: nearest in time, compatible, no place twice (G 2.3.4)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.domain.creneaux import Creneau
from app.domain.replacement import Besoin, Offre, Place, Prises, iter_proches, list_autres, propose

PAS = 20


def besoin(rdv_id: int, debut: int, *, guichet: int = 9, pas_avant: int = 0, forme: int = 0) -> Besoin:
    return Besoin(rdv_id, guichet, debut, debut + PAS, forme, pas_avant)


def creneaux(*debuts: int, guichets: tuple[int, ...] = (1, 2), duree: int = PAS) -> list[Creneau]:
    return [Creneau(debut, debut + duree, guichets) for debut in debuts]


def seule(*debuts: int, guichets: tuple[int, ...] = (1, 2), duree: int = PAS) -> list[Offre]:
    """What the service alone offers."""
    return [Offre(creneaux(*debuts, guichets=guichets, duree=duree))]


class TestLePlusProche:
    """Nearest in time, the earlier of two as near; nothing before the notice that the usager needs."""

    def test_the_same_hour_at_another_guichet_comes_first(self) -> None:
        proposees, _ = propose([besoin(1, 100)], {0: seule(60, 80, 100, 120)})
        assert proposees == {1: Place(100, 120, 1)}

    def test_nothing_is_proposed_before_the_notice(self) -> None:
        proposees, _ = propose([besoin(1, 100, pas_avant=100)], {0: seule(80, 140)})
        assert proposees == {1: Place(140, 160, 1)}

    def test_its_own_guichet_is_preferred_when_it_is_free(self) -> None:
        proposees, _ = propose([besoin(1, 100, guichet=2)], {0: seule(120)})
        assert proposees == {1: Place(120, 140, 2)}

    def test_nothing_left_is_said_by_its_absence(self) -> None:
        proposees, _ = propose([besoin(1, 100), besoin(2, 100)], {0: seule(100, guichets=(1,))})
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
            0: seule(*(r * PAS for r in courts)),
            1: seule(*(r * PAS for r in longs), guichets=(2, 3), duree=45),
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
            permis = {(c.debut, g) for offre in libres[voulu.forme] for c in offre.creneaux for g in c.guichets}
            if voulu.rdv_id in proposees:
                assert (proposees[voulu.rdv_id].debut, proposees[voulu.rdv_id].guichet_id) in permis
            else:  # nobody is left out while a place remains for him
                assert not list_autres(voulu, libres[voulu.forme], prises, 1)

    def test_the_others_offered_are_proposed_to_nobody(self) -> None:
        libres = {0: seule(100, 120, 140, guichets=(1,))}
        un, deux = besoin(1, 100), besoin(2, 100)
        proposees, prises = propose([un, deux], libres)
        assert {place.debut for place in proposees.values()} == {100, 120}
        assert list_autres(un, libres[0], prises, 5) == [Place(140, 160, 1)]

    def test_a_place_met_by_another_is_not_free(self) -> None:
        prises = Prises()
        prises.add(Place(100, 120, 1), Offre(()))
        assert not prises.is_libre(Place(110, 130, 1))
        assert prises.is_libre(Place(120, 140, 1))
        assert prises.is_libre(Place(110, 130, 2))


PARIS = ZoneInfo("Europe/Paris")
MARDI = date(2026, 11, 24)
DIX_HEURES = int(datetime(2026, 11, 24, 9, 0, tzinfo=UTC).timestamp()) // 60


def confiee(*debuts: int, quota: int | None = None, delegation: int = 7) -> Offre:
    """What another service offers by a delegation, on its guichet 5."""
    restants = {} if quota is None else {MARDI: quota}
    return Offre(creneaux(*debuts, guichets=(5,)), delegation, restants, PARIS)


class TestAutreService:
    """A service that receives by delegation: nearest in time wins, its own service when as near [G 2.3.5]."""

    def test_the_nearest_wins_wherever_it_is(self) -> None:
        proposees, _ = propose([besoin(1, 100)], {0: [*seule(160), confiee(120)]})
        assert proposees == {1: Place(120, 140, 5, 7)}

    def test_as_near_its_own_service_comes_first_even_later_in_the_day(self) -> None:
        proposees, _ = propose([besoin(1, 100)], {0: [*seule(120), confiee(80)]})
        assert proposees == {1: Place(120, 140, 1)}

    def test_the_quota_of_a_day_bounds_what_is_proposed(self) -> None:
        debut = DIX_HEURES
        offres = [*seule(debut + 10 * PAS), confiee(debut, debut + PAS, debut + 2 * PAS, quota=1)]
        besoins = [besoin(i, debut) for i in (1, 2, 3)]
        proposees, prises = propose(besoins, {0: offres})
        assert [place.delegation_id for place in proposees.values()].count(7) == 1
        assert len(proposees) == 3  # two guichets of its own at the later créneau
        assert not list_autres(besoins[0], offres, prises, 5)  # the day is full, however many créneaux are left

    def test_a_day_already_full_offers_nothing(self) -> None:
        proposees, _ = propose([besoin(1, DIX_HEURES)], {0: [*seule(), confiee(DIX_HEURES, quota=0)]})
        assert not proposees

    @given(
        st.lists(st.integers(0, 40), unique=True).map(sorted),
        st.lists(st.integers(0, 40), unique=True).map(sorted),
        st.lists(st.integers(0, 40), max_size=12),
        st.integers(0, 4),
    )
    def test_no_quota_is_exceeded_and_nobody_goes_farther_than_he_must(
        self, siens: list[int], autres: list[int], voulus: list[int], quota: int
    ) -> None:
        def hour(rang: int) -> int:
            return DIX_HEURES + rang * 5  # the whole range stays within the day

        offres = [
            Offre([Creneau(hour(r), hour(r) + 5, (1,)) for r in siens]),
            Offre([Creneau(hour(r), hour(r) + 5, (5,)) for r in autres], 7, {MARDI: quota}, PARIS),
        ]
        besoins = [Besoin(i, 9, hour(r), hour(r) + 5, 0, 0) for i, r in enumerate(voulus)]
        proposees, prises = propose(besoins, {0: offres})
        confiees = [p for p in proposees.values() if p.delegation_id == 7]
        assert len(confiees) <= quota
        assert len(set(proposees.values())) == len(proposees)
        for voulu in besoins:
            reste = list_autres(voulu, offres, prises, 100)
            if voulu.rdv_id not in proposees:
                assert not reste
                continue
            distance = abs(proposees[voulu.rdv_id].debut - voulu.debut)
            assert all(distance <= abs(p.debut - voulu.debut) for p in reste)
