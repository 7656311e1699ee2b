"""Usagers who come through FranceConnect: what of their identity is believed, and who they are for the provider.

FranceConnect vouches for the civil identity (« identité pivot »): names, date of birth, sex. It is read once, at the
sign-in, made safe to keep, and never asked of a form again. The address is the person's own preference: it only fills
in a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email

from app.booking.textes import TexteInvalide, clean_text
from app.config import Settings
from app.identite.oidc import Fournisseur, Identite, IdentiteRefusee

RETOUR: Final = "/franceconnect/retour"
RETOUR_FIN: Final = "/franceconnect/deconnexion"
_PORTEES: Final = "openid profile preferred_username email"
#: The level asked for (eIDAS low, as for every online procedure of the tax administration), and the stronger ones.
_ACR: Final = "eidas1"
_ACR_ADMIS: Final = frozenset({"eidas1", "eidas2", "eidas3"})
_CIVILITES: Final[Mapping[str, str]] = {"female": "madame", "male": "monsieur"}
#: As long as the fields of the booking form.
_NOM_MAX: Final = 120
#: Before that year the booking form takes it for a slip.
_NAISSANCE_MIN: Final = 1890


@dataclass(frozen=True, slots=True)
class IdentitePivot:
    """A person as FranceConnect knows him. ``sujet`` tells him from every other, whatever else changes."""

    sujet: str
    civilite: str | None
    nom_usage: str
    nom_naissance: str
    prenoms: str
    date_naissance: date | None
    courriel: str | None
    id_token: str = field(default="", repr=False)


def fournisseur_franceconnect(settings: Settings) -> Fournisseur | None:
    """FranceConnect as configured, or None when it is not."""
    if not settings.franceconnect_issuer:
        return None
    return Fournisseur(
        "franceconnect",
        settings.franceconnect_issuer,
        settings.franceconnect_client_id,
        settings.franceconnect_client_secret,
        _PORTEES,
        settings.base_url + RETOUR,
        acr=_ACR,
        acr_admis=_ACR_ADMIS,
    )


def read_pivot(fournisseur: Fournisseur, identite: Identite) -> IdentitePivot:
    """The person, from the signed claims.

    Somebody born on an unknown day (« 1954-00-00 ») has no date of birth here; nobody is without a name. Raises
    IdentiteRefusee when a name cannot be kept: control characters, or more than a form would take.
    """
    naissance = _name(identite.dits, "family_name")
    usage = _name(identite.dits, "preferred_username", requis=False) or naissance
    return IdentitePivot(
        f"{fournisseur.issuer}#{identite.sujet}",
        _CIVILITES.get(str(identite.dits.get("gender") or "")),
        usage,
        naissance if naissance != usage else "",
        _name(identite.dits, "given_name"),
        _birth(identite.dits),
        _email(identite),
        identite.id_token,
    )


def _name(dits: Mapping[str, Any], nom: str, *, requis: bool = True) -> str:
    dit = dits.get(nom)
    if dit is None and not requis:
        return ""
    try:
        lu = clean_text(dit, maximum=_NOM_MAX) if isinstance(dit, str) else ""
    except TexteInvalide as erreur:
        raise IdentiteRefusee(raison=f"userinfo:{nom}") from erreur
    lu = lu if any(c.isalpha() for c in lu) else ""
    if requis and not lu:
        raise IdentiteRefusee(raison=f"userinfo:{nom}")
    return lu


def _birth(dits: Mapping[str, Any]) -> date | None:
    try:
        jour = date.fromisoformat(str(dits.get("birthdate") or ""))
    except ValueError:
        return None
    return jour if jour.year >= _NAISSANCE_MIN else None


def _email(identite: Identite) -> str | None:
    if not identite.courriel_verifie or len(identite.courriel) > 254:
        return None
    try:
        return validate_email(identite.courriel, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return None
