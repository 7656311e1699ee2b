"""Another place for each rendez-vous left outside: same motif and type, nearest in time, no place proposed twice.

Whoever comes first is served first: rendez-vous are taken by date, each receives the free créneau closest to its own
hour that nobody before it received. The créneaux of several services (its own, and those it delegates to) are given
together: a guichet's id says which service it is of, and at the same distance the first of them comes first: its own
service, or its home when it was received for another one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import merge
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.creneaux import Creneau
from app.domain.horaires import jour_local

#: In the place of a delegation's id: the way back, to the service whose usager it is.
RETOUR: Final = 0
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
    """A créneau on one guichet, ``[debut, fin)`` in minutes-époque.

    ``delegation_id`` when a delegation leads there, or RETOUR.
    """

    debut: int
    fin: int
    guichet_id: int
    delegation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Offre:
    """The free créneaux of one service, in order of time; the guichets of each in order of preference.

    ``delegation_id``: the delegation by which it receives, None for the service's own, RETOUR for its home's.
    ``restants``: how many more each day may take by it; a day that is absent has no quota. Days are those of ``zone``.
    """

    creneaux: Sequence[Creneau]
    delegation_id: int | None = None
    restants: Mapping[date, int] = field(default_factory=dict)
    zone: ZoneInfo | None = None

    def find_plafond(self, debut: int) -> tuple[date, int] | None:
        """The day of ``debut`` and what is left of its quota; None when it has none."""
        if not self.restants or self.zone is None:
            return None
        jour = jour_local(debut, self.zone)
        return None if (reste := self.restants.get(jour)) is None else (jour, reste)


@dataclass(slots=True)
class Prises:
    """The places already proposed, by guichet, and how many of each day of a delegation."""

    _par_guichet: dict[int, list[Place]] = field(default_factory=dict)
    _par_jour: Counter[tuple[int | None, date]] = field(default_factory=Counter)

    def is_libre(self, place: Place) -> bool:
        """False when a place already proposed meets it on its guichet."""
        return not any(
            autre.debut < place.fin and place.debut < autre.fin for autre in self._par_guichet.get(place.guichet_id, ())
        )

    def is_plein(self, offre: Offre, debut: int) -> bool:
        """True when what is already proposed exhausts the quota of that day."""
        plafond = offre.find_plafond(debut)
        return plafond is not None and self._par_jour[(offre.delegation_id, plafond[0])] >= plafond[1]

    def add(self, place: Place, offre: Offre) -> None:
        """Keep it from the next ones."""
        self._par_guichet.setdefault(place.guichet_id, []).append(place)
        plafond = offre.find_plafond(place.debut)
        if plafond is not None:
            self._par_jour[(offre.delegation_id, plafond[0])] += 1


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


class _Candidat(NamedTuple):
    """Ordered as they are proposed: by distance, then the own service, then the earlier."""

    distance: int
    rang: int
    debut: int
    place: Place
    offre: Offre


def _iter_offre(offre: Offre, rang: int, besoin: Besoin, prises: Prises) -> Iterator[_Candidat]:
    for creneau in iter_proches(offre.creneaux, besoin):
        if prises.is_plein(offre, creneau.debut):
            continue
        siens = sorted(creneau.guichets, key=lambda guichet_id: guichet_id != besoin.guichet_id)
        for guichet_id in siens:
            place = Place(creneau.debut, creneau.fin, guichet_id, offre.delegation_id)
            if prises.is_libre(place):
                yield _Candidat(abs(creneau.debut - besoin.debut), rang, creneau.debut, place, offre)
                break


def iter_places(offres: Sequence[Offre], besoin: Besoin, prises: Prises) -> Iterator[tuple[Place, Offre]]:
    """One free place for each créneau that has some, the closest first: its own guichet rather than another.

    ``offres`` in order of preference: of two créneaux as close, that of the first.
    """
    sources = [_iter_offre(offre, rang, besoin, prises) for rang, offre in enumerate(offres)]
    for candidat in merge(*sources, key=lambda c: (c.distance, c.rang, c.debut)):
        yield candidat.place, candidat.offre


def propose(besoins: Sequence[Besoin], libres: Mapping[int, Sequence[Offre]]) -> tuple[dict[int, Place], Prises]:
    """RDV → the place proposed (absent when there is none left), and all the places thus taken.

    ``libres``: for each form, what is free in each service, in order of preference.
    """
    prises = Prises()
    proposees: dict[int, Place] = {}
    for besoin in sorted(besoins, key=lambda b: (b.debut, b.rdv_id)):
        trouvee = next(iter_places(libres[besoin.forme], besoin, prises), None)
        if trouvee is not None:
            proposees[besoin.rdv_id] = trouvee[0]
            prises.add(*trouvee)
    return proposees, prises


def list_autres(besoin: Besoin, offres: Sequence[Offre], prises: Prises, nombre: int) -> list[Place]:
    """At most ``nombre`` other places for ``besoin``, in order of time, none of which is proposed to anybody."""
    autres: list[Place] = []
    for place, _ in iter_places(offres, besoin, prises):
        if len(autres) == nombre:
            break
        autres.append(place)
    return sorted(autres, key=lambda place: (place.debut, place.delegation_id or 0, place.guichet_id))
