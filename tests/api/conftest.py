"""The live API on a fresh database: one site a module, its clock set to Monday 14 September 2026, 09:30 in Nevers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import insert, text

from app.db import Database, create_engine
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.tables import Commune, Competence, Motif, MotifService
from tests.fixtures.base import Site, make_settings, run_site
from tests.fixtures.donnees import MondeService, build_equipe, build_service

HORLOGE: Final = "2026-09-14T09:30:00+02:00"
AUJOURDHUI: Final = "2026-09-14"
#: J+3 of that Monday: the first day of agents extérieurs.
JEUDI: Final = "2026-09-17"
_bases = count(1)


@dataclass
class Api:
    """A live API: « Nevers » and its people, « Metz » (outside everybody's zone), SQL on the same database."""

    site: Site
    db: Database
    nevers: MondeService
    metz: MondeService
    _rang: Any = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def client(self, identifiant: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """A client holding the key of that agent, or none."""
        entetes = {"Authorization": f"Bearer cle-{identifiant}"} if identifiant else {}
        async with httpx.AsyncClient(base_url=f"{self.site.url}/api/v1", headers=entetes, timeout=20) as client:
            yield client

    async def call(self, identifiant: str | None, methode: str, chemin: str, **plus: Any) -> httpx.Response:
        """One call; a problem is checked to be one wherever the status is not 2xx."""
        async with self.client(identifiant) as client:
            reponse = await client.request(methode, chemin, **plus)
        if not reponse.is_success:
            check_problem(reponse)
        return reponse

    async def book(self, identifiant: str, cle: str | None = None, **plus: Any) -> httpx.Response:
        """POST rendez-vous with a fresh key unless one is given."""
        entetes = {"Idempotency-Key": cle or f"essai-{next(self._rang)}"}
        return await self.call(identifiant, "POST", "/rendez-vous", json=self.body(**plus), headers=entetes)

    def body(self, **plus: Any) -> dict[str, Any]:
        """A good booking in Nevers on Thursday at 08:00, changed by ``plus`` (None removes a field)."""
        corps = {
            "service": self.nevers.id,
            "motif": self.nevers.motifs[0],
            "type": "guichet",
            "debut": f"{JEUDI}T08:00:00+02:00",
            "precision": "Case 7DB de ma déclaration",
            "usager": particulier(),
            **plus,
        }
        return {nom: valeur for nom, valeur in corps.items() if valeur is not None}

    async def scalar(self, sql: str, **valeurs: Any) -> Any:
        """One value by SQL."""
        async with self.db.read() as conn:
            return (await conn.execute(text(sql), valeurs)).scalar()

    async def execute(self, sql: str, **valeurs: Any) -> None:
        """One statement by SQL."""
        async with self.db.read() as conn:
            await conn.execute(text(sql), valeurs)


def particulier(**plus: Any) -> dict[str, Any]:
    """A person; None removes a field."""
    usager = {
        "nature": "particulier",
        "civilite": "monsieur",
        "nom_usage": "Valenton",
        "prenoms": "Philippe",
        "telephones": ["06 12 34 56 78"],
        "courriel": "philippe.valenton@usagers.test",
        **plus,
    }
    return {nom: valeur for nom, valeur in usager.items() if valeur is not None}


def check_problem(reponse: httpx.Response) -> dict[str, Any]:
    """The RFC 9457 body of a refusal: its fields, its sentence in French, its remedy."""
    assert reponse.headers["content-type"] == "application/problem+json", (reponse.status_code, reponse.text)
    corps: dict[str, Any] = reponse.json()
    assert corps["status"] == reponse.status_code
    assert corps["type"].startswith("/problemes/")
    assert corps["title"]
    assert corps["detail"]
    assert corps["remede"], "a program is told what to do too"
    assert not any(mot in corps["remede"] for mot in ("page", "ci-dessous", "Rouvrez", "Connectez")), corps["remede"]
    assert reponse.status_code < 500, corps
    return corps


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Api]:
    """A live API, for the tests of one module."""
    nom = f"api_{next(_bases)}"
    url = postgres_server.create_database(nom, modele=modele)
    var = tmp_path_factory.mktemp("api")
    db = Database(create_engine(make_settings(url, redis_server.url, smtp_server.url, var), nom="tests"))
    nevers, metz = await _build(db)
    with run_site(url, redis_server.url, smtp_server.url, var, ACCUEIL_HORLOGE=HORLOGE) as site:
        yield Api(site, db, nevers, metz)
    await db.close()
    postgres_server.drop_database(nom)


async def _build(db: Database) -> tuple[MondeService, MondeService]:
    async with db.engine.begin() as conn:
        nevers = await build_service(conn)
        metz = await build_service(
            conn, sages="5700123", libelle="SERVICE IMPOTS PARTICULIERS METZ", departement="57", guichets=1
        )
        await build_equipe(conn, nevers)
        await conn.execute(
            insert(Commune).values(
                code_insee="58194", nom="Nevers", nom_recherche="NEVERS", departement="58", codes_postaux=["58000"]
            )
        )
        await conn.execute(insert(Competence).values(code_insee="58194", service_id=nevers.id))
        parent = (
            await conn.execute(
                insert(Motif)
                .values(code="PARENT", type_service_code="SIP", libelle="Votre impôt sur le revenu", nature="mixte")
                .returning(Motif.id)
            )
        ).scalar_one()
        await conn.execute(text("UPDATE motif SET parent_id = :p WHERE id = :m"), {"p": parent, "m": nevers.motifs[0]})
        await conn.execute(insert(MotifService).values(service_id=metz.id, motif_id=nevers.motifs[0], ouvert=True))
    return nevers, metz
