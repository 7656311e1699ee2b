"""Which value of a parameter applies, from where it comes, and which ones cannot be kept [G 2.3.4].

A value comes from the software, from the nation, or from the service where the article grants a choice of its own.
``resolve`` says which applies and why; the rules of booking read the result (``app.domain.calendrier.Parametres``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from app.domain.definitions import DEFINITIONS, Definition, Genre, Local, Valeur, ouvres_en_mots


class Source(StrEnum):
    """Where the value that applies comes from, in the words of the screens."""

    LOGICIEL = "valeur du logiciel"
    NATIONALE = "valeur nationale"
    LOCALE = "choisie par le service"


@dataclass(frozen=True, slots=True)
class Resolue:
    """A value that applies. ``nationale``: what would apply without the service's choice.

    ``ecartee``: the service's choice, when a national change made it inapplicable.
    """

    definition: Definition
    valeur: Valeur
    source: Source
    nationale: Valeur
    ecartee: Valeur = None

    @property
    def mot(self) -> str:
        """The value in words."""
        return self.definition.mot(self.valeur)

    @property
    def effet(self) -> str:
        """What it does, in one sentence."""
        return self.definition.effet(self.valeur)

    @property
    def locale(self) -> bool:
        """True when the service has chosen, even a choice that no longer applies."""
        return self.source is Source.LOCALE or self.ecartee is not None


def from_json(definition: Definition, brut: Any) -> tuple[bool, Valeur]:
    """(it is a value of this parameter, the value). What cannot be one is as if it were not there."""
    if brut == "" and definition.genre is not Genre.TEXTE:
        return False, None
    if definition.genre is Genre.DATE and isinstance(brut, str):
        try:
            brut = date.fromisoformat(brut)
        except ValueError:
            return False, None
    return not refuse(definition, brut), brut


def to_json(valeur: Valeur) -> Any:
    """The value as the table ``parametre`` keeps it."""
    return valeur.isoformat() if isinstance(valeur, date) else valeur


def refuse(definition: Definition, valeur: Any) -> str:
    """Why ``valeur`` cannot be kept, in a sentence; empty when it can."""
    if valeur is None or valeur == "":
        return "" if definition.optionnel else "Indiquez une valeur."
    if definition.genre is Genre.BOOLEEN:
        return "" if isinstance(valeur, bool) else "Choisissez oui ou non."
    if definition.genre is Genre.DATE:
        return "" if isinstance(valeur, date) else "Cette date n’existe pas."
    if definition.genre is Genre.CHOIX:
        connue = isinstance(valeur, str) and valeur in dict(definition.choix)
        return "" if connue else "Choisissez une des valeurs proposées."
    if definition.genre is Genre.TEXTE:
        court = isinstance(valeur, str) and len(valeur) <= definition.maximum
        return "" if court else f"Ce texte est trop long : {definition.maximum} caractères au plus."
    if isinstance(valeur, bool) or not isinstance(valeur, int):
        return "Indiquez un nombre entier."
    if not definition.minimum <= valeur <= definition.maximum:
        bornes = f"de {definition.minimum} à {definition.maximum}\u00a0{definition.unite}"
        return f"Indiquez un nombre entier {bornes}."
    return ""


def refuse_local(definition: Definition, valeur: Valeur, nationaux: Mapping[str, Valeur]) -> str:
    """Why a service cannot choose ``valeur``, given the values of the nation; empty when it can."""
    if definition.local is Local.JAMAIS:
        return "Cette valeur est fixée pour tous les services."
    phrase = refuse(definition, valeur)
    if phrase or valeur is None:
        return phrase
    if definition.local is Local.PLUS_LONG:
        reference = nationaux[definition.cle]
        if isinstance(reference, int) and isinstance(valeur, int) and valeur < reference:
            return f"Le délai du service ne peut qu’être plus long que le délai national ({definition.mot(reference)})."
    if definition.local is Local.PLAFONNE:
        reference = nationaux[definition.plafond]
        if isinstance(reference, int) and isinstance(valeur, int) and valeur > reference:
            return f"L’agenda ne peut pas s’ouvrir au-delà de l’horizon national ({definition.mot(reference)})."
    return ""


def resolve(nationaux: Mapping[str, Any], locaux: Mapping[str, Any] | None = None) -> dict[str, Resolue]:
    """Every parameter with the value that applies and its source. Both mappings are JSON, as the table keeps them.

    An unknown key belongs to another part of the software; a value that is not one is as if absent. A local choice
    that the nation no longer allows gives way to the national value, and is told (``ecartee``).
    """
    valeurs: dict[str, Valeur] = {}
    sources: dict[str, Source] = {}
    for definition in DEFINITIONS:
        lue, valeur = (
            from_json(definition, nationaux[definition.cle])
            if definition.national and definition.cle in nationaux
            else (False, None)
        )
        valeurs[definition.cle] = valeur if lue else definition.defaut
        sources[definition.cle] = Source.NATIONALE if lue else Source.LOGICIEL
    _mend(valeurs)
    resolues: dict[str, Resolue] = {}
    for definition in DEFINITIONS:
        nationale = valeurs[definition.cle]
        resolue = Resolue(definition, nationale, sources[definition.cle], nationale)
        if definition.local is not Local.JAMAIS and definition.cle in (locaux or {}):
            lue, choisie = from_json(definition, (locaux or {})[definition.cle])
            if lue and not refuse_local(definition, choisie, valeurs):
                resolue = Resolue(definition, choisie, Source.LOCALE, nationale)
            elif lue:
                resolue = Resolue(definition, nationale, sources[definition.cle], nationale, choisie)
        resolues[definition.cle] = resolue
    return resolues


def _mend(valeurs: dict[str, Valeur]) -> None:
    """Pairs in the right order, whatever a database restored from elsewhere holds."""
    for bas, haut in _PAIRES:
        petit, grand = valeurs[bas], valeurs[haut]
        assert isinstance(petit, int)
        assert isinstance(grand, int)
        valeurs[haut] = max(petit, grand)


#: (the smaller, the larger) of two durations that go together, and the sentence when they do not.
_PAIRES: Final[Mapping[tuple[str, str], str]] = {
    ("duree_option_minutes", "duree_option_max_minutes"): "Le maximum ne peut pas être plus court que la durée gardée.",
    (
        "liberation_min_minutes",
        "liberation_max_minutes",
    ): "L’attente la plus longue ne peut pas être inférieure à la plus courte.",
}


def count_jours_du_delai(delai_ouvre: int) -> int:
    """Calendar days that a delay takes at most before the first bookable day, week-ends included, holidays apart."""
    ouvres = delai_ouvre + 1
    return ouvres + 2 * -(-ouvres // 5)


def refuse_ensemble(valeurs: Mapping[str, Valeur]) -> dict[str, str]:
    """What does not hold together among the values that would apply: key → sentence."""
    erreurs: dict[str, str] = {}
    for (bas, haut), phrase in _PAIRES.items():
        petit, grand = valeurs[bas], valeurs[haut]
        if isinstance(petit, int) and isinstance(grand, int) and grand < petit:
            erreurs[haut] = phrase
    delai = valeurs["delai_ouvre"]
    assert isinstance(delai, int)
    plancher = count_jours_du_delai(delai)
    for cle in ("horizon_internet", "horizon_exterieur", "ouverture_agenda_jours"):
        horizon = valeurs[cle]
        if isinstance(horizon, int) and horizon < plancher:
            mots = f"Avec un délai de {ouvres_en_mots(delai)}, aucun jour ne serait réservable"
            erreurs[cle] = f"{mots} : indiquez au moins {plancher}\u00a0jours."
    return erreurs
