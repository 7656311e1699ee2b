"""The fields of the booking form [A1 §2]: read, checked by the field's own libraries, refused with a sentence each.

Nothing here touches the database. A form gives a mapping of strings; the API gives the same names through
``usager`` (lists allowed for ``telephones``). Errors are gathered, never stopped at the first one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.fr import nif, siren

from app.booking.textes import TexteInvalide, clean_text, to_recherche
from app.errors import SaisieInvalide

#: Region of phonenumbers by département: overseas numbers are typed without their prefix too.
REGIONS: Final = {
    "971": "GP",
    "972": "MQ",
    "973": "GF",
    "974": "RE",
    "975": "PM",
    "976": "YT",
    "977": "BL",
    "978": "MF",
    "986": "WF",
    "987": "PF",
    "988": "NC",
}
CHAMPS_PARTICULIER: Final = (
    "civilite",
    "nom_usage",
    "nom_naissance",
    "prenoms",
    "date_naissance",
    "numero_fiscal",
)
CHAMPS_PROFESSIONNEL: Final = ("raison_sociale", "siren", "contact")
_DATE_FR = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})")


@dataclass(frozen=True, slots=True)
class UsagerSaisi:
    """A person as entered for one RDV. Telephones in E.164; ``courriel`` normalised; absent values are None or ''."""

    nature: str
    civilite: str | None = None
    nom_usage: str = ""
    nom_naissance: str = ""
    prenoms: str = ""
    date_naissance: date | None = None
    numero_fiscal: str | None = None
    raison_sociale: str = ""
    siren: str | None = None
    contact: str = ""
    telephones: tuple[str, ...] = ()
    preference_appel: str | None = None
    courriel: str | None = None

    @property
    def nom_affiche(self) -> str:
        """« Madame VALENTON », or the raison sociale."""
        if self.nature == "professionnel":
            return self.raison_sociale
        return f"{(self.civilite or '').capitalize()} {self.nom_usage.upper()}".strip()

    @property
    def recherche(self) -> str:
        """What a search compares: every word of every name."""
        return to_recherche(self.nom_usage, self.nom_naissance, self.prenoms, self.raison_sociale, self.contact)


def region(departement: str) -> str:
    """The phonenumbers region of a service's département."""
    return REGIONS.get(departement, "FR")


class Lecture:
    """One reading of a form: values out, sentences gathered by field."""

    def __init__(self, donnees: Mapping[str, Any], departement: str, aujourdhui: date) -> None:
        self.donnees = donnees
        self.region = region(departement)
        self.aujourdhui = aujourdhui
        self.erreurs: dict[str, str] = {}

    def text(self, champ: str, *, maximum: int = 120, requis: str = "", lignes: bool = False, lisible: str = "") -> str:
        brut = self.donnees.get(champ)
        if brut is not None and not isinstance(brut, str):
            self.erreurs[champ] = "Cette information doit être un texte."
            return ""
        try:
            valeur = clean_text(brut or "", maximum=maximum, lignes=lignes)
        except TexteInvalide as erreur:
            self.erreurs[champ] = str(erreur)
            return ""
        if requis and not valeur:
            self.erreurs[champ] = requis
        if lisible and valeur and not any(c.isalnum() for c in valeur):
            self.erreurs[champ] = lisible
        return valeur

    def name(self, champ: str, sujet: str, *, requis: str = "") -> str:
        """What a person is called: one letter at least, of any script (« 😀 » and « 42 » call nobody)."""
        valeur = self.text(champ, requis=requis)
        if valeur and not any(c.isalpha() for c in valeur):
            self.erreurs[champ] = f"{sujet} doit contenir au moins une lettre."
        return valeur

    def choice(self, champ: str, valeurs: tuple[str, ...], *, requis: str = "") -> str | None:
        valeur = self.text(champ)
        if not valeur:
            if requis and champ not in self.erreurs:
                self.erreurs[champ] = requis
            return None
        if valeur not in valeurs:
            self.erreurs[champ] = requis or "Ce choix n’est pas proposé."
            return None
        return valeur

    def birth(self, champ: str) -> date | None:
        valeur = self.text(champ)
        if not valeur:
            return None
        try:
            francaise = _DATE_FR.fullmatch(valeur)
            jour = (
                date(int(francaise[3]), int(francaise[2]), int(francaise[1]))
                if francaise
                else date.fromisoformat(valeur)
            )
        except ValueError:
            self.erreurs[champ] = "Cette date n’existe pas. Saisissez-la au format JJ/MM/AAAA, par exemple 10/01/1945."
            return None
        if jour > self.aujourdhui:
            self.erreurs[champ] = "La date de naissance est dans le futur."
        elif jour.year < 1890:
            self.erreurs[champ] = "Vérifiez l’année de naissance."
        return jour

    def number(self, champ: str, module: Any, phrase: str, *, requis: str = "") -> str | None:
        valeur = self.text(champ, maximum=40, requis=requis)
        if not valeur:
            return None
        compact = str(module.compact(valeur))
        if not compact.isascii() or not module.is_valid(compact):
            self.erreurs[champ] = phrase
            return None
        return compact

    def phones(self) -> tuple[str, ...]:
        liste = self.donnees.get("telephones")
        if isinstance(liste, list | tuple):
            saisis = [(f"telephone{rang}", valeur) for rang, valeur in enumerate(liste[:3], start=1)]
            if len(liste) > 2:
                self.erreurs["telephones"] = "Deux numéros de téléphone au plus."
        else:
            saisis = [(champ, self.donnees.get(champ)) for champ in ("telephone1", "telephone2")]
        numeros: list[str] = []
        for champ, brut in saisis:
            if brut is None or (isinstance(brut, str) and not brut.strip()):
                continue
            numero = self._phone(champ, brut)
            if numero and numero not in numeros:
                numeros.append(numero)
        if not numeros and not {"telephone1", "telephone2", "telephones"} & self.erreurs.keys():
            self.erreurs["telephone1"] = "Indiquez au moins un numéro de téléphone, par exemple 06 12 34 56 78."
        return tuple(numeros)

    def _phone(self, champ: str, brut: object) -> str | None:
        phrase = "Ce numéro de téléphone n’est pas valable. Exemple : 06 12 34 56 78 ou +33 6 12 34 56 78."
        try:
            if not isinstance(brut, str):
                raise TexteInvalide(phrase)
            numero = phonenumbers.parse(clean_text(brut, maximum=30), self.region)
        except (phonenumbers.NumberParseException, TexteInvalide):
            self.erreurs[champ] = phrase
            return None
        if not phonenumbers.is_possible_number(numero) or not phonenumbers.is_valid_number(numero):
            self.erreurs[champ] = phrase
            return None
        return phonenumbers.format_number(numero, phonenumbers.PhoneNumberFormat.E164)

    def email(self, champ: str) -> str | None:
        brut = self.donnees.get(champ)
        if isinstance(brut, str) and ("\r" in brut or "\n" in brut):
            self.erreurs[champ] = "Saisissez une seule adresse de courriel, sur une ligne."
            return None
        valeur = self.text(champ, maximum=254)
        if not valeur:
            return None
        if "," in valeur or ";" in valeur:
            self.erreurs[champ] = "Saisissez une seule adresse de courriel."
            return None
        try:
            return validate_email(valeur, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            self.erreurs[champ] = "Cette adresse de courriel n’est pas valable. Exemple : prenom.nom@exemple.fr."
            return None


#: What is said to the usager himself, or to the agent who types for him.
_NATURE: Final = "Indiquez si vous êtes un particulier."
_NATURE_PAR_AGENT: Final = "Indiquez si l’usager est un particulier ou un professionnel."
_AVIS: Final = {False: "votre avis d’impôt", True: "l’avis d’impôt"}


def parse_usager(
    donnees: Mapping[str, Any], *, departement: str, aujourdhui: date, par_agent: bool = False
) -> tuple[UsagerSaisi, dict[str, str]]:
    """The person typed and the errors by field (empty when all is well). ``par_agent``: by an agent, for him."""
    lu = Lecture(donnees, departement, aujourdhui)
    nature = lu.choice("nature", ("particulier", "professionnel"), requis=_NATURE_PAR_AGENT if par_agent else _NATURE)
    telephones = lu.phones()
    preference = lu.choice("preference_appel", ("matin", "apres-midi"))
    courriel = lu.email("courriel")
    if nature == "professionnel":
        saisi = UsagerSaisi(
            nature="professionnel",
            raison_sociale=lu.text(
                "raison_sociale",
                requis="Indiquez la raison sociale.",
                lisible="La raison sociale doit contenir au moins une lettre ou un chiffre.",
            ),
            siren=lu.number(
                "siren",
                siren,
                "Ce numéro SIREN n’est pas valable : 9 chiffres, par exemple 732 829 320.",
                requis="Indiquez le numéro SIREN.",
            ),
            contact=lu.name("contact", "Le nom de la personne à contacter"),
            telephones=telephones,
            preference_appel=preference,
            courriel=courriel,
        )
    else:
        saisi = UsagerSaisi(
            nature="particulier",
            civilite=lu.choice("civilite", ("madame", "monsieur"), requis="Choisissez « Madame » ou « Monsieur »."),
            nom_usage=lu.name("nom_usage", "Le nom d’usage", requis="Indiquez le nom d’usage."),
            nom_naissance=lu.name("nom_naissance", "Le nom de naissance"),
            prenoms=lu.name("prenoms", "Le prénom", requis="Indiquez le ou les prénoms."),
            date_naissance=lu.birth("date_naissance"),
            numero_fiscal=lu.number(
                "numero_fiscal",
                nif,
                f"Ce numéro fiscal n’est pas valable : 13 chiffres, en haut à gauche de {_AVIS[par_agent]}.",
            ),
            telephones=telephones,
            preference_appel=preference,
            courriel=courriel,
        )
    return saisi, lu.erreurs


#: What is said to whoever left the precision empty: the usager, or the agent who writes for him.
_A_PRECISER: Final = "Précisez votre demande en quelques mots : le dossier sera prêt."
_A_PRECISER_PAR_AGENT: Final = "Précisez la demande de l’usager en quelques mots, pour l’agent qui le recevra."


def parse_precision(donnees: Mapping[str, Any], erreurs: dict[str, str], *, par_agent: bool = False) -> str:
    """« Afin de mieux traiter votre demande, veuillez en préciser le motif » [A1 §2]: required, 1,000 characters."""
    lu = Lecture(donnees, "", date.min)
    requis = _A_PRECISER_PAR_AGENT if par_agent else _A_PRECISER
    precision = lu.text("precision", maximum=1000, lignes=True, requis=requis)
    erreurs.update(lu.erreurs)
    return precision


def check(erreurs: Mapping[str, str]) -> None:
    """Raise SaisieInvalide when there are errors."""
    if erreurs:
        raise SaisieInvalide(champs=erreurs)
