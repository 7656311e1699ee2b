"""A code read out on the telephone, letter by letter, with the words that the French use."""

from __future__ import annotations

from typing import Final

_MOTS: Final = (
    "Anatole Berthe Célestin Désiré Eugène François Gaston Henri Irma Joseph Kléber Louis Marcel Nicolas Oscar Pierre "
    "Quintal Raoul Suzanne Thérèse Ursule Victor William Xavier Yvonne Zoé"
)
_PAR_LETTRE: Final = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _MOTS.split(), strict=True))


def epeler(code: str) -> list[tuple[str, str]]:
    """« X comme Xavier », a pair by letter."""
    return [(lettre, _PAR_LETTRE[lettre]) for lettre in code]
