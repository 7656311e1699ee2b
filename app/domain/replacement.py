"""Another place for each rendez-vous left outside: same motif and type, nearest in time, no place proposed twice.

Whoever comes first is served first: rendez-vous are taken by date, each receives the free créneau closest to its own
hour that nobody before it received. A guichet's id says which service it is of: the créneaux of several services
(a delegation) may be given together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.domain.creneaux import Creneau

#: Beyond any minute-époque.
_TOUJOURS: Final = 2**62


class Besoin(NamedTuple):
    """A rendez-vous to place again. ``[debut, fin)`` in minutes-époque is where it is now.

    ``forme`` names the créneaux that suit it (a key of ``libres``). Nothing is proposed before ``pas_avant`` nor from
    ``jusque`` on.
    """

    rdv_id: int
    guichet_id: int
    debut: int
    fin: int
    forme: int
    pas_avant: int
    jusque: int = _TOUJOURS


class Place(NamedTuple):
    """A créneau on one guichet, ``[debut, fin)`` in minutes-époque."""

    debut: int
    fin: int
    guichet_id: int


@dataclass(slots=True)
class Prises:
    """The places already proposed, by guichet."""

    _par_guichet: dict[int, list[Place]] = field(default_factory=dict)

    def is_libre(self, place: Place) -> bool:
        """False when a place already proposed meets it on its guichet."""
        return not any(
            autre.debut < place.fin and place.debut < autre.fin for autre in self._par_guichet.get(place.guichet_id, ())
        )

    def add(self, place: Place) -> None:
        """Keep it from the next ones."""
        self._par_guichet.setdefault(place.guichet_id, []).append(place)


def iter_proches(creneaux: Sequence[Creneau], besoin: Besoin) -> Iterator[Creneau]:
    """The créneaux allowed to ``besoin``, the closest to its present hour first; of two as close, the earlier.

    ``creneaux`` in order of time.
    """
    droite = bisect_left(creneaux, besoin.debut, key=lambda creneau: creneau.debut)
    gauche = droite - 1
    while gauche >= 0 or droite < len(creneaux):
        avant = besoin.debut - creneaux[gauche].debut if gauche >= 0 else _TOUJOURS
        apres = creneaux[droite].debut - besoin.debut if droite < len(creneaux) else _TOUJOURS
        if avant <= apres:
            choisi, gauche = creneaux[gauche], gauche - 1
        else:
            choisi, droite = creneaux[droite], droite + 1
        if besoin.pas_avant <= choisi.debut < besoin.jusque:
            yield choisi


def iter_places(creneaux: Sequence[Creneau], besoin: Besoin, prises: Prises) -> Iterator[Place]:
    """One free place for each créneau that has some, in the same order: its own guichet rather than another."""
    for creneau in iter_proches(creneaux, besoin):
        siens = sorted(creneau.guichets, key=lambda guichet_id: guichet_id != besoin.guichet_id)
        for guichet_id in siens:
            place = Place(creneau.debut, creneau.fin, guichet_id)
            if prises.is_libre(place):
                yield place
                break


def propose(besoins: Sequence[Besoin], libres: Mapping[int, Sequence[Creneau]]) -> tuple[dict[int, Place], Prises]:
    """RDV → the place proposed (absent when there is none left), and all the places thus taken.

    ``libres``: for each form, its free créneaux in order of time; the guichets of a créneau in order of preference.
    """
    prises = Prises()
    proposees: dict[int, Place] = {}
    for besoin in sorted(besoins, key=lambda b: (b.debut, b.rdv_id)):
        place = next(iter_places(libres[besoin.forme], besoin, prises), None)
        if place is not None:
            proposees[besoin.rdv_id] = place
            prises.add(place)
    return proposees, prises


def list_autres(besoin: Besoin, creneaux: Sequence[Creneau], prises: Prises, nombre: int) -> list[Place]:
    """At most ``nombre`` other places for ``besoin``, in order of time, none of which is proposed to anybody."""
    autres: list[Place] = []
    for place in iter_places(creneaux, besoin, prises):
        if len(autres) == nombre:
            break
        autres.append(place)
    return sorted(autres)
