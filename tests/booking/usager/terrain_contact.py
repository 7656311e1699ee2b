"""A country small enough to know by heart: communes, one of them shared, services of every way, an address base."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import text

from app.admin.annuaire.reference import install_reference
from app.booking.outils import Outils
from app.booking.textes import to_recherche
from app.db import Database, create_engine
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.fixtures.base import Site, run_site
from tests.fixtures.donnees import MondeService, build_service

#: (INSEE, name, postal codes, population).
COMMUNES = (
    ("58194", "Nevers", ("58000",), 32_000),
    ("58051", "Challuy", ("58000",), 1_500),
    ("58062", "Château-Chinon (Ville)", ("58120",), 1_900),
    ("58303", "Varennes-Vauzelles", ("58640",), 9_000),
    ("58999", "Œuilly-sur-Loire", ("58999",), 300),
    ("58998", "Nevertz", ("58998",), 10),
)
INTEGRATEUR = "https://www.nevers.example.fr"
#: A leaf of each way.
IMPOT = "p-dossier-calcul-revenu"
AMENDE = "p-dossier-paiement-amende"
ETRANGER = "p-etranger-revenus"
DGE = "e-dge-declarations"
SANS_SERVICE = "p-general-calendrier"


@dataclass
class Ban:
    """What the address base was asked, and how it answers: a street name, a status, or a delay in seconds."""

    port: int = 0
    voie: str = ""
    statut: int = 200
    corps: bytes | None = None
    attente: threading.Event | None = None
    questions: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def repair(self) -> None:
        """Answer again, and forget what was asked."""
        self.voie, self.statut, self.corps = "", 200, None
        if self.attente is not None:
            self.attente.set()
        self.attente = None
        self.questions.clear()


@contextmanager
def run_ban() -> Iterator[Ban]:
    """A server that speaks like the Base adresse nationale."""
    ban = Ban()

    class Reponse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            morceaux = urlsplit(self.path)
            question = parse_qs(morceaux.query)
            ban.questions.append(question)
            if ban.attente is not None:
                ban.attente.wait(10)
            proprietes = {"street": ban.voie, "score": 0.9, "citycode": question.get("citycode", [""])[0]}
            traits = [{"properties": proprietes}] if ban.voie else []
            corps = ban.corps if ban.corps is not None else json.dumps({"features": traits}).encode()
            try:
                self.send_response(ban.statut if morceaux.path == "/search/" else 404)
                self.send_header("Content-Length", str(len(corps)))
                self.end_headers()
                self.wfile.write(corps)
            except OSError:
                pass  # who asked did not wait

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    serveur = ThreadingHTTPServer(("127.0.0.1", 0), Reponse)
    serveur.daemon_threads = True
    ban.port = serveur.server_address[1]
    fil = threading.Thread(target=serveur.serve_forever, daemon=True)
    fil.start()
    try:
        yield ban
    finally:
        ban.repair()
        serveur.shutdown()
        serveur.server_close()


@dataclass
class Terrain:
    """The site, the tools of a process on its database, its services by name, its address base."""

    site: Site
    outils: Outils
    services: dict[str, MondeService]
    ban: Ban

    async def sql(self, requete: str, **valeurs: Any) -> list[Any]:
        """Run a statement behind the software's back; its rows."""
        async with self.outils.db.engine.begin() as conn:
            resultat = await conn.execute(text(requete), valeurs)
            return list(resultat.all()) if resultat.returns_rows else []

    @asynccontextmanager
    async def client(self, **entetes: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser without JavaScript."""
        async with httpx.AsyncClient(
            base_url=self.site.url, headers={"Origin": self.site.url, **entetes}, timeout=20, follow_redirects=False
        ) as client:
            yield client


@asynccontextmanager
async def run_terrain(
    postgres: Postgres, modele: str, redis: RedisServer, smtp: Smtp, var: Path, ban: Ban
) -> AsyncIterator[Terrain]:
    """Open it for the time of a block."""
    nom = f"contact_{var.name.replace('-', '_')}"
    url = postgres.create_database(nom, modele=modele)
    try:
        with run_site(url, redis.url, smtp.url, var, GEOCODEUR_URL=ban.url, INTEGRATEURS=INTEGRATEUR) as site:
            outils = Outils(Database(create_engine(site.settings, nom="tests")), site.settings)
            try:
                yield Terrain(site, outils, await build_pays(outils), ban)
            finally:
                await outils.db.close()
    finally:
        postgres.drop_database(nom)


async def build_pays(outils: Outils) -> dict[str, MondeService]:
    """Nevers is shared by two SIP; Varennes has one; nobody is said to answer for Challuy."""
    async with outils.db.engine.begin() as conn:
        await install_reference(conn)
        services = {
            nom: await build_service(conn, sages=sages, libelle=libelle, guichets=1)
            for nom, sages, libelle in (
                ("nord", "5800001", "SIP NEVERS NORD"),
                ("sud", "5800002", "SIP NEVERS SUD"),
                ("amendes", "5800003", "TRESORERIE AMENDES NEVERS"),
                ("dresg", "9300001", "RESIDENTS A L ETRANGER"),
                ("dge", "9300002", "GRANDES ENTREPRISES"),
                ("chinon", "5800004", "SIP DU MORVAN"),
            )
        }
        for nom, type_code in (("amendes", "TRESO_AMENDES"), ("dresg", "DRESG"), ("dge", "DGE")):
            await conn.execute(
                text("UPDATE service_fiscal SET type_code = :t WHERE id = :s"),
                {"t": type_code, "s": services[nom].id},
            )
        await conn.execute(text("UPDATE service_fiscal SET codique = '058019' WHERE sages = '5800003'"))
        await conn.execute(
            text("UPDATE service_fiscal SET ville = 'CHATEAU-CHINON', code_postal = '58120' WHERE sages = '5800004'")
        )
        for insee, nom, codes, population in COMMUNES:
            await conn.execute(
                text(
                    "INSERT INTO commune (code_insee, nom, nom_recherche, departement, codes_postaux, population)"
                    " VALUES (:insee, :nom, :cherche, '58', :codes, :population)"
                ),
                {
                    "insee": insee,
                    "nom": nom,
                    "cherche": to_recherche(nom).strip(),
                    "codes": list(codes),
                    "population": population,
                },
            )
        for insee, service, voies in (
            ("58194", "nord", "rue Camille Baynac ; quai de Loire"),
            ("58194", "sud", ""),
            ("58303", "nord", ""),
            ("58062", "chinon", ""),
        ):
            await conn.execute(
                text("INSERT INTO competence (code_insee, service_id, voies) VALUES (:i, :s, :v)"),
                {"i": insee, "s": services[service].id, "v": voies},
            )
    return services
