"""Who is acting: an agent behind a session or an API key, with what he may do, read in one query.

Rights are never decided from this object alone: each query is scoped by the view ``acces`` (profile × perimeter ×
zone de compétence); the object serves menus, sentences and the rules of the pure domain.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import DateTime, LargeBinary, Select, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.identite.non_lus import Suivis, select_epoque, select_non_lus, select_suivis
from app.tables import Agent, CleApi, Habilitation, Rattachement, ServiceFiscal, SessionAgent
from app.tables.vues import acces


@dataclass(frozen=True, slots=True)
class Acteur:
    """An agent acting now. ``zone``: the ids of the services to which he is attached; ``fuseau``: their time zone."""

    agent_id: int
    identifiant: str
    nom: str
    prenom: str
    profils: frozenset[str]
    zone: frozenset[int]
    session_id: int | None = None
    cle_id: int | None = None
    connexion_precedente_a: datetime | None = None
    vue_a: datetime | None = None
    fuseau: str = "Europe/Paris"
    origine: str = field(default="agenda")
    #: Notices that he has not read, counted up to ``non_lus.COMPTES_MAX``.
    avis: int = 0
    #: The services whose notices his pages follow, at the version where ``avis`` was counted.
    suivis: Suivis = field(default=Suivis())

    @property
    def nom_complet(self) -> str:
        """« Prénom NOM », as agents write it."""
        return f"{self.prenom} {self.nom.upper()}".strip()


def _select_agent() -> Select[tuple[int, str, str, str, datetime | None, list[str], list[int], str | None]]:
    profils = (
        select(func.array_agg(Habilitation.profil.distinct()))
        .where(Habilitation.agent_id == Agent.id)
        .correlate(Agent)
        .scalar_subquery()
    )
    zone = (
        select(func.array_agg(Rattachement.service_id))
        .where(Rattachement.agent_id == Agent.id)
        .correlate(Agent)
        .scalar_subquery()
    )
    fuseau = (
        select(func.min(ServiceFiscal.fuseau))
        .join(Rattachement, Rattachement.service_id == ServiceFiscal.id)
        .where(Rattachement.agent_id == Agent.id)
        .correlate(Agent)
        .scalar_subquery()
    )
    return select(
        Agent.id, Agent.identifiant, Agent.nom, Agent.prenom, Agent.connexion_precedente_a, profils, zone, fuseau
    ).where(Agent.suspendu_a.is_(None))


_PAR_SESSION: Final = (
    _select_agent()
    .add_columns(
        SessionAgent.id, SessionAgent.vue_a, select_non_lus(Agent.id), select_suivis(Agent.id), select_epoque()
    )
    .join(SessionAgent, SessionAgent.agent_id == Agent.id)
    .where(
        SessionAgent.empreinte == bindparam("empreinte", type_=LargeBinary),
        SessionAgent.revoquee_a.is_(None),
        SessionAgent.expire_a > bindparam("maintenant", type_=DateTime(timezone=True)),
    )
)


async def read_by_session(conn: AsyncConnection, empreinte: bytes, maintenant: datetime) -> Acteur | None:
    """The agent of a live session, or None when it is unknown, expired, revoked, or its agent suspended."""
    ligne = (await conn.execute(_PAR_SESSION, {"empreinte": empreinte, "maintenant": maintenant})).one_or_none()
    if ligne is None:
        return None
    ident, identifiant, nom, prenom, precedente, profils, zone, fuseau, session_id, vue_a, avis, suivis, epoque = ligne
    return Acteur(
        ident,
        identifiant,
        nom,
        prenom,
        frozenset(profils or ()),
        frozenset(zone or ()),
        session_id=session_id,
        connexion_precedente_a=precedente,
        vue_a=vue_a,
        fuseau=fuseau or "Europe/Paris",
        avis=avis,
        suivis=Suivis.of(suivis or (), epoque),
    )


async def read_by_cle(conn: AsyncConnection, empreinte: bytes, maintenant: datetime) -> Acteur | None:
    """The agent of a live API key, or None."""
    ligne = (
        await conn.execute(
            _select_agent()
            .add_columns(CleApi.id)
            .join(CleApi, CleApi.agent_id == Agent.id)
            .where(
                CleApi.empreinte == empreinte,
                CleApi.revoquee_a.is_(None),
                or_(CleApi.expire_a.is_(None), CleApi.expire_a > maintenant),
            )
        )
    ).one_or_none()
    if ligne is None:
        return None
    ident, identifiant, nom, prenom, precedente, profils, zone, fuseau, cle_id = ligne
    return Acteur(
        ident,
        identifiant,
        nom,
        prenom,
        frozenset(profils or ()),
        frozenset(zone or ()),
        cle_id=cle_id,
        connexion_precedente_a=precedente,
        fuseau=fuseau or "Europe/Paris",
        origine="api",
    )


async def services_permis(
    conn: AsyncConnection, agent_id: int, module: str, parmi: Collection[int] | None = None
) -> frozenset[int]:
    """The services on which the agent has ``module``, all of them or those ``parmi``."""
    requete = select(acces.c.service_id).where(acces.c.agent_id == agent_id, acces.c.module == module)
    if parmi is not None:
        requete = requete.where(acces.c.service_id.in_(parmi))
    return frozenset((await conn.execute(requete)).scalars())
