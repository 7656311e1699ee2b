"""The RDV that a service has entrusted to others, listed under its own agenda: both sides show them [G 2.3.5]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import Any

from app.booking.agents.affichage import Affichage
from app.booking.agents.lectures import nom_agenda
from app.booking.contexte import ServiceContexte
from app.domain.horaires import floor_minute
from app.domain.hors_organisation import RdvPlace, find_cause
from app.domain.rendez_vous import Etat
from app.web.dates import heure, instant_utc, jour_court


def find_a_replacer(
    lignes: Sequence[Mapping[str, Any]], receveurs: Mapping[int, ServiceContexte], aujourdhui: date
) -> frozenset[int]:
    """Those that the organisation of who receives them covers no more, unless it was decided there to keep them."""
    return frozenset(
        ligne["id"]
        for ligne in lignes
        if ligne["etat"] == Etat.PREVU
        and ligne["jour"] >= aujourdhui
        and _is_dehors(ligne, receveurs[ligne["service_id"]])
    )


def _is_dehors(ligne: Mapping[str, Any], receveur: ServiceContexte) -> bool:
    place = RdvPlace(
        ligne["id"],
        ligne["guichet_id"],
        floor_minute(ligne["debut"]),
        floor_minute(ligne["fin"]),
        ligne["motif_id"],
        ligne["type_rdv"],
        frozenset(ligne["forcages"]),
        delegue=True,
    )
    ouvertures = receveur.ouvertures(ligne["jour"], ligne["jour"])
    cause = find_cause(place, receveur.guichets, ouvertures, receveur.zone)
    garde = (ligne["maintien_revision"], ligne["maintien_cause"])
    return cause is not None and garde != (ligne["revision"], cause.value)


def build_confies(
    lignes: Sequence[Mapping[str, Any]],
    contexte: ServiceContexte,
    affichage: Affichage,
    a_replacer: Set[int] = frozenset(),
) -> list[dict[str, Any]]:
    """The context of ``liste_confies``. A day's list says the hours alone, a week's the day too.

    ``g`` is a guichet of the other service; ``a_replacer``: those that it can hold no more.
    """
    semaine = affichage.vue != "jour"
    return [{**_confie(ligne, contexte, semaine=semaine), "a_replacer": ligne["id"] in a_replacer} for ligne in lignes]


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
