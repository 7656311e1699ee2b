"""A service as the public sees it: where it is, how to reach it, when it is open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from app.booking.contexte import ServiceContexte
from app.courrier.adresse import AdresseRefusee, parse_adresse
from app.courrier.texte import telephone_lien, telephone_lisible
from app.langue import get_langue

_PLAN: Final = "https://www.openstreetmap.org"


@lru_cache(maxsize=1024)
def present_carte(
    *,
    libelle: str,
    lignes: tuple[str, ...],
    telephone: str,
    courriel: str,
    horaires: str,
    accessibilite: str,
    plan: str = "",
) -> Mapping[str, Any]:
    """The contacts of a service, ready for the template: links only where they are sound. Shared: never mutated."""
    try:
        adresse = parse_adresse(courriel)
    except AdresseRefusee:
        adresse = ""
    return {
        "libelle": libelle,
        "lignes": lignes,
        "telephone": telephone_lisible(telephone),
        "telephone_lien": telephone_lien(telephone),
        "courriel": adresse,
        "horaires": horaires,
        "accessibilite": accessibilite,
        "plan": plan,
    }


def build_plan(adresse: str, code_postal: str, ville: str, latitude: object = None, longitude: object = None) -> str:
    """Where a map shows it: its position when the directory has it, else its street; a CEDEX is on no map."""
    if latitude is not None and longitude is not None:
        return f"{_PLAN}/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"
    if "CEDEX" in ville.upper():
        ville, code_postal = ville.upper().partition("CEDEX")[0], ""
    lieu = ", ".join(texte for texte in (adresse.strip(), f"{code_postal} {ville}".strip()) if texte)
    return f"{_PLAN}/search?{urlencode({'query': lieu})}" if lieu else ""


def carte_de(contexte: ServiceContexte) -> Mapping[str, Any]:
    """The card of a service whose context is at hand."""
    return present_carte(
        libelle=contexte.libelle,
        lignes=contexte.adresse_lignes[1:],
        telephone=contexte.telephone,
        courriel=contexte.courriel,
        horaires=contexte.horaires_texte,
        accessibilite=contexte.accessibilite,
        plan=build_plan(contexte.adresse, contexte.code_postal, contexte.ville),
    )


def carte_de_ligne(ligne: Mapping[str, Any]) -> Mapping[str, Any]:
    """The card of a row of ``service_fiscal``."""
    lignes = (ligne["adresse"], ligne["complement_adresse"], f"{ligne['code_postal']} {ligne['ville']}")
    return present_carte(
        libelle=ligne["libelle"],
        lignes=tuple(texte for texte in lignes if texte.strip()),
        telephone=ligne["telephone"],
        courriel=ligne["courriel"],
        horaires=ligne["horaires_texte"],
        accessibilite=ligne["accessibilite"],
        plan=build_plan(ligne["adresse"], ligne["code_postal"], ligne["ville"], ligne["latitude"], ligne["longitude"]),
    )


def lieu_de_l_heure(zone: ZoneInfo) -> str:
    """Whose clock an hour is read on: « Paris », « La Réunion »."""
    return _locate(zone.key, get_langue())


@cache
def _locate(zone: str, langue: str) -> str:
    return get_timezone_location(zone, locale=langue, return_city=True)
