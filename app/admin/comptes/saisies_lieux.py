"""The places that a form suggests while one types: départements and interregions."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import Departement, Interregion


async def read_lieux(conn: AsyncConnection) -> list[tuple[str, str]]:
    """(what to type, words beside it): code of each département, name of each interregion."""
    departements = await conn.execute(select(Departement.code, Departement.nom).order_by(Departement.code))
    interregions = await conn.execute(select(Interregion.nom).order_by(Interregion.nom))
    lieux = [(str(code), str(nom)) for code, nom in departements]
    return [*lieux, *((str(nom), "interrégion") for nom in interregions.scalars())]
