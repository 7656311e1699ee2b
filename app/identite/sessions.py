"""Sessions of agents and their passwords: argon2, a new identifier at each login, a table of our own.

The cookie carries 256 random bits; the table holds their SHA-256. Signing in always creates a row and revokes
the one the browser had, so that an identifier planted beforehand opens nothing (no fixation).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import insert, select, update

from app.db import Database, UnitOfWork
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


def verify_mot_de_passe(hache: str | None, mot_de_passe: str) -> bool:
    """True when it is the right one. As long as ``hash_mot_de_passe``, an account without any included."""
    try:
        return _hacheur.verify(hache or _leurre(), mot_de_passe)
    except (VerificationError, InvalidHashError):
        return False


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
