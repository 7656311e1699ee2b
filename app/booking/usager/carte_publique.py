"""A service as the public finds it: its card, whether it takes bookings, where that begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.booking.usager.cartes import carte_de_ligne
from app.booking.usager.recherche import is_en_ligne


def present_service(ligne: Mapping[str, Any], maintenant: datetime) -> dict[str, Any]:
    """A row of ``recherche`` for the templates."""
    return {
        "id": ligne["id"],
        "url": f"/services/{ligne['id']}",
        "en_ligne": is_en_ligne(ligne, maintenant),
        "ferme": ligne["ferme_a"] is not None,
        "version": ligne["version_creneaux"],
        "epoque": ligne["epoque"],
        "zone": ligne["fuseau"],
        "reserver": f"/rdv/{ligne['id']}/motif",
        "carte": carte_de_ligne(ligne),
    }
