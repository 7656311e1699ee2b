"""A change of opening hours asked by a chef: what it concerns, what it becomes, how it is told.

Each is a value with the same three questions, so that the page that shows its consequences and the use case that
publishes it ask the same things of the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from app.admin.plannings.mots import decrire_exception, decrire_journee, decrire_planning
from app.booking.contexte import ServiceContexte
from app.domain.changements import (
    ChangementRefuse,
    FichePlanning,
    remove_journee,
    remove_planning,
    write_journee,
    write_planning,
)
from app.domain.changements_exceptions import FicheException, remove_exception, set_ferie, write_exception
from app.domain.composition import Composition, Journee, LotException, LotPlanning
from app.domain.plannings import PlageType
from app.errors import Introuvable
from app.feries import nom_ferie


@dataclass(frozen=True, slots=True)
class Cible:
    """What is changed, as it is recorded: its journal name, its revision now and its facts in words."""

    objet: str
    id: int
    revision: int
    faits: Mapping[str, Any]
    vue: int | None


@dataclass(frozen=True, slots=True)
class Effet:
    """What a change makes: the composition it leads to, and its line in the journal."""

    apres: Composition
    action: str
    objet: str
    objet_id: int | None
    avant: Mapping[str, Any] | None
    faits: Mapping[str, Any] | None


class Changement(Protocol):
    """``find_cibles``: what it changes, each with the revision seen; raises Introuvable. ``apply`` raises
    ChangementRefuse."""

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]: ...
    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet: ...


def get_planning(comp: Composition, planning_id: int) -> LotPlanning:
    """The lot. Raises Introuvable."""
    lot = comp.find_planning(planning_id)
    if lot is None:
        raise Introuvable("Ce planning n’existe pas, ou n’existe plus.")
    return lot


def get_journee(comp: Composition, journee_id: int) -> Journee:
    """The journée type. Raises Introuvable."""
    journee = comp.journees.get(journee_id)
    if journee is None:
        raise Introuvable("Cette journée type n’existe pas, ou n’existe plus.")
    return journee


def get_exception(comp: Composition, exception_id: int) -> LotException:
    """The lot. Raises Introuvable."""
    lot = comp.find_exception(exception_id)
    if lot is None:
        raise Introuvable("Cette exception n’existe pas, ou n’existe plus.")
    return lot


def _cible_planning(comp: Composition, contexte: ServiceContexte, planning_id: int, vue: int | None) -> Cible:
    lot = get_planning(comp, planning_id)
    return Cible("planning", lot.id, lot.revision, decrire_planning(comp, lot, contexte.guichets), vue)


def _cible_exception(comp: Composition, contexte: ServiceContexte, exception_id: int, vue: int | None) -> Cible:
    lot = get_exception(comp, exception_id)
    return Cible("exception", lot.id, lot.revision, decrire_exception(lot, contexte.guichets), vue)


@dataclass(frozen=True, slots=True)
class EcrirePlanning:
    """Create a planning, change ``planning_id``, or let it follow ``suite_id``."""

    fiche: FichePlanning
    planning_id: int | None = None
    suite_id: int | None = None
    revision: int | None = None

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        ident = self.planning_id if self.planning_id is not None else self.suite_id
        return () if ident is None else (_cible_planning(comp, contexte, ident, self.revision),)

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        lot = None if self.planning_id is None else get_planning(comp, self.planning_id)
        suite_de = None if self.suite_id is None else get_planning(comp, self.suite_id)
        apres, ecrit = write_planning(comp, self.fiche, aujourdhui, lot=lot, suite_de=suite_de)
        avant = None if lot is None else decrire_planning(comp, lot, contexte.guichets)
        faits = decrire_planning(apres, ecrit, contexte.guichets)
        if suite_de is not None:
            faits = {**faits, "suite de": suite_de.nom}
        return Effet(apres, "planning.cree" if lot is None else "planning.modifie", "planning", ecrit.id, avant, faits)


@dataclass(frozen=True, slots=True)
class RetirerPlanning:
    """Remove a planning from all its guichets."""

    planning_id: int
    revision: int | None = None

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        return (_cible_planning(comp, contexte, self.planning_id, self.revision),)

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        lot = get_planning(comp, self.planning_id)
        avant = decrire_planning(comp, lot, contexte.guichets)
        return Effet(remove_planning(comp, lot), "planning.supprime", "planning", lot.id, avant, None)


@dataclass(frozen=True, slots=True)
class EcrireJournee:
    """Create a journée type or change one, in every planning that uses it."""

    nom: str
    plages: tuple[PlageType, ...]
    journee_id: int | None = None
    revision: int | None = None

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        return () if self.journee_id is None else (_cible_journee(comp, self.journee_id, self.revision),)

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        avant = None if self.journee_id is None else decrire_journee(get_journee(comp, self.journee_id))
        apres, ident = write_journee(comp, self.journee_id, self.nom, self.plages, aujourdhui)
        action = "journee_type.cree" if avant is None else "journee_type.modifie"
        return Effet(apres, action, "journee_type", ident, avant, decrire_journee(apres.journees[ident]))


@dataclass(frozen=True, slots=True)
class RetirerJournee:
    """Remove a journée type that nothing uses."""

    journee_id: int
    revision: int | None = None

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        return (_cible_journee(comp, self.journee_id, self.revision),)

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        avant = decrire_journee(get_journee(comp, self.journee_id))
        apres = remove_journee(comp, self.journee_id)
        return Effet(apres, "journee_type.supprime", "journee_type", self.journee_id, avant, None)


def _cible_journee(comp: Composition, journee_id: int, vue: int | None) -> Cible:
    journee = get_journee(comp, journee_id)
    return Cible("journee_type", journee_id, journee.revision, decrire_journee(journee), vue)


@dataclass(frozen=True, slots=True)
class EcrireException:
    """Create a closure, an extra opening or a day's own hours, or change one."""

    fiche: FicheException
    exception_id: int | None = None
    revision: int | None = None

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        if self.exception_id is None:
            return ()
        return (_cible_exception(comp, contexte, self.exception_id, self.revision),)

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        lot = None if self.exception_id is None else get_exception(comp, self.exception_id)
        feries = contexte.feries(self.fiche.du, max(self.fiche.du, self.fiche.au))
        apres, ecrite = write_exception(comp, self.fiche, aujourdhui, feries, lot=lot)
        avant = None if lot is None else decrire_exception(lot, contexte.guichets)
        action = "exception.cree" if lot is None else "exception.modifie"
        return Effet(apres, action, "exception", ecrite.id, avant, decrire_exception(ecrite, contexte.guichets))


@dataclass(frozen=True, slots=True)
class RetirerException:
    """Remove an exception."""

    exception_id: int
    revision: int | None = None

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        return (_cible_exception(comp, contexte, self.exception_id, self.revision),)

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        lot = get_exception(comp, self.exception_id)
        avant = decrire_exception(lot, contexte.guichets)
        return Effet(remove_exception(comp, lot), "exception.supprime", "exception", lot.id, avant, None)


@dataclass(frozen=True, slots=True)
class ReglerFerie:
    """Reopen a holiday of the département, or let it close again."""

    jour: date
    ouvert: bool

    def find_cibles(self, comp: Composition, contexte: ServiceContexte) -> tuple[Cible, ...]:
        return ()

    def apply(self, comp: Composition, contexte: ServiceContexte, aujourdhui: date) -> Effet:
        nom = nom_ferie(contexte.departement, self.jour)
        if nom is None:
            raise ChangementRefuse("jour", "Ce jour n’est pas férié dans le département du service.")
        if self.jour < aujourdhui:
            raise ChangementRefuse("jour", "Ce jour est déjà passé.")
        libelle = f"{nom}, {self.jour:%d/%m/%Y}"
        avant = {"libelle": libelle, "ouvert": self.jour in comp.rouverts}
        faits = {"libelle": libelle, "ouvert": self.ouvert}
        apres = set_ferie(comp, self.jour, ouvert=self.ouvert)
        return Effet(apres, "exception.ouvert" if self.ouvert else "exception.ferme", "exception", None, avant, faits)
