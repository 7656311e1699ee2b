"""The opening hours of a service as its chef writes them: journées types, plannings made of them, exceptions [G 2.3.4].

A ``Composition`` is a value. What a chef is about to publish is another one, computed from the one that is saved
(``app.domain.changements``); what both open is computed by the same functions as the bookings (``app.domain.plages``).
Rows that say the same thing for several guichets are one thing for people, a **lot**: they are shown, edited and
removed together, and share one revision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal
from zoneinfo import ZoneInfo

from app.domain.horaires import format_heure
from app.domain.plages import OuverturesParJour, compute_ouvertures
from app.domain.plannings import ExceptionPlanning, PlageType, Planning

NatureException = Literal["fermeture", "ouverture", "remplacement"]
NaturePlanning = Literal["semaine", "mois"]

#: The weeks of a cycle in alternation, by rang.
LETTRES: Final = "ABCDEFGH"
CYCLE_MAX: Final = len(LETTRES)


class Statut(StrEnum):
    """Where today stands in a validity."""

    EN_COURS = "en_cours"
    A_VENIR = "a_venir"
    PASSE = "passe"


@dataclass(frozen=True, slots=True)
class Journee:
    """A journée type. ``plages`` in order, without names: the journée's own name is what its plages are told by."""

    id: int
    nom: str
    plages: tuple[PlageType, ...]
    revision: int = 1


@dataclass(frozen=True, slots=True)
class LignePlanning:
    """One row of planning: for one guichet, or the service (None). ``jours``: (rang, ISO weekday, journée id)."""

    id: int
    guichet_id: int | None
    nom: str
    nature: NaturePlanning
    cycle: int
    du: date
    au: date | None
    jours: frozenset[tuple[int, int, int]]
    revision: int = 1


@dataclass(frozen=True, slots=True)
class LigneException:
    """One row of exception; minutes are local, both or neither."""

    id: int
    nature: NatureException
    guichet_id: int | None
    du: date
    au: date
    debut: int | None
    fin: int | None
    libelle: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class LotPlanning:
    """The same planning for one or more guichets, or for the service (``guichets`` is then ``(None,)``)."""

    ids: tuple[int, ...]
    guichets: tuple[int | None, ...]
    nom: str
    nature: NaturePlanning
    cycle: int
    du: date
    au: date | None
    jours: frozenset[tuple[int, int, int]]
    revision: int

    @property
    def id(self) -> int:
        """The id by which it is addressed: its first row's."""
        return self.ids[0]

    def find_statut(self, aujourdhui: date) -> Statut:
        """Current, to come or past."""
        return find_statut(self.du, self.au, aujourdhui)

    def find_rang(self, jour: date) -> int:
        """Which week of the cycle ``jour`` is in (0 is A). Only means something for a semaine type."""
        return (lundi_de(jour) - lundi_de(self.du)).days // 7 % self.cycle


@dataclass(frozen=True, slots=True)
class LotException:
    """The same exception for one or more guichets, or for all (``guichets`` is then ``(None,)``).

    ``plages``: its hours; none for whole days (and, in a « remplacement », for « no plage at all »).
    """

    ids: tuple[int, ...]
    guichets: tuple[int | None, ...]
    nature: NatureException
    du: date
    au: date
    plages: tuple[PlageType, ...]
    libelle: str
    revision: int

    @property
    def id(self) -> int:
        """The id by which it is addressed: its first row's."""
        return self.ids[0]

    def find_statut(self, aujourdhui: date) -> Statut:
        """Current, to come or past."""
        return find_statut(self.du, self.au, aujourdhui)


@dataclass(frozen=True, slots=True)
class Composition:
    """Everything written. Ids below zero are of rows not saved yet."""

    journees: Mapping[int, Journee] = field(default_factory=dict)
    plannings: tuple[LignePlanning, ...] = ()
    exceptions: tuple[LigneException, ...] = ()
    rouverts: frozenset[date] = frozenset()

    def to_plannings(self) -> tuple[Planning, ...]:
        """The plannings as the rules read them: each plage bears the name of its journée type."""
        return tuple(self.to_planning(ligne) for ligne in self.plannings)

    def to_planning(self, ligne: LignePlanning) -> Planning:
        """One of them."""
        jours: dict[tuple[int, int], list[PlageType]] = {}
        for rang, iso, journee_id in sorted(ligne.jours):
            journee = self.journees[journee_id]
            jours.setdefault((rang, iso), []).extend(PlageType(p.debut, p.fin, journee.nom) for p in journee.plages)
        ecrits = {cle: tuple(plages) for cle, plages in jours.items() if plages}
        return Planning(ligne.id, ligne.nom, ligne.guichet_id, ligne.nature, ligne.cycle, ligne.du, ligne.au, ecrits)

    def to_exceptions(self) -> tuple[ExceptionPlanning, ...]:
        """The exceptions as the rules read them."""
        return tuple(
            ExceptionPlanning(e.id, e.nature, e.guichet_id, e.du, e.au, e.debut, e.fin, e.libelle)
            for e in self.exceptions
        )

    def open(
        self, guichets: Iterable[int], du: date, au: date, feries: Collection[date], zone: ZoneInfo
    ) -> OuverturesParJour:
        """When each guichet would be open from ``du`` to ``au``: what displays and bookings compute once published."""
        return compute_ouvertures(
            list(guichets), du, au, self.to_plannings(), self.to_exceptions(), feries, self.rouverts, zone
        )

    def lots_plannings(self) -> tuple[LotPlanning, ...]:
        """The plannings, those alike together, in order of beginning then of writing."""
        groupes: dict[tuple[object, ...], list[LignePlanning]] = {}
        for ligne in self.plannings:
            service = ligne.guichet_id is None
            cle = (service, ligne.nom, ligne.nature, ligne.cycle, ligne.du, ligne.au, ligne.jours)
            groupes.setdefault(cle, []).append(ligne)
        lots = [
            LotPlanning(
                tuple(ligne.id for ligne in lignes),
                tuple(ligne.guichet_id for ligne in lignes),
                lignes[0].nom,
                lignes[0].nature,
                lignes[0].cycle,
                lignes[0].du,
                lignes[0].au,
                lignes[0].jours,
                max(ligne.revision for ligne in lignes),
            )
            for lignes in groupes.values()
        ]
        return tuple(sorted(lots, key=lambda lot: (lot.du, lot.id)))

    def find_planning(self, planning_id: int) -> LotPlanning | None:
        """The lot to which that row belongs."""
        return next((lot for lot in self.lots_plannings() if planning_id in lot.ids), None)

    def lots_exceptions(self) -> tuple[LotException, ...]:
        """The exceptions, those alike together, in order of beginning then of writing."""
        par_guichet: dict[tuple[object, ...], list[LigneException]] = {}
        for e in self.exceptions:
            # The plages of a « remplacement » are one row each: together they are one exception of that guichet.
            heures = None if e.nature == "remplacement" else (e.debut, e.fin)
            par_guichet.setdefault((e.guichet_id, e.nature, e.du, e.au, e.libelle, heures), []).append(e)
        groupes: dict[tuple[object, ...], list[list[LigneException]]] = {}
        for lignes in par_guichet.values():
            e = lignes[0]
            plages = tuple(sorted((x.debut or 0, x.fin or 0) for x in lignes))
            groupes.setdefault((e.guichet_id is None, e.nature, e.du, e.au, e.libelle, plages), []).append(lignes)
        lots = [_build_lot_exception(groupe) for groupe in groupes.values()]
        return tuple(sorted(lots, key=lambda lot: (lot.du, lot.id)))

    def find_exception(self, exception_id: int) -> LotException | None:
        """The lot to which that row belongs."""
        return next((lot for lot in self.lots_exceptions() if exception_id in lot.ids), None)

    def find_usages(self, journee_id: int) -> tuple[LotPlanning, ...]:
        """The plannings that use a journée type."""
        return tuple(lot for lot in self.lots_plannings() if any(j == journee_id for _, _, j in lot.jours))


def _build_lot_exception(groupe: list[list[LigneException]]) -> LotException:
    premiere = groupe[0][0]
    plages = sorted({PlageType(e.debut, e.fin) for e in groupe[0] if e.debut is not None and e.fin is not None})
    return LotException(
        tuple(sorted(e.id for lignes in groupe for e in lignes)),
        tuple(lignes[0].guichet_id for lignes in groupe),
        premiere.nature,
        premiere.du,
        premiere.au,
        tuple(plages),
        premiere.libelle,
        max(e.revision for lignes in groupe for e in lignes),
    )


def find_statut(du: date, au: date | None, aujourdhui: date) -> Statut:
    """Where ``aujourdhui`` stands in ``du``..``au`` (both included)."""
    if aujourdhui < du:
        return Statut.A_VENIR
    return Statut.PASSE if au is not None and au < aujourdhui else Statut.EN_COURS


def lundi_de(jour: date) -> date:
    """The Monday of the week of ``jour``."""
    return jour - timedelta(days=jour.weekday())


def format_plages(plages: Iterable[PlageType]) -> str:
    """« 08:00–12:00, 14:00–16:00 »: how plages are shown, and how a journée written by its hours is named."""
    return ", ".join(f"{format_heure(plage.debut)}–{format_heure(plage.fin)}" for plage in sorted(plages))
