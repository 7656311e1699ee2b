"""Carry imaginary rendez-vous over the hours when the demo was stopped."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from app.db import UnitOfWork
from app.demo.ecritures import Lot, Plume
from app.demo.personnages import NOTE
from app.tables import RendezVous

_AVANCE = (
    update(RendezVous)
    .where(RendezVous.id == bindparam("id_"))
    .values(etat=bindparam("etat_"), revision=bindparam("revision_"), modifie_a=bindparam("modifie_a_"))
)


async def catch_up(uow: UnitOfWork, plume: Plume) -> int:
    """Carry the service's imaginary rendez-vous to where they would stand had the demo not been stopped.

    The number of them that changed. The ones that a visitor booked are left to the closing of the day.
    """
    maintenant, contexte = plume.maintenant, plume.contexte
    lignes = await uow.conn.execute(
        select(
            RendezVous.id,
            RendezVous.service_id,
            RendezVous.guichet_id,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.jour,
            RendezVous.etat,
            RendezVous.revision,
            RendezVous.modifie_a,
        )
        .where(
            RendezVous.service_id == contexte.id,
            RendezVous.etat.in_(["prevu", "arrive", "appele", "recu"]),
            RendezVous.jour <= maintenant.astimezone(contexte.zone).date(),
            RendezVous.note_interne == NOTE,
        )
        .order_by(RendezVous.id)
        .with_for_update()
    )
    lot, avances = Lot(), []
    for ligne in lignes.mappings():
        rdv = dict(ligne)
        lot.live(rdv, plume.find_pas(rdv), plume.agent_id, contexte.site_id)
        if rdv["etat"] != ligne["etat"]:
            uow.annonces.count(contexte.id, rdv["jour"], avant=ligne["etat"], apres=rdv["etat"])
            avances.append({f"{cle}_": rdv[cle] for cle in ("id", "etat", "revision", "modifie_a")})
    if avances:
        await uow.conn.execute(_AVANCE, avances)
        await lot.write(uow.conn)
    return len(avances)
