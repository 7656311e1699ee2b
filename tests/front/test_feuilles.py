"""The two style sheets made at set-up hold all that our templates and scripts use."""

from __future__ import annotations

import re
from pathlib import Path

from outils.vendor import find_icons, keep_icons

RACINE = Path(__file__).resolve().parent.parent.parent
DSFR = RACINE / "static" / "vendor" / "dsfr"
_CLASSE = re.compile(r"fr-[a-z0-9]+(?:(?:__|--|-)[a-z0-9]+)*")
#: Templates of the pages that load the public sheet: those of usagers, the sign-in, the demo.
PUBLICS = [
    *(RACINE / "templates" / nom for nom in ("base.html", "base_usager.html", "erreur.html", "_compte.html")),
    *(
        gabarit
        for dossier in ("booking/usager", "macros", "identite", "demo")
        for gabarit in (RACINE / "templates" / dossier).rglob("*.html")
    ),
]
#: Of macros that agents' pages alone call.
DES_AGENTS = {"fr-modal"}


def read_styled(feuille: str) -> set[str]:
    """The classes that a sheet styles."""
    texte = (DSFR / feuille).read_text(encoding="utf-8")
    return {nom[1:] for nom in re.findall(r"\." + _CLASSE.pattern, texte)}


def test_the_public_sheet_styles_every_class_that_public_pages_use() -> None:
    utilisees = {nom for f in PUBLICS for nom in _CLASSE.findall(f.read_text(encoding="utf-8"))}
    stylees = {nom for nom in utilisees & read_styled("dsfr.min.css") if not nom.startswith("fr-icon-")}
    assert len(stylees) > 60
    manquent = stylees - read_styled("public.css") - DES_AGENTS
    assert not manquent, f"add their component to outils/vendor.py: {sorted(manquent)}"


def test_the_public_sheet_names_no_file_that_is_not_there() -> None:
    texte = (DSFR / "public.css").read_text(encoding="utf-8")
    noms = set(re.findall(r"url\(\s*[\"']?(?!data:|https?:)([^\"')?#]+)", texte))
    assert len(noms) > 10
    assert not [nom for nom in noms if not (DSFR / nom).is_file()]


def test_every_icon_that_a_page_names_is_there() -> None:
    feuille = (DSFR / "utility/icons/utiles.css").read_text(encoding="utf-8")
    gardees = {nom.removeprefix(".") for nom in re.findall(r"\.fr-icon-[a-z0-9-]+", feuille)}
    dites = {nom for nom in find_icons(RACINE) if re.search(r"-(?:line|fill)$|translate-2$", nom)}
    existantes = {f"fr-icon-{fichier.stem}" for fichier in (DSFR / "icons").rglob("*.svg")}
    assert len(dites & existantes) > 40
    assert not (dites & existantes) - gardees, "run `python3 outils/bootstrap.py dev` again"


def test_an_icon_that_no_page_names_is_left_out() -> None:
    feuille = ".fr-icon-a-line:after{mask-image:url(a)}.fr-icon-b-line:before{mask-image:url(b)}.fr-x{top:0}@media{}"
    assert keep_icons(feuille, {"fr-icon-a-line"}) == ".fr-icon-a-line:after{mask-image:url(a)}.fr-x{top:0}"
