"""The alphabet of short messages (GSM 03.38) and how many of them a text takes.

A text that holds one character outside the alphabet travels in UCS-2: 70 characters a message instead of 160. What the
alphabet has is kept (é, è, à, ù, ì, ò, Ç, Ä, ö…), the rest is written with its nearest letters.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_BASE: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Each of these takes two places: an escape precedes it.
_ETENDUS: Final = frozenset("^{}\\[~]|€\f")
_VOISINS: Final = {
    **dict.fromkeys("’‘‛ʼ`´", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("–—‑‒−", "-"),
    **dict.fromkeys("\u00a0\u202f\u2009\t\r\n\f", " "),
    "…": "...",
    "œ": "oe",
    "Œ": "OE",
    "•": "-",
    "°": "o",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "Th",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ı": "i",
}
#: Characters of one message alone, and of each of several that the telephone joins.
SEUL: Final = 160
CHAINE: Final = 153


def to_gsm7(texte: str) -> str:
    """One line of that alphabet that reads the same: « hôtel de l’Île » → « hotel de l'Ile »."""
    traduit = "".join(map(_translate, unicodedata.normalize("NFC", texte)))
    return " ".join(traduit.split())


def _translate(caractere: str) -> str:
    voisin = _VOISINS.get(caractere)
    if voisin is not None:
        return voisin
    if caractere in _BASE or caractere in _ETENDUS:
        return caractere
    nu = "".join(c for c in unicodedata.normalize("NFKD", caractere) if not unicodedata.combining(c))
    if nu and all(c in _BASE or c in _ETENDUS for c in nu):
        return nu
    return "?" if caractere.isalnum() else ""


def count_segments(texte: str) -> int:
    """How many short messages carry it. A character that needs an escape is never cut in two by a boundary.

    Raises ValueError for a character outside the alphabet.
    """
    places = [2 if caractere in _ETENDUS else 1 for caractere in texte]
    if not all(caractere in _BASE or caractere in _ETENDUS for caractere in texte):
        raise ValueError("outside the alphabet of short messages")
    if sum(places) <= SEUL:
        return 1
    segments, reste = 1, CHAINE
    for place in places:
        if place > reste:
            segments, reste = segments + 1, CHAINE
        reste -= place
    return segments
