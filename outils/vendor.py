"""Copy into ``static/vendor`` what the pages need of the npm packages, and nothing else. Standard library only.

Style sheets bring the files that they name (fonts, icons), at the same relative places: the copy works as
the package does. Two sheets are made here, for a phone on a slow line loads them first:

- ``dsfr/public.css``: the core and the components that the usager's pages use, in the order of the package;
- ``dsfr/utility/icons/utiles.css``: the icons that our templates and scripts name, out of a thousand.
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
            "utility/icons/icons.min.css",
            "dsfr.module.min.js",
            "favicon",
            "artwork",
        ),
    ),
    "dejavu-fonts-ttf": ("ttf", "dejavu", ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf")),
    "idiomorph": ("dist", "idiomorph", ("idiomorph.esm.js",)),
}

#: Components of the usager's pages.
COMPOSANTS = (
    *("accordion", "alert", "badge", "breadcrumb", "button", "callout", "checkbox", "connect", "footer", "form"),
    *("header", "input", "link", "logo", "navigation", "notice", "radio", "search", "select", "skiplink", "stepper"),
    *("table", "tag", "tile"),
)
#: Where icons are named, from the root of the project.
SOURCES = (("templates", "*.html"), ("static/js", "*.js"), ("static/css", "*.css"), ("app", "*.py"))
_ICONE = re.compile(r"fr-icon-[a-z0-9]+(?:-[a-z0-9]+)*")
#: Names put together by a template: « fr-icon-{{ … }} », and the words that fill the hole.
_NOM_D_ICONE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-(?:line|fill)|translate-2|account-circle-[a-z]+")

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
    dsfr, dist = neuf / "dsfr", modules / "@gouvfr/dsfr" / "dist"
    (dsfr / "public.css").write_text(build_public(dist), encoding="utf-8")
    icones = dsfr / "utility" / "icons"
    feuille = (icones / "icons.min.css").read_text(encoding="utf-8")
    (icones / "utiles.css").write_text(keep_icons(feuille, find_icons(modules.parent)), encoding="utf-8")
    (icones / "icons.min.css").unlink()
    shutil.rmtree(cible, ignore_errors=True)
    neuf.rename(cible)


def build_public(dist: Path) -> str:
    """The core, then the components in the order in which the package puts them, then how they print."""
    ensemble = (dist / "component" / "component.main.min.css").read_text(encoding="utf-8")
    feuilles: list[tuple[int, str]] = []
    for nom in COMPOSANTS:
        feuille = _body(dist / "component" / nom / f"{nom}.main.min.css")
        feuilles.append((ensemble.index(feuille[:120]), feuille))
    coeur = (dist / "core" / "core.main.min.css").read_text(encoding="utf-8").replace("url(../", "url(")
    papier = [dist / "core" / "core.print.min.css"]
    papier += [dist / "component" / nom / f"{nom}.print.min.css" for nom in COMPOSANTS]
    imprime = "".join(_body(feuille) for feuille in papier if feuille.is_file())
    return "".join([coeur, *(feuille for _, feuille in sorted(feuilles)), imprime])


def _body(feuille: Path) -> str:
    """A sheet without its licence, which the whole says once; the addresses are those of the package's root."""
    texte = feuille.read_text(encoding="utf-8")
    texte = texte[texte.index("*/") + 2 :] if texte.startswith("/*!") else texte
    return texte.replace("url(../../", "url(").replace("url(../", "url(")


def find_icons(racine: Path) -> set[str]:
    """The icons named by our own files: ``fr-icon-…`` whole, or the end of one that a template puts together."""
    noms: set[str] = set()
    for dossier, motif in SOURCES:
        for fichier in (racine / dossier).rglob(motif):
            texte = fichier.read_text(encoding="utf-8")
            noms.update(_ICONE.findall(texte))
            noms.update(f"fr-icon-{nom}" for nom in _NOM_D_ICONE.findall(texte))
    return noms


def keep_icons(feuille: str, noms: set[str]) -> str:
    """The rules of these icons, and those of none in particular."""
    gardees: list[str] = []
    for regle in re.findall(r"[^{}]+\{[^{}]*\}", feuille[: feuille.index("@media")]):
        selecteur = regle.partition("{")[0]
        cites = set(_ICONE.findall(selecteur))
        if cites & noms or not re.search(r"\.fr-(?:icon|fi)-", selecteur):
            gardees.append(regle)
    return "".join(gardees)


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
