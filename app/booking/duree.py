"""A RDV that is moved lasts as long as before, unless another end or another motif is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.booking.contexte import ServiceContexte
from app.booking.destination import Cible
from app.domain.contexte import Alerte
from app.domain.horaires import floor_minute


def read_duree(rdv: Mapping[str, Any]) -> int:
    """Minutes that it lasts."""
    return floor_minute(rdv["fin"]) - floor_minute(rdv["debut"])


def keep_duree(cible: Cible, rdv: Mapping[str, Any], contexte: ServiceContexte) -> Cible:
    """With the same motif and no other end it keeps its duration, whatever that motif lasts now: nobody is asked.

    What was entrusted or forced already keeps it by itself (``build_place``).
    """
    actuelle = read_duree(rdv)
    if cible.motif_id not in (None, rdv["motif_id"]) or cible.duree not in (None, actuelle):
        return cible
    motif = contexte.motifs.get(rdv["motif_id"])
    forcee = Alerte.DUREE_MODIFIEE.value in rdv["forcages"]
    if rdv["delegation_id"] is not None or motif is None or motif.duree == actuelle or forcee:
        return replace(cible, duree=None)
    return replace(cible, duree=actuelle, acquittees=cible.acquittees | {Alerte.DUREE_MODIFIEE.value})
