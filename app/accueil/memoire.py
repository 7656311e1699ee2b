"""Fragments kept for a moment: when an event makes thirty screens of one reception ask again, it is rendered once.

A fragment is a function of (state, version, rights) only: the key holds the services seen, their versions and their
day. What carries no version (the label of a national motif) shows within ``DUREE``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

DUREE: Final = timedelta(seconds=20)
TAILLE: Final = 256


class Memoire:
    """The last fragments rendered by this process, oldest forgotten first."""

    def __init__(self, taille: int = TAILLE) -> None:
        self._taille = taille
        self._gardes: OrderedDict[Hashable, tuple[datetime, str]] = OrderedDict()

    def find(self, cle: Hashable, maintenant: datetime) -> str | None:
        """The fragment rendered for that key less than ``DUREE`` ago, or None."""
        garde = self._gardes.get(cle)
        if garde is None or not garde[0] <= maintenant < garde[0] + DUREE:
            return None
        return garde[1]

    def keep(self, cle: Hashable, maintenant: datetime, html: str) -> None:
        """Remember a fragment."""
        self._gardes[cle] = (maintenant, html)
        self._gardes.move_to_end(cle)
        while len(self._gardes) > self._taille:
            self._gardes.popitem(last=False)
