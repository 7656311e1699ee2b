"""What the pages of guichets read: a fixed number of statements, whatever the number of guichets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.guichets import GuichetRegle
from app.tables import Agent, Guichet, GuichetAgent, Rattachement, RendezVous


@dataclass(frozen=True, slots=True)
class AgentLu:
    """An agent who is, or may be, assigned. ``rattache``: attached to the service, his account open."""

    id: int
    identifiant: str
    nom: str
    rattache: bool


@dataclass(frozen=True, slots=True)
class GuichetLu:
    """A guichet as the screens show it. ``aujourdhui`` and ``a_venir`` (after today) count its rendez-vous."""

    regle: GuichetRegle
    revision: int
    agents: tuple[AgentLu, ...] = ()
    aujourdhui: int = 0
    a_venir: int = 0

    @property
    def id(self) -> int:
        """Its id."""
        return self.regle.id


def build_guichet(ligne: Mapping[str, Any]) -> GuichetLu:
    """From a row of ``guichet``."""
    motifs, canaux, types = (None if ligne[c] is None else frozenset(ligne[c]) for c in ("motifs", "canaux", "types"))
    return GuichetLu(GuichetRegle(ligne["id"], ligne["nom"], ligne["ouvert"], motifs, canaux, types), ligne["revision"])


async def read_guichets(conn: AsyncConnection, service_id: int, aujourdhui: date) -> list[GuichetLu]:
    """Every guichet in order, with its agents and its counts: three statements."""
    lignes = await conn.execute(
        select(Guichet.__table__).where(Guichet.service_id == service_id).order_by(Guichet.ordre, Guichet.id)
    )
    guichets = [build_guichet(dict(ligne)) for ligne in lignes.mappings()]
    comptes = await conn.execute(
        select(
            RendezVous.guichet_id,
            func.count().filter(RendezVous.jour == aujourdhui),
            func.count().filter(RendezVous.jour > aujourdhui),
        )
        .where(
            RendezVous.guichet_id.in_([g.id for g in guichets]),
            RendezVous.jour >= aujourdhui,
            RendezVous.occupe,
            RendezVous.etat != "option",
        )
        .group_by(RendezVous.guichet_id)
    )
    par_guichet = {ligne[0]: (ligne[1], ligne[2]) for ligne in comptes}
    agents = await read_affectes(conn, service_id)
    return [
        replace(g, agents=agents.get(g.id, ()), aujourdhui=deux[0], a_venir=deux[1])
        for g in guichets
        for deux in (par_guichet.get(g.id, (0, 0)),)
    ]


_AGENT = (Agent.id, Agent.identifiant, Agent.prenom, Agent.nom)


def _rattache(service_id: int) -> Any:
    return exists().where(
        Rattachement.agent_id == Agent.id, Rattachement.service_id == service_id, Agent.suspendu_a.is_(None)
    )


def _agent(ligne: Any) -> AgentLu:
    return AgentLu(ligne.id, ligne.identifiant, f"{ligne.prenom} {ligne.nom.upper()}".strip(), ligne.rattache)


async def read_affectes(conn: AsyncConnection, service_id: int) -> dict[int, tuple[AgentLu, ...]]:
    """Guichet → the agents assigned to it, by name."""
    lignes = await conn.execute(
        select(GuichetAgent.guichet_id, *_AGENT, _rattache(service_id).label("rattache"))
        .join(Agent, Agent.id == GuichetAgent.agent_id)
        .join(Guichet, Guichet.id == GuichetAgent.guichet_id)
        .where(Guichet.service_id == service_id)
        .order_by(Agent.nom, Agent.prenom, Agent.id)
    )
    affectes: dict[int, tuple[AgentLu, ...]] = {}
    for ligne in lignes:
        affectes[ligne.guichet_id] = (*affectes.get(ligne.guichet_id, ()), _agent(ligne))
    return affectes


async def read_guichet(conn: AsyncConnection, service_id: int, guichet_id: int) -> GuichetLu | None:
    """One guichet of the service with its agents, or None."""
    if not 0 < guichet_id < 2**63:
        return None
    lignes = await conn.execute(
        select(Guichet.__table__).where(Guichet.id == guichet_id, Guichet.service_id == service_id)
    )
    ligne = lignes.mappings().one_or_none()
    if ligne is None:
        return None
    affectes = await read_affectes(conn, service_id)
    return replace(build_guichet(dict(ligne)), agents=affectes.get(guichet_id, ()))


async def read_affectables(conn: AsyncConnection, service_id: int, guichet_id: int | None) -> list[AgentLu]:
    """Who may be assigned: the agents attached to the service, and those assigned to the guichet already."""
    deja = exists().where(GuichetAgent.agent_id == Agent.id, GuichetAgent.guichet_id == (guichet_id or 0))
    rattache = _rattache(service_id)
    lignes = await conn.execute(
        select(*_AGENT, rattache.label("rattache"))
        .where(or_(rattache, deja))
        .order_by(Agent.nom, Agent.prenom, Agent.id)
    )
    return [_agent(ligne) for ligne in lignes]
