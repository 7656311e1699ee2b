"""The parent of the demo: everything starts, everything stops, nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import RACINE
from app.embedded.demo_runner import default_var, run_demo
from tests.embedded.conftest import gone

#: A parent with a real Redis and two real children; ``{corps}`` is what the second child runs.
PARENT = """
import sys; from pathlib import Path
from app.embedded.processes import Enfant, Superviseur
from app.embedded.redis import start_redis
import os
dossier = Path({dossier!r})
s = Superviseur(os.environ, dossier)
with s.signals():
    redis = start_redis(dossier / "redis"); s.add_server("redis", redis); s.say(f"pid {{redis.pid}}", "redis")
    print("once", s.run_once("once", [sys.executable, "-c", "print('hello'); raise SystemExit(3)"]), flush=True)
    s.start(Enfant("calme", [sys.executable, "-c", {calme!r}]))
    s.start(Enfant("autre", [sys.executable, "-c", {corps!r}], delai_arret_s=0.5))
    s.run()
print("end", flush=True)
"""
CALME = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *a: (print("bye", flush=True), sys.exit(0)))
print("pid", os.getpid(), flush=True); time.sleep(600)
"""
TETU = CALME.replace('lambda *a: (print("bye", flush=True), sys.exit(0))', "signal.SIG_IGN")
FRAGILE = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(0.1)"

Start = Callable[[str], "Demo"]


class Demo:
    """A running parent, and what it has said so far."""

    def __init__(self, source: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", source], stdout=subprocess.PIPE, cwd=RACINE, start_new_session=True
        )
        self.lignes: list[str] = []

    def read_until(self, fragment: str) -> str:
        """The first line not yet read that contains ``fragment``."""
        assert self.process.stdout is not None
        for octets in self.process.stdout:
            ligne = octets.decode().rstrip()
            self.lignes.append(ligne)
            if fragment in ligne:
                return ligne
        raise AssertionError(f"{fragment!r} never came after {self.lignes}")

    def pid_of(self, nom: str) -> int:
        """The pid that a child says at its start."""
        ligne = next((dite for dite in self.lignes if dite.startswith(nom) and "pid" in dite), None)
        while ligne is None or not ligne.startswith(nom):
            ligne = self.read_until("pid")
        return int(ligne.split()[-1])

    def finish(self) -> int:
        """Wait for the end, reading the rest. Returns the exit code."""
        assert self.process.stdout is not None
        self.lignes += [o.decode().rstrip() for o in self.process.stdout]
        return self.process.wait(15)

    def clear(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start(dossier: Path) -> Iterator[Start]:
    demos: list[Demo] = []

    def launch(corps: str) -> Demo:
        demos.append(Demo(PARENT.format(dossier=str(dossier), calme=CALME, corps=corps)))
        return demos[-1]

    yield launch
    for demo in demos:
        demo.clear()


class TestSupervisor:
    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_stops_everything_last_started_first(self, start: Start, signum: int) -> None:
        demo = start(CALME)
        pids = [demo.pid_of(nom) for nom in ("redis", "calme", "autre")]
        demo.process.send_signal(signum)
        assert demo.finish() == 0
        arrets = [ligne.split("|")[0].strip() for ligne in demo.lignes if ligne.endswith("stopping")]
        assert arrets == ["autre", "calme", "redis"]
        assert [ligne for ligne in demo.lignes if ligne.endswith("bye")]
        assert demo.lignes[-1] == "end"
        assert all(gone(pid) for pid in pids)

    def test_output_carries_the_name_and_exit_codes_are_reported(self, start: Start) -> None:
        demo = start(CALME)
        assert demo.read_until("hello") == "once       | hello"
        assert demo.read_until("once ") == "once 3"

    def test_a_child_that_dies_is_started_again(self, start: Start) -> None:
        demo = start(FRAGILE)
        vus = {demo.read_until("autre      | pid") for _ in range(3)}
        assert len(vus) == 3
        assert any("ended with code 0" in ligne for ligne in demo.lignes)

    def test_a_server_that_dies_is_started_again(self, start: Start) -> None:
        demo = start(CALME)
        pid = demo.pid_of("redis")
        demo.pid_of("autre")
        os.kill(pid, signal.SIGKILL)
        assert demo.read_until("restarting it") == "redis      | died: restarting it"

    def test_a_child_that_will_not_stop_is_killed_and_the_rest_still_stops_in_order(self, start: Start) -> None:
        demo = start(TETU)
        tetu, redis = demo.pid_of("autre"), demo.pid_of("redis")
        demo.process.terminate()
        assert demo.finish() == 0
        assert any("does not stop: killed" in ligne for ligne in demo.lignes)
        assert gone(tetu)
        assert gone(redis)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a parent's death")
    def test_kill_9_of_the_parent_leaves_nothing(self, start: Start) -> None:
        demo = start(CALME)
        pids = [demo.pid_of(nom) for nom in ("redis", "calme", "autre")]
        demo.process.kill()
        assert all(gone(pid) for pid in pids)

    def test_no_child_stays_a_zombie(self, start: Start) -> None:
        demo = start(FRAGILE)
        for _ in range(3):
            demo.read_until("autre      | pid")
        time.sleep(0.5)
        tous = subprocess.run(["/bin/ps", "-A", "-o", "ppid=,stat="], capture_output=True, text=True, check=True)
        lignes = [ligne.split() for ligne in tous.stdout.splitlines()]
        etats = [etat for pere, etat in lignes if int(pere) == demo.process.pid]
        assert etats
        assert not [etat for etat in etats if etat.startswith("Z")]


class TestDemoFolders:
    def test_each_port_has_its_own_data(self) -> None:
        dossiers = {default_var(8000, {}), default_var(8001, {}), default_var(8000, {"ACCUEIL_VAR": "/srv/x"})}
        assert dossiers == {RACINE / "var", RACINE / "var" / "demo-8001", Path("/srv/x")}

    def test_a_taken_port_is_said_before_anything_starts(
        self, dossier: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with socket.socket() as prise:
            prise.bind(("127.0.0.1", 0))
            prise.listen()
            port = prise.getsockname()[1]
            assert run_demo(port, False, dossier / "var") == 1
        assert f"make demo PORT={port + 1}" in capsys.readouterr().out
        assert not (dossier / "var").exists()
