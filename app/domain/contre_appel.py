"""Calls made before the visit: when one may be recorded, what it may cancel, whom to call first [A1 §3.2]."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from app.domain.calendrier import is_jour_ouvre
from app.domain.rendez_vous import Etat


class Resultat(StrEnum):
    """What came of the call."""

    REGLE = "regle"
    A_RECEVOIR = "a_recevoir"
    SANS_REPONSE = "sans_reponse"
    MESSAGE_LAISSE = "message_laisse"


#: The person was not reached: somebody should call again.
A_REFAIRE: Final = frozenset({Resultat.SANS_REPONSE, Resultat.MESSAGE_LAISSE})

#: Result → (label, what it means).
LIBELLES: Final = {
    Resultat.REGLE: ("Réglé par téléphone", "L’usager a sa réponse : il n’a plus besoin de venir."),
    Resultat.A_RECEVOIR: ("À recevoir", "L’usager a été joint, le rendez-vous reste utile."),
    Resultat.SANS_REPONSE: ("Sans réponse", "Personne n’a répondu : il reste à rappeler."),
    Resultat.MESSAGE_LAISSE: ("Message laissé", "Sur un répondeur ou à un tiers : il reste à rappeler."),
}

_ANNULE: Final = "Ce rendez-vous est annulé : il n’y a plus de contre-appel à enregistrer."
_PASSE: Final = "Le jour de ce rendez-vous est passé : un contre-appel s’enregistre avant la visite, ou le jour même."


def refuse_contre_appel(etat: str, jour_rdv: date, aujourdhui: date) -> str | None:
    """Why no call may be recorded any more, in French; None when one may. Both days are the service's own."""
    if Etat(etat) is Etat.ANNULE:
        return _ANNULE
    return _PASSE if aujourdhui > jour_rdv else None


def can_annuler(etat: str, jour_rdv: date, aujourdhui: date) -> bool:
    """True when settling the matter by phone may cancel the RDV: nobody has come yet, and its day is not over."""
    return Etat(etat) is Etat.PREVU and aujourdhui <= jour_rdv


def refuse_jour(jour: date, pris_le: date, aujourdhui: date) -> str | None:
    """Why the call cannot have been made on ``jour``: in the future, or before the RDV was taken (``pris_le``)."""
    if jour > aujourdhui:
        return "Un contre-appel ne peut pas être daté dans le futur."
    if jour < pris_le:
        return f"Ce rendez-vous a été pris le {pris_le:%d/%m/%Y} : le contre-appel ne peut pas être plus ancien."
    return None


def last_jour(aujourdhui: date, jours_ouvres: int, feries: Collection[date]) -> date:
    """The day on which the ``jours_ouvres``-th working day after ``aujourdhui`` falls (≥ 1, else ValueError)."""
    if jours_ouvres < 1:
        raise ValueError("at least one working day")
    jour, restants = aujourdhui, jours_ouvres
    while restants:
        jour += timedelta(days=1)
        restants -= is_jour_ouvre(jour, feries)
    return jour


#: Working days that the worklist covers unless others are asked for.
JOURS_A_RAPPELER: Final = 3
#: Calls under which a share says little by itself.
ASSEZ: Final = 10
#: Weight of what is expected beforehand, in calls.
_POIDS: Final = 5


@dataclass(frozen=True, slots=True)
class Compte:
    """Calls made, and those that settled the matter."""

    regles: int = 0
    total: int = 0

    def __add__(self, autre: Compte) -> Compte:
        return Compte(self.regles + autre.regles, self.total + autre.total)

    def smooth(self, attendu: float) -> float:
        """The share settled, drawn towards ``attendu`` as long as the calls are few; within [0, 1]."""
        return (self.regles + _POIDS * attendu) / (self.total + _POIDS)


@dataclass(frozen=True, slots=True)
class Chance:
    """How often a motif is settled by phone. ``note`` orders; ``compte`` is what the figure counts.

    ``source``: ``service`` (its own calls), ``nation`` (too few of its own), or "" (too few anywhere: no figure).
    """

    note: float
    compte: Compte
    source: str

    @property
    def sur_dix(self) -> int:
        """Times out of ten, rounded to the nearest."""
        return (20 * self.compte.regles + self.compte.total) // (2 * self.compte.total) if self.compte.total else 0


def estimate(service: Compte, nation: Compte, tous: Compte) -> Chance:
    """The chance that a call settles the matter: own calls first, the nation's for the motif when they are few.

    ``tous`` counts every motif of the nation: what is expected of a motif that nobody has called about yet. Each level
    is smoothed towards the wider one, so that 1 out of 1 does not come before 70 out of 100.
    """
    attendu = nation.smooth(tous.smooth(0.5))
    if service.total >= ASSEZ:
        return Chance(service.smooth(attendu), service, "service")
    if nation.total >= ASSEZ:
        return Chance(service.smooth(attendu), nation, "nation")
    return Chance(service.smooth(attendu), nation, "")
