"""A database that holds the demo, seeded once and copied for each test that changes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from app import clock
from app.booking.outils import Outils
from app.config import Settings
from app.db import Database, create_engine
from app.demo.donnees import seed
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.fixtures.base import Site, make_settings, run_site

_numero = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def modele_demo(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The name of a seeded database."""
    url = postgres_server.create_database("modele_demo", modele=modele)
    await seed(make_settings(url, redis_server.url, smtp_server.url, tmp_path_factory.mktemp("demo")))
    return "modele_demo"


@pytest.fixture
def reglages(
    postgres_server: Postgres, modele_demo: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path
) -> Iterator[Settings]:
    """Settings of a process on a copy of the seeded database."""
    nom = f"demo_{next(_numero)}"
    url = postgres_server.create_database(nom, modele=modele_demo)
    yield make_settings(url, redis_server.url, smtp_server.url, tmp_path)
    postgres_server.drop_database(nom)


@pytest_asyncio.fixture
async def outils_demo(reglages: Settings) -> AsyncIterator[Outils]:
    """The tools of one process on it."""
    db = Database(create_engine(reglages, nom="tests"))
    yield Outils(db, reglages)
    await db.close()


@pytest.fixture(scope="module")
def site_demo(
    postgres_server: Postgres,
    modele_demo: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """The real site with its worker and mailbox, for the tests of a module."""
    nom = f"demo_{next(_numero)}"
    url = postgres_server.create_database(nom, modele=modele_demo)
    boite = smtp_server.dossier.as_uri()
    var = tmp_path_factory.mktemp("site")
    with run_site(url, redis_server.url, smtp_server.url, var, worker=True, ACCUEIL_BOITE_URL=boite) as ouvert:
        yield ouvert
    postgres_server.drop_database(nom)


@contextmanager
def clock_at(instant: datetime) -> Iterator[None]:
    """Move the clock of this process there, and back."""
    ecart = instant - clock.now()
    clock.shift(ecart)
    try:
        yield
    finally:
        clock.shift(-ecart)
