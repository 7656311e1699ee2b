"""The form of the waiting list: which days, which half-day, and one contact; every error gathered, nothing lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from app.booking.forms import Lecture
from app.courrier.mobile import is_mobile

CHAMPS: Final = ("du", "au", "demi_journee", "nom", "canal", "courriel", "telephone1")
DEMI_JOURNEES: Final = ("matin", "apres-midi")
_DATE: Final = "Cette date n’existe pas. Saisissez-la au format JJ/MM/AAAA."


@dataclass(frozen=True, slots=True)
class Dates:
    """What may be asked for: days ``du``..``au`` included."""

    du: date
    au: date


@dataclass(frozen=True, slots=True)
class SaisieAttente:
    """The fields, checked; only worth something without errors."""

    du: date
    au: date
    demi_journee: str
    nom: str
    canal: str
    contact: str


def parse_attente(
    donnees: Mapping[str, Any], possibles: Dates, *, departement: str, sms: bool
) -> tuple[SaisieAttente, dict[str, str]]:
    """Read and check everything at once; never raises. ``sms``: a telephone may be given instead of an address."""
    lu = Lecture(donnees, departement, possibles.du)
    du, au, demi_journee = _read_periode(lu, possibles)
    nom = lu.name("nom", "Le nom", requis="Indiquez votre nom.")
    canal = (lu.choice("canal", ("mail", "sms")) if sms else None) or "mail"
    contact = _read_mobile(lu) if canal == "sms" else _read_courriel(lu)
    saisie = SaisieAttente(du, au, demi_journee, nom, canal, contact)
    return saisie, _sort(lu.erreurs)


def parse_periode(
    donnees: Mapping[str, Any], possibles: Dates, *, departement: str
) -> tuple[date, date, str, dict[str, str]]:
    """The same for who is known already: first and last day, half-day, and the errors by field."""
    lu = Lecture(donnees, departement, possibles.du)
    return *_read_periode(lu, possibles), _sort(lu.erreurs)


def _sort(erreurs: Mapping[str, str]) -> dict[str, str]:
    rang = {champ: position for position, champ in enumerate(CHAMPS)}
    return dict(sorted(erreurs.items(), key=lambda paire: rang.get(paire[0], len(rang))))


def _read_periode(lu: Lecture, possibles: Dates) -> tuple[date, date, str]:
    du, au = _read_jour(lu, "du"), _read_jour(lu, "au")
    if du is not None and du > possibles.au:
        lu.erreurs["du"] = f"Choisissez un jour avant le {possibles.au:%d/%m/%Y}."
    if au is not None and au < possibles.du:
        lu.erreurs["au"] = f"Le premier jour possible est le {possibles.du:%d/%m/%Y}."
    elif au is not None and au > possibles.au:
        lu.erreurs["au"] = f"Choisissez un jour jusqu’au {possibles.au:%d/%m/%Y}."
    elif du is not None and au is not None and au < du:
        lu.erreurs["au"] = "Le dernier jour est avant le premier."
    demi_journee = lu.choice("demi_journee", DEMI_JOURNEES) or ""
    return max(du or possibles.du, possibles.du), au or possibles.au, demi_journee


def _read_jour(lu: Lecture, champ: str) -> date | None:
    """A day as a calendar field or a person writes it."""
    brut = lu.text(champ, maximum=20)
    if not brut:
        lu.erreurs.setdefault(champ, "Indiquez une date.")
        return None
    parts = brut.replace(".", "/").replace(" ", "/").split("/")
    try:
        if len(parts) == 3:
            jour, mois, annee = map(int, parts)
            return date(annee, mois, jour)
        return date.fromisoformat(brut)
    except ValueError:
        lu.erreurs[champ] = _DATE
        return None


def _read_courriel(lu: Lecture) -> str:
    courriel = lu.email("courriel")
    if courriel is None:
        lu.erreurs.setdefault("courriel", "Indiquez l’adresse où vous prévenir.")
    return courriel or ""


def _read_mobile(lu: Lecture) -> str:
    telephones = lu.phones()
    if telephones and not is_mobile(telephones[0]):
        lu.erreurs["telephone1"] = "Indiquez un numéro de mobile : ce téléphone ne reçoit pas de SMS."
    return telephones[0] if telephones else ""
