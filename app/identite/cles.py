"""API keys: made once, stored as their SHA-256, read at each request through a very short memory.

A key acts as its agent: same profile, same perimeter, same zone, same journal. The memory spares one query per request
under load; it lasts ``MEMOIRE_S`` seconds, so that a revoked key or a suspended agent is out well within the five
seconds of the promise.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, update

from app.db import Database, UnitOfWork
from app.errors import Introuvable
from app.identite.acteur import Acteur, read_by_cle, services_permis
from app.identite.sessions import empreinte
from app.journal import write_journal
from app.tables import Agent, CleApi

MEMOIRE_S: Final = 2.0
#: Keys remembered at once; beyond, the expired ones are swept, then the oldest.
_TAILLE: Final = 2048


@dataclass(frozen=True, slots=True)
class AccesCle:
    """Who calls, and the services whose agenda he holds (``acces``: zone de compétence × profile × perimeter)."""

    acteur: Acteur
    agenda: frozenset[int]

    def canal(self, service_id: int) -> str:
        """Whose rules apply to him there: ``rattache`` in his zone, else ``exterieur`` [A1, summary table]."""
        return "rattache" if service_id in self.agenda else "exterieur"


class MemoireCles:
    """The live keys of one process. Unknown keys are never remembered: guessing fills nothing."""

    def __init__(self, duree_s: float = MEMOIRE_S) -> None:
        self._duree_s = duree_s
        self._connues: dict[bytes, tuple[float, AccesCle]] = {}
        self._en_cours: dict[bytes, asyncio.Task[AccesCle | None]] = {}

    async def get(self, db: Database, cle: str, maintenant: datetime) -> AccesCle | None:
        """Who holds ``cle``, or None when it is unknown, expired, revoked, or its agent suspended.

        Many requests with one key make one read. Raises Indisponible.
        """
        marque = empreinte(cle)
        connue = self._connues.get(marque)
        if connue is not None and time.monotonic() < connue[0]:
            return connue[1]
        lecture = self._en_cours.get(marque)
        if lecture is None:
            lecture = asyncio.create_task(self._read(db, marque, maintenant))
            self._en_cours[marque] = lecture
            lecture.add_done_callback(lambda tache: self._forget(marque, tache))
        return await asyncio.shield(lecture)

    async def _read(self, db: Database, marque: bytes, maintenant: datetime) -> AccesCle | None:
        depart = time.monotonic()
        async with db.read() as conn:
            acteur = await read_by_cle(conn, marque, maintenant)
            if acteur is None:
                self._connues.pop(marque, None)
                return None
            agenda = await services_permis(conn, acteur.agent_id, "agenda") if acteur.zone else frozenset[int]()
        acces = AccesCle(acteur, agenda)
        self._sweep(depart)
        self._connues[marque] = (depart + self._duree_s, acces)
        return acces

    def _forget(self, marque: bytes, tache: asyncio.Task[AccesCle | None]) -> None:
        self._en_cours.pop(marque, None)
        if not tache.cancelled():
            tache.exception()  # whoever waited has received it; nobody may have been left waiting

    def _sweep(self, instant: float) -> None:
        if len(self._connues) >= _TAILLE:
            self._connues = {m: c for m, c in self._connues.items() if c[0] > instant}
        while len(self._connues) >= _TAILLE:
            self._connues.pop(next(iter(self._connues)))


@dataclass(frozen=True, slots=True)
class CleDecrite:
    """A key as operators list it: never the key itself."""

    id: int
    identifiant: str
    libelle: str
    cree_a: datetime
    expire_a: datetime | None
    revoquee_a: datetime | None


async def create_cle(
    db: Database, identifiant: str, libelle: str, a: datetime, *, expire_a: datetime | None = None
) -> tuple[int, str]:
    """A new key of the agent: its id, and the key, which exists nowhere else. Raises Introuvable."""
    cle = f"acc_{secrets.token_urlsafe(32)}"

    async def travail(uow: UnitOfWork) -> int:
        agent_id = (
            await uow.conn.execute(select(Agent.id).where(Agent.identifiant == identifiant.strip().lower()))
        ).scalar_one_or_none()
        if agent_id is None:
            raise Introuvable(f"Aucun agent n’a l’identifiant « {identifiant} ».")
        valeurs = {
            "empreinte": empreinte(cle),
            "agent_id": agent_id,
            "libelle": libelle,
            "cree_a": a,
            "expire_a": expire_a,
        }
        cle_id = (await uow.conn.execute(insert(CleApi).values(**valeurs).returning(CleApi.id))).scalar_one()
        await _write(uow, "cle.creee", agent_id, cle_id, a)
        return cle_id

    return await db.transaction(travail), cle


async def revoke_cle(db: Database, cle_id: int, a: datetime) -> bool:
    """Revoke a key; False when it already was. Raises Introuvable."""

    async def travail(uow: UnitOfWork) -> bool:
        ligne = (
            await uow.conn.execute(
                select(CleApi.agent_id, CleApi.revoquee_a).where(CleApi.id == cle_id).with_for_update()
            )
        ).one_or_none()
        if ligne is None:
            raise Introuvable(f"Aucune clé n’a le numéro {cle_id}.")
        if ligne.revoquee_a is not None:
            return False
        await uow.conn.execute(update(CleApi).where(CleApi.id == cle_id).values(revoquee_a=a))
        await _write(uow, "cle.revoquee", ligne.agent_id, cle_id, a)
        return True

    return await db.transaction(travail)


async def list_cles(db: Database, identifiant: str | None = None) -> list[CleDecrite]:
    """Every key, or those of one agent, oldest first."""
    requete = (
        select(CleApi.id, Agent.identifiant, CleApi.libelle, CleApi.cree_a, CleApi.expire_a, CleApi.revoquee_a)
        .join(Agent, Agent.id == CleApi.agent_id)
        .order_by(CleApi.id)
    )
    if identifiant is not None:
        requete = requete.where(Agent.identifiant == identifiant.strip().lower())
    async with db.read() as conn:
        return [CleDecrite(*ligne) for ligne in await conn.execute(requete)]


async def _write(uow: UnitOfWork, action: str, agent_id: int, cle_id: int, a: datetime) -> None:
    await write_journal(
        uow.conn, a=a, acteur="systeme", action=action, origine="systeme", agent_id=agent_id, apres={"cle": cle_id}
    )
