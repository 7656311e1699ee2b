"""Servers to ill-treat, and a site on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser

from app.embedded.postgres import start_postgres
from app.embedded.redis import start_redis
from app.embedded.smtp import Smtp
from app.migrations import migrate
from tests.accueil.monde import run_journee
from tests.storms.monde import Tempete


@pytest.fixture(scope="package")
async def tempete(
    smtp_server: Smtp, browser: Browser, tmp_path_factory: pytest.TempPathFactory, dossier_serveurs: Path
) -> AsyncIterator[Tempete]:
    """The site where it is Monday 10:05, every screen open, on a PostgreSQL and a Redis of its own."""
    dossier = dossier_serveurs / "tempete"
    dossier.mkdir(mode=0o711)
    postgres = start_postgres(dossier / "pg", durable=False)
    redis = start_redis(dossier / "redis")
    try:
        migrate(postgres.create_database("modele"))
        async with (
            run_journee(postgres, "modele", redis, smtp_server, tmp_path_factory.mktemp("tempete")) as journee,
            AsyncExitStack() as pile,
        ):
            service = await journee.service(guichets=3, plages=((480, 720), (840, 960)), jours_semaine=range(1, 6))
            tempete = Tempete(journee, service, postgres, redis, smtp_server)
            for _ in range(3):
                await tempete.book_today()
            await tempete.open_all(browser, pile)
            yield tempete
    finally:
        redis.stop()
        postgres.destroy()
