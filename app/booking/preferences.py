"""How an agent wants to be told: the daily summary, and its hour [G 2.3.3]."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import Conflit, NonAuthentifie, SaisieInvalide
from app.journal import write_journal
from app.tables import Agent

#: Hours offered, in minutes of the day where the agent works.
HEURES: Final = tuple(range(5 * 60, 12 * 60 + 1, 30))


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the agent chose. ``courriel``: where it is sent, "" when the account has no address."""

    resume: bool
    minute: int
    courriel: str
    revision: int


async def read_preferences(conn: AsyncConnection, agent_id: int) -> Preferences:
    """Raises NonAuthentifie when the account was suspended meanwhile."""
    requete = select(Agent.resume_quotidien, Agent.resume_minute, Agent.courriel, Agent.revision)
    ligne = (await conn.execute(requete.where(Agent.id == agent_id, Agent.suspendu_a.is_(None)))).one_or_none()
    if ligne is None:
        raise NonAuthentifie
    return Preferences(*ligne)


async def save_preferences(
    outils: Outils, auteur: Auteur, maintenant: datetime, *, resume: bool, minute: int, revision: int
) -> bool:
    """Write the choice; False when it was already so.

    Raises SaisieInvalide on an hour that is not offered, Conflit when the account has changed since ``revision``.
    """
    assert auteur.agent_id is not None
    agent_id = auteur.agent_id
    if minute not in HEURES:
        raise SaisieInvalide(champs={"heure": "Choisissez une des heures proposées."})

    async def travail(uow: UnitOfWork) -> bool:
        requete = select(Agent.resume_quotidien, Agent.resume_minute, Agent.revision).where(Agent.id == agent_id)
        avant_resume, avant_minute, actuelle = (await uow.conn.execute(requete.with_for_update())).one()
        if (avant_resume, avant_minute) == (resume, minute):
            return False
        if revision != actuelle:
            raise Conflit(revision=actuelle)
        await uow.conn.execute(
            update(Agent)
            .where(Agent.id == agent_id)
            .values(resume_quotidien=resume, resume_minute=minute, revision=actuelle + 1)
        )
        await write_journal(
            uow.conn,
            a=maintenant,
            acteur=auteur.nature,
            action="agent.preferences",
            origine=auteur.origine,
            agent_id=agent_id,
            objet="agent",
            objet_id=agent_id,
            adresse=auteur.adresse,
            avant={"resume": avant_resume, "minute": avant_minute},
            apres={"resume": resume, "minute": minute},
        )
        return True

    return await outils.db.transaction(travail)
