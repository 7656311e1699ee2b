"""The delegations of a motif on one day, given and received: what the usager is shown, by the same computation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.domain.delegation import Delegation
from app.domain.explication_delegations import (
    ExplicationDelegation,
    OffreAilleurs,
    explain_confiee,
    explain_recue,
    is_offerte,
)
from app.domain.raisons import PHRASES, Raison
from app.domain.vocabulaire import Canal, TypeRdv


async def explain_delegations(
    outils: Outils,
    conn: AsyncConnection,
    contexte: ServiceContexte,
    pris: Mapping[tuple[int, date], int],
    jour: date,
    *,
    motif_id: int,
    type_rdv: str,
    canal: str,
    maintenant: datetime,
) -> tuple[ExplicationDelegation, ...]:
    """Those of that motif, the given ones first; none for agents, to whom delegations change nothing.

    ``pris``: what was taken here under those it receives.
    """
    if Canal(canal) is not Canal.INTERNET:
        return ()
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    ouvert = contexte.prend_en_ligne(aujourdhui)
    dites: list[ExplicationDelegation] = []
    for delegation in contexte.confiees:
        if motif_id in delegation.motifs:
            offre = OffreAilleurs()
            if ouvert and is_offerte(delegation, motif_id, jour, aujourdhui):
                offre = await _read_offre(outils, conn, delegation, jour, motif_id, type_rdv, maintenant)
            dites.append(explain_confiee(delegation, jour, aujourdhui, offre, service_ouvert=ouvert))
    dites += [
        explain_recue(delegation, jour, aujourdhui, pris.get((delegation.id, jour), 0))
        for delegation in contexte.recues
        if motif_id in delegation.motifs
    ]
    return tuple(dites)


async def _read_offre(
    outils: Outils,
    conn: AsyncConnection,
    delegation: Delegation,
    jour: date,
    motif_id: int,
    type_rdv: str,
    maintenant: datetime,
) -> OffreAilleurs:
    dispo = await outils.dispo.read(
        conn,
        delegation.service_delegue_id,
        motif_id=motif_id,
        type_rdv=type_rdv,
        canal=Canal.INTERNET,
        maintenant=maintenant,
        du=jour,
        au=jour,
        delegation=delegation,
    )
    if dispo.contexte.ferme:
        return OffreAilleurs(raison=PHRASES[Raison.SERVICE_FERME])
    if type_rdv == TypeRdv.VISIO and not dispo.contexte.visio_base:
        return OffreAilleurs(raison="il n’a pas d’adresse de visioconférence")
    journee = dispo.grille.jours[jour]
    if journee.raison is None:
        return OffreAilleurs(dispo.count_libres(jour, len(journee.creneaux)))
    return OffreAilleurs(raison=dispo.fenetre.phrase(journee.raison), complet=jour in dispo.pleins)
