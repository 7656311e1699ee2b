"""The way from the grid of step 2 to the waiting list, where there is one."""

from __future__ import annotations

from dataclasses import replace

from app.booking.attente import takes_attente
from app.booking.usager.demande import Parcours
from app.booking.usager.lecture import Vue
from app.domain.vocabulaire import Canal


def url_attente(vue: Vue, parcours: Parcours) -> str:
    """Where an usager asks to be told of a créneau of these choices; "" where nobody may, and for agents."""
    if vue.canal != Canal.INTERNET:
        return ""
    if not takes_attente(vue.contexte, parcours.motif, parcours.type_rdv, vue.aujourdhui):
        return ""
    return replace(parcours, lieu=0).url("attente")
