"""By what a person is looked for when his data are asked: an exact criterion, never the beginning of a name.

A number or an address is read as the booking form reads it, so that what was typed then is found now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.fr import nif, siren

from app.booking.forms import REGIONS
from app.booking.textes import TexteInvalide, clean_text, to_recherche
from app.config import Settings
from app.domain.rendez_vous import normalize_code
from app.errors import SaisieInvalide
from app.identite.empreintes import print_critere


class Genre(StrEnum):
    """What the criterion is; the same words as in the journal's prints of other searches."""

    NUMERO_FISCAL = "numero_fiscal"
    SIREN = "siren"
    COURRIEL = "courriel"
    TELEPHONE = "telephone"
    CODE = "code"


LIBELLES: Final[Mapping[Genre, str]] = {
    Genre.NUMERO_FISCAL: "Numéro fiscal",
    Genre.SIREN: "Numéro SIREN",
    Genre.COURRIEL: "Courriel",
    Genre.TELEPHONE: "Téléphone",
    Genre.CODE: "Code d’un rendez-vous et nom",
}
_LONGUEUR: Final = 254


@dataclass(frozen=True, slots=True)
class Critere:
    """Checked. ``valeur`` as the database holds it; ``nom`` as typed, with a code alone."""

    genre: Genre
    valeur: str
    nom: str = ""

    @property
    def partage(self) -> bool:
        """True when several people may have it: a family has one phone, a firm one address."""
        return self.genre in (Genre.COURRIEL, Genre.TELEPHONE)

    def print(self, settings: Settings) -> dict[str, str]:
        """Its keyed prints, for the journal: it tells nobody's number."""
        prints = {self.genre.value: print_critere(settings, self.genre.value, self.valeur)}
        if self.genre is Genre.CODE:
            prints["nom"] = print_critere(settings, "nom", " ".join(to_recherche(self.nom).split()))
        return prints


def parse_critere(donnees: Mapping[str, Any]) -> Critere:
    """Of the fields ``genre``, ``valeur`` and ``nom``. Raises SaisieInvalide, with a sentence by field."""
    try:
        genre = Genre(str(donnees.get("genre", "")))
    except ValueError:
        raise SaisieInvalide(champs={"genre": "Choisissez un critère."}) from None
    erreurs: dict[str, str] = {}
    lus = {}
    for champ in ("valeur", "nom"):
        try:
            lus[champ] = clean_text(str(donnees.get(champ) or ""), maximum=_LONGUEUR)
        except TexteInvalide as erreur:
            erreurs[champ] = str(erreur)
    if not erreurs:
        valeur = _LECTURES[genre](lus["valeur"])
        if not valeur:
            erreurs["valeur"] = _PHRASES[genre]
        if genre is Genre.CODE and not to_recherche(lus["nom"]):
            erreurs["nom"] = "Indiquez le nom donné pour ce rendez-vous."
    if erreurs:
        raise SaisieInvalide(champs=erreurs)
    return Critere(genre, valeur, lus["nom"] if genre is Genre.CODE else "")


_PHRASES: Final[Mapping[Genre, str]] = {
    Genre.NUMERO_FISCAL: "Un numéro fiscal a 13 chiffres : relisez-le sur l’avis d’impôt de la personne.",
    Genre.SIREN: "Un numéro SIREN a 9 chiffres, par exemple 732 829 320.",
    Genre.COURRIEL: "Indiquez l’adresse entière, par exemple prenom.nom@exemple.fr.",
    Genre.TELEPHONE: "Indiquez le numéro entier, par exemple 06 12 34 56 78 ou +262 262 12 34 56.",
    Genre.CODE: "Un code de rendez-vous a six lettres.",
}


def _read_chiffres(module: Any, texte: str) -> str:
    compact = str(module.compact(texte))
    return compact if compact.isascii() and module.is_valid(compact) else ""


def _read_courriel(texte: str) -> str:
    try:
        return validate_email(texte, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        return ""


def _read_telephone(texte: str) -> str:
    """E.164: as dialled from the mainland, else from the first place overseas where it could be."""
    for region in ("FR", *REGIONS.values()):
        try:
            numero = phonenumbers.parse(texte, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(numero):
            return phonenumbers.format_number(numero, phonenumbers.PhoneNumberFormat.E164)
    return ""


_LECTURES: Final[Mapping[Genre, Any]] = {
    Genre.NUMERO_FISCAL: lambda texte: _read_chiffres(nif, texte),
    Genre.SIREN: lambda texte: _read_chiffres(siren, texte),
    Genre.COURRIEL: _read_courriel,
    Genre.TELEPHONE: _read_telephone,
    Genre.CODE: lambda texte: normalize_code(texte) or "",
}
