"""The database, one transaction at a time, with its announcements.

``Database.transaction(work)`` runs ``work`` in one transaction and, before the commit, writes what it announced:
the service's versions, the outbox rows and the day's counters (``app.outbox``). After the commit the same frames
are handed to the publisher (fast path); whatever is not published is found again by the worker.

Reads that need no transaction use ``Database.read()``: autocommit, one round trip per statement.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.config import Settings
from app.errors import Indisponible
from app.outbox import Annonces, Publication
from app.pool import watch_pool

log = structlog.get_logger("accueil.db")
T = TypeVar("T")

#: Deadlock and serialization failures: the transaction is rolled back whole and may be run once more.
_REJOUABLES = frozenset({"40P01", "40001"})
#: PostgreSQL is starting, stopping, has no connection left, or too busy to give a lock or an answer in time.
_ABSENCE = frozenset(
    {"57P01", "57P02", "57P03", "53300", "08000", "08001", "08003", "08004", "08006", "55P03", "57014", "25P03"}
)

Publisher = Callable[[list[Publication]], None]


def async_url(url: str) -> str:
    """The SQLAlchemy URL of a ``postgresql://`` one."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg")) if parts.scheme != "postgresql+asyncpg" else url


def create_engine(settings: Settings, *, nom: str) -> AsyncEngine:
    """The engine of one process, built in its entry point only. ``nom`` shows in pg_stat_activity."""
    engine = create_async_engine(
        async_url(settings.database_url),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_attente_s,
        pool_recycle=1800,
        hide_parameters=True,  # an error must not carry what people typed into a log
        connect_args={
            "timeout": 5,
            "command_timeout": 25,  # a server that answers nothing, not even its own statement_timeout
            "server_settings": {
                "application_name": f"accueil-{nom}",
                "jit": "off",
                "timezone": "UTC",
                "lock_timeout": "8s",
                "statement_timeout": "20s",
                "idle_in_transaction_session_timeout": "30s",
            },
        },
    )
    watch_pool(engine)
    return engine


def sqlstate(erreur: BaseException) -> str | None:
    """The SQLSTATE behind a SQLAlchemy error, or None."""
    origine = getattr(erreur, "orig", None)
    return getattr(origine, "sqlstate", None) or getattr(getattr(origine, "__cause__", None), "sqlstate", None)


def describe(erreur: BaseException) -> dict[str, str]:
    """What may be logged of an error: type, SQLSTATE, places in our code; never its message, which quotes data."""
    lieux = [
        f"{Path(cadre.filename).name}:{cadre.lineno}"
        for cadre in traceback.extract_tb(erreur.__traceback__)
        if f"{os.sep}app{os.sep}" in cadre.filename
    ]
    return {"erreur": type(erreur).__name__, "sqlstate": sqlstate(erreur) or "", "ou": " > ".join(lieux[-8:])}


def is_rejouable(erreur: BaseException) -> bool:
    """True when what failed was well written, and may be run once more as it is."""
    return sqlstate(erreur) in _REJOUABLES


def is_absence(erreur: BaseException) -> bool:
    """True when the error says that PostgreSQL is away, not that the statement is wrong."""
    if isinstance(erreur, PoolTimeout | OSError | asyncio.TimeoutError | InterfaceError):
        return True
    if isinstance(erreur, DBAPIError):
        return erreur.connection_invalidated or sqlstate(erreur) in _ABSENCE or isinstance(erreur, OperationalError)
    return False


class UnitOfWork:
    """One transaction under way: its connection and what it will announce."""

    __slots__ = ("annonces", "conn")

    def __init__(self, conn: AsyncConnection) -> None:
        self.conn = conn
        self.annonces = Annonces()


class Database:
    """Transactions and reads of one process."""

    def __init__(self, engine: AsyncEngine, publish: Publisher | None = None) -> None:
        self.engine = engine
        self._publish = publish
        self._lecture = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def transaction(self, travail: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run ``travail`` in one transaction; commit it with its announcements; publish them.

        A deadlock rolls everything back and runs ``travail`` once more. Raises Indisponible when PostgreSQL is away
        (nothing was acknowledged: the caller may try again with the same idempotency key), and whatever
        ``travail`` raises.
        """
        for tentative in (1, 2):
            try:
                async with self.engine.begin() as conn:
                    uow = UnitOfWork(conn)
                    resultat = await travail(uow)
                    publications = await uow.annonces.write(conn)
            except DBAPIError as erreur:
                if is_rejouable(erreur) and tentative == 1:
                    log.warning("transaction.rejouee", sqlstate=sqlstate(erreur))
                    continue
                if is_absence(erreur):
                    raise Indisponible from erreur
                raise
            except (PoolTimeout, OSError) as erreur:
                raise Indisponible from erreur
            if publications and self._publish is not None:
                self._publish(publications)
            return resultat
        raise AssertionError("unreachable: the second attempt returns or raises")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading, in autocommit. Raises Indisponible when PostgreSQL is away."""
        try:
            async with self._lecture.connect() as conn:
                yield conn
        except (DBAPIError, PoolTimeout, OSError) as erreur:
            if is_absence(erreur):
                raise Indisponible from erreur
            raise

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()
