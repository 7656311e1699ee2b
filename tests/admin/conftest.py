"""Who opens browsers for the tests of « Organiser » by keyboard."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page
from sqlalchemy import text

from app.admin.annuaire.reference import install_reference
from tests.accueil.monde import Journee
from tests.e2e.outillage import Temoin
from tests.fixtures.donnees import build_agent


@pytest.fixture
async def national(journee: Journee) -> int:
    """A national administrator, in a country whose reference data are installed."""
    async with journee.outils.db.engine.begin() as conn:
        await install_reference(conn)
        n = (await conn.execute(text("SELECT count(*) FROM agent"))).scalar_one()
        return await build_agent(conn, f"admin-{n}", profil="admin_national", perimetre="nation")


@pytest.fixture
async def temoin() -> AsyncIterator[Temoin]:
    """Whatever the pages report; a form refused on purpose (409, 422) is no error."""
    vu = Temoin()
    yield vu
    assert [e for e in vu.erreurs if not re.search(r"status of (409|422)", e)] == []


Ouvrir = Callable[..., Awaitable[Page]]


@pytest.fixture
async def ouvrir(journee: Journee, browser: Browser, temoin: Temoin) -> AsyncIterator[Ouvrir]:
    """A page of a browser of its own: an agent's, or nobody's."""
    contextes: list[BrowserContext] = []

    async def nouvelle(agent_id: int | None = None, **options: Any) -> Page:
        reglages: dict[str, Any] = {"reduced_motion": "reduce", **options}
        if agent_id is None:
            reglages = {"locale": "fr-FR", "viewport": {"width": 1440, "height": 900}, **reglages}
            contexte = await browser.new_context(**reglages)
        else:
            contexte = await journee.context(browser, agent_id, **reglages)
        contextes.append(contexte)
        page = await contexte.new_page()
        temoin.watch(page)
        return page

    yield nouvelle
    for contexte in contextes:
        await contexte.close()
