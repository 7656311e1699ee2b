"""What an usager may still do alone with his rendez-vous, and why not [A1, summary table; G 2.3.1].

He moves or cancels it until its hour, as long as nobody has received him, and when the nation lets usagers change
theirs. The créneaux where it may go are another matter (``app.domain.creneaux``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.domain.rendez_vous import Etat


class Empechement(StrEnum):
    """Why he may not."""

    DESACTIVE = "desactive"
    ANNULE = "annule"
    SUR_PLACE = "sur_place"
    TERMINE = "termine"
    NON_HONORE = "non_honore"
    PASSE = "passe"
    PAR_MESSAGE = "par_message"


#: In whole sentences: what is so, then what to do.
PHRASES: Final[Mapping[Empechement, str]] = MappingProxyType(
    {
        Empechement.DESACTIVE: "Ce rendez-vous ne se déplace et ne s’annule pas en ligne : joignez le service.",
        Empechement.ANNULE: (
            "Ce rendez-vous est annulé, et une annulation est irréversible : prenez un nouveau rendez-vous."
        ),
        Empechement.SUR_PLACE: "Votre arrivée est déjà enregistrée : adressez-vous à l’accueil du service.",
        Empechement.TERMINE: "Ce rendez-vous a déjà eu lieu.",
        Empechement.NON_HONORE: "Ce rendez-vous n’a pas été honoré : prenez un nouveau rendez-vous.",
        Empechement.PASSE: "L’heure de ce rendez-vous est passée : joignez le service.",
        Empechement.PAR_MESSAGE: (
            "Pour déplacer ou annuler ce rendez-vous, suivez le lien du dernier message reçu à son sujet."
        ),
    }
)
_PAR_ETAT: Final[Mapping[Etat, Empechement]] = MappingProxyType(
    {
        Etat.ANNULE: Empechement.ANNULE,
        **dict.fromkeys((Etat.ARRIVE, Etat.APPELE, Etat.RECU), Empechement.SUR_PLACE),
        Etat.TERMINE: Empechement.TERMINE,
        Etat.NON_HONORE: Empechement.NON_HONORE,
    }
)


def find_empechement(etat: str, debut: datetime, maintenant: datetime, *, permis: bool) -> Empechement | None:
    """None when he may. ``permis``: the national parameter. Raises ValueError on an unknown state.

    What has become of the RDV is said first: it explains more than a parameter does.
    """
    trouve = _PAR_ETAT.get(Etat(etat))
    if trouve is not None:
        return trouve
    if maintenant >= debut:
        return Empechement.PASSE
    return None if permis else Empechement.DESACTIVE
