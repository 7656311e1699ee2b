"""One value of the directory, whoever gives it (a form, a CSV file): read into its form, or refused with a sentence.

Every function takes a clean text (see ``app.booking.textes``) and raises ChampInvalide; an empty text is no value.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from string import Formatter
from typing import Final
from urllib.parse import SplitResult, urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from app.booking.forms import region

#: Clocks of the French territories: the only ones that a service may follow.
FUSEAUX: Final = {
    "Europe/Paris": "Paris (métropole)",
    "America/Guadeloupe": "Guadeloupe",
    "America/Martinique": "Martinique",
    "America/Cayenne": "Guyane",
    "America/Marigot": "Saint-Martin",
    "America/St_Barthelemy": "Saint-Barthélemy",
    "America/Miquelon": "Saint-Pierre-et-Miquelon",
    "Indian/Reunion": "La Réunion",
    "Indian/Mayotte": "Mayotte",
    "Indian/Kerguelen": "Terres australes et antarctiques",
    "Pacific/Noumea": "Nouvelle-Calédonie",
    "Pacific/Wallis": "Wallis et Futuna",
    "Pacific/Tahiti": "Polynésie – Tahiti",
    "Pacific/Marquesas": "Polynésie – Marquises",
    "Pacific/Gambier": "Polynésie – Gambier",
    "Etc/GMT+8": "Clipperton",
}
#: What the template of a file's address may name: the reader's case system fills none of the rest.
JETONS_DOSSIER: Final = ("numero_fiscal", "siren", "code")
#: Calling codes of the French numbering plans.
_INDICATIFS: Final = frozenset({33, 262, 508, 590, 594, 596, 681, 687, 689})
#: The longest values that the directory keeps, in characters.
LONGUEURS: Final = {
    "libelle": 150,
    "adresse": 150,
    "complement_adresse": 150,
    "ville": 80,
    "telephone": 30,
    "courriel": 254,
    "accessibilite": 300,
    "horaires_texte": 500,
    "visio_base": 300,
    "dossier_url": 500,
    "site_nom": 150,
}


class ChampInvalide(ValueError):
    """The value cannot be kept; the message is the French sentence to show beside the field."""


def parse_sages(texte: str) -> str | None:
    """Seven digits; spaces between them are ignored."""
    return _chiffres(texte, 7, "Un code SAGES a 7 chiffres, par exemple 5800450.")


def parse_codique(texte: str) -> str | None:
    """Six digits; spaces between them are ignored."""
    return _chiffres(texte, 6, "Un CODIQUE a 6 chiffres, par exemple 058045.")


def parse_code_postal(texte: str) -> str | None:
    """Five digits."""
    return _chiffres(texte, 5, "Un code postal a 5 chiffres, par exemple 58015.")


def _chiffres(texte: str, longueur: int, phrase: str) -> str | None:
    compact = "".join(texte.split())
    if not compact:
        return None
    if not (compact.isascii() and compact.isdigit() and len(compact) == longueur):
        raise ChampInvalide(phrase)
    return compact


def parse_telephone(texte: str, departement: str) -> str:
    """E.164, read with the region of the département; of a French numbering plan, short numbers (3939) excluded."""
    if not texte:
        return ""
    phrase = "Ce numéro de téléphone n’est pas valable. Exemple : 03 86 68 49 49 ou +33 3 86 68 49 49."
    try:
        numero = phonenumbers.parse(texte, region(departement))
    except phonenumbers.NumberParseException:
        raise ChampInvalide(phrase) from None
    if numero.country_code not in _INDICATIFS or not phonenumbers.is_valid_number(numero):
        raise ChampInvalide(phrase)
    return phonenumbers.format_number(numero, phonenumbers.PhoneNumberFormat.E164)


def show_telephone(e164: str) -> str:
    """« 03 86 68 49 49 », or the text itself when it is no number."""
    try:
        numero = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(numero, phonenumbers.PhoneNumberFormat.NATIONAL)


def parse_courriel(texte: str) -> str:
    """One address, normalised; its domain is not asked for."""
    if not texte:
        return ""
    if "," in texte or ";" in texte:
        raise ChampInvalide("Saisissez une seule adresse de courriel.")
    try:
        return validate_email(texte, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise ChampInvalide("Cette adresse de courriel n’est pas valable. Exemple : sip.nevers@exemple.fr.") from None


def parse_fuseau(texte: str) -> str:
    """One of ``FUSEAUX``."""
    if texte not in FUSEAUX:
        raise ChampInvalide("Choisissez un fuseau horaire français, par exemple Europe/Paris.")
    return texte


def parse_degres(texte: str, maximum: int) -> Decimal | None:
    """Degrees between -``maximum`` and ``maximum``, 5 decimals; a decimal comma is read too."""
    if not texte:
        return None
    try:
        degres = Decimal(texte.replace(",", ".")).quantize(Decimal("0.00001"))
    except InvalidOperation:
        raise ChampInvalide("Indiquez des degrés décimaux, par exemple 46.98960.") from None
    if not -maximum <= degres <= maximum:
        raise ChampInvalide(f"Indiquez des degrés décimaux entre -{maximum} et {maximum}.")
    return degres


def parse_visio_base(texte: str) -> str:
    """The address under which the rooms of the video service are: https, no query."""
    if not texte:
        return ""
    lue = _split(texte)
    if lue is None or lue.scheme != "https" or lue.query or lue.fragment:
        raise ChampInvalide("Indiquez une adresse https complète, par exemple https://visio.exemple.fr/rdv.")
    return texte.rstrip("/")


def parse_dossier_url(texte: str) -> str:
    """The address of an usager's file in the case system, with ``JETONS_DOSSIER`` between braces."""
    if not texte:
        return ""
    jetons = ", ".join(f"{{{jeton}}}" for jeton in JETONS_DOSSIER)
    phrase = f"Indiquez une adresse http ou https ; seuls {jetons} y sont remplacés."
    try:
        noms = {nom for _, nom, format_, conversion in Formatter().parse(texte) if nom is not None}
        simples = not any(format_ or conversion for _, _, format_, conversion in Formatter().parse(texte))
    except ValueError:
        raise ChampInvalide(phrase) from None
    lue = _split(texte)
    if lue is None or lue.scheme not in ("http", "https") or not simples or not noms <= set(JETONS_DOSSIER):
        raise ChampInvalide(phrase)
    if re.search(r"[{}]", lue.netloc):
        raise ChampInvalide(phrase)
    return texte


def _split(texte: str) -> SplitResult | None:
    """The parts of an absolute address without credentials, or None."""
    try:
        lue = urlsplit(texte)
        port_valable = lue.port is None or lue.port > 0
    except ValueError:
        return None
    if not port_valable or not lue.hostname or "@" in lue.netloc or re.search(r"[\s\\<>\"']", texte):
        return None
    return lue
