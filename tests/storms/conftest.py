"""Servers to ill-treat, and a site on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from app.embedded.smtp import Smtp
from tests.storms.monde import Tempete, open_tempete


@pytest.fixture(scope="package")
async def tempete(
    smtp_server: Smtp, browser: Browser, tmp_path_factory: pytest.TempPathFactory, dossier_serveurs: Path
) -> AsyncIterator[Tempete]:
    """One site for the storms of this folder."""
    dossier = dossier_serveurs / "tempete"
    dossier.mkdir(mode=0o711)
    async with open_tempete(dossier, smtp_server, browser, tmp_path_factory.mktemp("tempete")) as tempete:
        yield tempete
