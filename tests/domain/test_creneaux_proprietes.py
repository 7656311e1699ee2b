"""The bitmaps against a computation so naive that it can only be right: minute by minute, wall clock in hand."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendrier import Fenetre
from app.domain.creneaux import (
    Creneau,
    Demande,
    Grille,
    GuichetRegle,
    Raison,
    compute_grille,
    find_creneau,
)
from app.domain.plages import OuverturesParJour, PlageType, Planning, compute_ouvertures
from tests.domain.fabrique import JOURS_REMARQUABLES, each_day, exceptions_du, guichets, plages_types, wall_clock

IDS = (1, 2, 3)
Occupations = dict[int, list[tuple[int, int]]]


class Cas:
    """One drawn situation: two days around a remarkable one, three guichets, anything booked anywhere."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.zone: ZoneInfo
        self.zone, jour, _ = draw(st.sampled_from(JOURS_REMARQUABLES))
        self.du = jour - timedelta(days=draw(st.integers(0, 1)))
        self.jours = [self.du, self.du + timedelta(days=1)]
        self.demande = Demande(1, "guichet", "rattache", draw(st.integers(1, 130)), draw(st.integers(1, 70)))
        self.guichets: tuple[GuichetRegle, ...] = guichets(*IDS)
        plages = draw(st.lists(plages_types(), max_size=3))
        plannings = [Planning(1, "s", None, "semaine", 1, date(2020, 1, 6), None, each_day(*plages))]
        if draw(st.booleans()):
            propres = draw(st.lists(plages_types(), min_size=1, max_size=2))
            plannings.append(Planning(2, "p", 2, "semaine", 1, date(2020, 1, 6), None, each_day(*propres)))
        exceptions = draw(st.lists(exceptions_du(jour, IDS), max_size=2))
        self.ouvertures: OuverturesParJour = compute_ouvertures(
            IDS, self.jours[0], self.jours[-1], plannings, exceptions, (), (), self.zone
        )
        origine = wall_clock(self.jours[0], self.zone)[0][0]
        debuts = st.one_of(st.integers(-200, 3100), st.integers(48, 96).map(lambda n: n * 10))
        couples = st.tuples(debuts, st.integers(1, 200)).map(lambda c: (origine + c[0], origine + sum(c)))
        self.occupations: Occupations = {id: draw(st.lists(couples, max_size=6)) for id in IDS}
        pas_avant = draw(st.none() | st.integers(0, 1600).map(lambda n: origine + n))
        self.fenetre = Fenetre(self.jours[0], self.jours[-1], pas_avant, self.jours[0])

    def compute(self) -> Grille:
        return compute_grille(self.demande, self.guichets, self.ouvertures, self.occupations, self.fenetre, self.zone)


@st.composite
def cas(draw: st.DrawFn) -> Cas:
    return Cas(draw)


def oracle(situation: Cas, jour: date) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """(start → guichets that could serve it, start → those still free), from the definitions alone."""
    demande, murs = situation.demande, dict(wall_clock(jour, situation.zone))
    candidats: dict[int, list[int]] = {}
    libres: dict[int, list[int]] = {}
    for guichet_id in IDS:
        for plage in situation.ouvertures.get(guichet_id, jour):
            for debut in range(plage.debut, plage.fin - demande.duree + 1):
                if (murs[debut] - murs[plage.ancre]) % demande.pas:
                    continue
                if situation.fenetre.pas_avant is not None and debut < situation.fenetre.pas_avant:
                    continue
                candidats.setdefault(debut, []).append(guichet_id)
                fin = debut + demande.duree
                if all(b <= debut or fin <= a for a, b in situation.occupations[guichet_id]):
                    libres.setdefault(debut, []).append(guichet_id)
    return {d: tuple(g) for d, g in candidats.items()}, {d: tuple(g) for d, g in libres.items()}


class TestProprietes:
    @given(cas())
    def test_the_bitmaps_give_exactly_what_the_naive_computation_gives(self, situation: Cas) -> None:
        grille = situation.compute()
        for jour in situation.jours:
            candidats, libres = oracle(situation, jour)
            journee = grille.jours[jour]
            assert dict(journee.candidats) == candidats
            assert {creneau.debut: creneau.guichets for creneau in journee.creneaux} == libres
            assert [creneau.debut for creneau in journee.creneaux] == sorted(libres)
            assert (journee.raison is None) is bool(libres)

    @given(cas())
    def test_no_creneau_overlaps_a_rendez_vous_or_leaves_its_plage(self, situation: Cas) -> None:
        for jour, journee in situation.compute().jours.items():
            for debut, fin, libres in journee.creneaux:
                assert fin - debut == situation.demande.duree
                for guichet_id in libres:
                    assert all(b <= debut or fin <= a for a, b in situation.occupations[guichet_id])
                    plages = situation.ouvertures.get(guichet_id, jour)
                    assert any(plage.debut <= debut and fin <= plage.fin for plage in plages)

    @given(cas())
    def test_what_is_displayed_can_be_booked_and_what_is_not_cannot(self, situation: Cas) -> None:
        grille = situation.compute()
        for jour in situation.jours:
            affiches = {creneau.debut: creneau for creneau in grille.jours[jour].creneaux}
            for debut, _ in wall_clock(jour, situation.zone)[::97]:
                affiches.setdefault(debut, Creneau(debut, debut, ()))
            for debut, affiche in list(affiches.items())[:40]:
                trouve = find_creneau(
                    situation.demande,
                    debut,
                    situation.guichets,
                    situation.ouvertures,
                    situation.occupations,
                    situation.fenetre,
                    situation.zone,
                )
                if affiche.guichets:
                    assert trouve == affiche
                else:
                    assert isinstance(trouve, Raison)

    @given(st.sampled_from(JOURS_REMARQUABLES), plages_types(), st.integers(1, 90))
    def test_with_a_step_of_one_minute_every_instant_that_can_hold_the_duration_is_offered(
        self, remarquable: tuple[ZoneInfo, date, int], plage: PlageType, duree: int
    ) -> None:
        zone, jour, _ = remarquable
        planning = Planning(1, "s", None, "semaine", 1, date(2020, 1, 6), None, each_day(plage))
        ouvertures = compute_ouvertures((1,), jour, jour, [planning], (), (), (), zone)
        demande = Demande(1, "guichet", "rattache", duree, 1)
        grille = compute_grille(demande, guichets(1), ouvertures, {}, Fenetre(jour, jour, None), zone)
        attendus = [d for o in ouvertures.get(1, jour) for d in range(o.debut, o.fin - duree + 1)]
        assert [creneau.debut for creneau in grille.jours[jour].creneaux] == attendus
