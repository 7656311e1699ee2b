"""The documents to bring, as an usager ticks those that he has ready [A1 §2; G 2.3.1].

A document is known by a print of its French name: what is kept of a tick is no text, a list that was put in another
order or corrected elsewhere keeps the ticks of what it still asks for, and a page in another language ticks the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Final

_LONGUEUR: Final = 12


def print_document(libelle: str) -> str:
    """Twelve hexadecimal characters: the same for the same document, whatever its spaces and its capital letters."""
    return hashlib.sha256(" ".join(libelle.split()).casefold().encode()).hexdigest()[:_LONGUEUR]


def keep_demandes(documents: Sequence[str], cles: Iterable[str]) -> list[str]:
    """Of these prints, those of documents that are asked for, each once, in the order of the list."""
    voulues = frozenset(cles)
    return list(dict.fromkeys(cle for cle in map(print_document, documents) if cle in voulues))


def count_prets(documents: Sequence[str], prets: Collection[str]) -> int:
    """How many of the documents asked for are ready."""
    return sum(print_document(document) in prets for document in documents)
