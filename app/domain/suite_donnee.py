"""What followed a visit: when it may be noted, and what each kind asks for [A1 §4]."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from app.domain.rendez_vous import Etat


class NatureSuite(StrEnum):
    """What the visit led to."""

    DEMARCHE = "demarche"
    FICHE_VISITE = "fiche_visite"
    SANS_SUITE = "sans_suite"


#: Kind → (label, when to choose it, what the usager reads on his fiche de visite).
LIBELLES: Final = {
    NatureSuite.DEMARCHE: (
        "Démarche ouverte",
        "Une démarche est créée dans l’application de gestion : le service gestionnaire répondra.",
        "Une démarche a été ouverte : le service gestionnaire vous répondra.",
    ),
    NatureSuite.FICHE_VISITE: (
        "Fiche de visite",
        "La demande est tracée par la fiche de visite remise à l’usager.",
        "Votre demande a été enregistrée ; cette fiche en garde la trace.",
    ),
    NatureSuite.SANS_SUITE: (
        "Aucune suite nécessaire",
        "L’usager est reparti avec sa réponse : rien n’est à tracer.",
        "Une réponse vous a été donnée sur place : aucune suite n’est attendue.",
    ),
}

_VENUS: Final = frozenset({Etat.ARRIVE, Etat.APPELE, Etat.RECU, Etat.TERMINE})
_REFUS: Final = {
    Etat.ANNULE: "Ce rendez-vous est annulé : il n’a pas de suite.",
    Etat.NON_HONORE: "L’usager n’est pas venu à ce rendez-vous : il n’a pas de suite.",
}
_PAS_VENU: Final = "La visite n’a pas commencé : la suite se note une fois l’usager arrivé ou appelé."


def refuse_suite(etat: str) -> str | None:
    """Why nothing can have followed, in French; None once somebody has come.

    No day closes it: presence is frozen from the next day, the suite is not [A1 §3.2, §4].
    """
    connu = Etat(etat)
    return None if connu in _VENUS else _REFUS.get(connu, _PAS_VENU)
