"""Words for messages: hostile text made harmless, French dates, durations and telephone numbers.

Pure functions; instants and zones are arguments.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_date

#: Longest text a message repeats; the longest list item of the reference texts has 400 characters [A1 §2].
LONGUEUR_MAX: Final = 2000

#: U+00A0: « 10 h 20 » is never cut at the end of a line.
_INSECABLE: Final = "\u00a0"
#: Controls that reorder or hide text: bidi marks, embeddings, overrides, isolates, and the byte order mark.
_INVISIBLES: Final = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_ADRESSE_WEB: Final = re.compile(r"://|www\.|[@/\\<>{}\[\]=]|\.\w{2,}", re.IGNORECASE)

#: Type of rendez-vous → how it is held, within a sentence.
TYPES_EN_PHRASE: Final = {"guichet": "au guichet", "telephone": "par téléphone", "visio": "en visio"}


def propre(texte: str) -> str:
    """One line of text that can do no harm in a header, a page or a calendar.

    NFC; controls and line ends become spaces; bidi controls and lone surrogates go; spaces are merged (no-break
    ones are kept); at most ``LONGUEUR_MAX`` characters.
    """
    gardes: list[str] = []
    for caractere in unicodedata.normalize("NFC", texte):
        categorie = unicodedata.category(caractere)
        if categorie in {"Cc", "Zl", "Zp"}:
            gardes.append(" ")
        elif categorie != "Cs" and caractere not in _INVISIBLES:
            gardes.append(caractere)
    une_ligne = re.sub(" {2,}", " ", "".join(gardes)).strip(" ")
    return une_ligne if len(une_ligne) <= LONGUEUR_MAX else une_ligne[: LONGUEUR_MAX - 1] + "…"


def nom_affichable(nom: str) -> str:
    """The name to greet, or "" when it does not look like one.

    Anybody may book with somebody else's e-mail: a « name » that holds an address or a link would turn the
    administration's own mail into a lure. Mail programs make links of bare host names, hence the dot.
    """
    return "" if len(nom) > 100 or _ADRESSE_WEB.search(nom) else nom


def lien_sur(url: str) -> str:
    """``url`` when a mail may link to it (http or https, a host, no space), else ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    convient = parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\s<>\"'`]", url)
    return url if convient else ""


def jour_en_mots(instant: datetime, fuseau: str) -> str:
    """« mercredi 14 septembre 2016 », « jeudi 1er octobre 2026 », in the zone of the service."""
    return _jour_en_mots(instant.astimezone(ZoneInfo(fuseau)).date())


def jour_du_mois_en_mots(jour: date) -> str:
    """« mercredi 14 septembre 2016 »: a day that is already that of the place."""
    return _jour_en_mots(jour)


@lru_cache(maxsize=512)
def _jour_en_mots(jour: date) -> str:
    quantieme = "1er" if jour.day == 1 else str(jour.day)
    debut, fin = format_date(jour, "EEEE", locale="fr"), format_date(jour, "MMMM y", locale="fr")
    return f"{debut} {quantieme}{_INSECABLE}{fin}"


def heure_en_mots(instant: datetime, fuseau: str | tzinfo) -> str:
    """« 10 h 20 », « 9 h », with no-break spaces, in the zone of the service: in prose and mails, never in a list."""
    local = instant.astimezone(ZoneInfo(fuseau) if isinstance(fuseau, str) else fuseau)
    minutes = f"{_INSECABLE}{local.minute:02d}" if local.minute else ""
    return f"{local.hour}{_INSECABLE}h{minutes}"


def date_en_mots(instant: datetime, fuseau: str) -> str:
    """« mercredi 14 septembre 2016 à 10 h 20 » [A1 §2]."""
    return f"{jour_en_mots(instant, fuseau)} à {heure_en_mots(instant, fuseau)}"


def duree_en_mots(duree: timedelta) -> str:
    """« 20 minutes », « 1 heure », « 1 heure 30 »."""
    total = round(duree.total_seconds() / 60)
    heures, minutes = divmod(total, 60)
    if not heures:
        return f"{minutes}{_INSECABLE}minute{'s' if minutes > 1 else ''}"
    reste = f"{_INSECABLE}{minutes:02d}" if minutes else ""
    return f"{heures}{_INSECABLE}heure{'s' if heures > 1 else ''}{reste}"


def telephone_lisible(numero: str) -> str:
    """« 06 12 34 56 78 » for a French number, « +262 692 12 34 56 » elsewhere; anything else as it is."""
    try:
        lu = phonenumbers.parse(numero, "FR")
    except phonenumbers.NumberParseException:
        return numero
    if not phonenumbers.is_possible_number(lu):
        return numero
    national = lu.country_code == 33
    forme = phonenumbers.PhoneNumberFormat.NATIONAL if national else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(lu, forme).replace(" ", _INSECABLE)


def telephone_lien(numero: str) -> str:
    """The ``tel:`` URL of a number, or "" when it is not one."""
    try:
        lu = phonenumbers.parse(numero, "FR")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(lu):
        return ""
    return "tel:" + phonenumbers.format_number(lu, phonenumbers.PhoneNumberFormat.E164)
