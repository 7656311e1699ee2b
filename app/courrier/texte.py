"""Words for messages: hostile text made harmless, dates, durations and telephone numbers in French or in English.

Pure functions; instants, zones and the language are arguments. A language that is not ``en`` is French.
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
#: Words and digits of a name that is greeted: « 3 SUISSES », and neither « 3615 » nor a sentence.
_MOTS_MAX: Final = 6
_CHIFFRES_MAX: Final = 2
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

    Anybody may book with somebody else's e-mail: a « name » that holds an address, a link, a telephone number or a
    sentence would turn the administration's own mail into a lure. Mail programs make links of bare host names, hence
    the dot.
    """
    chiffres = sum(caractere.isdigit() for caractere in nom)
    phrase = len(nom.split()) > _MOTS_MAX or chiffres > _CHIFFRES_MAX
    return "" if len(nom) > 100 or phrase or _ADRESSE_WEB.search(nom) else nom


def lien_sur(url: str) -> str:
    """``url`` when a mail may link to it (http or https, a host, no space), else ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    convient = parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\s<>\"'`]", url)
    return url if convient else ""


def jour_en_mots(instant: datetime, fuseau: str, langue: str = "fr") -> str:
    """« mercredi 14 septembre 2016 », « jeudi 1er octobre 2026 », in the zone of the service.

    In English « Wednesday 14 September 2016 ».
    """
    return _jour_en_mots(instant.astimezone(ZoneInfo(fuseau)).date(), langue)


def jour_du_mois_en_mots(jour: date, langue: str = "fr") -> str:
    """« mercredi 14 septembre 2016 »: a day that is already that of the place."""
    return _jour_en_mots(jour, langue)


@lru_cache(maxsize=512)
def _jour_en_mots(jour: date, langue: str) -> str:
    if langue == "en":
        return format_date(jour, f"EEEE d MMMM'{_INSECABLE}'y", locale="en_GB")
    quantieme = "1er" if jour.day == 1 else str(jour.day)
    debut, fin = format_date(jour, "EEEE", locale="fr"), format_date(jour, "MMMM y", locale="fr")
    return f"{debut} {quantieme}{_INSECABLE}{fin}"


def heure_en_mots(instant: datetime, fuseau: str | tzinfo, langue: str = "fr") -> str:
    """« 10 h 20 », « 9 h », with no-break spaces, in the zone of the service: in prose and mails, never in a list.

    In English « 10:20 », « 09:00 ».
    """
    local = instant.astimezone(ZoneInfo(fuseau) if isinstance(fuseau, str) else fuseau)
    if langue == "en":
        return f"{local.hour:02d}:{local.minute:02d}"
    minutes = f"{_INSECABLE}{local.minute:02d}" if local.minute else ""
    return f"{local.hour}{_INSECABLE}h{minutes}"


def date_en_mots(instant: datetime, fuseau: str, langue: str = "fr") -> str:
    """« mercredi 14 septembre 2016 à 10 h 20 » [A1 §2]; in English « Wednesday 14 September 2016 at 10:20 »."""
    a = "at" if langue == "en" else "à"
    return f"{jour_en_mots(instant, fuseau, langue)} {a} {heure_en_mots(instant, fuseau, langue)}"


def duree_en_mots(duree: timedelta, langue: str = "fr") -> str:
    """« 20 minutes », « 1 heure », « 1 heure 30 »; in English « 1 hour 30 minutes »."""
    total = round(duree.total_seconds() / 60)
    heures, minutes = divmod(total, 60)
    if langue == "en":
        parts = [
            f"{n}{_INSECABLE}{mot}{'' if n == 1 else 's'}" for n, mot in ((heures, "hour"), (minutes, "minute")) if n
        ]
        return " ".join(parts) or f"0{_INSECABLE}minutes"
    if not heures:
        return f"{minutes}{_INSECABLE}minute{'s' if minutes > 1 else ''}"
    reste = f"{_INSECABLE}{minutes:02d}" if minutes else ""
    return f"{heures}{_INSECABLE}heure{'s' if heures > 1 else ''}{reste}"


def telephone_lisible(numero: str, langue: str = "fr") -> str:
    """« 06 12 34 56 78 » for a French number, « +262 692 12 34 56 » elsewhere; anything else as it is.

    Who reads English may call from abroad: every number is then international.
    """
    try:
        lu = phonenumbers.parse(numero, "FR")
    except phonenumbers.NumberParseException:
        return numero
    if not phonenumbers.is_possible_number(lu):
        return numero
    national = lu.country_code == 33 and langue != "en"
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
