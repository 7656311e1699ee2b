"""The way home: the service whose usager it is, for a rendez-vous that another one received and can hold no more.

Who decides of it is what the use case says (``Trajet.is_permis``); the rules are those of an agent of that service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.replacement.lecture import RdvLu
from app.admin.replacement.situation import read_versions_de
from app.booking.contexte import ServiceContexte, Versions
from app.booking.disponibilites import OccupationsLues
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.booking.trajet import Trajet
from app.domain.calendrier import Fenetre
from app.domain.rendez_vous import Etat
from app.domain.vocabulaire import Canal


@dataclass(frozen=True, slots=True)
class Accueillant:
    """A service read at ``versions``, with what is free at its guichets for an agent of it."""

    contexte: ServiceContexte
    versions: Versions
    fenetre: Fenetre
    occupees: OccupationsLues


async def read_accueillant(
    outils: Outils, conn: AsyncConnection, contexte: ServiceContexte, versions: Versions, maintenant: datetime
) -> Accueillant:
    """One statement."""
    fenetre = compute_fenetre(contexte, Canal.RATTACHE, maintenant)
    occupees = await outils.dispo.occupations(conn, contexte, versions, fenetre.du, fenetre.au, maintenant)
    return Accueillant(contexte, versions, fenetre, occupees)


def may_return(rdv: RdvLu, depart: ServiceContexte, maison: ServiceContexte, versions: Versions) -> bool:
    """True when the agent may bring it from ``depart`` back to ``maison``: one hour, nobody sent out of the door."""
    if rdv.etat == Etat.ARRIVE and depart.site_id != maison.site_id:
        return False
    trajet = Trajet(depart, maison, versions, None, None, None)
    droits = {
        "service_origine_id": rdv.maison_id,
        "permis_ici": rdv.permis_ici,
        "permis_origine": rdv.permis_origine,
        "permis_rendre": rdv.permis_ici,
    }
    return depart.zone.key == maison.zone.key and trajet.is_permis(droits)


async def read_maisons(
    outils: Outils, conn: AsyncConnection, contexte: ServiceContexte, rdvs: Sequence[RdvLu], maintenant: datetime
) -> dict[int, Accueillant]:
    """The homes to which one of ``rdvs``, received here, may be brought back: id → what it offers.

    Two statements, and one for each of them, whatever the number of rendez-vous; none when nothing is received here.
    """
    voulues = {r.maison_id for r in rdvs if r.maison_id is not None and r.service_id == contexte.id}
    if not voulues:
        return {}
    versions = await read_versions_de(conn, voulues)
    contextes = await outils.dispo.contextes.get_many(conn, {i: v.planning for i, v in versions.items()})
    maisons: dict[int, Accueillant] = {}
    for ident, maison in contextes.items():
        siens = [r for r in rdvs if r.maison_id == ident and r.service_id == contexte.id]
        if any(may_return(r, contexte, maison, versions[ident]) for r in siens):
            maisons[ident] = await read_accueillant(outils, conn, maison, versions[ident], maintenant)
    return maisons
