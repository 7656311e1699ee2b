"""Notices to agents, on their pages: read, marked as read, forgotten. They are written by ``app.courrier``.

A notice is read by who still holds the agenda of the service by which it concerned him: the right is in each statement.
Nobody's name is in it, as in the mails that tell the same (docs/decisions, « Agents are told in the transaction »).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.droits import has_acces
from app.identite.non_lus import select_non_lus
from app.tables import Avis, RendezVous, ServiceFiscal

#: How long a notice is kept.
RETENTION: Final = timedelta(days=30)
#: Notices of one page.
PAR_PAGE: Final = 50


def _siens(agent_id: int) -> tuple[ColumnElement[bool], ...]:
    return Avis.agent_id == agent_id, has_acces(agent_id, "agenda", Avis.service_id)


async def read_avis(conn: AsyncConnection, agent_id: int, *, avant: int | None = None) -> list[dict[str, Any]]:
    """The newest first, one more than a page holds; ``avant``: only those older than that id.

    ``ouvrable``: the fiche is still his to read.
    """
    ouvrable = exists().where(
        RendezVous.id == Avis.rdv_id,
        has_acces(agent_id, "agenda", RendezVous.service_id)
        | has_acces(agent_id, "agenda", RendezVous.service_origine_id),
    )
    requete = (
        select(
            Avis.id,
            Avis.rdv_id,
            Avis.evenement,
            Avis.fait,
            Avis.donnees,
            Avis.cree_a,
            Avis.lu_a,
            ServiceFiscal.libelle.label("service"),
            ServiceFiscal.fuseau,
            ouvrable.label("ouvrable"),
        )
        .join(ServiceFiscal, ServiceFiscal.id == Avis.service_id)
        .where(*_siens(agent_id))
        .order_by(Avis.id.desc())
        .limit(PAR_PAGE + 1)
    )
    if avant is not None:
        requete = requete.where(Avis.id < avant)
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


async def count_non_lus(conn: AsyncConnection, agent_id: int) -> int:
    """Unread notices, ``COMPTES_MAX`` at most."""
    return int((await conn.execute(select(select_non_lus(agent_id)))).scalar_one())


async def mark_lu(conn: AsyncConnection, agent_id: int, avis_id: int, a: datetime) -> bool:
    """One notice has been read; marked again, it keeps its first instant. False when it is not his."""
    lu = {"lu_a": func.coalesce(Avis.lu_a, a)}
    marques = await conn.execute(update(Avis).where(Avis.id == avis_id, *_siens(agent_id)).values(lu))
    return marques.rowcount > 0


async def mark_lus(conn: AsyncConnection, agent_id: int, jusqu_a: int, a: datetime) -> int:
    """All those up to the id ``jusqu_a``, the newest that the page showed: what came since stays unread."""
    sans = update(Avis).where(Avis.id <= jusqu_a, Avis.lu_a.is_(None), *_siens(agent_id)).values(lu_a=a)
    return (await conn.execute(sans)).rowcount


async def purge_avis(conn: AsyncConnection, maintenant: datetime) -> int:
    """Forget the notices older than ``RETENTION``; called by the worker."""
    return (await conn.execute(delete(Avis).where(Avis.cree_a < maintenant - RETENTION))).rowcount
