"""Rendered fragments, kept by what they are a function of.

Every agent of a service looks at the same days, every visitor at the same month: after one change, the first of them
renders and the others are served. A key holds the epoch, the versions, the parameters of the view and the rights that
change what is drawn; a value never goes stale, it only stops being asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class Fragments:
    """A bounded memory of texts, the least recently used leaving first."""

    def __init__(self, octets_max: int = 32 * 1024 * 1024) -> None:
        self._textes: OrderedDict[Hashable, str] = OrderedDict()
        self._octets_max = octets_max
        self._octets = 0

    def get(self, cle: Hashable) -> str | None:
        """The text kept under that key, or None."""
        texte = self._textes.get(cle)
        if texte is not None:
            self._textes.move_to_end(cle)
        return texte

    def put(self, cle: Hashable, texte: str) -> None:
        """Keep a text, making room for it."""
        ancien = self._textes.pop(cle, None)
        self._octets += len(texte) - len(ancien or "")
        self._textes[cle] = texte
        while self._octets > self._octets_max and len(self._textes) > 1:
            _, sorti = self._textes.popitem(last=False)
            self._octets -= len(sorti)
