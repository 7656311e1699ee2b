"""As whom PostgreSQL runs, and from where. It refuses root, so root must become somebody else.

Tried in this order, each by really running a program of the server in the data folder:

1. ``self``, an ordinary user: nothing to do.
2. ``user``: root gives the data to a system user (``accueil`` where an administrator made one, else
   ``nobody``). The usual case of a container or a server.
3. ``namespace``: where that user cannot read (root's home, a 0700 clone), a user namespace in which root's
   files keep their owner but the owner is called 65534. No permission changes anywhere.
4. ``copie``: where namespaces are forbidden (a container with the default seccomp profile), the programs are
   copied and the data kept under /var/lib/accueil.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.embedded.pg_binaries import Programmes
from app.embedded.spawn import DemarrageImpossible, launcher_command

WAYS_OF_ROOT = ("user", "namespace", "copie")
_REPLI = Path("/var/lib/accueil")


@dataclass(frozen=True, slots=True)
class Place:
    """A workable combination: ``identity`` for the launcher, owner of the data, programs, home of the data."""

    identity: str
    uid: int
    gid: int
    programmes: Programmes
    dossier: Path


def _system_user() -> pwd.struct_passwd:
    for nom in ("accueil", "nobody"):
        try:
            return pwd.getpwnam(nom)
        except KeyError:
            continue
    raise DemarrageImpossible(
        "PostgreSQL refuses root and this machine has no user 'nobody': start as an ordinary user"
    )


def _works(place: Place) -> str | None:
    """None when the programs run from the data folder under that identity, else what went wrong."""
    command = launcher_command([place.programmes.initdb, "--version"], identity=place.identity, cwd=place.dossier)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if answer.returncode == 0 else (answer.stderr.strip() or f"exit code {answer.returncode}")


def _copy(programmes: Programmes) -> Programmes:
    """The programs under /var/lib/accueil, copied once per version and place of origin."""
    origine = "\n".join([str(r) for r in programmes.racines] + [str(programmes.postgres.stat().st_mtime_ns)])
    cible = _REPLI / f"programmes-{programmes.major}-{hashlib.sha256(origine.encode()).hexdigest()[:12]}"
    if not cible.is_dir():
        partiel = cible.with_name(f"{cible.name}.{os.getpid()}")
        # Keep the wheel's layout: the programs look for their libraries three folders up.
        for racine in programmes.racines:
            parent = partiel / "paquet" if racine.name.startswith("pginstall") else partiel
            shutil.copytree(racine, parent / racine.name, symlinks=True)
        for chemin in (partiel, *partiel.rglob("*")):
            if not chemin.is_symlink():
                chemin.chmod(0o755 if chemin.is_dir() or os.access(chemin, os.X_OK) else 0o644)
        partiel.rename(cible)
    return Programmes(cible / "paquet" / "pginstall18" / "bin", programmes.major, programmes.racines)


def _place(way: str, programmes: Programmes, dossier: Path) -> Place:
    if way == "namespace":
        return Place("namespace", os.geteuid(), os.getegid(), programmes, dossier)
    user = _system_user()
    identity = f"user:{user.pw_uid}:{user.pw_gid}"
    if way == "copie":
        _REPLI.mkdir(mode=0o755, parents=True, exist_ok=True)
        ailleurs = _REPLI / hashlib.sha256(os.fsencode(dossier)).hexdigest()[:12]
        ailleurs.mkdir(mode=0o755, exist_ok=True)
        return Place(
            identity, user.pw_uid, user.pw_gid, _copy(programmes) if programmes.racines else programmes, ailleurs
        )
    return Place(identity, user.pw_uid, user.pw_gid, programmes, dossier)


def choose_place(programmes: Programmes, dossier: Path, ways: Sequence[str] = WAYS_OF_ROOT) -> Place:
    """The first way that works here. ``dossier`` exists. Raises DemarrageImpossible, with every reason."""
    if os.geteuid() != 0:
        return Place("self", os.geteuid(), os.getegid(), programmes, dossier)
    refus = []
    for way in ways:
        if way == "namespace" and not sys.platform.startswith("linux"):
            continue
        place = _place(way, programmes, dossier)
        probleme = _works(place)
        if probleme is None:
            return place
        refus.append(f"{way}: {probleme}")
    raise DemarrageImpossible("PostgreSQL refuses root, and nobody else can run it here: " + "; ".join(refus))
