"""What the guichets of a service let be booked together, and what a change of one takes away [G 2.3.3]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.guichets import GuichetRegle
from app.domain.vocabulaire import Canal, TypeRdv

#: Motif → the (channel, type) pairs by which at least one open guichet takes it.
Couverture = Mapping[int, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Perte:
    """What a motif loses. ``nulle_part``: no guichet takes it any more; else the channels and types closed to it."""

    motif_id: int
    nulle_part: bool
    canaux: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()


def find_couverture(motifs: Iterable[int], guichets: Iterable[GuichetRegle]) -> Couverture:
    """By which channels and types each of ``motifs`` may be booked; nothing when no open guichet takes it."""
    ouverts = [guichet for guichet in guichets if guichet.ouvert]
    return {
        motif: frozenset(
            (str(canal), str(genre))
            for guichet in ouverts
            if guichet.accepts_motif(motif)
            for canal in Canal
            if guichet.accepts_canal(canal)
            for genre in TypeRdv
            if guichet.accepts_type(genre)
        )
        for motif in motifs
    }


def find_pertes(avant: Couverture, apres: Couverture) -> tuple[Perte, ...]:
    """The motifs that lose something, in the order of ``avant``. What was not bookable before cannot be lost."""
    pertes: list[Perte] = []
    for motif, anciens in avant.items():
        restants = apres.get(motif, frozenset())
        if not anciens or anciens <= restants:
            continue
        canaux = {canal for canal, _ in anciens} - {canal for canal, _ in restants}
        types = {genre for _, genre in anciens} - {genre for _, genre in restants}
        if not restants:
            pertes.append(Perte(motif, True))
        elif canaux or types:
            pertes.append(Perte(motif, False, frozenset(canaux), frozenset(types)))
    return tuple(pertes)
