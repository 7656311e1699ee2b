"""Should this message still leave? A pure answer, asked again just before each sending.

What a person expects after an outage is one true message, not a story told in order:

- a **cancellation** always leaves: somebody may be about to come for nothing;
- a **confirmation** or a **move** that a later message of the same RDV replaces is not sent. Read alone (the later
  one lost among spam, or read second), « votre rendez-vous est confirmé » would send somebody to a closed door;
  the later message says everything. In ordinary times the confirmation has left within a second;
- a **reminder** leaves only while the RDV is still to come, at the hour it tells, and nobody has arrived [P8].

The row stays, given up, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.courrier.message import MessageRdv

REMPLACE: Final = "remplacé par un message plus récent"
RDV_ANNULE: Final = "rendez-vous annulé"
RDV_DEPLACE: Final = "rendez-vous déplacé"
RDV_PASSE: Final = "rendez-vous passé"
RDV_COMMENCE: Final = "rendez-vous déjà commencé"


@dataclass(frozen=True, slots=True)
class Situation:
    """The RDV as it is now, and whether a move or a cancellation was written after this message.

    ``lien_sel``: what its secret link is derived from, when the message goes where the usager is reached now.
    ``permis``: of a mail to an agent, that he may still read it, at this address; true of the others.
    """

    etat: str
    debut: datetime
    fin: datetime
    remplace: bool
    lien_sel: bytes | None = None
    permis: bool = True


def obstacle(evenement: str, message: MessageRdv, situation: Situation, a: datetime) -> str | None:
    """Why this message must not leave at the instant ``a``, or None."""
    if evenement == "annulation":
        return None
    if situation.remplace:
        return REMPLACE
    if situation.etat == "annule":
        return RDV_ANNULE
    if situation.debut != message.debut:
        return RDV_DEPLACE
    if evenement == "rappel":
        if situation.debut <= a:
            return RDV_PASSE
        if situation.etat != "prevu":
            return RDV_COMMENCE
    return RDV_PASSE if situation.fin <= a else None
