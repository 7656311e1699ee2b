"""A new account, or one that comes from another service: found by its exact identifiant, never by leafing through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from app.admin.chantier import journal_refus
from app.admin.comptes.actes import attach_to, give, insert_agent
from app.admin.comptes.dossier import Dossier, build_dossier, finish, lock_comptes
from app.admin.comptes.droits import Endroit, find_service
from app.admin.comptes.saisies import (
    check_courriel,
    read_endroit,
    read_identifiant,
    read_identite,
    read_profil,
    read_service,
)
from app.admin.saisie import Saisie
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.acces import OUVERTURES
from app.domain.attribution import Genre, administers
from app.domain.habilitations import Profil
from app.errors import Introuvable, SaisieInvalide
from app.identite.invitations import invite
from app.tables import Agent, Rattachement

#: The profiles that an attachment serves.
_TENANTS: Final = OUVERTURES["agenda"]


async def create_compte(
    outils: Outils, auteur: Auteur, saisie: Saisie, maintenant: datetime, *, service_id: int | None
) -> int:
    """The id of a new account, with one habilitation, its service, and its invitation if asked, in one transaction.

    Raises SaisieInvalide, AttributionRefusee: then nothing is written.
    """

    async def travail(uow: UnitOfWork) -> int:
        await lock_comptes(uow.conn)
        identifiant, valeurs = read_identifiant(saisie), read_identite(saisie)
        await check_courriel(uow.conn, saisie, valeurs["courriel"])
        profil = read_profil(saisie)  # every wrong field is told at once from here
        endroit = await read_endroit(uow.conn, saisie)
        agent_id = await insert_agent(uow.conn, identifiant, valeurs)
        dossier = await _build(uow, outils, auteur, agent_id, maintenant, service_id)
        await dossier.record("agent.cree", "agent", avant=None, apres={"identifiant": identifiant, **valeurs})
        await give(dossier, profil, endroit)
        for rattachement in await _rattachements(dossier, saisie, profil, endroit):
            await attach_to(dossier, rattachement)
        await finish(dossier)
        if saisie.case("inviter"):
            await invite(uow, outils.settings, agent_id, auteur, maintenant, service_id=service_id)
        return agent_id

    return await outils.db.transaction(travail)


async def bring_compte(outils: Outils, auteur: Auteur, saisie: Saisie, maintenant: datetime, *, service_id: int) -> int:
    """Give an existing account, named by its exact identifiant, a profile on this service. Its id.

    Raises SaisieInvalide (unknown identifiant), AttributionRefusee, Conflit.
    """

    async def travail(uow: UnitOfWork) -> int | None:
        await lock_comptes(uow.conn)
        identifiant, profil = read_identifiant(saisie), read_profil(saisie)
        requete = select(Agent.id).where(Agent.identifiant == identifiant).with_for_update()
        agent_id = (await uow.conn.execute(requete)).scalar_one_or_none()
        if agent_id is None:
            return None
        dossier = await _build(uow, outils, auteur, agent_id, maintenant, service_id)
        endroit = await find_service(uow.conn, ident=service_id)
        if endroit is None or not administers(dossier.donneur, endroit.lieu):
            raise Introuvable
        await give(dossier, profil, endroit)
        if saisie.case("rattacher") and service_id not in await _attached(dossier):
            await attach_to(dossier, endroit)
        await finish(dossier)
        return agent_id

    agent_id = await outils.db.transaction(travail)
    if agent_id is None:
        await journal_refus(outils, auteur, maintenant, "compte.cherche", service_id=service_id)
        raise SaisieInvalide(champs={"identifiant": "Aucun compte n’a cet identifiant."})
    return agent_id


async def _attached(dossier: Dossier) -> set[int]:
    requete = select(Rattachement.service_id).where(Rattachement.agent_id == dossier.agent_id)
    return {int(ident) for ident in (await dossier.conn.execute(requete)).scalars()}


async def _build(
    uow: UnitOfWork, outils: Outils, auteur: Auteur, agent_id: int, maintenant: datetime, service_id: int | None
) -> Dossier:
    agent = (await uow.conn.execute(select(Agent.__table__).where(Agent.id == agent_id))).mappings().one()
    return await build_dossier(uow, outils, auteur, dict(agent), maintenant, service_id, confirme="")


async def _rattachements(dossier: Dossier, saisie: Saisie, profil: Profil, endroit: Endroit) -> Sequence[Endroit]:
    """The services to which the form attaches: the page's own, or in the nation that of the right and a SAGES typed."""
    trouves: dict[str, Endroit] = {}
    if saisie.case("rattacher"):
        if dossier.service_id is not None:
            ici = await find_service(dossier.conn, ident=dossier.service_id)
        else:  # ticked beforehand: it says nothing of a wider perimeter, nor of who has no agenda to hold
            ici = endroit if endroit.lieu.genre is Genre.SERVICE and profil in _TENANTS else None
        if ici is not None:
            trouves[ici.lieu.cle] = ici
    if dossier.service_id is None and saisie.brut("sages").strip():
        autre = await read_service(dossier.conn, saisie)
        trouves[autre.lieu.cle] = autre
    return list(trouves.values())
