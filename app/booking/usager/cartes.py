"""A service as the public sees it: where it is, how to reach it, when it is open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from app.booking.contexte import ServiceContexte
from app.courrier.adresse import AdresseRefusee, parse_adresse
from app.courrier.texte import telephone_lien, telephone_lisible


@lru_cache(maxsize=1024)
def present_carte(
    *, libelle: str, lignes: tuple[str, ...], telephone: str, courriel: str, horaires: str, accessibilite: str
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
    }


def carte_de(contexte: ServiceContexte) -> Mapping[str, Any]:
    """The card of a service whose context is at hand."""
    return present_carte(
        libelle=contexte.libelle,
        lignes=contexte.adresse_lignes[1:],
        telephone=contexte.telephone,
        courriel=contexte.courriel,
        horaires=contexte.horaires_texte,
        accessibilite=contexte.accessibilite,
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
    )


@cache
def lieu_de_l_heure(zone: ZoneInfo) -> str:
    """Whose clock an hour is read on: « Paris », « La Réunion »."""
    return get_timezone_location(zone.key, locale="fr", return_city=True)
