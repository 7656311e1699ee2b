"""What a chef de service writes: journées types in alternating weeks or months, and exceptions [G 2.3.4]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Literal

from app.domain.horaires import MINUTES_PAR_JOUR, format_heure, iter_jours

#: In a mois type, the last such weekday of the month.
RANG_DERNIER = -1
_JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MOIS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)


@dataclass(frozen=True, slots=True, order=True)
class PlageType:
    """``[debut, fin)`` in local minutes, 0 ≤ debut < fin ≤ 1440; a plage never crosses midnight (ValueError)."""

    debut: int
    fin: int
    nom: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.debut < self.fin <= MINUTES_PAR_JOUR:
            raise ValueError(f"a plage begins before it ends, within one day ({self.debut}–{self.fin})")

    def __str__(self) -> str:
        heures = f"{format_heure(self.debut)}–{format_heure(self.fin)}"
        return f"{heures} («\u00a0{self.nom}\u00a0»)" if self.nom else heures


@dataclass(frozen=True, slots=True)
class Planning:
    """Plages that repeat between ``du`` and ``au`` (included; None = without end).

    ``guichet_id`` None means every guichet of the service. Keys of ``jours`` are (rang, ISO weekday 1..7).
    For a « semaine », rang 0..cycle-1 counts weeks from the Monday of the week of ``du``: with cycle 2, rang 0 is
    semaine A. For a « mois », rang 1..5 is the nth such weekday of the month and -1 the last one; a day that is
    both the fourth and the last has the plages of both. Raises ValueError on anything else.
    """

    id: int
    nom: str
    guichet_id: int | None
    nature: Literal["semaine", "mois"]
    cycle: int
    du: date
    au: date | None
    jours: Mapping[tuple[int, int], tuple[PlageType, ...]]

    def __post_init__(self) -> None:
        if self.nature not in ("semaine", "mois"):
            raise ValueError(f"unknown nature of planning {self.nature!r}")
        if self.cycle < 1:
            raise ValueError("a cycle has at least one week")
        if self.au is not None and self.au < self.du:
            raise ValueError("a planning begins before it ends")
        rangs = range(self.cycle) if self.nature == "semaine" else (1, 2, 3, 4, 5, RANG_DERNIER)
        for rang, iso in self.jours:
            if rang not in rangs or not 1 <= iso <= len(_JOURS):
                raise ValueError(f"no such day in this planning: {(rang, iso)}")

    def is_valide(self, jour: date) -> bool:
        """True when ``jour`` is between ``du`` and ``au``."""
        return self.du <= jour and (self.au is None or jour <= self.au)

    def find_plages(self, jour: date) -> tuple[PlageType, ...]:
        """The plages written for ``jour``, in order; empty when not valid that day."""
        if not self.is_valide(jour):
            return ()
        iso = jour.isoweekday()
        if self.nature == "semaine":
            lundi = self.du.toordinal() - self.du.weekday()
            plages = self.jours.get(((jour.toordinal() - lundi) // 7 % self.cycle, iso), ())
            return plages if len(plages) < 2 else tuple(sorted(plages))
        plages = self.jours.get(((jour.day - 1) // 7 + 1, iso), ())
        derniere = self.jours.get((RANG_DERNIER, iso), ())
        if derniere and (jour + timedelta(days=7)).month != jour.month:
            plages = (*plages, *(plage for plage in derniere if plage not in plages))
        return tuple(sorted(plages))


@dataclass(frozen=True, slots=True)
class ExceptionPlanning:
    """A closure, an extra opening or a « remplacement » on the days ``du``..``au``, for one guichet or (None) all.

    ``debut`` and ``fin`` are local minutes, both or neither. Without hours a « fermeture » takes the whole day; an
    « ouverture » reopens, on a holiday, the plages already planned. The « remplacement » of a day are its plages
    instead of the planned ones (one without hours says: none); a guichet's own go before the service's. Raises
    ValueError on anything else.
    """

    id: int
    nature: Literal["fermeture", "ouverture", "remplacement"]
    guichet_id: int | None
    du: date
    au: date
    debut: int | None
    fin: int | None
    libelle: str

    def __post_init__(self) -> None:
        if self.nature not in ("fermeture", "ouverture", "remplacement"):
            raise ValueError(f"unknown nature of exception {self.nature!r}")
        if self.au < self.du:
            raise ValueError("an exception begins before it ends")
        if (self.debut is None) != (self.fin is None):
            raise ValueError("an exception has both hours or none")
        if self.debut is not None and self.fin is not None:
            PlageType(self.debut, self.fin)

    def concerns(self, guichet_id: int) -> bool:
        """True when it applies to that guichet."""
        return self.guichet_id is None or self.guichet_id == guichet_id


def select_plannings(plannings: Sequence[Planning], guichet_id: int | None, jour: date) -> tuple[Planning, ...]:
    """The plannings in force: the guichet's own ones valid that day, else the service's.

    An own planning replaces the service's for the whole of its validity, even on days where it opens nothing:
    what is written on a guichet says all about that guichet. Plannings of one level add up.
    """
    valides = [planning for planning in plannings if planning.is_valide(jour)]
    propres = tuple(planning for planning in valides if guichet_id is not None and planning.guichet_id == guichet_id)
    return propres or tuple(planning for planning in valides if planning.guichet_id is None)


@dataclass(frozen=True, slots=True)
class Chevauchement:
    """Two plages of one level that overlap, on ``jour``, the first day where they do."""

    guichet_id: int | None
    jour: date
    planning_a: Planning
    plage_a: PlageType
    planning_b: Planning
    plage_b: PlageType

    @property
    def phrase(self) -> str:
        """Names both plages, in French."""
        jour = self.jour
        quand = (
            f"{_JOURS[jour.weekday()]} {jour.day}{'er' if jour.day == 1 else ''} {_MOIS[jour.month - 1]} {jour.year}"
        )
        un, autre = self.planning_a.nom, self.planning_b.nom
        return (
            f"La plage {self.plage_a} du planning «\u00a0{un}\u00a0» et la plage {self.plage_b} du planning "
            f"«\u00a0{autre}\u00a0» se chevauchent le {quand}."
        )


def find_chevauchements(plannings: Sequence[Planning], horizon: tuple[date, date]) -> tuple[Chevauchement, ...]:
    """Every pair of plages of one level (a guichet's own, or the service's) that overlap on a day of ``horizon``.

    ``horizon`` is (first, last) day, both included. Each pair is told once, on its first day. Two levels never
    clash: the guichet's own planning replaces the service's.
    """
    trouves: dict[tuple[int, PlageType, int, PlageType], Chevauchement] = {}
    niveaux: dict[int | None, list[Planning]] = {}
    for planning in plannings:
        niveaux.setdefault(planning.guichet_id, []).append(planning)
    for guichet_id, niveau in niveaux.items():
        for jour in iter_jours(*horizon):
            du_jour = [(planning, plage) for planning in niveau for plage in planning.find_plages(jour)]
            for (pa, a), (pb, b) in combinations(du_jour, 2):
                if a.debut < b.fin and b.debut < a.fin:
                    cle = (pa.id, a, pb.id, b)
                    trouves.setdefault(cle, Chevauchement(guichet_id, jour, pa, a, pb, b))
    return tuple(trouves.values())
