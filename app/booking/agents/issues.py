"""What has just been done to a RDV, said on its fiche when a page comes back to it: a word in the address, no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.booking.agents.saisie import national
from app.booking.confirmations import Limite
from app.booking.messages import Destination, tell_prevenu

#: Word of the address → title and text; ``{a}``: to which of the usager's addresses.
_ISSUES: Final[Mapping[str, tuple[str, str]]] = {
    "modifie": ("Modifications enregistrées", ""),
    "modifie-envoye": ("Modifications enregistrées", "La confirmation part à la nouvelle adresse : {adresse}."),
    **{
        f"modifie-retenue-{limite.name.lower()}": (
            "Modifications enregistrées", f"La confirmation n’est pas partie {{a}}. {limite.value}",
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
    "confirmation": ("Confirmation envoyée", "Elle part {a}."),
    "confirmation-deja": (
        "Confirmation déjà envoyée", "Elle vient de partir {a} : attendez une minute avant de la renvoyer.",
    ),
    "affecte": ("Agents affectés enregistrés", "Chacun est prévenu par courriel."),
    "annule": ("Annulation enregistrée", ""),
    "deja-annule": (
        "Ce rendez-vous était déjà annulé",
        "Votre raison n’a pas été enregistrée : celle qui est affichée est la première.",
    ),
}  # fmt: skip
_PREVENIR: Final = ("deplace", "annule")


def tell_issue(mot: str, ou: Destination | None) -> dict[str, str] | None:
    """The sentence of a word of the address; None of any other word. ``ou``: where the usager is written to."""
    if mot not in _ISSUES:
        return None
    titre, texte = _ISSUES[mot]
    adresse = "" if ou is None else national(ou.adresse) if ou.canal == "sms" else ou.adresse
    if mot in _PREVENIR:
        dit = tell_prevenu(ou.canal if ou else None)
        return {"titre": titre, "texte": f"{dit[0].upper()}{dit[1:]}" + (f" : {adresse}." if adresse else ".")}
    a = "à l’usager" if ou is None else f"par SMS au {adresse}" if ou.canal == "sms" else f"à {adresse}"
    return {"titre": titre, "texte": texte.format(a=a, adresse=adresse or "celle de l’usager")}
