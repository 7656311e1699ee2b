"""What became of a message that was tried, mail or short message, and the row that says so."""

from __future__ import annotations

import asyncio
import enum
import traceback
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.courrier import file_attente
from app.courrier.echecs import Echec, Genre, age_max, wait_before_retry
from app.courrier.file_attente import Pli
from app.db import Database
from app.errors import Indisponible

log = structlog.get_logger("accueil.courrier")


class Issue(enum.Enum):
    """What became of a message."""

    #: Accepted by the server, and written down.
    ENVOYE = "envoyé"
    #: It must not leave, or its address is refused: given up, the server is not at fault.
    ECARTE = "écarté"
    #: It failed and will be tried again (or is too old and was given up).
    ECHEC = "échec"
    #: The server is at fault: nothing was written, the caller puts the mail back.
    SERVEUR = "serveur"


def where(erreur: BaseException) -> str:
    """Where it broke (file:line), without the message: it may quote personal data."""
    cadres = traceback.extract_tb(erreur.__traceback__)
    return f"{cadres[-1].filename.rpartition('/')[2]}:{cadres[-1].lineno}" if cadres else "?"


async def write(db: Database, ordre: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    """Run one statement, which is its own transaction: autocommit spares two round trips for every mail."""
    async with db.read() as conn:
        await ordre(conn)


async def record_failure(db: Database, pli: Pli, echec: Echec, hasard: Random) -> Issue:
    """Give it up, or choose when to try again. Nothing is written when the server is at fault."""
    log.warning("courrier.echec", courrier=pli.id, evenement=pli.evenement, echec=str(echec), tentatives=pli.tentatives)
    if echec.genre is Genre.SERVEUR:
        return Issue.SERVEUR
    if echec.genre is Genre.ADRESSE:
        return await give_up(db, pli, str(echec), Issue.ECARTE)
    a = clock.now()
    # A reminder is written weeks before it is due: what ends its attempts is the hour of the RDV.
    if pli.evenement != "rappel" and a - pli.cree_a > age_max(echec.genre):
        return await give_up(db, pli, f"trop de tentatives : {echec}", Issue.ECHEC)
    suivante = a + wait_before_retry(echec.genre, pli.tentatives, hasard)
    await write(db, lambda conn: file_attente.postpone(conn, pli, suivante, str(echec)))
    return Issue.ECHEC


async def give_up(db: Database, pli: Pli, raison: str, issue: Issue) -> Issue:
    """It will not leave, for this reason."""
    a = clock.now()
    await write(db, lambda conn: file_attente.give_up(conn, pli, a, raison))
    return issue


async def mark_sent(db: Database, pli: Pli) -> None:
    """Insist while the lease lasts: each second without PostgreSQL is a duplicate avoided."""
    a, patience = clock.now(), 0.2
    while True:
        try:
            await write(db, lambda conn: file_attente.mark_sent(conn, pli, a))
        except Indisponible:
            if clock.now() + timedelta(seconds=patience) >= pli.bail:
                log.error("courrier.envoye_non_note", courrier=pli.id)
                raise
            await asyncio.sleep(patience)
            patience = min(patience * 2, 5.0)
        else:
            return
