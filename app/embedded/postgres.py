"""An embedded PostgreSQL: the real server, its data in one folder, reached by a private Unix socket.

``dossier/base`` is the data folder (a link where it must live elsewhere, see ``pg_identity``),
``dossier/socket`` the socket, ``dossier/postgres.log`` the journal. Nobody but the user who started it (and
root) can reach the socket, which is why no password is asked; no TCP port is opened, so that any number of
servers run side by side.

Stopping is by SIGINT (« fast »): SIGTERM would wait for clients to leave.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from app.embedded.pg_binaries import find_programmes
from app.embedded.pg_identity import WAYS_OF_ROOT, Place, choose_place
from app.embedded.pg_recovery import clear_leftovers, is_ready, read_pid_file
from app.embedded.spawn import (
    DemarrageImpossible,
    Verrou,
    launcher_command,
    private_folder,
    remove_short_folder,
    socket_folder,
    spawn,
    stop,
)

ROLE = "accueil"
_SOCKET = ".s.PGSQL.5432"
_STOP_STEPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))
_READY_SECONDS = 60.0

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
    "log_line_prefix": "%m [%p] %a ",
    "logging_collector": "off",
}
#: The details of an error quote the row: personal data have no place in a journal [P16].
_DURABLE = {"log_error_verbosity": "terse"}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "10s"}


@dataclass
class Postgres:
    """A running server. ``url`` is the database ``accueil``; ``journal`` the file where the server writes."""

    url: str
    pid: int
    journal: Path
    _place: Place = field(repr=False)
    _base: Path = field(repr=False)
    _socket: Path = field(repr=False)
    _durable: bool = field(repr=False)
    _verrou: Verrou = field(repr=False)
    _process: subprocess.Popen[bytes] = field(repr=False)

    def alive(self) -> bool:
        """True while the server process exists."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop in order (clients are disconnected, nothing is lost) and give the folder back."""
        stop(self._process, *_STOP_STEPS)
        remove_short_folder(self._socket)
        self._verrou.release()

    def destroy(self) -> None:
        """Stop and erase the data: the end of a throw-away server."""
        stop(self._process, (signal.SIGQUIT, 5.0))
        shutil.rmtree(self._base, ignore_errors=True)
        shutil.rmtree(self._socket, ignore_errors=True)
        self._verrou.release()

    def kill(self) -> None:
        """kill -9 of the postmaster, as a power cut would do; ``restart`` then recovers from the WAL."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Stop if it runs, then start again at the same ``url``. Returns when it accepts connections.

        Also brings back a server after ``stop`` or ``kill``.
        """
        self._verrou.acquire()
        stop(self._process, *_STOP_STEPS)
        self._process = _launch(self._place, self._base, self._socket, self.journal, durable=self._durable)
        self.pid = self._process.pid

    def create_database(self, nom: str, modele: str | None = None) -> str:
        """Create a database and return its URL. ``modele``: one to copy, to which nobody may be connected.

        Raises asyncpg.DuplicateDatabaseError when it exists.
        """
        source = f" TEMPLATE {_quoted(modele)} STRATEGY file_copy" if modele else ""
        self._administer(f"CREATE DATABASE {_quoted(nom)}{source}")
        return self.database_url(nom)

    def drop_database(self, nom: str) -> None:
        """Drop a database if it exists, disconnecting whoever uses it."""
        self._administer(f"DROP DATABASE IF EXISTS {_quoted(nom)} WITH (FORCE)")

    def database_url(self, nom: str) -> str:
        """The URL of a database of this server, for asyncpg as for SQLAlchemy (which changes the scheme)."""
        return f"postgresql://{ROLE}@/{quote(nom, safe='')}?host={quote(str(self._socket), safe='/')}"

    def _administer(self, ordre: str) -> None:
        _run_alone(_execute(self.database_url("postgres"), ordre))


def start_postgres(donnees: Path, *, durable: bool = True, ways: Sequence[str] = WAYS_OF_ROOT) -> Postgres:
    """Start the server of the folder ``donnees``, created at need; returns once it accepts connections.

    ``durable=False`` gives up what a crash of the machine would need: for throw-away servers only. ``ways`` is
    the order in which root looks for somebody else to be.

    Raises DemarrageImpossible when the folder is in use by a living parent, when the programs are missing,
    when the data were written by another major version, or when the server says no (the end of its journal
    is then in the message).
    """
    donnees = donnees.absolute()
    donnees.mkdir(mode=0o755, parents=True, exist_ok=True)
    verrou = Verrou(donnees, "PostgreSQL")
    try:
        place = choose_place(find_programmes(), donnees, ways)
        journal = donnees / "postgres.log"
        base = _data_folder(place, donnees)
        socket = socket_folder(place.dossier / "socket", _SOCKET)
        _initialise(place, base, journal, durable=durable)
        clear_leftovers(base)
        process = _launch(place, base, socket, journal, durable=durable)
        server = Postgres("", process.pid, journal, place, base, socket, durable, verrou, process)
        server.url = server.database_url(ROLE)
        try:
            server.create_database(ROLE)
        except asyncpg.DuplicateDatabaseError:
            pass
        except BaseException:
            stop(process, *_STOP_STEPS)
            raise
    except BaseException:
        verrou.release()
        raise
    return server


def _data_folder(place: Place, donnees: Path) -> Path:
    """Where the data are, or will be: ``donnees/base``, or what it links to. Earlier data follow."""
    lien = donnees / "base"
    if place.dossier != donnees and not lien.is_symlink():
        ailleurs = place.dossier / "base"
        if ailleurs.exists():  # the link was removed to start afresh: keep the former data once, aside
            ancienne = ailleurs.with_name("base.ancienne")
            shutil.rmtree(ancienne, ignore_errors=True)
            clear_leftovers(ailleurs)
            ailleurs.rename(ancienne)
        if lien.is_dir():
            clear_leftovers(lien)
            shutil.move(lien, ailleurs)
        lien.symlink_to(ailleurs)
    return lien.resolve()


def _initialise(place: Place, base: Path, journal: Path, *, durable: bool) -> None:
    """Create the data if there are none, in one rename: an interrupted start leaves nothing half made."""
    version = base / "PG_VERSION"
    if version.is_file():
        ecrites = version.read_text().strip()
        if ecrites != str(place.programmes.major):
            raise DemarrageImpossible(
                f"{base} was written by PostgreSQL {ecrites} and this one is {place.programmes.major}: dump and "
                "restore it, or remove the folder to start afresh"
            )
        if os.geteuid() == 0 and base.stat().st_uid != place.uid:
            clear_leftovers(base)
            for chemin in (base, *base.rglob("*")):
                os.chown(chemin, place.uid, place.gid, follow_symlinks=False)
        return
    partiel = base.with_name("base.nouvelle")
    shutil.rmtree(partiel, ignore_errors=True)
    private_folder(partiel, uid=place.uid, gid=place.gid)
    command: list[str | Path] = [place.programmes.initdb, "-D", partiel, "-U", ROLE, "--auth=trust", "--encoding=UTF8"]
    # The built-in C.UTF-8 (17 and later) sorts the same on every system and needs none of its locales.
    if place.programmes.major >= 17:
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        command += ["--locale=C"]
    command += ["--no-instructions", "--data-checksums", *([] if durable else ["--no-sync"])]
    with journal.open("ab") as sortie:
        journal.chmod(0o600)
        words = launcher_command(command, identity=place.identity, cwd=place.dossier)
        code = subprocess.run(words, stdout=sortie, stderr=sortie, env=_environment(), check=False).returncode
    if code != 0:
        raise DemarrageImpossible(f"initdb failed:\n{_tail(journal)}")
    partiel.rename(base)


def _environment() -> dict[str, str]:
    """The caller's environment less what would steer the server, in a locale that always exists."""
    garde = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG", "TZ"))}
    return {**garde, "LC_ALL": "C"}


def _launch(place: Place, base: Path, socket: Path, journal: Path, *, durable: bool) -> subprocess.Popen[bytes]:
    """Start the server and wait until it is ready. Raises DemarrageImpossible with the end of the journal."""
    private_folder(socket, uid=place.uid, gid=place.gid)
    reglages = {**_SETTINGS, **(_DURABLE if durable else _THROW_AWAY), "unix_socket_directories": str(socket)}
    command: list[str | Path] = [place.programmes.postgres, "-D", base]
    for nom, valeur in reglages.items():
        command += ["-c", f"{nom}={valeur}"]
    limite = time.monotonic() + _READY_SECONDS
    while True:
        with journal.open("ab") as sortie:
            journal.chmod(0o600)
            debut = sortie.tell()
            process = spawn(
                command,
                identity=place.identity,
                death_signal=signal.SIGINT,
                env=_environment(),
                cwd=place.dossier,
                output=sortie,
            )
        while process.poll() is None and time.monotonic() < limite:
            if is_ready(base, process.pid):
                return process
            time.sleep(0.02)
        stop(process, *_STOP_STEPS)
        fin = journal.read_bytes()[debut:].decode(errors="replace")
        # After a kill -9 of the postmaster its children need a moment to notice and leave.
        if "shared memory block" in fin and time.monotonic() < limite:
            if read_pid_file(base):
                clear_leftovers(base)
            time.sleep(0.1)
            continue
        raise DemarrageImpossible(f"PostgreSQL did not start:\n{_tail(journal)}")


def _tail(journal: Path) -> str:
    return "\n".join(journal.read_text(errors="replace").splitlines()[-12:])


def _quoted(nom: str) -> str:
    return '"' + nom.replace('"', '""') + '"'


async def _execute(url: str, ordre: str) -> None:
    connexion = await asyncpg.connect(url)
    try:
        await connexion.execute(ordre)
    finally:
        await connexion.close()


def _run_alone(travail: Coroutine[Any, Any, None]) -> None:
    """Run to completion in a thread of its own: the caller may already be inside an event loop."""
    echec: list[BaseException] = []

    def corps() -> None:
        try:
            asyncio.run(travail)
        except BaseException as error:  # raised again in the caller's thread
            echec.append(error)

    fil = threading.Thread(target=corps)
    fil.start()
    fil.join()
    if echec:
        raise echec[0]
