"""A parameter as a field of a form: what it shows, and what is read back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from itertools import groupby
from typing import Any

from app.admin.saisie import Saisie
from app.domain.definitions import Definition, Genre, Valeur
from app.domain.parametres import Resolue
from app.errors import SaisieInvalide

_OUI_NON = {"oui": True, "non": False}


def check_connus(saisie: Saisie, permis: Collection[str]) -> None:
    """Raise SaisieInvalide when the form holds a field that is not one of ``permis`` (nor its CSRF token)."""
    if any(nom not in permis and nom != "_csrf" for nom in saisie.donnees):
        raise SaisieInvalide("Ce formulaire contient un champ inconnu.", remede="Rouvrez la page, puis recommencez.")


def read_valeur(saisie: Saisie, definition: Definition, *, local: bool) -> Valeur:
    """What was typed. None: nothing (for a service: follow the nation). Sentences go to ``saisie``."""
    requis = "" if local or definition.optionnel else "Indiquez une valeur."
    match definition.genre:
        case Genre.ENTIER:
            return saisie.entier(
                definition.cle,
                minimum=definition.minimum,
                maximum=definition.maximum,
                requis=requis,
                unite=definition.unite,
            )
        case Genre.BOOLEEN:
            return _OUI_NON.get(saisie.choix(definition.cle, tuple(_OUI_NON), requis=requis))
        case Genre.CHOIX:
            return saisie.choix(definition.cle, tuple(dict(definition.choix)), requis=requis) or None
        case Genre.DATE:
            return saisie.jour(definition.cle, requis=requis)
        case Genre.TEXTE:
            return saisie.texte(definition.cle, maximum=definition.maximum, requis=requis, lignes=True) or None


def write_champ(valeur: Valeur) -> str:
    """A value as its field shows it."""
    if valeur is None:
        return ""
    if isinstance(valeur, bool):
        return "oui" if valeur else "non"
    return f"{valeur:%d/%m/%Y}" if isinstance(valeur, date) else str(valeur)


def present(resolue: Resolue, saisi: str, **plus: Any) -> dict[str, Any]:
    """What a template needs to show one parameter."""
    definition = resolue.definition
    return {
        "cle": definition.cle,
        "libelle": definition.libelle,
        "genre": definition.genre.value,
        "unite": definition.unite,
        "minimum": definition.minimum,
        "maximum": definition.maximum,
        "optionnel": definition.optionnel,
        "choix": definition.choix,
        "condition": definition.condition,
        "national": definition.national,
        "saisi": saisi,
        "mot": resolue.mot,
        "effet": resolue.effet,
        "source": resolue.source.value,
        "locale": resolue.locale,
        "nationale": definition.mot(resolue.nationale),
        "ecartee": "" if resolue.ecartee is None else definition.mot(resolue.ecartee),
        **plus,
    }


def group(champs: Iterable[tuple[Definition, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Fields under the title of their group, in the order of the registry."""
    return [
        {"titre": titre, "champs": [champ for _, champ in suite]}
        for titre, suite in groupby(champs, key=lambda paire: paire[0].groupe)
    ]
