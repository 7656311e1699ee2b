"""A throw-away site to load: servers, a migrated database, one service, web processes on their own ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.config import RACINE, Settings
from app.embedded.postgres import Postgres, start_postgres
from app.embedded.redis import RedisServer, start_redis
from app.embedded.smtp import Smtp, start_smtp
from app.migrations import migrate

SECRET = "secret-des-essais-de-charge-0123456789abcdef"


def free_port() -> int:
    """A TCP port free on 127.0.0.1 right now."""
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        return int(prise.getsockname()[1])


@dataclass
class Banc:
    """Servers and processes under load. Everything ends with the ``with`` that opened it."""

    dossier: Path
    postgres: Postgres
    redis: RedisServer
    smtp: Smtp
    dsn: str
    processus: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def settings(self) -> Settings:
        """Settings that a process of the site has, for who prepares its data."""
        return Settings(
            self.dsn,
            self.redis.url,
            self.smtp.url,
            f"http://127.0.0.1:{self.ports[0]}",
            SECRET,
            demo=True,
            simulation=False,
        )

    def environment(self, port: int) -> dict[str, str]:
        """What a process of the site needs."""
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("ACCUEIL_")},
            "DATABASE_URL": self.dsn,
            "REDIS_URL": self.redis.url,
            "SMTP_URL": self.smtp.url,
            "BASE_URL": f"http://127.0.0.1:{self.ports[0] if self.ports else port}",
            "PORT": str(port),
            "SECRET_KEY": SECRET,
            "ACCUEIL_DEMO": "1",
            "ACCUEIL_VAR": str(self.dossier),
            "SIMULATION": "0",
            "LOG_LEVEL": "WARNING",
        }

    def start(self, *commande: str, port: int | None = None) -> subprocess.Popen[bytes]:
        """Run ``accueil <commande>`` on its own port, or on that of a killed one: then without waiting for it."""
        relance, port = port is not None, port or free_port()
        with (self.dossier / "site.log").open("ab") as journal:
            processus = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *commande],
                env=self.environment(port),
                cwd=RACINE,
                stdout=journal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processus.append(processus)
        if commande[0] == "serve" and not relance:
            self.ports.append(port)
            self._wait(port)
        return processus

    def kill(self, processus: subprocess.Popen[bytes]) -> None:
        """kill -9, and forget it."""
        processus.kill()
        processus.wait()
        self.processus.remove(processus)

    def _wait(self, port: int) -> None:
        limite = time.monotonic() + 30
        while time.monotonic() < limite:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/sante", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the site does not start:\n{(self.dossier / 'site.log').read_text()[-3000:]}")

    def log(self) -> str:
        """What the processes of the site wrote."""
        return (self.dossier / "site.log").read_text(errors="replace")

    def stop(self) -> None:
        """End the processes, in reverse order."""
        for processus in reversed(self.processus):
            if processus.poll() is None:
                processus.terminate()
        for processus in self.processus:
            try:
                processus.wait(8)
            except subprocess.TimeoutExpired:
                processus.kill()
                processus.wait(5)


@contextmanager
def open_banc(*, web: int = 1, worker: bool = True, durable: bool = True) -> Iterator[Banc]:
    """Servers in a temporary folder (durable PostgreSQL: fsync on), then ``web`` processes."""
    dossier = Path(tempfile.mkdtemp(prefix="accueil-charge-"))
    dossier.chmod(0o711)
    postgres = start_postgres(dossier / "pg", durable=durable)
    redis = start_redis(dossier / "redis")
    smtp = start_smtp(dossier / "boite")
    banc = Banc(dossier, postgres, redis, smtp, postgres.create_database("charge"))
    try:
        migrate(banc.dsn)
        for _ in range(web):
            banc.start("serve")
        if worker:
            banc.start("worker")
        yield banc
    finally:
        banc.stop()
        smtp.stop()
        redis.stop()
        postgres.stop()
        shutil.rmtree(dossier, ignore_errors=True)
