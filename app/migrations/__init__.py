"""Alembic migrations: from empty, re-runnable, one at a time on a database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config


def alembic_config(database_url: str) -> Config:
    """The Alembic configuration for one database, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


def migrate(database_url: str) -> None:
    """Bring the database to the last revision. Safe to run again, and from several processes at once."""
    with ThreadPoolExecutor(1) as fil:  # its own event loop: callable from a running one too
        fil.submit(command.upgrade, alembic_config(database_url), "head").result()
