"""Rights, as conditions of statements: the view ``acces`` says them once, every statement repeats them.

No read of a rendez-vous or of a person for an agent goes without one of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, bindparam, exists, or_, select, true

from app.domain.habilitations import Module, Profil, has_module
from app.tables import Agent, Habilitation, RendezVous
from app.tables.vues import acces


def has_acces(agent_id: Any, module: str, service_id: Any) -> ColumnElement[bool]:
    """True, inside a statement, when the agent has ``module`` on the service (view ``acces``)."""
    return exists().where(acces.c.agent_id == agent_id, acces.c.module == module, acces.c.service_id == service_id)


def permis(agent_id: int, module: str, service_id: int) -> FromClause:
    """One row when the agent has ``module`` on the service, none otherwise.

    Lists are joined to it: no row at all says « no right », which an empty day must not be taken for.
    """
    return (
        select(acces.c.service_id)
        .where(acces.c.agent_id == agent_id, acces.c.module == module, acces.c.service_id == service_id)
        .subquery("permis")
    )


def scoped(
    requete: Select[*tuple[Any, ...]], agent_id: Any, module: str, *, origine: bool = False
) -> Select[*tuple[Any, ...]]:
    """The same query restricted to the services where the agent has ``module``: rights are in the query.

    ``origine``: also to the RDV that one of these services has entrusted to another [G 2.3.5]: it reads and cancels
    them. Sending there and bringing back have their own rule (``app.booking.trajet``); receiving is for the other one.
    """
    permises = select(acces.c.service_id).where(acces.c.agent_id == agent_id, acces.c.module == module)
    recus = RendezVous.service_id.in_(permises)
    return requete.where(or_(recus, RendezVous.service_origine_id.in_(permises)) if origine else recus)


#: Profiles that answer people about their data, over the nation.
_PROFILS_DONNEES: Final = [profil.value for profil in Profil if has_module(profil, Module.DONNEES_PERSONNELLES)]


def answers_personnes(agent_id: int) -> ColumnElement[bool]:
    """True, inside a statement, when the agent may read and erase what is held of a person, in every service."""
    return exists().where(
        Habilitation.agent_id == agent_id,
        Habilitation.profil.in_(_PROFILS_DONNEES),
        Habilitation.perimetre == "nation",
        Agent.id == Habilitation.agent_id,
        Agent.suspendu_a.is_(None),
    )


#: Parameters of ``RESERVER``.
AGENT, SERVICE = bindparam("agent", type_=BigInteger), bindparam("service", type_=BigInteger)
#: Profiles that manage rendez-vous [G 2.3.2].
_PROFILS_RDV: Final = [profil.value for profil in Profil if has_module(profil, Module.RENDEZ_VOUS)]
#: Channel → who may book by it. An agent extérieur is any active agent whose profile manages rendez-vous; his perimeter
#: does not limit where he books [A1, summary table; C §4].
RESERVER: Final[Mapping[str, ColumnElement[bool]]] = {
    "internet": true(),
    "exterieur": exists().where(
        Habilitation.agent_id == AGENT,
        Habilitation.profil.in_(_PROFILS_RDV),
        Agent.id == Habilitation.agent_id,
        Agent.suspendu_a.is_(None),
    ),
    "rattache": has_acces(AGENT, "agenda", SERVICE),
}
