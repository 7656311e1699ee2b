"""In which language a page is answered: what the visitor chose here, else what his browser prefers.

The public pages are in French and in English; those of agents are in French alone. The choice is a cookie set by a
POST, never by an address: a link that is shared opens in the reader's own language.
"""

from __future__ import annotations

import re
from typing import Final

from babel import negotiate_locale

from app.langue import LANGUES, Langue

COOKIE: Final = "langue"
#: Beginnings of the addresses of agents, of machines and of the demo: in French alone.
_AUTRES: Final = (
    "/agent", "/services/", "/sites/", "/rendez-vous", "/pilotage", "/administration", "/connexion", "/deconnexion",
    "/aide", "/demo", "/api/", "/agendas/", "/invitation", "/static/", "/sante", "/temps-reel",
)  # fmt: skip
_SERVICE: Final = re.compile(r"/services/\d+(/carte|/integrer|/encart)?")
_PREFERE: Final = re.compile(r"\s*([a-zA-Z]{1,8})(?:-[a-zA-Z0-9-]{1,40})?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


def is_public(chemin: str) -> bool:
    """True of the addresses of usagers, an address that is none included: their pages exist in every language."""
    return not chemin.startswith(_AUTRES) or _SERVICE.fullmatch(chemin) is not None


def choose_langue(chemin: str, choisie: str, accepte: str) -> Langue:
    """The language of an answer at ``chemin``: chosen (cookie), preferred (``Accept-Language``), else French."""
    if not is_public(chemin):
        return "fr"
    for langue in LANGUES:
        if choisie == langue:
            return langue
    return "en" if negotiate_locale(_list_preferees(accepte), LANGUES) == "en" else "fr"


def _list_preferees(accepte: str) -> list[str]:
    """Language codes of the header, the preferred first; those that it refuses (q=0) and nonsense left out."""
    lues: list[tuple[float, int, str]] = []
    for rang, morceau in enumerate(accepte[:500].split(",")):
        trouve = _PREFERE.fullmatch(morceau)
        if trouve is not None:
            poids = float(trouve.group(2) or 1)
            if poids > 0:
                lues.append((-poids, rang, trouve.group(1).lower()))
    return [code for _, _, code in sorted(lues)]
