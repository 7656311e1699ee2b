"""A service closes for good: its delegations end with it, in the same transaction, and the other sides are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import Chantier
from app.admin.delegations.annonce import tell
from app.admin.delegations.controles import get_aujourdhui
from app.admin.delegations.lecture import DelegationLue, read_delegation, read_delegations
from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.domain.rendez_vous import Etat
from app.tables import Delegation, RendezVous, ServiceFiscal

_A_VENIR = (Etat.PREVU, Etat.ARRIVE, Etat.APPELE, Etat.RECU)


class Liens(NamedTuple):
    """What a closing meets: open delegations; RDV to come of the service at others, and of others at the service."""

    delegations: tuple[DelegationLue, ...]
    ailleurs: int
    recus: int

    @property
    def vus(self) -> str:
        """What the page sends back to say that it was read; "" when there is nothing to read."""
        lues = "-".join(f"{delegation.id}r{delegation.revision}" for delegation in self.delegations)
        return f"{lues}.{self.ailleurs}" if lues or self.ailleurs else ""


async def read_liens(conn: AsyncConnection, agent_id: int, contexte: ServiceContexte, maintenant: datetime) -> Liens:
    """For the page that tells them before the closing."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    lues = await read_delegations(conn, agent_id, contexte.id, aujourdhui)
    return Liens(tuple(d for d in lues if d.etape.ouverte), *await _count(conn, contexte.id, maintenant))


async def end_all(outils: Outils, chantier: Chantier) -> Liens:
    """End what is accepted, withdraw what is proposed, refuse what is asked of it; journal, screens and mails."""
    conn, service_id, agent_id = chantier.conn, chantier.service_id, chantier.auteur.agent_id
    assert agent_id is not None
    aujourdhui = get_aujourdhui(chantier)
    ouvertes = [d for d in await read_delegations(conn, agent_id, service_id, aujourdhui) if d.etape.ouverte]
    autres = await _read_services(conn, [d.get_autre(service_id) for d in ouvertes])
    mot = f"Fermeture définitive de {chantier.service['libelle']}."
    for avant in ouvertes:
        proposee = avant.etat == "proposee"
        etat = "refusee" if proposee and avant.is_recue(service_id) else "retiree"
        await conn.execute(
            update(Delegation)
            .where(Delegation.id == avant.id)
            .values(
                etat=etat,
                decide_par=agent_id,
                decide_par_service_id=service_id,
                decide_a=chantier.maintenant,
                reponse=mot,
                revision=Delegation.revision + 1,
            )
        )
        apres = await read_delegation(conn, agent_id, service_id, avant.id, aujourdhui)
        assert apres is not None
        a_deux = replace(chantier, autre=autres[avant.get_autre(service_id)])
        await tell(outils, a_deux, etat if proposee else "arretee", avant, apres, mot)
    return Liens(tuple(ouvertes), *await _count(conn, service_id, chantier.maintenant))


async def _count(conn: AsyncConnection, service_id: int, maintenant: datetime) -> tuple[int, int]:
    """RDV to come: of the service, received elsewhere; received by it for others."""
    r = RendezVous
    a_venir = (r.etat.in_(_A_VENIR), r.fin > maintenant)
    ailleurs = select(func.count()).where(r.service_origine_id == service_id, r.service_id != service_id, *a_venir)
    recus = select(func.count()).where(r.service_id == service_id, r.service_origine_id.is_not(None), *a_venir)
    ligne = (await conn.execute(select(ailleurs.scalar_subquery(), recus.scalar_subquery()))).one()
    return int(ligne[0]), int(ligne[1])


async def _read_services(conn: AsyncConnection, services: list[int]) -> dict[int, Mapping[str, Any]]:
    lignes = await conn.execute(select(ServiceFiscal.__table__).where(ServiceFiscal.id.in_(services)))
    return {ligne["id"]: dict(ligne) for ligne in lignes.mappings()}
