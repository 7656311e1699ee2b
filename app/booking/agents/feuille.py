"""A day's agenda on A4 paper, landscape: pure, from a list of guichets and their RDV to the bytes of a PDF.

Texts are drawn as they are, never read as markup; what does not fit goes to a second line, then is cut with « … ».
"""

from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from app.config import RACINE

#: Latin, Greek, Cyrillic and more (npm package, see outils/vendor.py).
_POLICES: Final[Path] = RACINE / "static" / "vendor" / "dejavu"
_MAIGRE, _GRAS = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold"
_LARGEUR, _HAUTEUR = landscape(A4)
_MARGE: Final = 12 * mm
_HAUT: Final = _HAUTEUR - _MARGE - 15 * mm
_BAS: Final = _MARGE + 8 * mm
_CORPS: Final = 8.5
_LIGNE: Final = 11.0
#: Left edge and width of each column, in points.
_COLONNES: Final = (("Heure", 0, 66), ("Usager", 66, 210), ("Motif", 276, 292), ("Type", 568, 84), ("État", 652, 116))
_VERROU: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class LigneRdv:
    """A RDV in words."""

    heure: str
    usager: str
    motif: str
    type: str
    etat: str


@dataclass(frozen=True, slots=True)
class LotGuichet:
    """A guichet, when it is open that day (or why it is not), its RDV in order."""

    nom: str
    horaires: str
    rdv: Sequence[LigneRdv]


@dataclass(frozen=True, slots=True)
class Feuille:
    """What is printed. ``imprime_le``: in words, in the service's time."""

    service: str
    jour: str
    imprime_le: str
    lots: Sequence[LotGuichet]


@dataclass(frozen=True, slots=True)
class _Bande:
    """Something as wide as the page: the title of a guichet, a RDV, a sentence."""

    genre: str
    textes: tuple[tuple[str, ...], ...]
    hauteur: float


@lru_cache(maxsize=1)
def _load_polices() -> None:
    for nom in (_MAIGRE, _GRAS):
        registerFont(TTFont(nom, str(_POLICES / f"{nom}.ttf")))


def _clean(texte: str) -> str:
    """Printable text on one line: controls and direction marks out, a box for what the font cannot draw."""
    police = getFont(_MAIGRE)
    assert isinstance(police, TTFont)
    connus = police.face.charToGlyph
    visibles = (c if unicodedata.category(c)[0] != "C" else " " for c in texte)
    return " ".join("".join(c if c.isspace() or ord(c) in connus else "□" for c in visibles).split())


def _fit(texte: str, largeur: float, police: str = _MAIGRE, lignes: int = 2) -> tuple[str, ...]:
    """The words of ``texte`` in at most ``lignes`` lines of ``largeur`` points, the last one cut if need be."""
    restant, faites = _clean(texte), list[str]()
    while restant:
        coupe = len(restant)
        while coupe > 1 and stringWidth(restant[:coupe], police, _CORPS) > largeur:
            espace = restant.rfind(" ", 0, coupe)
            coupe = espace if espace > 0 else min(coupe - 1, int(coupe * 0.8) or 1)
        if len(faites) == lignes - 1 and coupe < len(restant):
            while restant and stringWidth(f"{restant}…", police, _CORPS) > largeur:
                restant = restant[:-1]
            return (*faites, f"{restant.rstrip()}…")
        faites.append(restant[:coupe].rstrip())
        restant = restant[coupe:].lstrip()
    return tuple(faites) or ("",)


def _titre(lot: LotGuichet, suite: str = "") -> _Bande:
    compte = f"{len(lot.rdv)} rendez-vous" if lot.rdv else "aucun rendez-vous"
    texte = " – ".join(mot for mot in (lot.nom + suite, lot.horaires, compte) if mot)
    return _Bande("titre", (_fit(texte, _LARGEUR - 2 * _MARGE - 8, _GRAS, 1),), 17)


def _rdv(ligne: LigneRdv) -> _Bande:
    textes = tuple(
        _fit(texte, largeur - 6, _GRAS if nom in ("Heure", "Usager") else _MAIGRE)
        for texte, (nom, _, largeur) in zip(
            (ligne.heure, ligne.usager, ligne.motif, ligne.type, ligne.etat), _COLONNES, strict=True
        )
    )
    return _Bande("rdv", textes, max(len(lignes) for lignes in textes) * _LIGNE + 4)


def _lay(feuille: Feuille) -> list[list[_Bande]]:
    """Pages of bands: a guichet never leaves its title alone at a foot, and says it again on the next page."""
    pages: list[list[_Bande]] = [[]]
    reste = _HAUT - _BAS

    def put(bande: _Bande) -> None:
        nonlocal reste
        pages[-1].append(bande)
        reste -= bande.hauteur

    def turn() -> None:
        nonlocal reste
        pages.append([])
        reste = _HAUT - _BAS

    for lot in feuille.lots:
        bandes = [_rdv(ligne) for ligne in lot.rdv]
        titre = _titre(lot)
        if reste < titre.hauteur + (bandes[0].hauteur if bandes else 0):
            turn()
        put(titre)
        for bande in bandes:
            if reste < bande.hauteur:
                turn()
                put(_titre(lot, " (suite)"))
            put(bande)
    return pages


def render_pdf(feuille: Feuille) -> bytes:
    """The document. A fifth of a second for three hundred RDV: to be called from a thread."""
    with _VERROU:
        _load_polices()
        tampon = io.BytesIO()
        toile = Canvas(tampon, pagesize=(_LARGEUR, _HAUTEUR), lang="fr-FR", pageCompression=1)
        toile.setTitle(f"Agenda du {feuille.jour} – {_clean(feuille.service)}")
        toile.setCreator("Accueil personnalisé sur rendez-vous")
        pages = _lay(feuille)
        for rang, bandes in enumerate(pages, 1):
            _draw_cadre(toile, feuille, rang, len(pages))
            y = _HAUT
            for bande in bandes:
                _draw(toile, bande, y)
                y -= bande.hauteur
            toile.showPage()
        toile.save()
        return tampon.getvalue()


def _draw_cadre(toile: Canvas, feuille: Feuille, rang: int, nombre: int) -> None:
    """What is on every page: service and date above, print date and page number below, the names of the columns."""
    toile.setFillGray(0)
    toile.setFont(_GRAS, 13)
    toile.drawString(_MARGE, _HAUTEUR - _MARGE - 4, f"Agenda du {feuille.jour}")
    toile.setFont(_MAIGRE, 9.5)
    service = _fit(feuille.service, 400, lignes=1)[0]
    toile.drawRightString(_LARGEUR - _MARGE, _HAUTEUR - _MARGE - 4, service)
    toile.setFont(_GRAS, _CORPS)
    for nom, x, _ in _COLONNES:
        toile.drawString(_MARGE + x + 4, _HAUT + 5, nom)
    toile.setLineWidth(1)
    toile.line(_MARGE, _HAUT, _LARGEUR - _MARGE, _HAUT)
    toile.setFont(_MAIGRE, 7.5)
    toile.drawString(_MARGE, _MARGE, f"Imprimé le {feuille.imprime_le}. Données personnelles : à détruire après usage.")
    toile.drawRightString(_LARGEUR - _MARGE, _MARGE, f"Page {rang} sur {nombre}")


def _draw(toile: Canvas, bande: _Bande, y: float) -> None:
    if bande.genre == "titre":
        toile.setFillGray(0.9)
        toile.rect(_MARGE, y - bande.hauteur + 2, _LARGEUR - 2 * _MARGE, bande.hauteur - 3, stroke=0, fill=1)
        toile.setFillGray(0)
        toile.setFont(_GRAS, _CORPS)
        toile.drawString(_MARGE + 4, y - bande.hauteur + 6, bande.textes[0][0])
        return
    for (nom, x, _), lignes in zip(_COLONNES, bande.textes, strict=True):
        toile.setFont(_GRAS if nom in ("Heure", "Usager") else _MAIGRE, _CORPS)
        for rang, ligne in enumerate(lignes):
            toile.drawString(_MARGE + x + 4, y - _LIGNE * (rang + 1) + 1, ligne)
    toile.setLineWidth(0.3)
    toile.line(_MARGE, y - bande.hauteur, _LARGEUR - _MARGE, y - bande.hauteur)
