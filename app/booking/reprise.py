"""What is recorded beside a RDV (a call, a suite) is recorded once, however often its form is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import ContreAppel, Suite

#: The same thing sent again within that time is the same thing.
REPRISE: Final = timedelta(minutes=10)


async def find_same(
    conn: AsyncConnection, table: type[ContreAppel | Suite], valeurs: Mapping[str, Any], maintenant: datetime
) -> int | None:
    """The id of the last row of that RDV (``valeurs["rdv_id"]``, locked) when it is recent and holds these values.

    A double click, an answer that was lost. None when it is another one, or an old one.
    """
    colonnes = table.__table__.c
    requete = (
        select(table.id, table.cree_a, *(colonnes[nom] for nom in valeurs))
        .where(table.rdv_id == valeurs["rdv_id"])
        .order_by(table.id.desc())
        .limit(1)
    )
    derniere = (await conn.execute(requete)).mappings().one_or_none()
    if derniere is None or any(derniere[nom] != valeur for nom, valeur in valeurs.items()):
        return None
    return int(derniere["id"]) if maintenant - derniere["cree_a"] <= REPRISE else None
