"""One parent, its servers and its children: start in order, watch, restart, stop in reverse order.

Servers (PostgreSQL, Redis, SMTP) are objects that know how to stop and restart themselves; children are
programs whose output is shown with their name in front. Ctrl-C and SIGTERM stop everything, last started
first; a second Ctrl-C hurries. Nothing survives the parent, and no child stays a zombie.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Protocol, TextIO

from app.embedded.spawn import DemarrageImpossible, spawn, stop

_TICK_S = 0.2
_LONGEST_DELAY_S = 30.0
#: A child that has lived this long is forgiven its earlier deaths.
_HEALTHY_S = 30.0
_COLOURS = ("36", "33", "32", "35", "34", "31")


class Interrompu(Exception):
    """Somebody asked everything to stop."""


class Serveur(Protocol):
    """What the supervisor asks of an embedded server."""

    def alive(self) -> bool: ...
    def restart(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Enfant:
    """A program kept running. ``delai_arret_s``: how long it may take to leave after SIGTERM."""

    nom: str
    commande: Sequence[str]
    delai_arret_s: float = 10.0
    morts: int = field(default=0, init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    ne: float = field(default=0.0, init=False, repr=False)
    renaissance: float = field(default=0.0, init=False, repr=False)


class Superviseur:
    """The parent. Use from the main thread, inside ``with superviseur.signals():``."""

    def __init__(self, env: Mapping[str, str], cwd: Path, sortie: TextIO | None = None) -> None:
        self.env = dict(env)
        self._cwd = cwd
        self._sortie = sortie or sys.stdout
        self._verrou = threading.Lock()
        self._arret = threading.Event()
        self._presse = False
        self._serveurs: list[tuple[str, Serveur]] = []
        self._enfants: list[Enfant] = []
        self._noms: list[str] = []
        self._lecteurs: list[threading.Thread] = []

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Turn SIGINT, SIGTERM and SIGHUP into an orderly stop; whatever happens inside, stop everything."""
        avant = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            self.shutdown()
            for signum, gestion in avant.items():
                signal.signal(signum, gestion)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._presse = self._arret.is_set() and signum == signal.SIGINT
        self._arret.set()

    def say(self, texte: str, nom: str = "accueil") -> None:
        """One line of log under a name. A closed terminal is not a reason to stop working."""
        if nom not in self._noms:
            self._noms.append(nom)
        tete = f"{nom:<11}"
        if self._sortie.isatty():
            tete = f"\x1b[{_COLOURS[self._noms.index(nom) % len(_COLOURS)]}m{tete}\x1b[0m"
        with self._verrou, contextlib.suppress(OSError, ValueError):
            print(f"{tete}| {texte}", file=self._sortie, flush=True)

    def add_server(self, nom: str, serveur: Serveur) -> None:
        """Watch a server that has just been started."""
        self._serveurs.append((nom, serveur))

    def start(self, enfant: Enfant) -> None:
        """Start a child, and again each time it dies."""
        self._enfants.append(enfant)
        self._launch(enfant)

    def run_once(self, nom: str, commande: Sequence[str]) -> int:
        """Run a program to its end and return its exit code. Raises Interrompu when asked to stop meanwhile."""
        process = self._spawn(nom, commande)
        while (code := process.poll()) is None:
            if self._arret.wait(0.05):
                stop(process, (signal.SIGTERM, 10.0))
                raise Interrompu
        self._join_readers()
        return code

    def tick(self) -> None:
        """One round of watching. Raises Interrompu when asked to stop."""
        if self._arret.wait(_TICK_S):
            raise Interrompu
        for nom, serveur in self._serveurs:
            if not serveur.alive():
                self.say("died: restarting it", nom)
                try:
                    serveur.restart()
                except DemarrageImpossible as error:
                    self.say(str(error), nom)
        for enfant in self._enfants:
            self._watch(enfant)

    def run(self) -> None:
        """Watch until asked to stop."""
        with contextlib.suppress(Interrompu):
            while True:
                self.tick()

    def shutdown(self) -> None:
        """Stop children then servers, last started first. Called again, does nothing more."""
        while self._enfants:
            enfant = self._enfants.pop()
            if enfant.process is not None and enfant.process.poll() is None:
                self.say("stopping", enfant.nom)
                self._stop_child(enfant)
        self._join_readers()
        while self._serveurs:
            nom, serveur = self._serveurs.pop()
            self.say("stopping", nom)
            serveur.stop()

    def _stop_child(self, enfant: Enfant) -> None:
        assert enfant.process is not None
        enfant.process.terminate()
        with contextlib.suppress(ProcessLookupError):
            enfant.process.send_signal(signal.SIGCONT)
        limite = time.monotonic() + enfant.delai_arret_s
        while enfant.process.poll() is None and time.monotonic() < limite and not self._presse:
            time.sleep(0.02)
        if enfant.process.poll() is None:
            self.say("does not stop: killed", enfant.nom)
            enfant.process.kill()
        enfant.process.wait()

    def _watch(self, enfant: Enfant) -> None:
        maintenant = time.monotonic()
        if enfant.process is None:
            if maintenant >= enfant.renaissance:
                self._launch(enfant)
            return
        code = enfant.process.poll()
        if code is None:
            return
        enfant.morts = 1 if maintenant - enfant.ne > _HEALTHY_S else enfant.morts + 1
        delai = 0.0 if enfant.morts == 1 else min(_LONGEST_DELAY_S, 2.0 ** (enfant.morts - 2))
        self.say(f"ended with code {code}: restarting in {delai:.0f} s", enfant.nom)
        enfant.process, enfant.renaissance = None, maintenant + delai

    def _launch(self, enfant: Enfant) -> None:
        enfant.process = self._spawn(enfant.nom, enfant.commande)
        enfant.ne = time.monotonic()

    def _spawn(self, nom: str, commande: Sequence[str]) -> subprocess.Popen[bytes]:
        process = spawn(commande, env=self.env, cwd=self._cwd, output=subprocess.PIPE)
        assert process.stdout is not None
        lecteur = threading.Thread(target=self._read, args=(nom, process.stdout), daemon=True)
        lecteur.start()
        self._lecteurs = [fil for fil in self._lecteurs if fil.is_alive()] + [lecteur]
        return process

    def _read(self, nom: str, tuyau: IO[bytes]) -> None:
        with tuyau:
            for ligne in tuyau:
                self.say(ligne.decode(errors="replace").rstrip(), nom)

    def _join_readers(self) -> None:
        for lecteur in self._lecteurs:
            lecteur.join(1.0)
