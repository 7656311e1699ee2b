"""Which guichets may serve a request, and in which order the server tries them [G 2.3.3]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from app.domain.raisons import Raison

#: Larger than any number of motifs: a guichet that takes everything is the least specialised.
_SANS_RESTRICTION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class GuichetRegle:
    """What a guichet accepts. ``None`` is « no restriction »; an empty set accepts nothing.

    ``canaux`` holds values of ``Canal``, ``types`` values of ``TypeRdv``, ``motifs`` ids.
    """

    id: int
    nom: str
    ouvert: bool = True
    motifs: frozenset[int] | None = None
    canaux: frozenset[str] | None = None
    types: frozenset[str] | None = None

    def accepts_canal(self, canal: str) -> bool:
        """True when requests of that origin may use it."""
        return self.canaux is None or canal in self.canaux

    def accepts_motif(self, motif_id: int) -> bool:
        """True when it offers that motif."""
        return self.motifs is None or motif_id in self.motifs

    def accepts_type(self, type_rdv: str) -> bool:
        """True when it offers that type of rendez-vous."""
        return self.types is None or type_rdv in self.types


@dataclass(frozen=True, slots=True)
class Demande:
    """What is asked for. ``duree`` and ``pas`` (the step of the service's grid) in minutes, at least 1 (ValueError)."""

    motif_id: int
    type_rdv: str
    canal: str
    duree: int
    pas: int

    def __post_init__(self) -> None:
        if self.duree < 1 or self.pas < 1:
            raise ValueError("a duration and a step are at least one minute")


def find_eligibles(
    demande: Demande, guichets: Iterable[GuichetRegle]
) -> tuple[tuple[GuichetRegle, ...], Raison | None]:
    """The guichets that may serve ``demande``; when there is none, the first condition that none of them meets."""
    restants = tuple(guichets)
    if not restants:
        return (), Raison.SERVICE_FERME
    etapes: tuple[tuple[Raison, Callable[[GuichetRegle], bool]], ...] = (
        (Raison.GUICHET_FERME, lambda guichet: guichet.ouvert),
        (Raison.CANAL_FERME, lambda guichet: guichet.accepts_canal(demande.canal)),
        (Raison.MOTIF_NON_PROPOSE, lambda guichet: guichet.accepts_motif(demande.motif_id)),
        (Raison.TYPE_NON_PROPOSE, lambda guichet: guichet.accepts_type(demande.type_rdv)),
    )
    for raison, accepte in etapes:
        restants = tuple(guichet for guichet in restants if accepte(guichet))
        if not restants:
            return (), raison
    return restants, None


def _rate_specialisation(guichet: GuichetRegle) -> tuple[int, int, int]:
    """Smaller is more specialised: by motifs, then types, then channels."""
    return (
        _SANS_RESTRICTION if guichet.motifs is None else len(guichet.motifs),
        _SANS_RESTRICTION if guichet.types is None else len(guichet.types),
        _SANS_RESTRICTION if guichet.canaux is None else len(guichet.canaux),
    )


def order_guichets(
    candidates: Iterable[int],
    guichets: Sequence[GuichetRegle],
    charge_du_jour: Mapping[int, int],
    demande: Demande,
    tour: int,
) -> tuple[int, ...]:
    """The eligible ones among ``candidates``, the best first.

    The most specialised keeps the versatile ones for the others; among equals, the least loaded that day
    (``charge_du_jour``: minutes or rendez-vous, absent = 0); among equals again, turned by ``tour``, an int drawn
    from the request's key, so that rivals do not all try the same guichet first.
    """
    voulus = frozenset(candidates)
    eligibles, _ = find_eligibles(demande, guichets)
    notes = sorted(((*_rate_specialisation(g), charge_du_jour.get(g.id, 0)), g.id) for g in eligibles if g.id in voulus)
    ordre: list[int] = []
    for _, egaux in groupby(notes, key=lambda note: note[0]):
        ids = [guichet_id for _, guichet_id in egaux]
        pivot = tour % len(ids)
        ordre += ids[pivot:] + ids[:pivot]
    return tuple(ordre)
