"""One-time links by which an agent chooses a password: sent by an administrator, never known to him.

The row keeps 128 random bits and the SHA-256 of the token; the token is derived from the bits with the server's key: a
copy of the database opens nothing. A link lives 72 hours, serves once, and dies when another one is sent.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.outils import Auteur
from app.config import Settings
from app.courrier.invitation import MessageInvitation, write_invitation_mail
from app.db import Database, UnitOfWork
from app.errors import Introuvable, SaisieInvalide
from app.identite.mots_de_passe import judge_mot_de_passe
from app.identite.sessions import empreinte, hash_mot_de_passe, open_session
from app.journal import write_journal
from app.tables import Agent, Invitation, Rattachement, ServiceFiscal, SessionAgent

DUREE: Final = timedelta(hours=72)
_PHRASE: Final = "Ce lien ne peut plus servir : il a déjà été utilisé, remplacé, ou ses 72 heures sont passées."
_REMEDE: Final = "Demandez un nouveau lien à votre responsable ; le dernier reçu est le seul qui fonctionne."


@dataclass(frozen=True, slots=True)
class Invite:
    """Whom a live link is for."""

    agent_id: int
    identifiant: str
    nom: str
    prenom: str
    courriel: str
    expire_a: datetime


def _jeton(settings: Settings, sel: bytes) -> str:
    """The token of a link: 32 URL-safe characters (192 bits)."""
    brut = hmac.new(settings.derive_key("lien-invitation"), sel, hashlib.sha256).digest()[:24]
    return base64.urlsafe_b64encode(brut).decode()


async def invite(
    uow: UnitOfWork, settings: Settings, agent_id: int, auteur: Auteur, maintenant: datetime, *, service_id: int | None
) -> datetime:
    """Send a new link in the caller's transaction and end the previous ones. Returns when it expires.

    Whoever may invite is the caller's business. Raises Introuvable when there is no such active account.
    """
    fuseau = (
        select(func.min(ServiceFiscal.fuseau))
        .join(Rattachement, Rattachement.service_id == ServiceFiscal.id)
        .where(Rattachement.agent_id == agent_id)
        .scalar_subquery()
    )
    requete = select(
        Agent.identifiant, Agent.nom, Agent.prenom, Agent.courriel, Agent.mot_de_passe, fuseau.label("fuseau")
    ).where(Agent.id == agent_id, Agent.suspendu_a.is_(None))
    agent = (await uow.conn.execute(requete)).one_or_none()
    if agent is None:
        raise Introuvable("Ce compte est suspendu ou n’existe pas.", remede="Réactivez-le avant d’envoyer un lien.")
    await end_invitations(uow.conn, agent_id, maintenant)
    sel, expire_a = secrets.token_bytes(16), maintenant + DUREE
    jeton = _jeton(settings, sel)
    valeurs = {"empreinte": empreinte(jeton), "agent_id": agent_id, "sel": sel, "cree_par": auteur.agent_id}
    await uow.conn.execute(insert(Invitation).values(**valeurs, cree_a=maintenant, expire_a=expire_a))
    message = MessageInvitation(
        agent_id=agent_id,
        prenom=agent.prenom,
        nom=agent.nom,
        identifiant=agent.identifiant,
        invitant=await _nom(uow.conn, auteur.agent_id),
        expire_a=expire_a,
        fuseau=agent.fuseau or "Europe/Paris",
        premiere=agent.mot_de_passe is None,
        lien_gestion=f"{settings.base_url}/invitation/{jeton}",
    )
    await write_invitation_mail(uow.conn, message, agent.courriel, maintenant, domaine=settings.domaine_messages)
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action="agent.invite",
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=service_id,
        objet="agent",
        objet_id=agent_id,
        adresse=auteur.adresse,
        apres={"nom": f"{agent.prenom} {agent.nom}".strip(), "lien_valable_jusqu_a": expire_a.isoformat()},
    )
    return expire_a


async def end_invitations(conn: AsyncConnection, agent_id: int, a: datetime) -> None:
    """The links that were still alive no longer are."""
    await conn.execute(
        update(Invitation)
        .where(Invitation.agent_id == agent_id, Invitation.utilisee_a.is_(None), Invitation.expire_a > a)
        .values(expire_a=a)
    )


async def read_invitation(db: Database, jeton: str, a: datetime) -> Invite:
    """Whom the link is for. Raises Introuvable: unknown, used, replaced and expired say the same."""
    requete = (
        select(Agent.id, Agent.identifiant, Agent.nom, Agent.prenom, Agent.courriel, Invitation.expire_a)
        .join(Invitation, Invitation.agent_id == Agent.id)
        .where(
            Invitation.empreinte == empreinte(jeton),
            Invitation.utilisee_a.is_(None),
            Invitation.expire_a > a,
            Agent.suspendu_a.is_(None),
        )
    )
    async with db.read() as conn:
        ligne = (await conn.execute(requete)).one_or_none()
    if ligne is None:
        raise Introuvable(_PHRASE, remede=_REMEDE)
    return Invite(*ligne)


async def accept(
    db: Database,
    jeton: str,
    mot_de_passe: str,
    repetition: str,
    *,
    ancien_jeton: str | None,
    adresse: str | None,
    a: datetime,
) -> str:
    """Spend the link, set the password, end every session of the account and open a new one: its token.

    Raises Introuvable (dead link) and SaisieInvalide (weak or different passwords: the link is not spent).
    """
    invite = await read_invitation(db, jeton, a)
    siens = (invite.identifiant, invite.nom, invite.prenom, invite.courriel)
    champs: dict[str, str] = {}
    refus = await asyncio.to_thread(judge_mot_de_passe, mot_de_passe, siens)
    if refus:
        champs["mot_de_passe"] = refus
    elif mot_de_passe != repetition:
        champs["repetition"] = "Les deux mots de passe diffèrent : retapez le second."
    if champs:
        raise SaisieInvalide("Ce mot de passe ne peut pas être enregistré.", remede="Corrigez-le.", champs=champs)
    hache = await asyncio.to_thread(hash_mot_de_passe, mot_de_passe)

    async def travail(uow: UnitOfWork) -> int | None:
        agent_id = (
            await uow.conn.execute(
                update(Invitation)
                .where(
                    Invitation.empreinte == empreinte(jeton), Invitation.utilisee_a.is_(None), Invitation.expire_a > a
                )
                .values(utilisee_a=a)
                .returning(Invitation.agent_id)
            )
        ).scalar_one_or_none()
        if agent_id is None:
            return None
        change = await uow.conn.execute(
            update(Agent)
            .where(Agent.id == agent_id, Agent.suspendu_a.is_(None))
            .values(mot_de_passe=hache)
            .returning(Agent.id)
        )
        if change.scalar_one_or_none() is None:
            return None
        await close_sessions(uow.conn, agent_id, a)
        await write_journal(
            uow.conn,
            a=a,
            acteur="agent",
            action="agent.mot_de_passe_choisi",
            agent_id=agent_id,
            objet="agent",
            objet_id=agent_id,
            adresse=adresse,
        )
        return agent_id

    agent_id = await db.transaction(travail)
    if agent_id is None:  # spent or suspended between the two: nothing of it stays usable
        raise Introuvable(_PHRASE, remede=_REMEDE)
    return await open_session(db, agent_id, ancien_jeton=ancien_jeton, adresse=adresse, a=a)


async def close_sessions(conn: AsyncConnection, agent_id: int, a: datetime) -> int:
    """Revoke every live session of an account; how many. HTTP refuses them at once, their sockets within 5 s [P13]."""
    resultat = await conn.execute(
        update(SessionAgent)
        .where(SessionAgent.agent_id == agent_id, SessionAgent.revoquee_a.is_(None))
        .values(revoquee_a=a, jeton_oidc=None)
    )
    return resultat.rowcount


async def _nom(conn: AsyncConnection, agent_id: int | None) -> str:
    ligne = (await conn.execute(select(Agent.prenom, Agent.nom).where(Agent.id == agent_id))).one_or_none()
    return "" if ligne is None else f"{ligne.prenom} {ligne.nom.upper()}".strip()
