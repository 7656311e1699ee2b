"""What a person types, made safe to keep: one normal form, and nothing invisible [bad inputs].

NUL, lone surrogates, control and bidirectional characters are refused with a sentence rather than removed in
silence: what is stored is what was shown.
"""

from __future__ import annotations

import unicodedata
from typing import Final

#: Marks that reorder what is displayed; a name never needs them.
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLES: Final = frozenset("\u200b\u2060\ufeff")


class TexteInvalide(ValueError):
    """The text cannot be kept; the message is the French sentence to show beside the field."""


def clean_text(texte: str, *, maximum: int, lignes: bool = False) -> str:
    """NFC, outer spaces removed, inner runs of spaces made one (line breaks kept when ``lignes``).

    Raises TexteInvalide on a control, bidirectional or invisible character, a lone surrogate, or beyond ``maximum``
    characters.
    """
    texte = texte.replace("\r\n", "\n")
    for caractere in texte:
        if caractere == "\n" and lignes:
            continue
        categorie = unicodedata.category(caractere)
        if categorie in {"Cc", "Cs", "Cn"} or caractere in _BIDI or caractere in _INVISIBLES:
            raise TexteInvalide("Ce texte contient un caractère invisible ou interdit : retapez-le au clavier.")
    texte = unicodedata.normalize("NFC", texte)
    if lignes:
        texte = "\n".join(" ".join(ligne.split()) for ligne in texte.split("\n")).strip()
    else:
        texte = " ".join(texte.split())
    if len(texte) > maximum:
        raise TexteInvalide(f"Ce texte est trop long : {maximum} caractères au plus.")
    return texte


def to_recherche(*textes: str) -> str:
    """Words without accents, upper case, one space around each: what searches compare."""
    sans_accent = "".join(
        c for c in unicodedata.normalize("NFKD", " ".join(textes)) if not unicodedata.combining(c)
    ).upper()
    mots = "".join(c if c.isalnum() else " " for c in sans_accent).split()
    return f" {' '.join(mots)} " if mots else ""
