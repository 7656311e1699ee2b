"""Plannings + exceptions + holidays → ouvertures, and why a guichet is closed that day.

The order of things, the same for every guichet and day:

1. the plannings in force write the plages (``select_plannings``), unless a « remplacement » says what this day is
   made of; where two overlap, the one that begins first keeps the common part, so that the ouvertures of a guichet
   are always disjoint;
2. a holiday empties the day, unless it is in ``jours_rouverts``;
3. extra openings add what is not open yet, even on a holiday;
4. closures take away, and nothing beats them: to open during a closure, shorten the closure. What is announced
   closed is never booked by accident, in whatever order the exceptions were written.

Plages stay apart even when they touch: a rendez-vous never runs from one into the next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.horaires import Cadran, Intervalle, get_cadran, iter_jours, merge, subtract
from app.domain.plannings import (
    RANG_DERNIER,
    Chevauchement,
    ExceptionPlanning,
    PlageType,
    Planning,
    find_chevauchements,
    select_plannings,
)

__all__ = [
    "RANG_DERNIER",
    "Chevauchement",
    "ExceptionPlanning",
    "Interdit",
    "Ouverture",
    "OuverturesParJour",
    "PlageType",
    "Planning",
    "RaisonFermeture",
    "compute_ouvertures",
    "find_chevauchements",
    "select_plannings",
]


class RaisonFermeture(StrEnum):
    """Why a guichet is open at no time of a day. Values are those of ``Raison``."""

    FERIE = "ferie"
    FERMETURE = "fermeture"
    HORS_PLAGE = "hors_plage"


class Ouverture(NamedTuple):
    """A guichet receives during ``[debut, fin)``; its grid counts from ``ancre``, the start of the plage as written.

    All three are minutes-époque; ``ancre`` may be earlier than ``debut`` when an exception cut the plage.
    """

    guichet_id: int
    jour: date
    ancre: int
    debut: int
    fin: int


class Interdit(NamedTuple):
    """``[debut, fin)``, in minutes-époque, that nobody can force: a closure, or a holiday not reopened."""

    debut: int
    fin: int
    raison: RaisonFermeture


#: (ancre, debut, fin): an ouverture before it is tied to a guichet.
_Segment = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class OuverturesParJour:
    """The ouvertures of several guichets from ``du`` to ``au``, both included.

    ``par_jour`` and ``fermes`` hold each guichet of each day in one or the other; ``interdits`` only the guichets
    and days that have some. Asking about a day outside ``du``..``au`` raises KeyError.
    """

    du: date
    au: date
    zone: ZoneInfo
    par_jour: Mapping[date, Mapping[int, tuple[Ouverture, ...]]]
    fermes: Mapping[date, Mapping[int, RaisonFermeture]]
    interdits: Mapping[date, Mapping[int, tuple[Interdit, ...]]]

    def get(self, guichet_id: int, jour: date) -> tuple[Ouverture, ...]:
        """In order, disjoint; empty when closed all day."""
        return self.par_jour[jour].get(guichet_id, ())

    def find_raison(self, guichet_id: int, jour: date) -> RaisonFermeture | None:
        """Why ``get`` is empty, or None when it is not."""
        return self.fermes[jour].get(guichet_id)

    def find_interdit(self, guichet_id: int, jour: date, debut: int, fin: int) -> RaisonFermeture | None:
        """The closure or the holiday met by ``[debut, fin)``, which nothing can force; None when there is none."""
        for interdit in self.interdits[jour].get(guichet_id, ()):
            if interdit.debut < fin and debut < interdit.fin:
                return interdit.raison
        return None

    def is_couvert(self, guichet_id: int, jour: date, debut: int, fin: int) -> bool:
        """True when the guichet is open during the whole of ``[debut, fin)``, plages that touch taken together."""
        ouvert = merge(Intervalle(o.debut, o.fin) for o in self.get(guichet_id, jour))
        return any(plage.debut <= debut and fin <= plage.fin for plage in ouvert)


def _select_remplacement(exceptions: Sequence[ExceptionPlanning]) -> list[PlageType] | None:
    """What a guichet's day is made of instead of its plannings: its own, else the service's; None when nothing is."""
    ecrites = [exception for exception in exceptions if exception.nature == "remplacement"]
    if not ecrites:
        return None
    propres = [exception for exception in ecrites if exception.guichet_id is not None]
    return [
        PlageType(e.debut, e.fin, e.libelle) for e in propres or ecrites if e.debut is not None and e.fin is not None
    ]


def _write_segments(plannings: Sequence[Planning], jour: date, cadran: Cadran) -> tuple[_Segment, ...]:
    """The plages of ``jour`` as disjoint segments, the earliest keeping what two share."""
    plages = [plage for planning in plannings for plage in planning.find_plages(jour)]
    if len(plannings) > 1:
        plages.sort()
    return _cut_segments(plages, cadran)


def _cut_segments(plages: Sequence[PlageType], cadran: Cadran) -> tuple[_Segment, ...]:
    segments: list[_Segment] = []
    limite = cadran.debut
    for plage in plages:
        ancre, fin = cadran.to_epoch(plage.debut), cadran.to_epoch(plage.fin)
        debut = max(ancre, limite)
        if debut < fin:  # else swallowed by the previous plage, or wholly inside the hour the clock skips
            segments.append((ancre, debut, fin))
            limite = fin
    return tuple(segments)


def _to_intervalle(exception: ExceptionPlanning, cadran: Cadran) -> Intervalle | None:
    """The hours of an exception on one day, or None when that day has no such minute (the hour the clock skips)."""
    if exception.debut is None or exception.fin is None:
        return Intervalle(cadran.debut, cadran.fin)
    debut, fin = cadran.to_epoch(exception.debut), cadran.to_epoch(exception.fin)
    return Intervalle(debut, fin) if debut < fin else None


def _apply_exceptions(
    segments: tuple[_Segment, ...], exceptions: Sequence[ExceptionPlanning], ferie: bool, cadran: Cadran
) -> tuple[tuple[_Segment, ...], tuple[Interdit, ...]]:
    """Steps 2 to 4 for one guichet and day: what is open in the end, and what nobody can force."""
    ajouts = [exception for exception in exceptions if exception.nature == "ouverture"]
    rouvert = any(exception.debut is None for exception in ajouts)
    reste = [] if ferie and not rouvert else list(segments)
    for ajout in ajouts:
        plus = _to_intervalle(ajout, cadran) if ajout.debut is not None else None
        if plus is not None:
            deja = [Intervalle(debut, fin) for _, debut, fin in reste]
            reste += [(plus.debut, piece.debut, piece.fin) for piece in subtract([plus], deja)]
    interdits: list[Interdit] = []
    if ferie:
        ouvert = [Intervalle(debut, fin) for _, debut, fin in reste]
        journee = [Intervalle(cadran.debut, cadran.fin)]
        interdits += [Interdit(i.debut, i.fin, RaisonFermeture.FERIE) for i in subtract(journee, ouvert)]
    fermetures = [
        trou
        for exception in exceptions
        if exception.nature == "fermeture" and (trou := _to_intervalle(exception, cadran)) is not None
    ]
    interdits = [Interdit(i.debut, i.fin, RaisonFermeture.FERMETURE) for i in merge(fermetures)] + interdits
    reste = [
        (ancre, piece.debut, piece.fin)
        for ancre, debut, fin in reste
        for piece in subtract([Intervalle(debut, fin)], fermetures)
    ]
    return tuple(sorted(reste, key=lambda segment: segment[1])), tuple(interdits)


def _explain(ferie: bool, interdits: tuple[Interdit, ...], planifie: bool) -> RaisonFermeture:
    """Why nothing is open: the holiday first, then a closure that took something away, else no plage at all."""
    if ferie and any(interdit.raison is RaisonFermeture.FERIE for interdit in interdits):
        return RaisonFermeture.FERIE
    if planifie and interdits:
        return RaisonFermeture.FERMETURE
    return RaisonFermeture.HORS_PLAGE


def compute_ouvertures(
    guichet_ids: Sequence[int],
    du: date,
    au: date,
    plannings: Sequence[Planning],
    exceptions: Sequence[ExceptionPlanning],
    feries: Collection[date],
    jours_rouverts: Collection[date],
    zone: ZoneInfo,
) -> OuverturesParJour:
    """When each guichet is open from ``du`` to ``au`` (included), in the local time of ``zone``.

    Pure and a few milliseconds for 20 guichets over a month: worth keeping per version of the planning.
    """
    propres = {planning.guichet_id for planning in plannings}
    service = [planning for planning in plannings if planning.guichet_id is None]
    par_jour: dict[date, dict[int, tuple[Ouverture, ...]]] = {}
    fermes: dict[date, dict[int, RaisonFermeture]] = {}
    interdits: dict[date, dict[int, tuple[Interdit, ...]]] = {}
    for jour in iter_jours(du, au):
        cadran = get_cadran(jour, zone)
        ferie = jour in feries and jour not in jours_rouverts
        du_jour = [exception for exception in exceptions if exception.du <= jour <= exception.au]
        commun = _write_segments(select_plannings(service, None, jour), jour, cadran)
        ouverts_jour = par_jour[jour] = {}
        fermes_jour = fermes[jour] = {}
        interdits_jour = interdits[jour] = {}
        for guichet_id in guichet_ids:
            segments = commun
            if guichet_id in propres:
                segments = _write_segments(select_plannings(plannings, guichet_id, jour), jour, cadran)
            if ferie or du_jour:
                siennes = [exception for exception in du_jour if exception.concerns(guichet_id)]
                remplacement = _select_remplacement(siennes)
                ecrits = segments if remplacement is None else _cut_segments(sorted(remplacement), cadran)
                segments, interdit = _apply_exceptions(ecrits, siennes, ferie, cadran)
                if interdit:
                    interdits_jour[guichet_id] = interdit
                if not segments:
                    planifie = bool(ecrits) or any(exception.nature == "ouverture" for exception in siennes)
                    fermes_jour[guichet_id] = _explain(ferie, interdit, planifie)
                    continue
            if segments:
                ouverts_jour[guichet_id] = tuple([Ouverture(guichet_id, jour, *segment) for segment in segments])
            else:
                fermes_jour[guichet_id] = RaisonFermeture.HORS_PLAGE
    return OuverturesParJour(du, au, zone, par_jour, fermes, interdits)
