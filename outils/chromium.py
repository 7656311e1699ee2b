"""Find a Chromium for the browser tests, or install one where that is possible. Standard library only."""

# ruff: noqa: S603, S607, T201 - a set-up script runs programs found on the PATH and speaks on the terminal

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NOMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

#: A browser that talks to nobody but the page it is given, and needs neither sandbox nor graphics card.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The system's browser (``CHROMIUM`` names it where it is elsewhere), or None: Playwright's own is used."""
    voulu = os.environ.get("CHROMIUM")
    candidats = [voulu] if voulu else [*(shutil.which(nom) for nom in NOMS), *APPLICATIONS]
    for candidat in candidats:
        if candidat and os.access(candidat, os.X_OK) and _runs(candidat):
            return candidat
    return None


def _runs(programme: str) -> bool:
    """False for the placeholders that tell people to install something else."""
    try:
        answer = subprocess.run([programme, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _playwright_has_one(python: Path) -> bool:
    question = (
        "from playwright.sync_api import sync_playwright as s\n"
        "with s() as p:\n b = p.chromium.launch(args=['--no-sandbox']); b.close()"
    )
    return subprocess.run([python, "-c", question], capture_output=True, check=False).returncode == 0


def ensure_chromium(python: Path) -> bool:
    """True once a browser is there. Tries the system's packages (as root), then Playwright's download."""
    if find_chromium() or _playwright_has_one(python):
        return True
    print("No browser for the tests: installing Chromium…", file=sys.stderr)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], env=env, check=False)
        subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"], env=env, check=False)
        if find_chromium():
            return True
    dependances = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
    subprocess.run([python, "-m", "playwright", "install", *dependances, "chromium"], check=False)
    return _playwright_has_one(python)
