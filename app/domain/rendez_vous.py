"""Life of a rendez-vous: states, actions, events, code [A1 §3.2, G 2.3.6, G 2.3.7]."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Final


class Etat(StrEnum):
    """``option`` → ``prevu`` → ``arrive`` → ``appele`` → ``recu`` → ``termine``; or ``annule``, or ``non_honore``."""

    OPTION = "option"
    PREVU = "prevu"
    ARRIVE = "arrive"
    APPELE = "appele"
    RECU = "recu"
    TERMINE = "termine"
    ANNULE = "annule"
    NON_HONORE = "non_honore"


class NatureOption(StrEnum):
    """Why a place is held: a form being filled in, a place offered to somebody, a place frozen by the service."""

    SAISIE = "saisie"
    OFFRE = "offre"
    GEL = "gel"


class Action(StrEnum):
    """What somebody, or the end of the day, does to a rendez-vous."""

    CONFIRMER = "confirmer"
    LEVER = "lever"
    MODIFIER = "modifier"
    REPLANIFIER = "replanifier"
    ANNULER = "annuler"
    MARQUER_ARRIVEE = "marquer_arrivee"
    ANNULER_ARRIVEE = "annuler_arrivee"
    APPELER = "appeler"
    RECEVOIR = "recevoir"
    TERMINER = "terminer"
    MARQUER_NON_VENU = "marquer_non_venu"
    CLORE_JOURNEE = "clore_journee"


class Evenement(StrEnum):
    """What is announced; the values are the types of the wire."""

    CREE = "rdv.cree"
    MODIFIE = "rdv.modifie"
    REPLANIFIE = "rdv.replanifie"
    ANNULE = "rdv.annule"
    ARRIVE = "rdv.arrive"
    ARRIVEE_ANNULEE = "rdv.arrivee_annulee"
    APPELE = "rdv.appele"
    RECU = "rdv.recu"
    TERMINE = "rdv.termine"
    NON_HONORE = "rdv.non_honore"
    OPTION_LEVEE = "option.levee"


#: States that hold a guichet: the column ``occupe`` and the exclusion constraint follow it.
OCCUPE: Final[frozenset[Etat]] = frozenset(Etat) - {Etat.ANNULE}
#: Nothing more happens to presence.
FINAUX: Final = frozenset({Etat.TERMINE, Etat.ANNULE, Etat.NON_HONORE})
#: On the spot, and not yet in the box.
EN_ATTENTE: Final = frozenset({Etat.ARRIVE, Etat.APPELE})


def is_occupe(etat: str) -> bool:
    """True in every state but ``annule``. Raises ValueError on an unknown state."""
    return Etat(etat) in OCCUPE


@dataclass(frozen=True, slots=True)
class Transition:
    """Accepted: the state to write and the event to announce (``etat`` may be unchanged, as for a move)."""

    etat: Etat
    evenement: Evenement


@dataclass(frozen=True, slots=True)
class Inchange:
    """Already done (a double click, a replay): nothing to write, nothing to announce, answer as if just done."""

    etat: Etat


class CauseRefus(StrEnum):
    """Why a transition is refused."""

    IRREVERSIBLE = "irreversible"
    JOUR_PAS_VENU = "jour_pas_venu"
    HEURE_PAS_VENUE = "heure_pas_venue"
    FIGE = "fige"
    PASSE = "passe"
    ETAT = "etat"


@dataclass(frozen=True, slots=True)
class TransitionRefusee:
    """Refused; ``phrase`` says why and what to do, in French."""

    etat: Etat
    cause: CauseRefus
    phrase: str


Issue = Transition | Inchange | TransitionRefusee

_CONSTATS: Final[Mapping[Etat, str]] = {
    Etat.OPTION: "Ce rendez-vous n’est pas encore confirmé.",
    Etat.PREVU: "L’usager n’est pas encore arrivé : enregistrez d’abord son arrivée.",
    Etat.ARRIVE: "L’arrivée de l’usager est enregistrée : il attend d’être appelé.",
    Etat.APPELE: "L’usager a déjà été appelé.",
    Etat.RECU: "L’usager est en train d’être reçu.",
    Etat.TERMINE: "Ce rendez-vous est terminé.",
    Etat.ANNULE: "Ce rendez-vous est annulé, et une annulation est irréversible : prenez un nouveau rendez-vous.",
    Etat.NON_HONORE: "Ce rendez-vous a été noté non honoré.",
}


@dataclass(frozen=True, slots=True)
class _Regle:
    """One action: from which state to which, the event, the states that mean « already done »."""

    vers: Mapping[Etat, Etat]
    evenement: Evenement
    deja: frozenset[Etat] = frozenset()
    jour_meme: bool = False


_REGLES: Final[Mapping[Action, _Regle]] = {
    Action.CONFIRMER: _Regle({Etat.OPTION: Etat.PREVU}, Evenement.CREE, frozenset({Etat.PREVU})),
    Action.LEVER: _Regle({Etat.OPTION: Etat.ANNULE}, Evenement.OPTION_LEVEE, frozenset({Etat.ANNULE})),
    # Suite donnée and notes may still come after the visit.
    Action.MODIFIER: _Regle({e: e for e in Etat if e not in (Etat.OPTION, Etat.ANNULE)}, Evenement.MODIFIE),
    Action.REPLANIFIER: _Regle({Etat.PREVU: Etat.PREVU}, Evenement.REPLANIFIE),
    Action.ANNULER: _Regle(
        dict.fromkeys((Etat.PREVU, Etat.ARRIVE, Etat.APPELE), Etat.ANNULE), Evenement.ANNULE, frozenset({Etat.ANNULE})
    ),
    # « Pas venu » then coming in late the same day is an arrival like another.
    Action.MARQUER_ARRIVEE: _Regle(
        {Etat.PREVU: Etat.ARRIVE, Etat.NON_HONORE: Etat.ARRIVE},
        Evenement.ARRIVE,
        frozenset({Etat.ARRIVE, Etat.APPELE, Etat.RECU}),
        jour_meme=True,
    ),
    Action.ANNULER_ARRIVEE: _Regle(
        {Etat.ARRIVE: Etat.PREVU, Etat.APPELE: Etat.PREVU},
        Evenement.ARRIVEE_ANNULEE,
        frozenset({Etat.PREVU}),
        jour_meme=True,
    ),
    Action.APPELER: _Regle({Etat.ARRIVE: Etat.APPELE}, Evenement.APPELE, frozenset({Etat.APPELE}), jour_meme=True),
    Action.RECEVOIR: _Regle(
        {Etat.ARRIVE: Etat.RECU, Etat.APPELE: Etat.RECU}, Evenement.RECU, frozenset({Etat.RECU}), jour_meme=True
    ),
    Action.TERMINER: _Regle(
        {Etat.RECU: Etat.TERMINE, Etat.APPELE: Etat.TERMINE}, Evenement.TERMINE, frozenset({Etat.TERMINE})
    ),
    Action.MARQUER_NON_VENU: _Regle(
        {Etat.PREVU: Etat.NON_HONORE, Etat.APPELE: Etat.NON_HONORE},
        Evenement.NON_HONORE,
        frozenset({Etat.NON_HONORE}),
        jour_meme=True,
    ),
    Action.CLORE_JOURNEE: _Regle(
        {Etat.PREVU: Etat.NON_HONORE, **dict.fromkeys((Etat.ARRIVE, Etat.APPELE, Etat.RECU), Etat.TERMINE)},
        Evenement.TERMINE,
        FINAUX,
    ),
}
_FIGE: Final = "Ce rendez-vous est d’un jour passé : sa présence est figée depuis le lendemain."
_PAS_VENU: Final = "Ce rendez-vous n’est pas d’aujourd’hui : la présence ne se note que le jour même."
_HEURE_PAS_VENUE: Final = "Ce rendez-vous est à {heure} : l’absence se note à partir de cette heure."
_PASSE: Final = "Ce rendez-vous est passé : il ne peut plus être ni déplacé ni annulé."
_JOUR_OUVERT: Final = "La journée de ce rendez-vous n’est pas terminée."


def _refuse_jour(action: Action, etat: Etat, jour_rdv: date, courant: date) -> TransitionRefusee | None:
    if _REGLES[action].jour_meme and jour_rdv != courant:
        if courant > jour_rdv:
            return TransitionRefusee(etat, CauseRefus.FIGE, _FIGE)
        return TransitionRefusee(etat, CauseRefus.JOUR_PAS_VENU, _PAS_VENU)
    if action in (Action.ANNULER, Action.REPLANIFIER) and courant > jour_rdv:
        return TransitionRefusee(etat, CauseRefus.PASSE, _PASSE)
    if action is Action.CLORE_JOURNEE and courant <= jour_rdv:
        return TransitionRefusee(etat, CauseRefus.JOUR_PAS_VENU, _JOUR_OUVERT)
    return None


def find_heure_a_venir(debut: datetime, maintenant: datetime, zone: tzinfo) -> str | None:
    """« 14:20 », local, while the hour of a rendez-vous is still to come; None from that very instant on."""
    return f"{debut.astimezone(zone):%H:%M}" if maintenant < debut else None


def transition(
    etat: str,
    action: str,
    *,
    jour_rdv: date,
    jour_local_courant: date,
    heure_a_venir: str | None,
    a_distance: bool = False,
    jour_cible: date | None = None,
) -> Issue:
    """What ``action`` makes of a rendez-vous in ``etat``. Never raises but on unknown words (ValueError).

    Both dates are in the service's zone: presence is marked or unmarked only on the day itself, and is frozen
    from the next day [A1 §3.2]. ``heure_a_venir``: see ``find_heure_a_venir``; nobody who is still expected can be
    absent before his hour. ``a_distance`` (téléphone, visio): nobody arrives, the agent calls or receives straight
    from ``prevu``, and may call again whoever did not answer. ``jour_cible`` (REPLANIFIER): somebody who has arrived
    may only be moved within the day. The night's CLORE_JOURNEE makes ``prevu`` non honoré, and whoever came terminé.
    """
    depart, fait = Etat(etat), Action(action)
    regle = _REGLES[fait]
    if depart is Etat.ANNULE:
        if depart in regle.deja:
            return Inchange(depart)
        return TransitionRefusee(depart, CauseRefus.IRREVERSIBLE, _CONSTATS[depart])
    refus = _refuse_jour(fait, depart, jour_rdv, jour_local_courant)
    if refus is not None:
        return refus
    if depart in regle.deja:
        return Inchange(depart)
    arrivee = regle.vers.get(depart)
    if fait is Action.MARQUER_NON_VENU and depart is Etat.PREVU and heure_a_venir is not None:
        phrase = _HEURE_PAS_VENUE.format(heure=heure_a_venir)
        return TransitionRefusee(depart, CauseRefus.HEURE_PAS_VENUE, phrase)
    if arrivee is None and a_distance and depart in (Etat.PREVU, Etat.NON_HONORE):
        arrivee = {Action.APPELER: Etat.APPELE, Action.RECEVOIR: Etat.RECU}.get(fait)
    if arrivee is None and fait is Action.REPLANIFIER and depart is Etat.ARRIVE and jour_cible == jour_rdv:
        arrivee = depart
    if arrivee is None:
        return TransitionRefusee(depart, CauseRefus.ETAT, _CONSTATS[depart])
    if fait is Action.CLORE_JOURNEE and arrivee is Etat.NON_HONORE:
        return Transition(arrivee, Evenement.NON_HONORE)
    return Transition(arrivee, regle.evenement)


LONGUEUR_CODE: Final = 6
_SAISIE_MAX: Final = 64
_CONFUSIONS: Final = str.maketrans("01", "OI")
_ESPACES: Final = dict.fromkeys(map(ord, " \t\r\n\u00a0\u202f\u2009-\u2010\u2011\u2012\u2013\u2014_."))


def normalize_code(saisi: str) -> str | None:
    """The six letters A–Z meant by what was typed or scanned, or None when it cannot be a code.

    A typed 0 reads O, 1 reads I; case, spaces, hyphens and dots are ignored. The code is a label, never an
    authority: finding a rendez-vous by it still asks for the name or a right.
    """
    if len(saisi) > _SAISIE_MAX:
        return None
    code = saisi.translate(_ESPACES).translate(_CONFUSIONS)
    if len(code) != LONGUEUR_CODE or not code.isascii() or not code.isalpha():
        return None
    return code.upper()


def generate_code(randbelow: Callable[[int], int]) -> str:
    """Six letters, each drawn by ``randbelow`` (``secrets.randbelow`` in production)."""
    return "".join(string.ascii_uppercase[randbelow(26)] for _ in range(LONGUEUR_CODE))
