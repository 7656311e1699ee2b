"""Services linked by a delegation: the context of each tells facts of the other, so they are outdated together."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import Delegation, ServiceFiscal

#: Delegations that contexts tell: ended ones too, for the names of those whose rendez-vous were received.
CONNUES: Final = ("acceptee", "retiree")
#: Those that bind the two services, or may any moment.
OUVERTES: Final = ("proposee", "acceptee")
#: What the two sides of a delegation agreed upon: it stays as long as one of them is open.
SOUS_DELEGATION: Final = ("type_code", "fuseau")


def get_veille(maintenant: datetime) -> date:
    """A day that is over nowhere on earth has its delegations still alive somewhere."""
    return maintenant.astimezone(UTC).date() - timedelta(days=1)


def select_lies(services: Any, veille: date | None, etats: Collection[str] = CONNUES) -> CompoundSelect[Any]:
    """The services at the other end of a delegation of ``services`` (ids, or a query of ids), either side.

    ``veille``: those that were over before that day are left out; None: whatever their dates.
    """
    d = Delegation
    vivantes = [d.etat.in_(etats), *(() if veille is None else (d.au >= veille,))]
    return union(
        select(d.service_delegue_id).where(d.service_id.in_(services), *vivantes),
        select(d.service_id).where(d.service_delegue_id.in_(services), *vivantes),
    )


async def read_lies(conn: AsyncConnection, services: Collection[int], veille: date | None) -> frozenset[int]:
    """The same, read; without ``services`` themselves."""
    lus = await conn.execute(select_lies(services, veille))
    return frozenset(lus.scalars()) - frozenset(services)


async def read_engagements(
    conn: AsyncConnection, services: Collection[int], maintenant: datetime
) -> dict[int, tuple[str, ...]]:
    """Service → who it has a delegation with, proposed or accepted, not over, by name; absent without any."""
    d = Delegation
    trouves: dict[int, set[str]] = {}
    for ici, la_bas in ((d.service_id, d.service_delegue_id), (d.service_delegue_id, d.service_id)):
        lignes = await conn.execute(
            select(ici, ServiceFiscal.libelle)
            .join(ServiceFiscal, ServiceFiscal.id == la_bas)
            .where(ici.in_(services), d.etat.in_(OUVERTES), d.au >= get_veille(maintenant))
        )
        for service_id, libelle in lignes:
            trouves.setdefault(service_id, set()).add(libelle)
    return {service_id: tuple(sorted(noms)) for service_id, noms in trouves.items()}
