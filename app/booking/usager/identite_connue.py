"""Step 3 of an usager who is signed in: the identity is his session's, what he sends about it is not read.

His form carries a print of the account for which it was written: signed out meanwhile, or signed in as somebody else in
another tab, he is told so and checks, instead of booking under a name that his page did not show.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from app.booking.forms import CHAMPS_PARTICULIER
from app.config import Settings
from app.courrier.texte import telephone_lisible
from app.identite.usagers import UsagerConnecte

#: The field of the print; never kept by the browser's memory of the form (data-jamais).
CHAMP: Final = "identifie"
#: What a form may not say of somebody who is signed in; the numéro fiscal is unknown to FranceConnect.
IMPOSES: Final = tuple(champ for champ in CHAMPS_PARTICULIER if champ != "numero_fiscal")

_PLUS_IDENTIFIE: Final = (
    "Vous n’êtes plus identifié(e) : complétez vos nom et prénoms, ou identifiez-vous de nouveau. "
    "Rien n’a été enregistré."
)
_CHANGE: Final = (
    "Vous vous êtes identifié(e) depuis l’ouverture de cette page : "
    "vérifiez l’identité affichée, puis validez de nouveau."
)


def print_compte(settings: Settings, usager: UsagerConnecte | None) -> str:
    """The print of an account, "" of nobody's."""
    if usager is None:
        return ""
    cle = settings.derive_key("identite-formulaire")
    return hmac.new(cle, str(usager.usager_id).encode(), hashlib.sha256).hexdigest()[:32]


def find_changement(settings: Settings, usager: UsagerConnecte | None, recu: object) -> str:
    """What to say when the form was written for another account than the present one; "" when it was not."""
    attendu = print_compte(settings, usager)
    if isinstance(recu, str) and hmac.compare_digest(recu.encode("utf-8", "replace"), attendu.encode()):
        return ""
    if not recu and not attendu:
        return ""
    return _CHANGE if usager is not None else _PLUS_IDENTIFIE


def prefill(usager: UsagerConnecte, nature: str) -> dict[str, str]:
    """What his form begins with, by field."""
    numeros = dict(zip(("telephone1", "telephone2"), map(telephone_lisible, usager.telephones), strict=False))
    siens = {**numeros, "courriel": usager.courriel or ""}
    if nature == "professionnel":
        return {**siens, "contact": usager.nom_complet}
    return {**siens, **impose(usager)}


def impose(usager: UsagerConnecte) -> dict[str, str]:
    """His identity, as the fields of a form write it."""
    jour = usager.date_naissance
    return {
        "civilite": usager.civilite or "",
        "nom_usage": usager.nom_usage,
        "nom_naissance": usager.nom_naissance,
        "prenoms": usager.prenoms,
        "date_naissance": jour.isoformat() if jour else "",
    }


def merge(donnees: Mapping[str, Any], usager: UsagerConnecte | None, nature: str) -> Mapping[str, Any]:
    """The fields of a form as they must be read; those of one that was not filled in yet are prefilled."""
    if usager is None:
        return donnees
    lues = {champ: donnees.get(champ) for champ in donnees}
    if "cle" not in lues:
        lues = {**prefill(usager, nature), **lues}
    imposees = impose(usager) if nature != "professionnel" else {}
    # Who has no civilité in the civil register says how he wants to be called.
    return {**lues, **{champ: valeur for champ, valeur in imposees.items() if champ != "civilite" or valeur}}


def present(settings: Settings, usager: UsagerConnecte | None, nature: str) -> dict[str, Any]:
    """What the page of step 3 shows of it. ``lignes``: (label, value) of what is not asked."""
    if usager is None or nature == "professionnel":
        return {"preuve": print_compte(settings, usager), "lignes": [], "civilite": False}
    jour = usager.date_naissance
    lignes = [
        ("Civilité", {"madame": "Madame", "monsieur": "Monsieur"}.get(usager.civilite or "", "")),
        ("Nom d’usage", usager.nom_usage),
        ("Nom de naissance", usager.nom_naissance),
        ("Prénom(s)", usager.prenoms),
        ("Date de naissance", f"{jour:%d/%m/%Y}" if jour else ""),
    ]
    return {
        "preuve": print_compte(settings, usager),
        "lignes": [ligne for ligne in lignes if ligne[1]],
        "civilite": not usager.civilite,
    }
