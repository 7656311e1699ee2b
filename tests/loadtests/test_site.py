"""The load reads the real pages: when they change, this says so before a bench does."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sqlalchemy import text

from app.booking.outils import Outils
from app.config import RACINE
from app.db import Database, create_engine
from loadtests.bilan import find_lost
from loadtests.navigateur import Navigateur
from loadtests.personnes import Personne
from loadtests.reservations import book_by_form, time_api
from tests.fixtures.base import Site
from tests.fixtures.donnees import MondeService, build_equipe, build_service


async def _prepare(site: Site) -> tuple[Outils, MondeService]:
    db = Database(create_engine(site.settings, nom="tests"))
    async with db.engine.begin() as conn:
        service = await build_equipe(conn, await build_service(conn), "-0")
    return Outils(db, site.settings), service


async def test_both_ways_of_booking_end_in_rendez_vous(site: Site) -> None:
    outils, service = await _prepare(site)

    def book() -> None:
        with Navigateur(site.port) as navigateur:
            for rang in range(3):
                book_by_form(navigateur, service.id, Personne(rang), random.Random(rang))

    await asyncio.to_thread(book)
    assert len(await time_api(site.port, service, 2)) == 2
    async with outils.db.read() as conn:
        canaux = (
            await conn.execute(text("SELECT canal, count(*) FROM rendez_vous WHERE etat = 'prevu' GROUP BY canal"))
        ).all()
        noms = set((await conn.execute(text("SELECT nom_usage FROM rdv_usager"))).scalars())
        code = (await conn.execute(text("SELECT code FROM rendez_vous LIMIT 1"))).scalar_one()
    await outils.db.close()
    assert dict(map(tuple, canaux))["internet"] == 3
    assert {Personne(rang).nom for rang in range(3)} <= noms
    assert await find_lost(site.settings.database_url, [code, "ZZZZZZZ"]) == ["ZZZZZZZ"]


def _run_locust(hote: str) -> subprocess.CompletedProcess[bytes]:
    commande = ["locust", "-f", "loadtests/locustfile.py", "--headless", "-u", "2", "-r", "2", "-t", "2s"]
    return subprocess.run(
        [sys.executable, "-m", *commande, "--host", hote],
        cwd=RACINE,
        env={**os.environ, "DATABASE_URL": ""},
        capture_output=True,
        timeout=90,
        check=False,
    )


def test_locust_refuses_to_load_another_machine() -> None:
    fini = _run_locust("http://rdv.example.org")
    assert fini.returncode == 2
    assert b"this machine only" in fini.stderr


class _Panne(BaseHTTPRequestHandler):
    """A site where everything is an accident."""

    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_site_that_answers_5xx_fails_the_load() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Panne) as serveur:
        fil = threading.Thread(target=serveur.serve_forever)
        fil.start()
        fini = _run_locust(f"http://127.0.0.1:{serveur.server_port}")
        serveur.shutdown()
        fil.join()
    assert fini.returncode == 1
    assert b"failed requests" in fini.stderr
    assert b"nobody could book online" in fini.stderr
