"""The demo: everything under one parent, from an empty machine to a page that answers.

What the environment already names (``DATABASE_URL``, ``REDIS_URL``, ``SMTP_URL``) is used as it is; what it
does not name is embedded. Data live in one folder and survive a restart.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app.config import RACINE
from app.embedded.postgres import start_postgres
from app.embedded.processes import Enfant, Interrompu, Superviseur
from app.embedded.redis import start_redis
from app.embedded.smtp import start_smtp
from app.embedded.spawn import DemarrageImpossible

PORT_PAR_DEFAUT = 8000
_READY_SECONDS = 120.0
_HOPELESS = 3


def default_var(port: int, env: Mapping[str, str] | None = None) -> Path:
    """Where the demo of a port keeps its data: each port its own folder, so that demos run side by side."""
    voulu = (os.environ if env is None else env).get("ACCUEIL_VAR")
    if voulu:
        return Path(voulu).absolute()
    return RACINE / "var" if port == PORT_PAR_DEFAUT else RACINE / "var" / f"demo-{port}"


def run_demo(port: int = PORT_PAR_DEFAUT, simulation: bool = True, var: Path | None = None) -> int:
    """Run the demo until Ctrl-C or SIGTERM. Returns the exit code: 0 when asked to stop, 1 when it cannot run."""
    var = (var or default_var(port)).absolute()
    superviseur = Superviseur({**os.environ, "PYTHONUNBUFFERED": "1"}, RACINE)
    with superviseur.signals():
        try:
            _check_port(port)
            var.mkdir(mode=0o755, parents=True, exist_ok=True)
            superviseur.env.update(_environment(port, simulation, var, superviseur.env))
            _start_servers(superviseur, var)
            _prepare(superviseur)
            web = Enfant("web", _command("serve"))
            superviseur.start(web)
            superviseur.start(Enfant("worker", _command("worker")))
            _wait_until_ready(superviseur, web, port)
            if simulation:
                superviseur.start(Enfant("simulation", _command("simulate")))
            superviseur.say(f"ready: {superviseur.env['BASE_URL']}   (Ctrl-C stops everything)")
            superviseur.run()
        except Interrompu:
            pass
        except DemarrageImpossible as error:
            superviseur.say(f"cannot start: {error}")
            return 1
    return 0


def _command(*mots: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *mots]


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as prise:
        prise.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            prise.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemarrageImpossible(
                f"port {port} cannot be used ({error.strerror}); choose another: make demo PORT={port + 1}"
            ) from None


def _environment(port: int, simulation: bool, var: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What the demo adds to the environment; what is already there and not empty wins."""
    defauts = {
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SECRET_KEY": _secret(var) if not env.get("SECRET_KEY") else "",
        "SMS_URL": f"fichier:{var / 'sms.jsonl'}",
        "SMS_EXPEDITEUR": "IMPOTS",
    }
    choisis = {nom: valeur for nom, valeur in defauts.items() if not env.get(nom)}
    return {
        **choisis,
        "ACCUEIL_DEMO": "1",
        "ACCUEIL_VAR": str(var),
        "PORT": str(port),
        "SIMULATION": "1" if simulation else "0",
    }


def _secret(var: Path) -> str:
    """The secret of this demo, drawn once and kept: sessions survive a restart, and no two demos share it."""
    fichier = var / "secret"
    if not fichier.exists():
        descripteur = os.open(fichier, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descripteur, "w") as sortie:
            sortie.write(secrets.token_urlsafe(48))
    return fichier.read_text().strip()


def _start_servers(superviseur: Superviseur, var: Path) -> None:
    env = superviseur.env
    if env.get("DATABASE_URL"):
        superviseur.say("using the database of DATABASE_URL", "postgres")
    else:
        postgres = start_postgres(var / "postgres")
        superviseur.add_server("postgres", postgres)
        env["DATABASE_URL"] = postgres.url
        superviseur.say(f"PostgreSQL, data and journal in {var / 'postgres'}", "postgres")
    if env.get("REDIS_URL"):
        superviseur.say("using the server of REDIS_URL", "redis")
    else:
        redis = start_redis(var / "redis")
        superviseur.add_server("redis", redis)
        env["REDIS_URL"] = redis.url
        superviseur.say("Redis, in memory only", "redis")
    if env.get("SMTP_URL"):
        superviseur.say("using the relay of SMTP_URL", "smtp")
    else:
        smtp = start_smtp(var / "boite")
        superviseur.add_server("smtp", smtp)
        env["SMTP_URL"] = smtp.url
        if not env.get("ACCUEIL_BOITE_URL"):
            env["ACCUEIL_BOITE_URL"] = smtp.dossier.as_uri()
        superviseur.say(f"SMTP on {smtp.url}, delivering to {smtp.dossier} only", "smtp")


def _prepare(superviseur: Superviseur) -> None:
    for nom in ("migrate", "seed-demo"):
        if (code := superviseur.run_once(nom, _command(nom))) != 0:
            raise DemarrageImpossible(f"accueil {nom} ended with code {code}: its lines above say why")


def _wait_until_ready(superviseur: Superviseur, web: Enfant, port: int) -> None:
    limite = time.monotonic() + _READY_SECONDS
    while not _answers(port):
        superviseur.tick()
        if web.morts >= _HOPELESS:
            raise DemarrageImpossible("the web process does not start: its lines above say why")
        if time.monotonic() > limite:
            raise DemarrageImpossible(f"/sante did not answer within {_READY_SECONDS:.0f} s")


def _answers(port: int) -> bool:
    """True when /sante says 200 on this port, whatever name BASE_URL gives it outside."""
    liaison = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        liaison.request("GET", "/sante")
        return liaison.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        liaison.close()
