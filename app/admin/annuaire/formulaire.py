"""The form of a service: which fields, who may change them, how each is read (Annexe 1 §1; C §3, §6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from app.admin.annuaire.champs import (
    FUSEAUX,
    LONGUEURS,
    ChampInvalide,
    parse_code_postal,
    parse_codique,
    parse_courriel,
    parse_dossier_url,
    parse_sages,
    parse_telephone,
    parse_visio_base,
    show_telephone,
)
from app.admin.saisie import Saisie
from app.errors import SaisieInvalide

#: Field → its words, in the order of the form. The first ones are those of the chef de service.
LIBELLES_CHEF: Final[Mapping[str, str]] = {
    "telephone": "Téléphone",
    "courriel": "Courriel",
    "complement_adresse": "Complément d’adresse",
    "accessibilite": "Accessibilité",
    "horaires_texte": "Horaires d’ouverture",
    "visio_base": "Adresse du service de visioconférence",
    "dossier_url": "Adresse du dossier de l’usager",
}
LIBELLES: Final[Mapping[str, str]] = {
    "libelle": "Libellé",
    "type_code": "Type de service",
    "sages": "SAGES",
    "codique": "CODIQUE",
    "codique_partage": "CODIQUE partagé par plusieurs SAGES",
    "departement": "Département",
    "fuseau": "Fuseau horaire",
    "adresse": "Adresse",
    "code_postal": "Code postal",
    "ville": "Ville",
    "site": "Site d’accueil",
    "site_nom": "Nom du nouveau site",
    "centre_contact": "Rattaché à un centre de contact",
    **LIBELLES_CHEF,
}
#: What a form sends besides its fields.
_TECHNIQUES: Final = frozenset({"_csrf", "revision", "_idempotence"})
NOUVEAU_SITE: Final = "nouveau"


def check_champs(saisie: Saisie, permis: Collection[str]) -> None:
    """Raise SaisieInvalide when the form sends a field that this person may not change."""
    inconnus = sorted(set(saisie.donnees) - set(permis) - _TECHNIQUES)
    if inconnus:
        raise SaisieInvalide(champs=dict.fromkeys(inconnus, "Ce champ ne se modifie pas ici."))


def parse_chef(saisie: Saisie, departement: str) -> dict[str, Any]:
    """The fields of the chef de service. Errors are gathered in ``saisie``."""
    telephone = saisie.texte("telephone", maximum=LONGUEURS["telephone"], requis="Le téléphone du service manque.")
    courriel = saisie.texte("courriel", maximum=LONGUEURS["courriel"], requis="Le courriel du service manque.")
    return {
        "telephone": _read(saisie, "telephone", lambda: parse_telephone(telephone, departement)),
        "courriel": _read(saisie, "courriel", lambda: parse_courriel(courriel)),
        "complement_adresse": saisie.texte("complement_adresse", maximum=LONGUEURS["complement_adresse"]),
        "accessibilite": saisie.texte("accessibilite", maximum=LONGUEURS["accessibilite"]),
        "horaires_texte": saisie.texte("horaires_texte", maximum=LONGUEURS["horaires_texte"], lignes=True),
        "visio_base": _texte(saisie, "visio_base", parse_visio_base),
        "dossier_url": _texte(saisie, "dossier_url", parse_dossier_url),
    }


def parse_national(saisie: Saisie, types: Collection[str], departements: Collection[str]) -> dict[str, Any]:
    """Every field, the chef's included; ``site`` apart. Errors are gathered in ``saisie``."""
    departement = saisie.choix("departement", departements, requis="Choisissez le département.")
    code_postal = saisie.texte("code_postal", maximum=10, requis="Le code postal manque.")
    sages, codique = saisie.texte("sages", maximum=20), saisie.texte("codique", maximum=20)
    return {
        "libelle": saisie.texte("libelle", maximum=LONGUEURS["libelle"], requis="Le libellé du service manque."),
        "type_code": saisie.choix("type_code", types, requis="Choisissez le type du service."),
        "sages": _read(saisie, "sages", lambda: parse_sages(sages)),
        "codique": _read(saisie, "codique", lambda: parse_codique(codique)),
        "codique_partage": saisie.case("codique_partage"),
        "departement": departement,
        "fuseau": saisie.choix("fuseau", FUSEAUX, requis="Choisissez le fuseau horaire."),
        "adresse": saisie.texte("adresse", maximum=LONGUEURS["adresse"], requis="L’adresse du service manque."),
        "code_postal": _read(saisie, "code_postal", lambda: parse_code_postal(code_postal)),
        "ville": saisie.texte("ville", maximum=LONGUEURS["ville"], requis="La ville manque."),
        "centre_contact": saisie.case("centre_contact"),
        **parse_chef(saisie, departement),
    }


def parse_site(saisie: Saisie) -> int | None:
    """The id of the site chosen, or None for a new one."""
    brut = saisie.brut("site")
    if brut == NOUVEAU_SITE:
        return None
    site = saisie.entier("site", minimum=1, maximum=999_999_999, requis="Choisissez le site d’accueil.")
    return site or 0


def _texte(saisie: Saisie, champ: str, parse: Callable[[str], str]) -> str:
    brut = saisie.texte(champ, maximum=LONGUEURS[champ])
    return str(_read(saisie, champ, lambda: parse(brut)) or "")


def _read(saisie: Saisie, champ: str, lire: Callable[[], Any]) -> Any:
    if champ in saisie.erreurs:
        return None
    try:
        return lire()
    except ChampInvalide as erreur:
        saisie.refuse(champ, str(erreur))
        return None


def fill(service: Mapping[str, Any]) -> dict[str, str]:
    """What the form shows of a row of ``service_fiscal``: texts only, a ticked box is « oui »."""
    valeurs = {champ: _show(service[champ]) for champ in LIBELLES if champ in service}
    valeurs["telephone"] = show_telephone(valeurs["telephone"]) if valeurs["telephone"] else ""
    return {**valeurs, "site": str(service["site_id"]), "site_nom": ""}


def refill(saisie: Saisie) -> dict[str, str]:
    """What was typed, as it was."""
    return {champ: saisie.brut(champ) for champ in LIBELLES}


def _show(valeur: Any) -> str:
    if valeur is None or valeur is False:
        return ""
    return "oui" if valeur is True else str(valeur)
