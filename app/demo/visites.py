"""How a visit goes: when the person comes, is called, is received, leaves; or does not come. Pure.

Everything is drawn from the id of the rendez-vous, so that the past written by the seed and the present played by the
simulation tell the same story, before and after a restart. On one guichet a visit is over before the next one starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from app.domain.rendez_vous import Action, Etat

#: One person in twelve does not come.
ABSENCE: Final = 1 / 12
#: Minutes that the visitor of the demo has before a colleague calls in his place.
RETARD_VISITEUR: Final = 8.0
#: States already behind when one is reached, in the order of a visit.
_RANGS: Final = {
    Etat.PREVU: 0,
    Etat.ARRIVE: 1,
    Etat.APPELE: 2,
    Etat.RECU: 3,
    Etat.TERMINE: 4,
    Etat.NON_HONORE: 4,
    Etat.ANNULE: 4,
}
_ETATS: Final = {
    Action.MARQUER_ARRIVEE: Etat.ARRIVE,
    Action.APPELER: Etat.APPELE,
    Action.RECEVOIR: Etat.RECU,
    Action.TERMINER: Etat.TERMINE,
    Action.MARQUER_NON_VENU: Etat.NON_HONORE,
}


@dataclass(frozen=True, slots=True)
class Pas:
    """One step of a visit and the instant at which it is due."""

    action: Action
    a: datetime


@dataclass(frozen=True, slots=True)
class Visite:
    """``venue``: the steps of somebody who comes. ``absence``: when it is noted that nobody came, else None."""

    venue: tuple[Pas, ...]
    absence: datetime | None

    def remaining(self, etat: str) -> tuple[Pas, ...]:
        """What is still to happen from ``etat``. Somebody marked as arrived has come, whatever was drawn."""
        rang = _RANGS.get(Etat(etat), 4)
        if rang == 0 and self.absence is not None:
            return (Pas(Action.MARQUER_NON_VENU, self.absence),)
        return tuple(pas for pas in self.venue if _RANGS[_ETATS[pas.action]] > rang)


def imagine_visite(rdv_id: int, debut: datetime, fin: datetime, type_rdv: str, *, retard: float = 0) -> Visite:
    """The visit of one rendez-vous. By téléphone and visio nobody arrives: the agent calls.

    ``retard`` (minutes) delays what the agent does: at the guichet left to the visitor, people come, and wait.
    """
    hasard = Random(rdv_id * 7919 + 11)
    duree = (fin - debut).total_seconds() / 60
    absent = hasard.random() < ABSENCE and not retard

    def later(depuis: datetime, minutes: float) -> datetime:
        return (depuis + timedelta(minutes=minutes)).replace(microsecond=0)

    pas: list[Pas] = []
    appel = later(debut, hasard.uniform(0, min(4, duree * 0.2)))
    if type_rdv == "guichet":
        en_avance = hasard.random() < 0.8 or retard > 0
        arrivee = later(debut, -hasard.uniform(4, 22) if en_avance else hasard.uniform(0, duree * 0.25))
        pas.append(Pas(Action.MARQUER_ARRIVEE, arrivee))
        appel = max(appel, later(arrivee, hasard.uniform(0.5, 1.5)))
    reception = later(appel, hasard.uniform(0.4, 1))
    depart = min(later(reception, duree * hasard.uniform(0.5, 0.9)), later(fin, -0.4))
    pas += [Pas(Action.APPELER, appel), Pas(Action.RECEVOIR, reception), Pas(Action.TERMINER, depart)]
    tenus = tuple(p if p.action is Action.MARQUER_ARRIVEE else Pas(p.action, later(p.a, retard)) for p in pas)
    return Visite(tenus, later(debut, duree * 0.7 + retard) if absent else None)
