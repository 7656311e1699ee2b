"""Is what a service opens really bookable, and by whom? Pure: the rules of booking asked about each motif [C §6]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.guichets import Demande, GuichetRegle, find_eligibles
from app.domain.vocabulaire import Canal, TypeRdv

_CANAUX: Final[Mapping[Canal, str]] = {
    Canal.INTERNET: "internet",
    Canal.EXTERIEUR: "agents extérieurs",
    Canal.RATTACHE: "agents du service",
}


@dataclass(frozen=True, slots=True)
class Couverture:
    """Who may book a motif. ``guichets``: names of the open ones that take it; ``canaux``: words, none when nobody can.

    ``avertissement``: why an open motif can be booked by nobody, or by fewer than one would think; else empty.
    """

    guichets: tuple[str, ...]
    canaux: tuple[str, ...]
    avertissement: str = ""


def explain_couverture(
    motif_id: int,
    duree: int,
    pas: int,
    guichets: Sequence[GuichetRegle],
    plus_longues: Mapping[int, int],
    *,
    ouvert: bool = True,
    visio: bool = True,
) -> Couverture:
    """``plus_longues``: guichet → minutes of its longest plage to come (absent: none at all).

    ``visio``: the service has a video address, without which nobody books a visio.
    """
    preneurs = [g for g in guichets if g.ouvert and g.accepts_motif(motif_id)]
    types = [t for t in TypeRdv if visio or t is not TypeRdv.VISIO]
    canaux = tuple(
        mot
        for canal, mot in _CANAUX.items()
        if any(find_eligibles(Demande(motif_id, t, canal, duree, pas), preneurs)[0] for t in types)
    )
    avertissement = _explain(preneurs, canaux, duree, plus_longues) if ouvert else ""
    return Couverture(tuple(g.nom for g in preneurs), canaux, avertissement)


def _explain(
    preneurs: Sequence[GuichetRegle], canaux: Sequence[str], duree: int, plus_longues: Mapping[int, int]
) -> str:
    if not preneurs:
        return "aucun guichet ouvert ne le prend : personne ne peut le réserver."
    if not canaux:
        return "les guichets qui le prennent n’acceptent aucune origine ou aucun type : personne ne peut le réserver."
    longues = [plus_longues[g.id] for g in preneurs if g.id in plus_longues]
    if longues and max(longues) < duree:
        return f"aucune plage n’est assez longue pour ses {duree}\u00a0minutes."
    return ""


def count_natures(natures: Iterable[str]) -> dict[str, int]:
    """How many of these motifs cover assiette, and recouvrement; a ``mixte`` one covers both [C §6]."""
    lues = list(natures)
    return {nature: sum(1 for lue in lues if lue in (nature, "mixte")) for nature in ("assiette", "recouvrement")}
