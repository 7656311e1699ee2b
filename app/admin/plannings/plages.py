"""Plages as people type them: « 8h30-12h, 13:30 à 16:00 »."""

from __future__ import annotations

import re
from typing import Final

from app.admin.saisie import parse_heure
from app.domain.horaires import format_heure
from app.domain.plannings import PlageType

_HEURE: Final = r"(\d{1,2}\s?[hH:]\s?(?:\d{2})?|\d{1,2})"
_PLAGE: Final = re.compile(rf"{_HEURE}\s*(?:-|–|—|à|a)\s*{_HEURE}(?=$|[\s,;/])")
_ENTRE: Final = re.compile(r"\s*(?:[,;/]|\bet\b|\s)\s*")
_MAX: Final = 24
EXEMPLE: Final = "08:30-12:00, 13:30-16:00"


class PlagesInvalides(ValueError):
    """What was typed is no list of plages; the message is the French sentence to show."""


def parse_plages(texte: str) -> tuple[PlageType, ...]:
    """The plages of ``texte``, in the order typed, empty when it is blank. Raises PlagesInvalides."""
    reste = texte.replace("\u00a0", " ").replace("\u202f", " ").strip()
    plages: list[PlageType] = []
    while reste:
        lue = _PLAGE.match(reste)
        if lue is None:
            raise PlagesInvalides(f"«\u00a0{reste[:20]}\u00a0» n’est pas un horaire : écrivez {EXEMPLE}.")
        plages.append(_build(lue[1], lue[2]))
        if len(plages) > _MAX:
            raise PlagesInvalides("Une journée compte 24 plages au plus.")
        reste = reste[lue.end() :]
        entre = _ENTRE.match(reste)
        reste = reste[entre.end() :] if entre else reste
    return tuple(plages)


def _build(debut_ecrit: str, fin_ecrite: str) -> PlageType:
    debut, fin = parse_heure(debut_ecrit), parse_heure(fin_ecrite)
    if debut is None or fin is None:
        raise PlagesInvalides(f"«\u00a0{debut_ecrit}-{fin_ecrite}\u00a0» : cette heure n’existe pas.")
    if debut == fin:
        raise PlagesInvalides(f"La plage {format_heure(debut)}-{format_heure(fin)} a une durée nulle.")
    if fin < debut:
        raise PlagesInvalides(f"La plage {format_heure(debut)}-{format_heure(fin)} finit avant de commencer.")
    return PlageType(debut, fin)


def write_plages(plages: tuple[PlageType, ...]) -> str:
    """The same plages as a field shows them, ready to be typed over."""
    return ", ".join(f"{format_heure(p.debut)}-{format_heure(p.fin)}" for p in sorted(plages))
