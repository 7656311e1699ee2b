"""Short words for the tests of booking: a person, a free créneau, a booking."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from app import clock
from app.booking.forms import UsagerSaisi
from app.booking.jugement import Reservation
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.domain.creneaux import Creneau
from tests.fixtures.donnees import MondeService

USAGER = Auteur("usager")


def personne(rang: int = 1, **plus: Any) -> UsagerSaisi:
    """An invented person; the e-mail address is unique by ``rang``."""
    valeurs: dict[str, Any] = {
        "nature": "particulier",
        "civilite": "madame",
        "nom_usage": f"Valenton{rang}",
        "prenoms": "Philippa",
        "telephones": ("+33536490001",),
        "courriel": f"usager{rang}@usagers.test",
    }
    return UsagerSaisi(**{**valeurs, **plus})


async def creneaux_libres(
    outils: Outils, service: MondeService, *, canal: str = "internet", maintenant: datetime | None = None
) -> list[Creneau]:
    """Every free créneau of the window, in order."""
    async with outils.db.read() as conn:
        dispo = await outils.dispo.read(
            conn,
            service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            canal=canal,
            maintenant=maintenant or clock.now(),
        )
    return [c for journee in dispo.grille.jours.values() for c in journee.creneaux]


def demande(service: MondeService, debut: int, rang: int = 1, **plus: Any) -> Reservation:
    """A request of an usager on the internet for the créneau that starts at ``debut``."""
    valeurs: dict[str, Any] = {
        "service_id": service.id,
        "motif_id": service.motifs[0],
        "type_rdv": "guichet",
        "debut": debut,
        "canal": "internet",
        "origine": "internet",
        "usager": personne(rang),
        "precision": "Question sur un investissement",
        "cle": str(uuid.uuid4()),
    }
    return Reservation(**{**valeurs, **plus})


async def reserve(outils: Outils, service: MondeService, rang: int = 1, **plus: Any) -> RdvReserve:
    """Book the first free créneau for an invented person."""
    debut = plus.pop("debut", None) or (await creneaux_libres(outils, service))[0].debut
    return await book(outils, demande(service, debut, rang, **plus), USAGER, clock.now())
