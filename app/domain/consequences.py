"""What a change of organisation does, told before it is saved: créneaux gained and lost, rendez-vous left outside.

Both sides are computed by the functions that display and book; here they are only compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from app.domain.creneaux import Grille
from app.domain.guichets import GuichetRegle
from app.domain.hors_organisation import RdvHors, RdvPlace, find_cause
from app.domain.plages import OuverturesParJour


@dataclass(frozen=True, slots=True)
class EcartJour:
    """One day: places (a start at a guichet, free now) that the change adds and takes away."""

    jour: date
    gagnes: int
    perdus: int


@dataclass(frozen=True, slots=True)
class Ecart:
    """The days that differ, in order."""

    jours: tuple[EcartJour, ...]

    @property
    def gagnes(self) -> int:
        """Places added over all the days."""
        return sum(jour.gagnes for jour in self.jours)

    @property
    def perdus(self) -> int:
        """Places taken away over all the days."""
        return sum(jour.perdus for jour in self.jours)


def compare_grilles(avant: Grille, apres: Grille) -> Ecart:
    """Free places of ``apres`` that ``avant`` had not, and the reverse, by day. Both grids cover the same days."""
    jours: list[EcartJour] = []
    for jour, journee in apres.jours.items():
        anciennes = {(c.debut, g) for c in avant.jours[jour].creneaux for g in c.guichets}
        nouvelles = {(c.debut, g) for c in journee.creneaux for g in c.guichets}
        ecart = EcartJour(jour, len(nouvelles - anciennes), len(anciennes - nouvelles))
        if ecart.gagnes or ecart.perdus:
            jours.append(ecart)
    return Ecart(tuple(jours))


def find_nouveaux_hors(
    rdvs: Sequence[RdvPlace],
    guichets: Mapping[int, GuichetRegle],
    avant: OuverturesParJour,
    apres: OuverturesParJour,
    zone: ZoneInfo,
) -> list[RdvHors]:
    """The rendez-vous that fit the organisation as it is and not as it would be, with their causes."""
    trouves: list[RdvHors] = []
    for rdv in rdvs:
        cause = find_cause(rdv, guichets, apres, zone)
        if cause is not None and find_cause(rdv, guichets, avant, zone) is None:
            trouves.append(RdvHors(rdv.rdv_id, rdv.guichet_id, rdv.debut, rdv.fin, cause))
    return trouves


def print_hors(hors: Sequence[RdvHors]) -> str:
    """A short print of which rendez-vous were told to be outside: a decision is about these, not about others."""
    if not hors:
        return ""
    ids = ",".join(str(rdv_id) for rdv_id in sorted(rdv.rdv_id for rdv in hors))
    return hashlib.sha256(ids.encode()).hexdigest()[:16]
