"""A real site with one service open to the internet, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.booking.outils import Outils
from app.db import Database, create_engine
from app.embedded.smtp import Smtp
from tests.booking.usager.navigateur import Navigateur
from tests.fixtures.base import Site
from tests.fixtures.donnees import MondeService, build_service


@dataclass
class Monde:
    """The site, the tools of a process on its database, its service."""

    site: Site
    outils: Outils
    service: MondeService
    site_boite: Path

    async def sql(self, requete: str, **valeurs: Any) -> list[Any]:
        """Rows, straight from PostgreSQL."""
        async with self.outils.db.read() as conn:
            resultat = await conn.execute(text(requete), valeurs)
            return list(resultat.all()) if resultat.returns_rows else []

    async def sql_write(self, requete: str, **valeurs: Any) -> None:
        """Change a fact behind the software's back: the passing of time."""
        async with self.outils.db.engine.begin() as conn:
            await conn.execute(text(requete), valeurs)

    async def count_rdv(self) -> int:
        """Rendez-vous of the service, holds left out."""
        return int((await self.sql("SELECT count(*) FROM rendez_vous WHERE etat <> 'option'"))[0][0])


@pytest.fixture(scope="module")
async def monde(site_du_module: Site, smtp_server: Smtp) -> AsyncIterator[Monde]:
    """Nevers, four guichets, two types."""
    outils = Outils(Database(create_engine(site_du_module.settings, nom="tests")), site_du_module.settings)
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, guichets=4, types=["guichet", "telephone"])
    yield Monde(site_du_module, outils, service, smtp_server.dossier)
    await outils.db.close()


@pytest.fixture(autouse=True)
async def rien_n_est_tenu(request: pytest.FixtureRequest) -> None:
    """Holds that an earlier test left behind are nobody's any more."""
    if "monde" in request.fixturenames:
        monde: Monde = request.getfixturevalue("monde")
        await monde.sql_write("DELETE FROM rendez_vous WHERE etat = 'option'")
        await monde.sql_write("UPDATE agenda SET version_creneaux = version_creneaux + 1, version = version + 1")


Arrivee = Callable[..., Navigateur]


@pytest.fixture
async def arrive(monde: Monde) -> AsyncIterator[Arrivee]:
    """``arrive()`` is a new visitor of the service, in a browser of his own."""
    clients: list[httpx.AsyncClient] = []

    def venir(service: int | None = None, motif: int | None = None, type_rdv: str = "guichet") -> Navigateur:
        client = httpx.AsyncClient(base_url=monde.site.url, headers={"Origin": monde.site.url}, timeout=20)
        clients.append(client)
        return Navigateur(
            client, service or monde.service.id, {"motif": motif or monde.service.motifs[0], "type": type_rdv}
        )

    yield venir
    for client in clients:
        await client.aclose()
