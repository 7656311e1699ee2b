"""Where a RDV is asked to go, completed by what it is: what the rules then judge, and what they say was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.booking.jugement import Deplace, Projet
from app.booking.trajet import Trajet
from app.domain.contexte import Alerte
from app.domain.horaires import floor_minute, from_minute
from app.domain.vocabulaire import Canal


@dataclass(frozen=True, slots=True)
class Cible:
    """Where a RDV should go. ``debut`` in minutes-époque; None: as it is. ``guichet_id`` None: the server chooses.

    ``delegation_id``: to the service that receives by that delegation; ``service_id``: back to the RDV's home.
    """

    debut: int
    guichet_id: int | None = None
    motif_id: int | None = None
    type_rdv: str | None = None
    duree: int | None = None
    acquittees: frozenset[str] = frozenset()
    delegation_id: int | None = None
    service_id: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The request as ``judge`` reads it."""

    service_id: int
    motif_id: int
    type_rdv: str
    debut: int
    canal: str
    cle: str
    duree: int | None
    guichet_id: int | None
    acquittees: frozenset[str]
    visite: str | None = None


def is_deja(rdv: Mapping[str, Any], cible: Cible) -> bool:
    """True for a journey asked again once made: its home could not decide of another place over there."""
    return (
        cible.delegation_id is not None
        and cible.delegation_id == rdv["delegation_id"]
        and from_minute(cible.debut) == rdv["debut"]
        and cible.guichet_id in (None, rdv["guichet_id"])
        and cible.motif_id in (None, rdv["motif_id"])
        and cible.type_rdv in (None, rdv["type_rdv"])
    )


def build_place(rdv: Mapping[str, Any], cible: Cible, trajet: Trajet, canal: str) -> tuple[Place, Deplace]:
    """What is asked, completed by what the RDV is. A duration once forced is not asked about again.

    In the service that receives it by delegation, it keeps the duration that its home gave it; nothing can be forced on
    a service by who only sends there, under the rules of the internet.
    """
    recu = trajet.delegation_id is not None and not trajet.confie
    debut, fin = floor_minute(rdv["debut"]), floor_minute(rdv["fin"])
    deplace = Deplace(rdv["guichet_id"], debut, fin, rdv["motif_id"], recu)
    motif_id = cible.motif_id or rdv["motif_id"]
    duree = cible.duree
    acquittees = set(cible.acquittees)
    garde = Alerte.DUREE_MODIFIEE.value in rdv["forcages"] or recu
    if duree is None and motif_id == rdv["motif_id"] and garde:
        duree = deplace.fin - deplace.debut
        acquittees.add(Alerte.DUREE_MODIFIEE.value)
    place = Place(
        service_id=trajet.arrivee.id,
        motif_id=motif_id,
        type_rdv=cible.type_rdv or rdv["type_rdv"],
        debut=cible.debut,
        canal=Canal.INTERNET.value if trajet.confie else canal,
        cle=f"deplacement-{rdv['id']}",
        duree=duree,
        guichet_id=cible.guichet_id,
        acquittees=frozenset() if trajet.confie else frozenset(acquittees),
    )
    return place, deplace


def list_forcages(projet: Projet, place: Place, rdv: Mapping[str, Any], trajet: Trajet) -> Callable[[int], list[str]]:
    """Guichet → what was decided by putting the RDV there: a motif kept where it is not proposed is a decision too."""

    def find(guichet_id: int) -> list[str]:
        decides = list(projet.alertes)
        if trajet.delegation_id is not None and Alerte.DUREE_MODIFIEE.value not in rdv["forcages"]:
            decides = [a for a in decides if a != Alerte.DUREE_MODIFIEE.value]  # its home's, not another one
        guichet = projet.contexte.guichets.get(guichet_id)
        garde = guichet is not None and place.motif_id == rdv["motif_id"] and not guichet.accepts_motif(place.motif_id)
        if garde and Alerte.MOTIF_NON_PROPOSE.value not in decides:
            decides.append(Alerte.MOTIF_NON_PROPOSE.value)
        return decides

    return find
