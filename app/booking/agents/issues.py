"""What has just been done to a RDV, said on its fiche when a page comes back to it: a word in the address, no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.booking.confirmations import Limite

#: Word of the address → title and text; ``{courriel}`` is the usager's.
_ISSUES: Final[Mapping[str, tuple[str, str]]] = {
    "modifie": ("Modifications enregistrées", ""),
    "modifie-envoye": ("Modifications enregistrées", "La confirmation part à la nouvelle adresse : {courriel}."),
    **{
        f"modifie-retenue-{limite.name.lower()}": (
            "Modifications enregistrées", f"La confirmation n’est pas partie à {{courriel}}. {limite.value}",
        )
        for limite in Limite
    },
    "message": (
        "Modifications enregistrées",
        "L’usager lit votre message sur la page de son rendez-vous. Renvoyer la confirmation le lui envoie.",
    ),
    "inchange": ("Rien n’a changé", "La fiche disait déjà cela : rien n’a été enregistré."),
    "deplace": ("Rendez-vous déplacé", ""),
    "echange": ("Rendez-vous échangés", "Chacun a pris la place de l’autre."),
    "confirmation": ("Confirmation envoyée", "Elle part à {courriel}."),
    "confirmation-deja": (
        "Confirmation déjà envoyée", "Elle vient de partir à {courriel} : attendez une minute avant de la renvoyer.",
    ),
    "affecte": ("Agents affectés enregistrés", "Chacun est prévenu par courriel."),
    "annule": ("Annulation enregistrée", ""),
    "deja-annule": (
        "Ce rendez-vous était déjà annulé",
        "Votre raison n’a pas été enregistrée : celle qui est affichée est la première.",
    ),
}  # fmt: skip
_PREVENIR: Final = ("deplace", "annule")
_PREVENU: Final = "L’usager en est prévenu par courriel : {courriel}."
_A_PREVENIR: Final = "L’usager n’a pas donné de courriel : prévenez-le."


def tell_issue(mot: str, rdv: Mapping[str, Any]) -> dict[str, str] | None:
    """The sentence of a word of the address; None of any other word."""
    if mot not in _ISSUES:
        return None
    titre, texte = _ISSUES[mot]
    if mot in _PREVENIR:
        texte = _PREVENU if rdv["courriel"] else _A_PREVENIR
    return {"titre": titre, "texte": texte.format(courriel=rdv["courriel"] or "l’adresse de l’usager")}
