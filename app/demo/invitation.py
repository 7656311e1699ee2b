"""The calendar part of a mail, told in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Calendar

from app.courrier.texte import heure_en_mots
from app.web.dates import jour_long

_METHODES: Final = {"REQUEST": "Rendez-vous à inscrire à l’agenda", "CANCEL": "Rendez-vous à retirer de l’agenda"}


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a calendar program would show. ``uid`` never changes for a rendez-vous, ``sequence`` rises."""

    methode: str
    titre: str
    quand: str
    lieu: str
    uid: str
    sequence: str


def read_invitation(texte: str, methode: str) -> Invitation | None:
    """The first event of an iCalendar text, or None when there is none that can be read."""
    try:
        evenements = Calendar.from_ical(texte).walk("VEVENT")
        evenement: Any = evenements[0]
        debut = evenement.decoded("DTSTART")
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    if not isinstance(debut, datetime):
        return None
    zone = debut.tzinfo or ZoneInfo("Europe/Paris")
    return Invitation(
        methode=_METHODES.get(methode.upper(), methode),
        titre=str(evenement.get("SUMMARY", "")),
        quand=f"{jour_long(debut.date())} à {heure_en_mots(debut, zone)}",
        lieu=str(evenement.get("LOCATION", "")),
        uid=str(evenement.get("UID", "")),
        sequence=str(evenement.get("SEQUENCE", "")),
    )
