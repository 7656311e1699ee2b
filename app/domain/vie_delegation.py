"""The life of a delegation between services: where it stands on a day, what may not be proposed, who will receive.

A delegation is proposed by the service that delegates and answered by the one that receives; either may end it. Its
end by date needs nobody: a state is read from its dates, and what is bookable stops with them [G 2.3.5].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from app.domain.guichets import GuichetRegle
from app.domain.vocabulaire import Canal, TypeRdv

#: More RDV a day than any service receives: a typing mistake.
QUOTA_MAX: Final = 500


class Etape(StrEnum):
    """Where a delegation stands, on a given day."""

    PROPOSEE = "proposee"
    #: Nobody answered before its last day.
    SANS_REPONSE = "sans_reponse"
    #: Accepted, its first day is to come.
    A_VENIR = "a_venir"
    EN_COURS = "en_cours"
    #: Its last day is over: the motifs are back by themselves.
    TERMINEE = "terminee"
    REFUSEE = "refusee"
    #: Withdrawn before an answer.
    RETIREE = "retiree"
    #: Accepted, then ended before its last day.
    ARRETEE = "arretee"

    @property
    def ouverte(self) -> bool:
        """True while somebody may still do something with it."""
        return self in (Etape.PROPOSEE, Etape.A_VENIR, Etape.EN_COURS)


def find_etape(etat: str, du: date, au: date, aujourdhui: date, *, arretee: bool = False) -> Etape:
    """Where it stands. ``etat``: as recorded; ``arretee``: of one withdrawn, whether it had been accepted."""
    if etat == "refusee":
        return Etape.REFUSEE
    if etat == "retiree":
        return Etape.ARRETEE if arretee else Etape.RETIREE
    if etat == "proposee":
        return Etape.PROPOSEE if aujourdhui <= au else Etape.SANS_REPONSE
    if aujourdhui > au:
        return Etape.TERMINEE
    return Etape.A_VENIR if aujourdhui < du else Etape.EN_COURS


def explain_dates(du: date, au: date, aujourdhui: date) -> dict[str, str]:
    """Why these dates cannot be proposed today: field → sentence; empty when they can."""
    if au < du:
        return {"au": "La délégation finirait avant d’avoir commencé : vérifiez les deux dates."}
    if du < aujourdhui:
        return {"du": "Cette date est passée : une délégation commence au plus tôt aujourd’hui."}
    return {}


@dataclass(frozen=True, slots=True)
class Accord:
    """What an accepted delegation binds, between two given services."""

    id: int
    motifs: frozenset[int]
    du: date
    au: date


def find_recouvrement(
    motifs: Iterable[int], du: date, au: date, accords: Iterable[Accord]
) -> tuple[Accord, frozenset[int]] | None:
    """The first accord that has one of these motifs on one of these days, and the motifs shared."""
    voulus = frozenset(motifs)
    for accord in sorted(accords, key=lambda a: (a.du, a.id)):
        communs = voulus & accord.motifs
        if communs and accord.du <= au and du <= accord.au:
            return accord, communs
    return None


class Obstacle(StrEnum):
    """Why no guichet of the service that receives can take a motif, the nearest condition to be met last."""

    AUCUN_GUICHET = "aucun_guichet"
    GUICHETS_FERMES = "guichets_fermes"
    INTERNET = "internet"
    MOTIF = "motif"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class Reception:
    """Who will receive one motif: the names of guichets in their order, or the obstacle when there is none."""

    motif_id: int
    guichets: tuple[str, ...]
    obstacle: Obstacle | None


def find_receptions(motifs: Sequence[int], guichets: Iterable[GuichetRegle], *, visio: bool) -> tuple[Reception, ...]:
    """For each motif, the guichets where usagers will book it. ``visio``: the service has an address for it."""
    tous = tuple(guichets)
    return tuple(_find_reception(motif, tous, visio=visio) for motif in motifs)


def _find_reception(motif_id: int, guichets: Sequence[GuichetRegle], *, visio: bool) -> Reception:
    types = [t for t in TypeRdv if visio or t is not TypeRdv.VISIO]
    restants: Sequence[GuichetRegle] = guichets
    etapes: Mapping[Obstacle, Sequence[GuichetRegle]] = {
        Obstacle.AUCUN_GUICHET: guichets,
        Obstacle.GUICHETS_FERMES: [g for g in guichets if g.ouvert],
        Obstacle.INTERNET: [g for g in guichets if g.accepts_canal(Canal.INTERNET)],
        Obstacle.MOTIF: [g for g in guichets if g.accepts_motif(motif_id)],
        Obstacle.TYPE: [g for g in guichets if any(map(g.accepts_type, types))],
    }
    for obstacle, convenables in etapes.items():
        restants = [g for g in restants if g in convenables]
        if not restants:
            return Reception(motif_id, (), obstacle)
    return Reception(motif_id, tuple(g.nom for g in restants), None)
