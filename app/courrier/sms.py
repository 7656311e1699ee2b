"""From facts to a short message: one or two segments, in the GSM alphabet, code and hour whatever happens.

What does not fit is left out in this order: the street, the end of the service's name, the link to the page of the RDV,
the link of the visio. The link carries a secret of 192 bits, as in the mails; no shortener sees it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from app.config import RACINE
from app.courrier import texte
from app.courrier.gsm7 import count_segments, to_gsm7
from app.courrier.message import MessageRdv
from app.courrier.rendu import environment

GABARITS: Final = RACINE / "templates" / "sms"
#: Messages that a phone joins into one text, at most.
SEGMENTS: Final = 2
_ABREGES: Final = (
    (re.compile(r"service (?:des )?imp[oô]ts (?:des )?particuliers", re.IGNORECASE), "SIP"),
    (re.compile(r"service (?:des )?imp[oô]ts (?:des )?entreprises", re.IGNORECASE), "SIE"),
    (re.compile(r"centre des imp[oô]ts fonciers?", re.IGNORECASE), "CDIF"),
)
_ZONE_DE_PARIS: Final = "Europe/Paris"
#: (with the street, characters of the service's name, with the link, with the visio's), the best first.
_FORMES: Final = (
    (True, 60, True, True),
    (False, 60, True, True),
    (False, 36, True, True),
    (False, 36, False, True),
    (False, 36, False, False),
)


def render_sms(evenement: str, message: MessageRdv, *, demonstration: bool = False) -> str:
    """The text. Raises jinja2.TemplateError when it cannot be written."""
    langue = "en" if message.langue == "en" else "fr"
    suffixe = ".en" if langue == "en" else ""
    gabarit = environment(GABARITS).get_template(f"{evenement}{suffixe}.txt")
    commun = _context(message, langue, demonstration)
    for rue, lettres, gestion, visio in _FORMES:
        contexte = {
            **commun,
            "libelle": _shorten(message.service_libelle, lettres),
            "adresse": _shorten(", ".join(message.service_adresse), 90) if rue else "",
            "gestion": texte.lien_sur(message.lien_gestion) if gestion else "",
            "visio": texte.lien_sur(message.visio_lien) if visio else "",
        }
        ecrit = to_gsm7(gabarit.render(contexte))
        if count_segments(ecrit) <= SEGMENTS:
            return ecrit
    raise ValueError("a short message that does not fit")


def _context(message: MessageRdv, langue: str, demonstration: bool) -> dict[str, Any]:
    jour = texte.jour_en_mots(message.debut, message.fuseau, langue)
    heure = texte.heure_en_mots(message.debut, message.fuseau, langue)
    quand = f"{jour} at {heure}" if langue == "en" else f"{jour} à {''.join(heure.split())}"
    return {
        "demonstration": demonstration,
        "quand": quand,
        "heure_locale": message.fuseau != _ZONE_DE_PARIS,
        "type_rdv": message.type_rdv,
        "code": message.code,
        "modifiable": message.modifiable,
        "deplace": message.ancien_debut is not None and message.ancien_debut != message.debut,
    }


def _shorten(mots: str, lettres: int) -> str:
    """It when it fits, with the abbreviations of tax notices when that is enough, else its first words."""
    for long, court in () if len(mots) <= lettres else _ABREGES:
        mots = long.sub(court, mots)
    if len(mots) <= lettres:
        return mots
    return mots[: lettres + 1].rpartition(" ")[0].rstrip(" ,-–") or mots[:lettres]
