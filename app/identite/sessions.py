"""Sign-in and sessions of agents: argon2, a new identifier at each login, a table of our own.

The cookie carries 256 random bits; the table holds their SHA-256. Signing in always creates a row and revokes
the one the browser had, so that an identifier planted beforehand opens nothing (no fixation).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import insert, select, update

from app.config import Settings
from app.db import Database, UnitOfWork
from app.errors import NonAuthentifie, TropDeDemandes
from app.identite.echecs import record_inconnu
from app.identite.essais import forget_essais, take_essai
from app.journal import write_journal
from app.tables import Agent, SessionAgent

DUREE: Final = timedelta(hours=12)
INACTIVITE: Final = timedelta(hours=4)

_hacheur = PasswordHasher()


@cache
def _leurre() -> str:
    """Verified when the account does not exist, so that its absence takes as long as a wrong password."""
    return _hacheur.hash(secrets.token_hex(16))


def empreinte(jeton: str) -> bytes:
    """SHA-256 of a token or key, as stored."""
    return hashlib.sha256(jeton.encode("utf-8", "surrogatepass")).digest()


def hash_mot_de_passe(mot_de_passe: str) -> str:
    """argon2id hash. About 50 ms of CPU: call it in a thread from a request."""
    return _hacheur.hash(mot_de_passe)


def _verify(hache: str | None, mot_de_passe: str) -> bool:
    try:
        return _hacheur.verify(hache or _leurre(), mot_de_passe)
    except (VerificationError, InvalidHashError):
        return False


async def sign_in(
    db: Database,
    settings: Settings,
    identifiant: str,
    mot_de_passe: str,
    *,
    ancien_jeton: str | None,
    adresse: str | None,
    a: datetime,
) -> str:
    """The token of a new session. A failure leaves a line in the journal, even when the account does not exist.

    Raises NonAuthentifie (one sentence for every reason) and TropDeDemandes after too many wrong passwords.
    """
    identifiant = identifiant.strip().lower()
    if not identifiant.isprintable():  # a control character or a lone surrogate names nobody
        identifiant = ""
    async with db.read() as conn:
        ligne = (
            await conn.execute(
                select(Agent.id, Agent.mot_de_passe, Agent.suspendu_a).where(Agent.identifiant == identifiant)
            )
        ).one_or_none()
    agent_id = ligne.id if ligne else None

    async def take(uow: UnitOfWork) -> TropDeDemandes | None:
        try:
            await take_essai(uow.conn, settings, identifiant, agent_id, adresse, a)
        except TropDeDemandes as refus:  # returned, not raised: what was counted is kept
            return refus
        return None

    refus = await db.transaction(take)
    if refus is not None:
        raise refus
    bon = await asyncio.to_thread(_verify, ligne.mot_de_passe if ligne else None, mot_de_passe)
    if ligne is None or not bon or ligne.mot_de_passe is None or ligne.suspendu_a is not None:
        await _record_echec(db, settings, identifiant, agent_id, adresse, a)
        raise NonAuthentifie(
            "Identifiant ou mot de passe incorrect.", remede="Vérifiez votre saisie, majuscules comprises."
        )
    jeton = await open_session(db, ligne.id, ancien_jeton=ancien_jeton, adresse=adresse, a=a)

    async def forget(uow: UnitOfWork) -> None:
        await forget_essais(uow.conn, settings, identifiant, adresse, a)

    await db.transaction(forget)
    return jeton


async def _record_echec(
    db: Database, settings: Settings, identifiant: str, agent_id: int | None, adresse: str | None, a: datetime
) -> None:
    if agent_id is None:
        await record_inconnu(db, settings, identifiant, adresse, a)
        return

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn, a=a, acteur="inconnu", action="connexion.echec", agent_id=agent_id, adresse=adresse
        )

    await db.transaction(travail)


async def open_session(
    db: Database, agent_id: int, *, ancien_jeton: str | None, adresse: str | None, a: datetime
) -> str:
    """Create a session for an agent already authenticated, revoke the browser's previous one, journal it."""
    jeton = secrets.token_urlsafe(32)

    async def travail(uow: UnitOfWork) -> None:
        if ancien_jeton:
            await uow.conn.execute(
                update(SessionAgent)
                .where(SessionAgent.empreinte == empreinte(ancien_jeton), SessionAgent.revoquee_a.is_(None))
                .values(revoquee_a=a)
            )
        await uow.conn.execute(
            insert(SessionAgent).values(
                empreinte=empreinte(jeton), agent_id=agent_id, cree_a=a, vue_a=a, expire_a=a + INACTIVITE
            )
        )
        await uow.conn.execute(
            update(Agent).where(Agent.id == agent_id).values(connexion_precedente_a=Agent.connexion_a, connexion_a=a)
        )
        await write_journal(uow.conn, a=a, acteur="agent", action="connexion", agent_id=agent_id, adresse=adresse)

    await db.transaction(travail)
    return jeton


async def touch(db: Database, session_id: int, a: datetime) -> None:
    """Prolong a session that is in use, up to ``DUREE`` after it was opened. At most one write a minute (caller)."""

    async def travail(uow: UnitOfWork) -> None:
        ouverture = (
            await uow.conn.execute(select(SessionAgent.cree_a).where(SessionAgent.id == session_id))
        ).scalar_one_or_none()
        if ouverture is not None:
            await uow.conn.execute(
                update(SessionAgent)
                .where(SessionAgent.id == session_id)
                .values(vue_a=a, expire_a=min(a + INACTIVITE, ouverture + DUREE))
            )

    await db.transaction(travail)


async def sign_out(db: Database, session_id: int, agent_id: int, *, adresse: str | None, a: datetime) -> None:
    """Revoke the session: HTTP refuses it at once, its sockets are closed within five seconds."""

    async def travail(uow: UnitOfWork) -> None:
        await uow.conn.execute(
            update(SessionAgent)
            .where(SessionAgent.id == session_id, SessionAgent.revoquee_a.is_(None))
            .values(revoquee_a=a)
        )
        await write_journal(uow.conn, a=a, acteur="agent", action="deconnexion", agent_id=agent_id, adresse=adresse)

    await db.transaction(travail)
