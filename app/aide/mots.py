"""Words as a search of the documentation compares them: no accent, no capital, no little word, no plural."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_PETITS: Final = (
    "a au aux avec ce ces cet cette comment dans de des du elle en est et il la le les leur lui ma mes mon ne nos "
    "notre nous on ou par pas pour que quel quelle qui quoi sa se ses son sur ta tes ton un une vos votre vous "
    "y d l n s c j qu"
)
_VIDES: Final = frozenset(_PETITS.split())
_MOT: Final = re.compile(r"[a-z0-9]+")


def split_mots(texte: str) -> tuple[str, ...]:
    """« Déplacer les rendez-vous » → ("deplacer", "rendez", "rdv"…): in order, once each.

    « rendez-vous » and « RDV » are one word, whichever was typed.
    """
    plat = unicodedata.normalize("NFKD", texte).casefold()
    plat = "".join(c for c in plat if not unicodedata.combining(c))
    plat = re.sub(r"rendez\W?vous", "rdv", plat)
    mots = (_singular(mot) for mot in _MOT.findall(plat) if mot not in _VIDES)
    return tuple(dict.fromkeys(mots))


def _singular(mot: str) -> str:
    return mot[:-1] if len(mot) > 3 and mot[-1] in "sx" else mot
