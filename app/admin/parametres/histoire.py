"""The history of what the nation decides, for its administrators: same words as a service's own."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import is_national
from app.admin.histoire import Ligne, build_ligne
from app.tables import Agent, Journal

#: Changes shown at the bottom of a page.
DERNIERS: Final = 20
_ZONE: Final = ZoneInfo("Europe/Paris")


async def read_histoire_nationale(
    conn: AsyncConnection, agent_id: int, objet: str, *, objet_id: int | None = None, limite: int = DERNIERS
) -> list[Ligne]:
    """The last changes of that kind of object, newest first; none for who is no national administrator."""
    requete = (
        select(Journal.id, Journal.a, Journal.acteur, Journal.action, Journal.objet, Journal.avant, Journal.apres)
        .add_columns(Agent.prenom, Agent.nom)
        .outerjoin(Agent, Agent.id == Journal.agent_id)
        .where(Journal.objet == objet, Journal.service_id.is_(None), select(is_national(agent_id)).scalar_subquery())
        .order_by(Journal.id.desc())
        .limit(limite)
    )
    if objet_id is not None:
        requete = requete.where(Journal.objet_id == objet_id)
    return [build_ligne(dict(ligne), _ZONE) for ligne in (await conn.execute(requete)).mappings()]
