"""The agents' documentation [C §7]: a page a task, written in Markdown beside the templates, read once per process.

A page begins with its card, one ``name: value`` a line, up to a line ``---``:

``titre``; ``theme`` (one of ``THEMES``); ``ordre`` in its theme; ``ecrans``, the routes that it explains, separated by
spaces (``*`` at the end stands for whatever follows); ``mots``, what people who do not know its title may type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from markdown_it import MarkdownIt

from app.aide.mots import split_mots
from app.config import RACINE

DOSSIER: Final = RACINE / "templates" / "aide" / "pages"
THEMES: Final = ("Chaque jour", "Rendez-vous", "Accueil et réception", "Organiser le service", "Piloter", "Administrer")
URL: Final = "/aide"
_CARTE: Final = frozenset({"titre", "theme", "ordre", "ecrans", "mots"})
_AVANT: Final = re.compile(r" (?=[:;?!»])")
_TYPE: Final = re.compile(r":\w+(?=})")
_BALISE: Final = re.compile(r"<[^>]+>")


class PageInvalide(ValueError):
    """A page of the documentation is badly written; the message says which and why."""


@dataclass(frozen=True, slots=True)
class PageAide:
    """One page. ``html`` is made of our own Markdown, raw HTML refused; ``resume`` its first sentence, as text.

    ``poids``: word without accents → how much finding it there is worth.
    """

    cle: str
    titre: str
    theme: str
    ordre: int
    ecrans: tuple[str, ...]
    html: str
    resume: str
    poids: Mapping[str, int]

    @property
    def url(self) -> str:
        """Where it is read."""
        return f"{URL}/{self.cle}"


@cache
def read_catalogue(dossier: Path = DOSSIER) -> Mapping[str, PageAide]:
    """Every page by key, in the order of the summary. Raises PageInvalide."""
    pages = [_read_page(fichier) for fichier in sorted(dossier.glob("*.md"))]
    pages.sort(key=lambda page: (THEMES.index(page.theme), page.ordre, page.titre))
    return MappingProxyType({page.cle: page for page in pages})


def _read_page(fichier: Path) -> PageAide:
    tete, separateur, texte = fichier.read_text(encoding="utf-8").partition("\n---\n")
    carte = {nom: valeur.strip() for nom, _, valeur in (ligne.partition(":") for ligne in tete.splitlines())}
    if not separateur or set(carte) != _CARTE or carte["theme"] not in THEMES or not carte["ordre"].isdecimal():
        raise PageInvalide(f"{fichier.name}: {sorted(_CARTE)} then ---, with a theme of {THEMES}")
    html = str(_markdown().render(_bind(texte)))
    brut = _BALISE.sub(" ", html)
    premier = _BALISE.sub("", html.partition("</p>")[0]).strip()
    return PageAide(
        cle=fichier.stem,
        titre=_bind(carte["titre"]),
        theme=carte["theme"],
        ordre=int(carte["ordre"]),
        ecrans=tuple(carte["ecrans"].split()),
        html=html,
        resume=re.split(r"(?<=[.!?])\s", premier, maxsplit=1)[0],
        poids=MappingProxyType(_weigh(carte["titre"], carte["mots"], brut)),
    )


def _bind(texte: str) -> str:
    """No line of a French text begins with « : » nor ends with « « »: their spaces never break."""
    return _AVANT.sub("\u00a0", texte.replace("« ", "«\u00a0"))


def _weigh(titre: str, mots: str, texte: str) -> dict[str, int]:
    poids: dict[str, int] = {}
    for source, valeur in ((texte, 1), (mots, 6), (titre, 10)):
        for mot in split_mots(source):
            poids[mot] = max(poids.get(mot, 0), valeur)
    return poids


@cache
def _markdown() -> MarkdownIt:
    """No raw HTML: a page says, it does not act."""
    return MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")


def find_page(route: str, dossier: Path = DOSSIER) -> PageAide | None:
    """The page that explains the screen of that route: the one that names it, else the longest ``*`` that fits.

    ``{id:int}`` and ``{id}`` are one: routes are declared with types, requests bear templates without.
    """
    meilleure, longueur = None, -1
    route = _TYPE.sub("", route)
    for page in read_catalogue(dossier).values():
        for ecran in (_TYPE.sub("", e) for e in page.ecrans):
            if ecran == route:
                return page
            prefixe = ecran[:-1]
            if ecran.endswith("*") and route.startswith(prefixe) and len(prefixe) > longueur:
                meilleure, longueur = page, len(prefixe)
    return meilleure


def search_pages(question: str, dossier: Path = DOSSIER) -> list[PageAide]:
    """Pages in which every word of ``question`` begins some word, the best first; none for an empty question."""
    cherches = split_mots(question)
    if not cherches:
        return []
    notes = [(_rate(page, cherches), page) for page in read_catalogue(dossier).values()]
    return [page for note, page in sorted(notes, key=lambda n: -n[0]) if note]


def _rate(page: PageAide, cherches: tuple[str, ...]) -> int:
    """0 when a word is nowhere; a whole word is worth more than a beginning. One letter begins nothing."""
    total = 0
    for cherche in cherches:
        trouves = (
            valeur * (2 if mot == cherche else 1)
            for mot, valeur in page.poids.items()
            if mot == cherche or (len(cherche) > 1 and mot.startswith(cherche))
        )
        meilleur = max(trouves, default=0)
        if not meilleur:
            return 0
        total += meilleur
    return total
