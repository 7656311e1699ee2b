"""The RDV that a service has entrusted to others, listed under its own agenda: both sides show them [G 2.3.5]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.booking.agents.affichage import Affichage
from app.booking.agents.lectures import nom_agenda
from app.booking.contexte import ServiceContexte
from app.domain.horaires import floor_minute
from app.web.dates import heure, instant_utc, jour_court


def build_confies(
    lignes: Sequence[Mapping[str, Any]], contexte: ServiceContexte, affichage: Affichage
) -> list[dict[str, Any]]:
    """The context of ``liste_confies``. A day's list says the hours alone, a week's the day too.

    ``g`` is a guichet of the other service.
    """
    return [_confie(ligne, contexte, semaine=affichage.vue == "semaine") for ligne in lignes]


def _confie(ligne: Mapping[str, Any], contexte: ServiceContexte, *, semaine: bool) -> dict[str, Any]:
    debut = floor_minute(ligne["debut"])
    return {
        "id": ligne["id"],
        "m": debut,
        "d": floor_minute(ligne["fin"]) - debut,
        "g": ligne["guichet_id"],
        "jour": jour_court(ligne["jour"]) if semaine else "",
        "heure": heure(ligne["debut"], contexte.zone),
        "nom": nom_agenda(ligne),
        "motif": ligne["motif_libelle"],
        "type": ligne["type_rdv"],
        "etat": ligne["etat"],
        "lieu": ligne["receveur_libelle"],
        "ville": ligne["receveur_ville"],
        "arrive_a": instant_utc(ligne["arrivee_a"]),
        "appele_a": instant_utc(ligne["appel_a"]),
        "recu_a": instant_utc(ligne["reception_a"]),
        "termine_a": instant_utc(ligne["fin_a"]),
    }
