"""Copy into ``static/vendor`` what the pages need of the npm packages, and nothing else. Standard library only.

Style sheets bring the files that they name (fonts, icons), at the same relative places: the copy works as
the package does.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

#: package → (folder in the package, folder in static/vendor, entries). A style sheet is followed.
PAQUETS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "@gouvfr/dsfr": (
        "dist",
        "dsfr",
        (
            "dsfr.min.css",
            "utility/utility.min.css",
            "utility/icons/icons.min.css",
            "dsfr.module.min.js",
            "dsfr.nomodule.min.js",
            "favicon",
            "artwork",
        ),
    ),
    "dejavu-fonts-ttf": ("ttf", "dejavu", ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf")),
    "idiomorph": ("dist", "idiomorph", ("idiomorph.esm.js",)),
}

_URL = re.compile(r"""url\(\s*["']?(?!data:|https?:|//|#)([^"')?#]+)""")


def references(feuille: Path) -> set[Path]:
    """The files that a style sheet names, data and remote ones left out."""
    texte = feuille.read_text(encoding="utf-8")
    return {(feuille.parent / nom.strip()).resolve() for nom in _URL.findall(texte)}


def copy_packages(modules: Path, cible: Path) -> None:
    """Rebuild ``cible`` from ``node_modules``, in one rename. Raises FileNotFoundError when an entry is missing."""
    neuf = cible.with_name(f"{cible.name}.nouveau")
    shutil.rmtree(neuf, ignore_errors=True)
    for paquet, (source, dossier, entrees) in PAQUETS.items():
        racine = (modules / paquet / source).resolve()
        for fichier in sorted(_files(racine, entrees)):
            place = neuf / dossier / fichier.relative_to(racine)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fichier, place)
        for licence in (modules / paquet).glob("LICENSE*"):
            shutil.copyfile(licence, neuf / dossier / licence.name)
    shutil.rmtree(cible, ignore_errors=True)
    neuf.rename(cible)


def _files(racine: Path, entrees: tuple[str, ...]) -> set[Path]:
    fichiers: set[Path] = set()
    for entree in entrees:
        chemin = racine / entree
        if chemin.is_dir():
            fichiers |= {f for f in chemin.rglob("*") if f.is_file()}
            continue
        fichiers.add(chemin)
        if chemin.suffix == ".css":
            fichiers |= {f for f in references(chemin) if f.is_file() and f.is_relative_to(racine)}
    return fichiers
