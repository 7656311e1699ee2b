"""Gather the facts of one day and ask the pure domain why nothing is offered: the very computation of the grid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.explication.delegations import explain_delegations
from app.booking.contexte import ServiceContexte, Versions
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.domain.explication import Explication, FaitsService, explain
from app.domain.guichets import Demande


async def explain_jour(
    outils: Outils,
    conn: AsyncConnection,
    contexte: ServiceContexte,
    versions: Versions,
    *,
    jour: date,
    motif_id: int,
    type_rdv: str,
    canal: str,
    maintenant: datetime,
) -> Explication:
    """Why that day has, or has not, créneaux for that request.

    Two queries at most, and as many for each service to which the motif is entrusted that day. Raises Introuvable
    (motif).
    """
    motif = contexte.motif(motif_id)
    occupees = await outils.dispo.occupations(conn, contexte, versions, jour, jour, maintenant)
    faits = FaitsService(
        ferme=contexte.ferme,
        en_ligne=contexte.en_ligne,
        ouverture_nationale=contexte.ouverture_nationale,
        aujourdhui=maintenant.astimezone(contexte.zone).date(),
        motif_actif=motif.actif,
        motif_ouvert=motif.ouvert,
    )
    explication = explain(
        Demande(motif_id, type_rdv, canal, motif.duree, contexte.pas),
        jour,
        faits,
        list(contexte.guichets.values()),
        contexte.ouvertures(jour, jour),
        occupees.par_guichet,
        compute_fenetre(contexte, canal, maintenant),
        contexte.zone,
    )
    return replace(
        explication,
        delegations=await explain_delegations(
            outils,
            conn,
            contexte,
            occupees.par_delegation,
            jour,
            motif_id=motif_id,
            type_rdv=type_rdv,
            canal=canal,
            maintenant=maintenant,
        ),
    )
