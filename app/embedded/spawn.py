"""Start, watch and end one operating-system process, leaving none behind.

Children start in their own session, so that a Ctrl-C in the terminal reaches the parent only and the parent
stops them in order. On Linux each also receives a signal when the parent dies, even by ``kill -9``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

#: Where sockets go when their own folder has too long a name.
SHORT = Path("/tmp")
LAUNCHER = Path(__file__).with_name("launcher.py")


class DemarrageImpossible(Exception):
    """An embedded server or child cannot start; the message says why and what to do about it."""


# Linux sends the parent-death signal when the *thread* that forked ends, not the process. Every fork is
# therefore done by one thread that lives as long as the process does.
_requests: queue.SimpleQueue[tuple[Callable[[], object], queue.SimpleQueue[object]]] = queue.SimpleQueue()
_starter: threading.Thread | None = None
_starter_lock = threading.Lock()


def _serve_requests() -> None:
    while True:
        work, answer = _requests.get()
        try:
            answer.put(work())
        except BaseException as error:  # handed to the caller, who raises it
            answer.put(error)


def _in_starter(work: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    global _starter
    with _starter_lock:
        if _starter is None or not _starter.is_alive():  # not alive: we are the child of a fork
            _starter = threading.Thread(target=_serve_requests, name="embedded-starter", daemon=True)
            _starter.start()
    answer: queue.SimpleQueue[object] = queue.SimpleQueue()
    _requests.put((work, answer))
    result = answer.get()
    if isinstance(result, BaseException):
        raise result
    assert isinstance(result, subprocess.Popen)
    return result


def launcher_command(
    command: Sequence[str | Path], *, identity: str = "self", death_signal: int | None = None, cwd: Path | None = None
) -> list[str]:
    """``command`` preceded by the launcher. ``death_signal`` is what the child gets when this process dies."""
    words = [sys.executable, "-I", "-S", str(LAUNCHER), "--as", identity]
    if death_signal is not None:
        words += ["--signal", str(int(death_signal)), "--parent", str(os.getpid())]
    if cwd is not None:
        words += ["--cwd", str(cwd)]
    return [*words, "--", *map(str, command)]


def spawn(
    command: Sequence[str | Path],
    *,
    identity: str = "self",
    death_signal: int = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` (its first word an absolute path); its output and errors both go to ``output``.

    The pid returned is that of the program itself: the launcher execs it.
    """
    words = launcher_command(command, identity=identity, death_signal=death_signal, cwd=cwd)
    return _in_starter(
        lambda: subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            env=dict(env) if env is not None else None,
            start_new_session=True,
        )
    )


def stop(process: subprocess.Popen[bytes], *steps: tuple[int, float]) -> int:
    """Send each signal in turn, waiting its seconds, until the process ends; SIGKILL is the last word.

    A process that was frozen is thawed first, else it could not hear. Returns its exit code.
    """
    for signum, seconds in steps:
        if process.poll() is not None:
            break
        process.send_signal(signum)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    if process.poll() is None:
        process.kill()
    return process.wait()


def command_line(pid: int) -> str:
    """The command line of a living process, or an empty string when there is none or it is a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self/cmdline").exists():
            return ""
    answer = subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def end_orphan(pid: int, *, signum: int, seconds: float) -> None:
    """End a process that is not our child: ``signum``, wait up to ``seconds``, then SIGKILL."""
    for step, patience in ((signum, seconds), (signal.SIGKILL, 5.0)):
        limit = time.monotonic() + patience
        try:
            os.kill(pid, step)
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return
        while time.monotonic() < limit:
            if not command_line(pid):
                return
            time.sleep(0.02)


class Verrou:
    """An exclusive lock on a folder, given up by the kernel when the holder dies, however it dies."""

    def __init__(self, dossier: Path, quoi: str) -> None:
        """Take the lock. Raises DemarrageImpossible when a living process holds it."""
        self._dossier, self._quoi = dossier, quoi
        self._fichier: IO[bytes] | None = None
        self.acquire()

    def acquire(self) -> None:
        """Take the lock again after ``release``; nothing to do while it is held."""
        if self._fichier is not None:
            return
        fichier = (self._dossier / "verrou").open("a+b")
        try:
            fcntl.flock(fichier, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fichier.close()
            raise DemarrageImpossible(
                f"{self._quoi} is already running on {self._dossier}. Stop the other one, or give this one its own "
                "folder (ACCUEIL_VAR=/another/folder) and its own PORT=."
            ) from None
        self._fichier = fichier

    def release(self) -> None:
        """Give the lock back."""
        if self._fichier is not None:
            self._fichier.close()
            self._fichier = None


def private_folder(dossier: Path, *, uid: int, gid: int) -> None:
    """Create ``dossier`` for one user alone (0700), or check that it already is.

    Raises DemarrageImpossible when somebody else made it where anybody may: in /tmp it can be a trap.
    """
    dossier.mkdir(mode=0o700, parents=True, exist_ok=True)
    etat = dossier.lstat()
    public = bool(dossier.parent.stat().st_mode & stat.S_IWOTH)
    if not stat.S_ISDIR(etat.st_mode) or (public and etat.st_uid not in {uid, os.geteuid()}):
        raise DemarrageImpossible(
            f"{dossier} belongs to somebody else (uid {etat.st_uid}): remove it, then start again"
        )
    dossier.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(dossier, uid, gid)


def socket_folder(preferred: Path, longest_name: str) -> Path:
    """``preferred`` when a Unix socket called ``longest_name`` fits there, else a short folder in /tmp.

    The kernel's limit is 104 bytes on macOS, 108 on Linux, the final NUL included.
    """
    if len(os.fsencode(preferred / longest_name)) < 100:
        return preferred
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    return SHORT / f"accueil-{os.geteuid()}-{digest}"


def remove_short_folder(dossier: Path) -> None:
    """Remove a folder that ``socket_folder`` put in /tmp, once empty; any other is left."""
    if dossier.parent == SHORT:
        with contextlib.suppress(OSError):
            dossier.rmdir()
