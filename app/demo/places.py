"""Where imaginary rendez-vous go: places of the real grid, chosen at random, never one on another. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Final

from app.booking.contexte import MotifOffert, ServiceContexte
from app.domain.creneaux import compute_departs
from app.domain.delegation import Delegation
from app.domain.guichets import GuichetRegle
from app.domain.horaires import iter_jours
from app.domain.plages import Ouverture, OuverturesParJour

#: Extra share of the grid booked on days that are over or very near: agendas fill up as their day comes.
_PROCHE: Final = 0.2
_DENSITE_MAX: Final = 0.75


@dataclass(frozen=True, slots=True)
class Place:
    """One rendez-vous to imagine. ``debut`` and ``fin`` in minutes-époque."""

    jour: date
    guichet_id: int
    debut: int
    fin: int
    motif: MotifOffert
    type_rdv: str
    canal: str
    #: Under which it is received for another service.
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class Terrain:
    """A service's grid over some days. ``deja``: what was open before, already filled; ``occupations`` in minutes."""

    contexte: ServiceContexte
    ouvertures: OuverturesParJour
    deja: OuverturesParJour | None
    occupations: Mapping[int, Sequence[tuple[int, int]]]
    densite: float
    aujourdhui: date

    def is_pris(self, guichet_id: int, jour: date, debut: int, fin: int) -> bool:
        """True when something is there already, or when the place was offered by what was open before."""
        if any(debut < f and d < fin for d, f in self.occupations.get(guichet_id, ())):
            return True
        return self.deja is not None and any(debut < o.fin and o.debut < fin for o in self.deja.get(guichet_id, jour))


def find_feuilles(contexte: ServiceContexte) -> tuple[MotifOffert, ...]:
    """The open motifs that lead to no other."""
    parents = {motif.parent_id for motif in contexte.motifs.values()}
    return tuple(motif for motif in contexte.motifs.values() if motif.ouvert and motif.id not in parents)


def choose_places(terrain: Terrain, hasard: Random) -> Iterator[Place]:
    """Every place to fill, day by day and guichet by guichet."""
    contexte = terrain.contexte
    feuilles = find_feuilles(contexte)
    for jour in iter_jours(terrain.ouvertures.du, terrain.ouvertures.au):
        proche = jour <= terrain.aujourdhui + timedelta(days=1)
        densite = min(_DENSITE_MAX, terrain.densite + (_PROCHE if proche else 0))
        for guichet in contexte.guichets.values():
            motifs = [motif for motif in feuilles if guichet.accepts_motif(motif.id)]
            if guichet.ouvert and motifs:
                for ouverture in terrain.ouvertures.get(guichet.id, jour):
                    yield from _fill(terrain, guichet, ouverture, motifs, densite, hasard)


def entrust(places: Iterable[Place], recues: Sequence[Delegation]) -> Iterator[Place]:
    """The same, where who came online for a motif that the service receives comes for the other one [G 2.3.5]."""
    pris: Counter[tuple[int, date]] = Counter()
    for place in places:
        delegation = next((d for d in recues if d.accepts(place.motif.id, place.jour)), None)
        if delegation is None or (place.canal, place.type_rdv) != ("internet", "guichet"):
            yield place
            continue
        cle = (delegation.id, place.jour)
        libre = delegation.refuse_jour(place.motif.id, place.jour, pris[cle]) is None
        pris[cle] += libre
        yield replace(place, delegation=delegation) if libre else place


def _fill(
    terrain: Terrain,
    guichet: GuichetRegle,
    ouverture: Ouverture,
    motifs: Sequence[MotifOffert],
    densite: float,
    hasard: Random,
) -> Iterator[Place]:
    contexte, libre = terrain.contexte, ouverture.debut
    courte = min(motif.duree for motif in motifs)
    for debut in compute_departs(ouverture, courte, contexte.pas, contexte.zone):
        if debut < libre or hasard.random() >= densite:
            continue
        motif = hasard.choice(motifs)
        fin = debut + motif.duree
        if fin > ouverture.fin or terrain.is_pris(guichet.id, ouverture.jour, debut, fin):
            continue
        libre = fin
        yield Place(
            ouverture.jour,
            guichet.id,
            debut,
            fin,
            motif,
            _choose_type(contexte, guichet, hasard),
            _choose_canal(contexte, guichet.canaux, hasard) if terrain.deja is None else "rattache",
        )


def _choose_type(contexte: ServiceContexte, guichet: GuichetRegle, hasard: Random) -> str:
    if guichet.types is None:
        return hasard.choices(("guichet", "telephone"), (85, 15))[0]
    types = sorted(guichet.types if contexte.visio_base else guichet.types - {"visio"})
    return "guichet" if "guichet" in types and hasard.random() < 0.8 else hasard.choice(types)


def _choose_canal(contexte: ServiceContexte, canaux: Collection[str] | None, hasard: Random) -> str:
    poids = {"internet": 6 if contexte.en_ligne else 0, "exterieur": 1, "rattache": 3}
    permis = [canal for canal in poids if (canaux is None or canal in canaux) and poids[canal]] or ["rattache"]
    return hasard.choices(permis, [poids[canal] for canal in permis])[0]
