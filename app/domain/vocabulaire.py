"""Closed lists of words: where a request comes from, what kind of meeting it is, how a day is counted.

The first two are ``StrEnum``: their members are equal to, and hash like, the words stored in the database and carried
by the API, so that ``frozenset({"internet"})`` and ``frozenset({Canal.INTERNET})`` are the same set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.rendez_vous import Etat


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


@dataclass(frozen=True, slots=True)
class Compte:
    """One counter of a day: its word, and the states that it adds up. Every screen counts with these and no other."""

    cle: str
    mot: str
    etats: tuple[Etat, ...]

    def count(self, par_etat: Mapping[str, int]) -> int:
        """The figure, from the number of rendez-vous by state (absent states are zero)."""
        return sum(par_etat.get(etat, 0) for etat in self.etats)


ATTENDUS: Final = Compte("attendus", "Attendus", (Etat.PREVU,))
#: On the spot: those who wait, and those who are with an agent.
ARRIVES: Final = Compte("arrives", "Arrivés", (Etat.ARRIVE, Etat.APPELE, Etat.RECU))
#: Among those: not yet with an agent.
EN_ATTENTE: Final = Compte("en_attente", "En attente", (Etat.ARRIVE, Etat.APPELE))
RECUS: Final = Compte("recus", "Reçus", (Etat.TERMINE,))
NON_VENUS: Final = Compte("non_venus", "Non venus", (Etat.NON_HONORE,))
ANNULES: Final = Compte("annules", "Annulés", (Etat.ANNULE,))
#: The day in five figures, in the order of a visit: dashboard, board, steering. Attendus + arrivés + reçus + non venus
#: is the whole day; « en attente » is a part of « arrivés ».
COMPTES: Final = (ATTENDUS, ARRIVES, EN_ATTENTE, RECUS, NON_VENUS)
