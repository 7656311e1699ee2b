"""The two closed lists that every rule speaks of: where a request comes from, and what kind of meeting it is.

Both are ``StrEnum``: their members are equal to, and hash like, the words stored in the database and carried
by the API, so that ``frozenset({"internet"})`` and ``frozenset({Canal.INTERNET})`` are the same set.
"""

from __future__ import annotations

from enum import StrEnum


class Canal(StrEnum):
    """Whose rules apply [A1, summary table]. The parcours simplifié is ``EXTERIEUR`` whoever uses it [A1 §3.2]."""

    INTERNET = "internet"
    EXTERIEUR = "exterieur"
    RATTACHE = "rattache"


class TypeRdv(StrEnum):
    """How the usager is received [A1 §2, G 2.3.3]."""

    GUICHET = "guichet"
    TELEPHONE = "telephone"
    VISIO = "visio"
