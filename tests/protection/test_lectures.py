"""No GET nor HEAD changes anything, whoever sends it: mail scanners, crawlers and prefetchers follow every link [P14].

Every GET route of the application is asked, with ids that exist, by nobody and by agents of three profiles; the whole
database is compared before and after. A read of personal data leaves its line in the journal, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from app import clock
from app.db import Database, create_engine
from app.demo.donnees import seed
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.identite.sessions import open_session
from app.main import create_web
from tests.fixtures.base import Site, make_settings, run_site

#: What a read may write: its line in the journal; how fresh a session is; a wrong secret, counted.
PERMIS = {"journal", "session", "tentative"}
#: Addresses that leave or answer a machine for ever.
_HORS = re.compile(r"^/(static|demo)")
_TABLES = {
    "service": "service_fiscal",
    "rdv": "rendez_vous",
    "guichet": "guichet",
    "motif": "motif",
    "agent": "agent",
    "planning": "planning",
    "journee": "journee_type",
    "exception": "exception_planning",
    "delegation": "delegation",
    "site": "site",
}


@pytest.fixture(scope="module")
def site_seme(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """The demo's world, without a worker: nothing changes by itself."""
    url = postgres_server.create_database("lectures", modele=modele)
    dossier = tmp_path_factory.mktemp("lectures")
    asyncio.run(seed(make_settings(url, redis_server.url, smtp_server.url, dossier)))
    with run_site(url, redis_server.url, smtp_server.url, dossier) as ouvert:
        yield ouvert
    postgres_server.drop_database("lectures")


async def snapshot(db: Database) -> dict[str, str]:
    """A print of every row of every table."""
    async with db.read() as conn:
        noms = await conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"))
        prints = {}
        for nom in noms.scalars().all():
            lignes = "coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')"
            requete = text(f'SELECT count(*) || md5({lignes}) FROM "{nom}" t')
            prints[nom] = str((await conn.execute(requete)).scalar_one())
    return prints


async def fill(db: Database, modele: str) -> str:
    """The address of a route, with ids that exist."""
    adresse = modele
    async with db.read() as conn:
        for parametre in re.findall(r"\{([^}]*)\}", modele):
            nom = parametre.partition(":")[0]
            table = next((t for cle, t in _TABLES.items() if nom.startswith(cle)), None)
            valeur: object = "1"
            if table is not None:
                valeur = (await conn.execute(text(f"SELECT min(id) FROM {table}"))).scalar_one() or 1
            adresse = adresse.replace(f"{{{parametre}}}", str(valeur))
    return adresse


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_no_get_changes_anything_whoever_sends_it(site_seme: Site) -> None:
    settings = site_seme.settings
    application = cast(Litestar, cast(Any, create_web(settings)).app)
    lus = (r.path for r in application.routes if "GET" in getattr(r, "methods", ()))
    modeles = sorted(chemin for chemin in lus if not _HORS.match(chemin))
    db = Database(create_engine(settings, nom="tests"))
    try:
        adresses = [await fill(db, modele) for modele in modeles]
        assert len(adresses) > 60
        sessions = {"": ""}
        async with db.read() as conn:
            comptes = (await conn.execute(text("SELECT identifiant, id FROM agent"))).all()
        for identifiant, agent in comptes:
            if identifiant in ("chef", "agent", "admin-national"):
                sessions[identifiant] = await open_session(db, agent, ancien_jeton=None, adresse=None, a=clock.now())
        assert len(sessions) == 4
        vues: dict[str, int] = {}
        for qui, jeton in sessions.items():
            cookies = {"accueil_session": jeton} if jeton else {}
            async with httpx.AsyncClient(base_url=site_seme.url, cookies=cookies, timeout=30) as client:
                avant = await snapshot(db)
                for adresse in adresses:
                    for methode in ("GET", "HEAD"):
                        reponse = await client.request(methode, adresse)
                        assert reponse.status_code < 500, (qui, adresse)
                        vues[qui] = vues.get(qui, 0) + (reponse.status_code == 200)
                apres = await snapshot(db)
            changees = {nom for nom in apres if apres[nom] != avant[nom]} - PERMIS
            assert not changees, f"{qui or 'nobody'} changed {changees} by reading"
        assert vues["chef"] > vues[""] > 10
    finally:
        await db.close()


async def test_the_comparison_can_fail(site_seme: Site) -> None:
    """Negative control: one row changed is seen."""
    db = Database(create_engine(site_seme.settings, nom="tests"))
    try:
        avant = await snapshot(db)
        async with db.engine.begin() as conn:
            await conn.execute(text("UPDATE service_fiscal SET libelle = libelle || '.' WHERE id > 0"))
        apres = await snapshot(db)
        assert {nom for nom in apres if apres[nom] != avant[nom]} >= {"service_fiscal"}
    finally:
        await db.close()
