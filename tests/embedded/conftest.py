"""Folders and children for the tests that start servers of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import RACINE
from app.embedded.spawn import command_line, spawn, stop

#: Runs Python source in a process of its own, as its parent-to-be-killed; returns it and its first line.
Parent = Callable[..., tuple[subprocess.Popen[bytes], str]]


@pytest.fixture
def dossier() -> Iterator[Path]:
    """A short folder that a system user may traverse."""
    chemin = Path(tempfile.mkdtemp(prefix="accueil-"))
    chemin.chmod(0o711)
    yield chemin
    shutil.rmtree(chemin, ignore_errors=True)


@pytest.fixture
def parent() -> Iterator[Parent]:
    """Start other parents; whatever they are, they are gone at the end."""
    nes: list[subprocess.Popen[bytes]] = []

    def start(source: str, *, identity: str = "self") -> tuple[subprocess.Popen[bytes], str]:
        process = spawn(
            [sys.executable, "-u", "-c", source],
            identity=identity,
            cwd=RACINE,
            env=dict(os.environ),
            output=subprocess.PIPE,
        )
        nes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().decode().strip()

    yield start
    for process in nes:
        stop(process, (15, 10.0))
        assert process.stdout is not None
        process.stdout.close()


def gone(pid: int, seconds: float = 10.0) -> bool:
    """True when the process has ended, at once or within that delay."""
    limite = time.monotonic() + seconds
    while time.monotonic() < limite:
        if not command_line(pid):
            return True
        time.sleep(0.02)
    return False
