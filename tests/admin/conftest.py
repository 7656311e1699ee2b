"""One Monday morning per module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.accueil.monde import Journee, run_journee


@pytest.fixture(scope="module")
async def journee(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Journee]:
    """A real site where it is Monday 23 November 2026, 10:05 in Nevers."""
    var = tmp_path_factory.mktemp("journee")
    async with run_journee(postgres_server, modele, redis_server, smtp_server, var) as ouverte:
        yield ouverte
