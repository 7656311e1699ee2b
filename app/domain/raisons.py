"""Why a créneau is not offered, or a request refused: one closed list, with the words people read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Raison(StrEnum):
    """Stable, machine-readable; travels in the API as ``raison``."""

    COMPLET = "complet"
    SERVICE_FERME = "service_ferme"
    GUICHET_FERME = "guichet_ferme"
    CANAL_FERME = "canal_ferme"
    MOTIF_NON_PROPOSE = "motif_non_propose"
    TYPE_NON_PROPOSE = "type_non_propose"
    HORS_PLAGE = "hors_plage"
    HORS_GRILLE = "hors_grille"
    DUREE_TROP_LONGUE = "duree_trop_longue"
    DUREE_NON_MODIFIABLE = "duree_non_modifiable"
    DUREE_INVALIDE = "duree_invalide"
    FERIE = "ferie"
    FERMETURE = "fermeture"
    PASSE = "passe"
    DELAI = "delai"
    HORIZON = "horizon"
    CHEVAUCHEMENT = "chevauchement"
    MODIFICATION_DESACTIVEE = "modification_desactivee"
    ACCES_REFUSE = "acces_refuse"


#: A few words for a calendar cell or a legend, with the national defaults; ``phrase`` gives the exact figures.
PHRASES: Final[Mapping[Raison, str]] = MappingProxyType(
    {
        Raison.COMPLET: "complet",
        Raison.SERVICE_FERME: "service fermé à la prise de rendez-vous",
        Raison.GUICHET_FERME: "guichet fermé",
        Raison.CANAL_FERME: "guichet non ouvert à ce mode de prise de rendez-vous",
        Raison.MOTIF_NON_PROPOSE: "motif non proposé",
        Raison.TYPE_NON_PROPOSE: "type de rendez-vous non proposé",
        Raison.HORS_PLAGE: "aucune plage de rendez-vous",
        Raison.HORS_GRILLE: "horaire non proposé",
        Raison.DUREE_TROP_LONGUE: "aucune plage assez longue pour ce rendez-vous",
        Raison.DUREE_NON_MODIFIABLE: "durée fixée par le service",
        Raison.DUREE_INVALIDE: "durée impossible",
        Raison.FERIE: "jour férié",
        Raison.FERMETURE: "fermeture exceptionnelle",
        Raison.PASSE: "date ou heure passée",
        Raison.DELAI: "délai de 2\u00a0jours ouvrés",
        Raison.HORIZON: "au-delà de 30\u00a0jours",
        Raison.CHEVAUCHEMENT: "horaire déjà occupé",
        Raison.MODIFICATION_DESACTIVEE: "modification en ligne désactivée",
        Raison.ACCES_REFUSE: "rendez-vous introuvable",
    }
)


def phrase(raison: Raison, *, delai_ouvre: int | None = None, horizon_jours: int | None = None) -> str:
    """The words of ``raison``, with the figures that really applied (working days, sliding days)."""
    if raison is Raison.DELAI and delai_ouvre is not None:
        if delai_ouvre == 0:
            return "pas de rendez-vous le jour même"
        pluriel = "s" if delai_ouvre > 1 else ""
        return f"délai de {delai_ouvre}\u00a0jour{pluriel} ouvré{pluriel}"
    if raison is Raison.HORIZON and horizon_jours is not None:
        return f"au-delà de {horizon_jours}\u00a0jour{'s' if horizon_jours > 1 else ''}"
    return PHRASES[raison]
