"""How many notices an agent has not read: part of the one query that says who is acting."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ScalarSelect, exists, func, select

from app.tables import Agent, Avis
from app.tables.vues import acces

#: Beyond, the header says « 99+ »: who comes back from leave costs no more than the others.
COMPTES_MAX: Final = 100


def select_non_lus(agent_id: Any) -> ScalarSelect[int]:
    """As a column: his unread notices of services whose agenda he still holds, ``COMPTES_MAX`` at most."""
    permis = exists().where(
        acces.c.agent_id == Avis.agent_id, acces.c.module == "agenda", acces.c.service_id == Avis.service_id
    )
    siens = (
        select(Avis.id)
        .where(Avis.agent_id == agent_id, Avis.lu_a.is_(None), permis)
        .limit(COMPTES_MAX)
        .correlate(Agent)
        .subquery("non_lus")
    )
    return select(func.count()).select_from(siens).scalar_subquery()
