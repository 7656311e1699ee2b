"""Sign-in by password: tries counted before they are verified, a few verified at a time, all failures journaled."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.config import Settings
from app.db import Database, UnitOfWork
from app.errors import Indisponible, NonAuthentifie
from app.identite.appareils import find_appareil
from app.identite.echecs import record_inconnu
from app.identite.empreintes import print_critere
from app.identite.essais import Arret, Essai, forget_essai, return_essai, take_essai
from app.identite.sessions import open_session, verify_mot_de_passe
from app.journal import write_journal
from app.tables import Agent

#: Passwords verified at the same time: each takes 64 MB and a core, of which pages and sockets need the rest.
_DE_FRONT: Final = max(1, (os.cpu_count() or 2) // 2)
#: Beyond that many waiting, the answer is « later »: nobody waits for a minute behind somebody else's flood.
_ATTENTE_MAX: Final = 40


class _Verifieurs:
    """The threads of one process that verify passwords, and how many wait for them."""

    def __init__(self) -> None:
        self._fils = ThreadPoolExecutor(_DE_FRONT, thread_name_prefix="mot-de-passe")
        self._en_cours = 0

    async def verify(self, hache: str | None, mot_de_passe: str) -> bool:
        """Whether it is the right one. Raises Indisponible when too many are waiting."""
        if self._en_cours >= _ATTENTE_MAX:
            raise Indisponible("Trop de connexions arrivent en même temps.", remede="Réessayez dans quelques secondes.")
        self._en_cours += 1
        try:
            boucle = asyncio.get_running_loop()
            return await boucle.run_in_executor(self._fils, verify_mot_de_passe, hache, mot_de_passe)
        finally:
            self._en_cours -= 1


_verifieurs = _Verifieurs()


async def sign_in(
    db: Database,
    settings: Settings,
    identifiant: str,
    mot_de_passe: str,
    *,
    ancien_jeton: str | None,
    adresse: str | None,
    a: datetime,
    appareils: str = "",
) -> str:
    """The token of a new session. A failure leaves a line in the journal, even when the account does not exist.

    ``appareils``: the browser's cookie (``app.identite.appareils``). Raises NonAuthentifie (one sentence for every
    reason), TropDeDemandes after too many wrong passwords, Indisponible when too many are being verified.
    """
    identifiant = clean_identifiant(identifiant)
    essai = Essai(identifiant, adresse, find_appareil(settings, appareils, identifiant), a)
    async with db.read() as conn:
        ligne = (
            await conn.execute(
                select(Agent.id, Agent.mot_de_passe, Agent.suspendu_a).where(Agent.identifiant == identifiant)
            )
        ).one_or_none()
    agent_id = ligne.id if ligne else None

    async def take(uow: UnitOfWork) -> Arret | None:
        arret = await take_essai(uow.conn, settings, essai)
        if arret is not None and arret.premier:
            await _journal_arret(uow, settings, essai, arret, agent_id)
        return arret

    arret = await db.transaction(take)
    if arret is not None:
        raise arret.build_refus()
    try:
        bon = await _verifieurs.verify(ligne.mot_de_passe if ligne else None, mot_de_passe)
    except Indisponible:

        async def give_back(uow: UnitOfWork) -> None:
            await return_essai(uow.conn, settings, essai)

        await db.transaction(give_back)
        raise
    if ligne is None or not bon or ligne.mot_de_passe is None or ligne.suspendu_a is not None:
        await _record_echec(db, settings, essai, agent_id)
        raise NonAuthentifie(
            "Identifiant ou mot de passe incorrect.", remede="Vérifiez votre saisie, majuscules comprises."
        )
    jeton = await open_session(db, ligne.id, ancien_jeton=ancien_jeton, adresse=adresse, a=a)

    async def forget(uow: UnitOfWork) -> None:
        await forget_essai(uow.conn, settings, essai)

    await db.transaction(forget)
    return jeton


def clean_identifiant(saisi: str) -> str:
    """As accounts are written; "" for what names nobody (a control character, a lone surrogate)."""
    identifiant = saisi.strip().lower()
    return identifiant if identifiant.isprintable() else ""


async def _journal_arret(uow: UnitOfWork, settings: Settings, essai: Essai, arret: Arret, agent_id: int | None) -> None:
    """Once for each bound passed: guessing that was stopped is known, and does not fill the journal."""
    faits: dict[str, Any] = {"regle": arret.regle}
    if agent_id is None:
        faits["compte"] = print_critere(settings, "compte", essai.compte)
    await write_journal(
        uow.conn,
        a=essai.a,
        acteur="inconnu",
        action="connexion.bloquee",
        agent_id=agent_id,
        adresse=essai.adresse,
        apres=faits,
    )


async def _record_echec(db: Database, settings: Settings, essai: Essai, agent_id: int | None) -> None:
    if agent_id is None:
        await record_inconnu(db, settings, essai.compte, essai.adresse, essai.a)
        return

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=essai.a,
            acteur="inconnu",
            action="connexion.echec",
            agent_id=agent_id,
            adresse=essai.adresse,
        )

    await db.transaction(travail)
