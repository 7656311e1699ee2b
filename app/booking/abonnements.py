"""Calendars that agents subscribe to, by a secret address: their own rendez-vous, or those of a guichet.

The address holds 256 random bits, shown once, stored as their SHA-256. The rights are asked again at each read: an
agent suspended, or who holds the agenda of the service no more, has no calendar any more (404).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.droits import has_acces
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import Introuvable, RegleRefusee
from app.identite.sessions import empreinte
from app.journal import write_journal
from app.tables import Abonnement, Agent, Guichet, ServiceFiscal
from app.tables.vues import acces

#: Of one agent: several devices may have one each.
ABONNEMENTS_MAX: Final = 20
_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class AbonnementCree:
    """What is shown once: the secret is nowhere else."""

    id: int
    secret: str


async def create_abonnement(
    outils: Outils, auteur: Auteur, guichet_id: int | None, maintenant: datetime
) -> AbonnementCree:
    """A new calendar of the author, or of a guichet of a service whose agenda he holds.

    Raises Introuvable when he holds none, or not that one; RegleRefusee beyond ``ABONNEMENTS_MAX``.
    """
    assert auteur.agent_id is not None
    agent_id, secret = auteur.agent_id, secrets.token_urlsafe(_OCTETS)

    async def travail(uow: UnitOfWork) -> int:
        if not await _is_permis(uow.conn, agent_id, guichet_id):
            raise Introuvable("Ce guichet n’existe pas dans les services auxquels vous êtes rattaché.")
        # Several at once are counted one after the other.
        await uow.conn.execute(select(Agent.id).where(Agent.id == agent_id).with_for_update(key_share=True))
        nombre = await uow.conn.execute(select(func.count()).where(Abonnement.agent_id == agent_id))
        if nombre.scalar_one() >= ABONNEMENTS_MAX:
            raise RegleRefusee(
                f"Vous avez déjà {ABONNEMENTS_MAX} agendas abonnés.", remede="Retirez ceux qui ne servent plus."
            )
        valeurs = {"empreinte": empreinte(secret), "agent_id": agent_id, "guichet_id": guichet_id, "cree_a": maintenant}
        ordre = insert(Abonnement).values(valeurs).returning(Abonnement.id)
        ident = int((await uow.conn.execute(ordre)).scalar_one())
        await _record(uow, auteur, "abonnement.cree", ident, guichet_id, maintenant)
        return ident

    return AbonnementCree(await outils.db.transaction(travail), secret)


async def renew_abonnement(outils: Outils, auteur: Auteur, ident: int, maintenant: datetime) -> AbonnementCree:
    """Another address for the same calendar: the one before opens nothing any more. Raises Introuvable."""
    secret = secrets.token_urlsafe(_OCTETS)

    async def travail(uow: UnitOfWork) -> AbonnementCree:
        ordre = (
            update(Abonnement)
            .where(Abonnement.id == ident, Abonnement.agent_id == auteur.agent_id)
            .values(empreinte=empreinte(secret), cree_a=maintenant, lu_le=None)
            .returning(Abonnement.guichet_id)
        )
        ligne = (await uow.conn.execute(ordre)).one_or_none()
        if ligne is None:
            raise Introuvable("Cet abonnement n’existe plus.")
        await _record(uow, auteur, "abonnement.renouvele", ident, ligne[0], maintenant)
        return AbonnementCree(ident, secret)

    return await outils.db.transaction(travail)


async def remove_abonnement(outils: Outils, auteur: Auteur, ident: int, maintenant: datetime) -> None:
    """Its address opens nothing any more. Removed twice, it is gone once."""

    async def travail(uow: UnitOfWork) -> None:
        ordre = (
            delete(Abonnement)
            .where(Abonnement.id == ident, Abonnement.agent_id == auteur.agent_id)
            .returning(Abonnement.guichet_id)
        )
        ligne = (await uow.conn.execute(ordre)).one_or_none()
        if ligne is not None:
            await _record(uow, auteur, "abonnement.retire", ident, ligne[0], maintenant)

    await outils.db.transaction(travail)


async def list_abonnements(conn: AsyncConnection, agent_id: int) -> list[dict[str, Any]]:
    """Those of the agent, the oldest first. ``permis``: it still opens."""
    permis = exists().where(
        acces.c.agent_id == agent_id,
        acces.c.module == "agenda",
        Abonnement.guichet_id.is_(None) | (acces.c.service_id == Guichet.service_id),
    )
    requete = (
        select(
            Abonnement.id,
            Abonnement.guichet_id,
            Abonnement.cree_a,
            Abonnement.lu_le,
            Guichet.nom.label("guichet"),
            ServiceFiscal.libelle.label("service"),
            permis.label("permis"),
        )
        .outerjoin(Guichet, Guichet.id == Abonnement.guichet_id)
        .outerjoin(ServiceFiscal, ServiceFiscal.id == Guichet.service_id)
        .where(Abonnement.agent_id == agent_id)
        .order_by(Abonnement.id)
    )
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


async def list_guichets(conn: AsyncConnection, agent_id: int) -> list[dict[str, Any]]:
    """The guichets of the services whose agenda the agent holds, by service."""
    requete = (
        select(Guichet.id, Guichet.nom, ServiceFiscal.libelle.label("service"))
        .join(ServiceFiscal, ServiceFiscal.id == Guichet.service_id)
        .where(has_acces(agent_id, "agenda", Guichet.service_id), ServiceFiscal.ferme_a.is_(None))
        .order_by(ServiceFiscal.libelle, ServiceFiscal.id, Guichet.ordre, Guichet.id)
    )
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


async def note_lecture(conn: AsyncConnection, ident: int, maintenant: datetime, fuseau: str) -> None:
    """The day it was last read: one write a day, whatever the number of reads."""
    jour = maintenant.astimezone(ZoneInfo(fuseau)).date()
    ordre = update(Abonnement).where(Abonnement.id == ident, Abonnement.lu_le.is_distinct_from(jour))
    await conn.execute(ordre.values(lu_le=jour))


async def _is_permis(conn: AsyncConnection, agent_id: int, guichet_id: int | None) -> bool:
    requete = select(acces.c.service_id).where(acces.c.agent_id == agent_id, acces.c.module == "agenda").limit(1)
    if guichet_id is not None:
        requete = requete.join(Guichet, Guichet.service_id == acces.c.service_id).where(Guichet.id == guichet_id)
    return (await conn.execute(requete)).one_or_none() is not None


async def _record(
    uow: UnitOfWork, auteur: Auteur, action: str, ident: int, guichet_id: int | None, maintenant: datetime
) -> None:
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action=action,
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        objet="abonnement",
        objet_id=ident,
        adresse=auteur.adresse,
        apres={"guichet": guichet_id},
    )
