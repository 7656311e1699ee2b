"""A connection of the pool is looked at before it is lent, without asking the server when it has just answered.

SQLAlchemy's own ping costs three round trips each time (BEGIN, an empty statement, ROLLBACK): more than most of our
reads. asyncpg knows at once that a server closed a connection; what it cannot know, a network that swallows everything,
is asked after a rest.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

#: A connection that answered less than this ago is trusted, in seconds.
REPOS_S: Final = 5.0
#: A ping without an answer for that long has none to expect, in seconds.
PATIENCE_S: Final = 2.0
_RENDUE: Final = "rendue"


def watch_pool(engine: AsyncEngine, *, repos_s: float = REPOS_S) -> None:
    """Replace what has died in the pool before it is lent: at once when closed, by a ping after ``repos_s`` of rest."""
    pool = engine.sync_engine.pool

    @event.listens_for(pool, "checkin")
    def note(connexion: Any, fiche: Any) -> None:
        fiche.info[_RENDUE] = time.monotonic()

    @event.listens_for(pool, "checkout")
    def check(connexion: Any, fiche: Any, _mandataire: Any) -> None:
        if connexion.driver_connection.is_closed():
            raise DisconnectionError("closed by the server")
        rendue = fiche.info.get(_RENDUE)  # absent: it has just been opened
        if rendue is None or time.monotonic() - rendue < repos_s:
            return
        try:
            await_only(asyncio.wait_for(connexion.driver_connection.fetchval("SELECT 1"), PATIENCE_S))
        except Exception as erreur:  # whatever it is, another connection will do
            raise DisconnectionError("no answer") from erreur
