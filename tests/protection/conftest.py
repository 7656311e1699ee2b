"""A real site behind a trusted proxy: the address of a visitor is the one that the proxy gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count

import httpx
import pytest

from app.booking.outils import Outils
from app.db import Database, create_engine
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.booking.usager.conftest import Monde
from tests.booking.usager.navigateur import Navigateur
from tests.fixtures.base import Site, run_site
from tests.fixtures.donnees import build_service

_bases = count(1)
_adresses = count(1)


@pytest.fixture(scope="module")
def site_garde(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """The site, which believes the X-Forwarded-For of 127.0.0.1."""
    nom = f"protection_{next(_bases)}"
    url = postgres_server.create_database(nom, modele=modele)
    dossier = tmp_path_factory.mktemp("garde")
    with run_site(
        url, redis_server.url, smtp_server.url, dossier, worker=True, FORWARDED_ALLOW_IPS="127.0.0.1"
    ) as ouvert:
        yield ouvert
    postgres_server.drop_database(nom)


@pytest.fixture(scope="module")
async def garde(site_garde: Site, smtp_server: Smtp) -> AsyncIterator[Monde]:
    """Nevers, four guichets, seen from outside."""
    outils = Outils(Database(create_engine(site_garde.settings, nom="tests")), site_garde.settings)
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, guichets=4, types=["guichet", "telephone"])
    yield Monde(site_garde, outils, service, smtp_server.dossier)
    await outils.db.close()


@pytest.fixture(autouse=True)
async def rien_n_est_compte(request: pytest.FixtureRequest) -> None:
    """Each test begins with no count and no hold."""
    if "garde" in request.fixturenames:
        garde: Monde = request.getfixturevalue("garde")
        for ordre in ("DELETE FROM comptage", "DELETE FROM defi", "DELETE FROM rendez_vous WHERE etat = 'option'"):
            await garde.sql_write(ordre)
        await garde.sql_write("UPDATE agenda SET version_creneaux = version_creneaux + 1, version = version + 1")


Venue = Callable[..., Navigateur]


def new_adresse() -> str:
    """An address of the range kept for documentation that nobody has used yet."""
    rang = next(_adresses)
    return f"198.51.{100 + rang // 250}.{rang % 250 + 1}"


@pytest.fixture
async def vient(garde: Monde) -> AsyncIterator[Venue]:
    """``vient("198.51.100.7")`` is a new visitor at that address (a new one by default), in a browser of his own."""
    clients: list[httpx.AsyncClient] = []

    def venir(adresse: str | None = None, langue: str = "fr", service: int | None = None) -> Navigateur:
        entetes = {"Origin": garde.site.url, "X-Forwarded-For": adresse or new_adresse(), "Accept-Language": langue}
        client = httpx.AsyncClient(base_url=garde.site.url, headers=entetes, timeout=20)
        clients.append(client)
        return Navigateur(client, service or garde.service.id, {"motif": garde.service.motifs[0], "type": "guichet"})

    yield venir
    for client in clients:
        await client.aclose()
