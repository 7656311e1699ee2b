"""Composition of plannings, day by day and minute by minute, against a model that only counts (G 2.3.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.changements import (
    ChangementRefuse,
    FichePlanning,
    JourEcrit,
    find_conflits,
    remove_planning,
    write_journee,
    write_planning,
)
from app.domain.changements_exceptions import FicheException, remove_exception, set_ferie, write_exception
from app.domain.composition import (
    Composition,
    Journee,
    LigneException,
    LignePlanning,
    NatureException,
    NaturePlanning,
)
from app.domain.periodes import find_periodes
from app.domain.plannings import PlageType, find_chevauchements, select_plannings
from tests.domain.fabrique import JOURS_REMARQUABLES, ZONES, plages_types, read_instant, wall_clock

GUICHETS = (1, 2)
AUJOURDHUI = date(2026, 11, 23)


def composer_jours(nature: str, cycle: int) -> st.SearchStrategy[frozenset[tuple[int, int, int]]]:
    """Days of a planning: any journée on any day of any week, or rank of the month."""
    rangs = st.integers(0, cycle - 1) if nature == "semaine" else st.sampled_from((1, 2, 3, 4, 5, -1))
    return st.frozensets(st.tuples(rangs, st.integers(1, 7), st.integers(1, 3)), max_size=12)


@st.composite
def lignes_plannings(draw: st.DrawFn, ident: int, autour: date) -> LignePlanning:
    """A planning valid around that day, or not quite."""
    natures: tuple[NaturePlanning, ...] = ("semaine", "mois")
    nature = draw(st.sampled_from(natures))
    cycle = draw(st.integers(1, 4)) if nature == "semaine" else 1
    du = autour + timedelta(days=draw(st.integers(-60, 20)))
    au = draw(st.none() | st.integers(0, 90).map(lambda n: du + timedelta(days=n)))
    jours = draw(composer_jours(nature, cycle))
    guichet = draw(st.sampled_from((None, *GUICHETS)))
    return LignePlanning(ident, guichet, f"planning {ident}", nature, cycle, du, au, jours)


@st.composite
def lignes_exceptions(draw: st.DrawFn, ident: int, autour: date) -> LigneException:
    """An exception of any nature near that day."""
    natures: tuple[NatureException, ...] = ("fermeture", "ouverture", "remplacement")
    nature = draw(st.sampled_from(natures))
    plage = draw(st.none() | plages_types())
    du = autour + timedelta(days=draw(st.integers(-2, 1)))
    au = du + timedelta(days=draw(st.integers(0, 3)))
    guichet = draw(st.sampled_from((None, *GUICHETS)))
    debut, fin = (plage.debut, plage.fin) if plage else (None, None)
    return LigneException(ident, nature, guichet, du, au, debut, fin, "")


@st.composite
def compositions(draw: st.DrawFn, autour: date) -> Composition:
    """Three journées types, some plannings, some exceptions, some holidays reopened."""
    journees = {
        i: Journee(i, f"journée {i}", tuple(sorted(draw(st.lists(plages_types(), max_size=3, unique=True)))))
        for i in (1, 2, 3)
    }
    plannings = tuple(draw(lignes_plannings(i, autour)) for i in range(1, draw(st.integers(1, 5))))
    exceptions = tuple(draw(lignes_exceptions(i, autour)) for i in range(1, draw(st.integers(1, 7))))
    rouverts = frozenset(autour + timedelta(days=n) for n in draw(st.frozensets(st.integers(-2, 2), max_size=2)))
    return Composition(journees, plannings, exceptions, rouverts)


# The model: for each minute of the wall clock, is the guichet open? Written from the words, with loops only.


def model_jours(comp: Composition, ligne: LignePlanning, jour: date) -> list[tuple[int, int]]:
    if jour < ligne.du or (ligne.au is not None and jour > ligne.au):
        return []
    plages = []
    for rang, iso, journee in ligne.jours:
        if iso != jour.isoweekday():
            continue
        if ligne.nature == "semaine":
            lundi = ligne.du
            while lundi.weekday() != 0:
                lundi -= timedelta(days=1)
            semaines = 0
            while lundi + timedelta(days=7) <= jour:
                lundi += timedelta(days=7)
                semaines += 1
            voulu = semaines % ligne.cycle == rang
        else:
            semblables = [j for n in range(1, 32) if (j := model_jour(jour, n)) is not None and j.isoweekday() == iso]
            voulu = semblables[rang] == jour if rang == -1 else semblables.index(jour) + 1 == rang
        if voulu:
            plages += [(p.debut, p.fin) for p in comp.journees[journee].plages]
    return plages


def model_jour(jour: date, numero: int) -> date | None:
    try:
        return jour.replace(day=numero)
    except ValueError:
        return None


def model_open(comp: Composition, guichet: int, jour: date, feries: frozenset[date], zone: ZoneInfo) -> set[int]:
    """The instants of the day when the guichet is open."""
    cadran = [instant for instant, _ in wall_clock(jour, zone)]

    def instants(plages: list[tuple[int, int]]) -> set[int]:
        ouverts: set[int] = set()
        for debut, fin in plages:
            ouverts |= set(range(read_instant(jour, debut, zone), read_instant(jour, fin, zone)))
        return ouverts

    valides = [p for p in comp.plannings if p.du <= jour and (p.au is None or jour <= p.au)]
    propres = [p for p in valides if p.guichet_id == guichet]
    choisis = propres or [p for p in valides if p.guichet_id is None]
    plages = [plage for ligne in choisis for plage in model_jours(comp, ligne, jour)]
    siennes = [e for e in comp.exceptions if e.du <= jour <= e.au and e.guichet_id in (None, guichet)]
    for niveau in (guichet, None):
        remplacent = [e for e in siennes if e.nature == "remplacement" and e.guichet_id == niveau]
        if remplacent:
            plages = [(e.debut, e.fin) for e in remplacent if e.debut is not None and e.fin is not None]
            break
    ouverts = instants(plages)
    ajouts = [e for e in siennes if e.nature == "ouverture"]
    ferie = jour in feries and jour not in comp.rouverts
    if ferie and not any(e.debut is None for e in ajouts):
        ouverts = set()
    ouverts |= instants([(e.debut, e.fin) for e in ajouts if e.debut is not None and e.fin is not None])
    for e in siennes:
        if e.nature == "fermeture" and e.debut is None:
            ouverts -= set(cadran)
        elif e.nature == "fermeture" and e.debut is not None and e.fin is not None:
            ouverts -= instants([(e.debut, e.fin)])
    return ouverts


class TestComposition:
    """Alternation, validity, month ranks, exceptions, « remplacement », holidays and the nights when clocks change."""

    @settings(max_examples=250)
    @given(st.data())
    def test_what_is_open_is_what_the_words_say_minute_by_minute(self, data: st.DataObject) -> None:
        zone, jour = data.draw(
            st.sampled_from([(zone, jour) for zone, jour, _ in JOURS_REMARQUABLES])
            | st.tuples(st.sampled_from(ZONES), st.dates(date(2026, 1, 1), date(2028, 12, 31)))
        )
        comp = data.draw(compositions(jour))
        feries = frozenset(data.draw(st.frozensets(st.sampled_from([jour, jour + timedelta(days=1)]))))
        ouvertures = comp.open(GUICHETS, jour, jour, feries, zone)
        for guichet in GUICHETS:
            trouves = {m for o in ouvertures.get(guichet, jour) for m in range(o.debut, o.fin)}
            assert trouves == model_open(comp, guichet, jour, feries, zone)

    @given(st.data())
    def test_the_plages_of_each_planning_are_those_of_the_calendar(self, data: st.DataObject) -> None:
        jour = data.draw(st.dates(date(2026, 1, 1), date(2032, 12, 31)))
        comp = data.draw(compositions(jour))
        for ligne, planning in zip(comp.plannings, comp.to_plannings(), strict=True):
            for n in range(-3, 4):
                autre = jour + timedelta(days=n)
                lus = {(p.debut, p.fin) for p in planning.find_plages(autre)}
                assert lus == set(model_jours(comp, ligne, autre))

    @given(st.data())
    def test_periods_cover_each_day_once_with_what_is_in_force(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        du, au = AUJOURDHUI - timedelta(days=40), AUJOURDHUI + timedelta(days=100)
        plannings = comp.to_plannings()
        for guichet in (None, *GUICHETS):
            periodes = find_periodes(plannings, guichet, du, au)
            jours = [p.du + timedelta(days=n) for p in periodes for n in range((p.au - p.du).days + 1)]
            assert jours == [du + timedelta(days=n) for n in range((au - du).days + 1)]
            for periode in periodes:
                for jour in (periode.du, periode.au):
                    assert periode.plannings == select_plannings(plannings, guichet, jour)


@st.composite
def fiches(draw: st.DrawFn) -> FichePlanning:
    """A planning as typed, made of journées or of hours."""
    ligne = draw(lignes_plannings(1, AUJOURDHUI + timedelta(days=61)))
    jours: dict[tuple[int, int], JourEcrit] = {}
    for rang, iso, journee in ligne.jours:
        plages = draw(st.lists(plages_types(), max_size=2, unique=True))
        jours[rang, iso] = draw(st.sampled_from((JourEcrit((journee,)), JourEcrit(plages=tuple(plages)))))
    guichets = draw(st.sampled_from(((None,), (1,), (1, 2))))
    return FichePlanning("écrit", ligne.nature, ligne.cycle, ligne.du, ligne.au, guichets, jours)


class TestChangements:
    """A change is refused with a reason, or leads to a composition without overlap in what it touched."""

    @settings(max_examples=30)
    @given(st.data())
    def test_a_planning_accepted_never_overlaps_from_today_on(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        fiche = data.draw(fiches())
        try:
            apres, lot = write_planning(comp, fiche, AUJOURDHUI)
        except ChangementRefuse:
            return
        niveaux = set(fiche.guichets)
        touches = [p for p in apres.to_plannings() if p.guichet_id in niveaux]
        # The oracle reads two years day by day, whatever the cycles.
        horizon = (AUJOURDHUI, AUJOURDHUI + timedelta(days=730))
        assert find_chevauchements(touches, horizon) == ()
        assert set(lot.guichets) >= niveaux
        autres = [ligne for ligne in apres.plannings if ligne.id > 0]
        assert autres == list(comp.plannings)

    @settings(max_examples=30)
    @given(st.data())
    def test_conflicts_found_over_one_alternation_are_all_there_are(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        plannings = comp.to_plannings()
        trouves = {(c.planning_a.id, c.plage_a, c.planning_b.id, c.plage_b) for c in
                   find_conflits(plannings, {None, *GUICHETS}, AUJOURDHUI)}  # fmt: skip
        tous = find_chevauchements(plannings, (AUJOURDHUI, AUJOURDHUI + timedelta(days=730)))
        assert trouves == {(c.planning_a.id, c.plage_a, c.planning_b.id, c.plage_b) for c in tous}

    @given(st.data())
    def test_written_then_removed_leaves_things_as_they_were(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        try:
            apres, lot = write_planning(comp, data.draw(fiches()), AUJOURDHUI)
        except ChangementRefuse:
            return
        retire = remove_planning(apres, lot)
        assert retire.plannings == comp.plannings
        assert set(retire.journees) >= set(comp.journees)

    @given(st.data())
    def test_a_follower_changes_nothing_before_it_begins(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        lots = comp.lots_plannings()
        if not lots:
            return
        suivi = data.draw(st.sampled_from(lots))
        fiche = replace(data.draw(fiches()), guichets=suivi.guichets)
        try:
            apres, _ = write_planning(comp, fiche, AUJOURDHUI, suite_de=suivi)
        except ChangementRefuse:
            return
        un, deux = comp.to_plannings(), apres.to_plannings()
        for n in range(1, 30):
            jour = fiche.du - timedelta(days=n)
            for guichet in GUICHETS:
                avant = [p.find_plages(jour) for p in select_plannings(un, guichet, jour)]
                assert [p.find_plages(jour) for p in select_plannings(deux, guichet, jour)] == avant

    @given(st.data())
    def test_an_exception_written_then_removed_leaves_things_as_they_were(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        ligne = data.draw(lignes_exceptions(9, AUJOURDHUI + timedelta(days=5)))
        plages = (PlageType(ligne.debut, ligne.fin),) if ligne.debut is not None and ligne.fin is not None else ()
        fiche = FicheException(ligne.nature, ligne.du, ligne.au, plages, (ligne.guichet_id,), "")
        try:
            apres, lot = write_exception(comp, fiche, AUJOURDHUI, ())
        except ChangementRefuse:
            return
        nouvelles = [e for e in apres.exceptions if e.id < 0]
        seul = replace(lot, ids=tuple(e.id for e in nouvelles))
        assert remove_exception(apres, seul) == comp

    @given(st.data())
    def test_reopening_then_closing_a_holiday_leaves_things_as_they_were(self, data: st.DataObject) -> None:
        comp = data.draw(compositions(AUJOURDHUI))
        jour = AUJOURDHUI + timedelta(days=400)
        assert set_ferie(set_ferie(comp, jour, ouvert=True), jour, ouvert=False) == comp

    @given(st.lists(plages_types(), min_size=2, max_size=5, unique=True))
    def test_a_journee_type_is_accepted_exactly_when_its_plages_are_disjoint(self, plages: list[PlageType]) -> None:
        disjointes = all(a.fin <= b.debut or b.fin <= a.debut for i, a in enumerate(plages) for b in plages[i + 1 :])
        try:
            apres, ident = write_journee(Composition(), None, "essai", plages, AUJOURDHUI)
        except ChangementRefuse:
            assert not disjointes
        else:
            assert disjointes
            assert apres.journees[ident].plages == tuple(sorted(plages))
