"""Sessions of usagers who came through FranceConnect: the register's row, a cookie of 256 random bits, thirty minutes.

The row of the register is found by the provider's subject alone. The identity is written again at each sign-in, the
ways to reach the person are his own and stay. As for agents, the table holds the SHA-256 of the cookie, a sign-in
always makes a new row and ends the browser's previous one (no fixation), and signing out is true at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import Database, UnitOfWork
from app.identite.franceconnect import IdentitePivot
from app.identite.sessions import empreinte
from app.journal import write_journal
from app.tables import SessionUsager, Usager

#: A browser of a library or of a family: short when idle, and never a whole day.
INACTIVITE: Final = timedelta(minutes=30)
DUREE: Final = timedelta(hours=8)
#: A session in use is prolonged at most so often.
_PROLONGATION: Final = timedelta(minutes=1)
#: Rows of sessions long over are forgotten.
_OUBLI: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class UsagerConnecte:
    """Who is signed in: what FranceConnect says of him, and how he likes to be reached."""

    usager_id: int
    session_id: int
    civilite: str | None
    nom_usage: str
    nom_naissance: str
    prenoms: str
    date_naissance: date | None
    telephones: tuple[str, ...]
    courriel: str | None

    @property
    def nom_complet(self) -> str:
        """« Angela DUBOIS »: the first of the given names is enough for a header."""
        return f"{self.prenoms.split(' ')[0]} {self.nom_usage.upper()}".strip()


async def open_session_usager(
    db: Database, identite: IdentitePivot, *, ancien_jeton: str | None, adresse: str | None, a: datetime
) -> str:
    """The token of a new session of that person, known from now on; the browser's previous one ends. Journaled."""
    jeton = secrets.token_urlsafe(32)

    async def travail(uow: UnitOfWork) -> None:
        conn = uow.conn
        usager_id = await _register(conn, identite, a)
        await conn.execute(delete(SessionUsager).where(SessionUsager.expire_a < a - _OUBLI))
        finies = SessionUsager.jeton_oidc.is_not(None), SessionUsager.expire_a < a
        await conn.execute(update(SessionUsager).where(*finies).values(jeton_oidc=None))
        if ancien_jeton:
            await conn.execute(
                update(SessionUsager)
                .where(SessionUsager.empreinte == empreinte(ancien_jeton), SessionUsager.revoquee_a.is_(None))
                .values(revoquee_a=a, jeton_oidc=None)
            )
        await conn.execute(
            insert(SessionUsager).values(
                empreinte=empreinte(jeton),
                usager_id=usager_id,
                cree_a=a,
                vue_a=a,
                expire_a=a + INACTIVITE,
                jeton_oidc=identite.id_token,
            )
        )
        await _journal(conn, "usager.connexion", usager_id, adresse, a)

    await db.transaction(travail)
    return jeton


async def _register(conn: AsyncConnection, identite: IdentitePivot, a: datetime) -> int:
    """The id of his row, created or brought up to date: names change with a marriage, the subject does not."""
    dits: dict[str, Any] = {
        "civilite": identite.civilite,
        "nom_usage": identite.nom_usage,
        "nom_naissance": identite.nom_naissance,
        "prenoms": identite.prenoms,
        "date_naissance": identite.date_naissance,
        "modifie_a": a,
    }
    ordre = insert(Usager).values(nature="particulier", sujet_oidc=identite.sujet, courriel=identite.courriel, **dits)
    connu = ordre.on_conflict_do_update(
        index_elements=["sujet_oidc"],
        set_={**dits, "courriel": func.coalesce(Usager.courriel, ordre.excluded.courriel)},
    )
    return int((await conn.execute(connu.returning(Usager.id))).scalar_one())


_COLONNES: Final = (
    Usager.id.label("usager_id"),
    SessionUsager.id.label("session_id"),
    Usager.civilite,
    Usager.nom_usage,
    Usager.nom_naissance,
    Usager.prenoms,
    Usager.date_naissance,
    Usager.telephones,
    Usager.courriel,
)


async def read_usager_connecte(db: Database, jeton: str, a: datetime) -> UsagerConnecte | None:
    """Who holds that token, or None. A session in use is prolonged, up to ``DUREE`` after it was opened."""
    requete = (
        select(*_COLONNES, SessionUsager.vue_a, SessionUsager.cree_a)
        .join(SessionUsager, SessionUsager.usager_id == Usager.id)
        .where(
            SessionUsager.empreinte == empreinte(jeton),
            SessionUsager.revoquee_a.is_(None),
            SessionUsager.expire_a > a,
        )
    )
    async with db.read() as conn:
        ligne = (await conn.execute(requete)).one_or_none()
        if ligne is None:
            return None
        if ligne.vue_a < a - _PROLONGATION:
            vivante = SessionUsager.id == ligne.session_id, SessionUsager.revoquee_a.is_(None)
            fin = min(a + INACTIVITE, ligne.cree_a + DUREE)
            await conn.execute(update(SessionUsager).where(*vivante).values(vue_a=a, expire_a=fin))
    return UsagerConnecte(
        ligne.usager_id,
        ligne.session_id,
        ligne.civilite,
        ligne.nom_usage,
        ligne.nom_naissance,
        ligne.prenoms,
        ligne.date_naissance,
        tuple(ligne.telephones),
        ligne.courriel,
    )


async def close_session_usager(db: Database, usager: UsagerConnecte, *, adresse: str | None, a: datetime) -> str:
    """End the session at once; the id_token that the provider's own sign-out asks for, erased here, or ""."""

    async def travail(uow: UnitOfWork) -> str:
        sienne = SessionUsager.id == usager.session_id
        requete = select(SessionUsager.jeton_oidc).where(sienne).with_for_update()
        garde = (await uow.conn.execute(requete)).scalar_one_or_none()
        await uow.conn.execute(update(SessionUsager).where(sienne).values(revoquee_a=a, jeton_oidc=None))
        await _journal(uow.conn, "usager.deconnexion", usager.usager_id, adresse, a)
        return garde or ""

    return await db.transaction(travail)


async def record_refus_usager(db: Database, raison: str, *, adresse: str | None, a: datetime) -> None:
    """Journal an answer of the provider that was not believed, in a sign-in that had truly begun here."""

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=a,
            acteur="inconnu",
            action="connexion.franceconnect_refusee",
            adresse=adresse,
            apres={"raison": raison},
        )

    await db.transaction(travail)


async def _journal(conn: AsyncConnection, action: str, usager_id: int, adresse: str | None, a: datetime) -> None:
    await write_journal(conn, a=a, acteur="usager", action=action, objet="usager", objet_id=usager_id, adresse=adresse)
