"""A CSV file from elsewhere, read without trust: any usual encoding and separator, each bad line told by its number.

What is wrong with the file itself (no header, missing columns, too large) raises FichierInvalide; what is wrong with
one line is a ``Remarque`` and the next lines are read.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.booking.textes import TexteInvalide, clean_text, to_recherche
from app.errors import SaisieInvalide

#: A directory of the nation is a few megabytes; beyond, it is not one.
TAILLE_MAX: Final = 64 * 1024 * 1024
#: Characters of one cell: a quote that is never closed swallows what follows, up to here.
CELLULE_MAX: Final = 4_000
_SEPARATEURS: Final = ";,\t"


class FichierInvalide(SaisieInvalide):
    """422: the file cannot be read as what it should be; nothing was written."""

    code = "fichier-invalide"
    phrase = "Ce fichier ne peut pas être importé."


@dataclass(frozen=True, slots=True)
class Remarque:
    """What is said of a line. ``refus``: the line was left out; else it was imported, but not as it was written."""

    ligne: int
    champ: str
    phrase: str
    valeur: str = ""
    refus: bool = True


@dataclass(frozen=True, slots=True)
class Ligne:
    """One line: the number of its first line in the file (the header is 1), its clean cells by column."""

    numero: int
    cellules: Mapping[str, str]


@dataclass(slots=True)
class Table:
    """The columns present, under their own names; the lines that could be read; what is said of the others."""

    colonnes: tuple[str, ...]
    lignes: list[Ligne] = field(default_factory=list)
    remarques: list[Remarque] = field(default_factory=list)


#: What to do with a column that has another name than ours: its names, ours first.
Colonnes = Mapping[str, Sequence[str]]


def read_table(chemin: Path, colonnes: Colonnes, requises: Sequence[str], *, une_de: Sequence[str] = ()) -> Table:
    """Read a CSV file, compressed or not. ``colonnes``: our name → names accepted, whatever their case and accents.

    ``requises``: our names that must be there; ``une_de``: at least one of these. Unknown columns are ignored. Raises
    FichierInvalide.
    """
    texte = _decode(_read_bytes(chemin))
    entete, _, _ = texte.lstrip("\r\n").partition("\n")
    if not entete.strip():
        raise FichierInvalide("Ce fichier est vide : sa première ligne doit nommer ses colonnes.")
    separateur = max(_SEPARATEURS, key=entete.count)
    csv.field_size_limit(CELLULE_MAX)
    lecteur = csv.reader(io.StringIO(texte, newline=""), delimiter=separateur, strict=True)
    noms = _read_entete(lecteur, colonnes)
    _check_colonnes(noms, colonnes, requises, une_de)
    table = Table(tuple(nom for nom in noms if nom is not None))
    while True:
        debut = lecteur.line_num + 1
        try:
            cellules = next(lecteur)
        except StopIteration:
            return table
        except csv.Error:
            table.remarques.append(Remarque(debut, "", _phrase_illisible(debut, lecteur.line_num)))
            continue
        _add(table, noms, debut, cellules)


def _phrase_illisible(debut: int, fin: int) -> str:
    """A quote that is not closed swallows lines: they are all named."""
    quoi = "Cette ligne ne se lit pas" if fin <= debut else f"Les lignes {debut} à {fin} ne se lisent pas"
    return f"{quoi} : un guillemet n’est pas fermé, ou une cellule est démesurée."


def _add(table: Table, noms: Sequence[str | None], numero: int, cellules: Sequence[str]) -> None:
    if not any(cellule.strip() for cellule in cellules):
        return
    if len(cellules) != len(noms):
        phrase = f"Cette ligne a {len(cellules)} cellules alors que le fichier a {len(noms)} colonnes."
        table.remarques.append(Remarque(numero, "", phrase))
        return
    propres: dict[str, str] = {}
    for nom, cellule in zip(noms, cellules, strict=True):
        if nom is None:
            continue
        try:
            propres[nom] = clean_text(cellule.replace("\n", " ").replace("\t", " "), maximum=CELLULE_MAX)
        except TexteInvalide as erreur:
            table.remarques.append(Remarque(numero, nom, str(erreur), cellule[:100]))
            return
    table.lignes.append(Ligne(numero, propres))


def _read_bytes(chemin: Path) -> bytes:
    """The content, decompressed when it is gzip. Never more than ``TAILLE_MAX`` in memory."""
    try:
        with chemin.open("rb") as brut:
            compresse = brut.read(2) == b"\x1f\x8b"
            brut.seek(0)
            if compresse:
                with gzip.open(brut) as clair:
                    contenu = clair.read(TAILLE_MAX + 1)
            else:
                contenu = brut.read(TAILLE_MAX + 1)
    except FileNotFoundError:
        raise FichierInvalide(f"Le fichier {chemin} n’existe pas.") from None
    except (OSError, EOFError, zlib.error):
        raise FichierInvalide(f"Le fichier {chemin} ne peut pas être lu : il est abîmé ou protégé.") from None
    if len(contenu) > TAILLE_MAX:
        raise FichierInvalide(f"Ce fichier dépasse {TAILLE_MAX // 1024 // 1024} Mio : ce n’est pas un annuaire.")
    return contenu


def _decode(contenu: bytes) -> str:
    """UTF-8 (with or without a mark), UTF-16 with its mark, else Windows-1252, which spreadsheets still write."""
    if contenu.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return contenu.decode("utf-16")
        except UnicodeDecodeError:
            raise FichierInvalide("Ce fichier s’annonce en UTF-16 mais n’en est pas.") from None
    try:
        return contenu.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The five bytes that mean nothing there become NUL, so that their lines are refused.
        return contenu.decode("cp1252", errors="replace").replace("\ufffd", "\x00")


def _read_entete(lecteur: Iterator[list[str]], colonnes: Colonnes) -> list[str | None]:
    connues = {_cle(nom): notre for notre, noms in colonnes.items() for nom in (notre, *noms)}
    try:
        entete = next(lecteur)
    except (csv.Error, StopIteration):
        raise FichierInvalide(
            "La première ligne de ce fichier ne se lit pas : elle doit nommer ses colonnes."
        ) from None
    return [connues.get(_cle(nom)) for nom in entete]


def _cle(nom: str) -> str:
    return to_recherche(nom).strip().replace(" ", "_")


def _check_colonnes(
    noms: Sequence[str | None], colonnes: Colonnes, requises: Sequence[str], une_de: Sequence[str]
) -> None:
    presentes = [nom for nom in noms if nom is not None]
    doubles = sorted({nom for nom in presentes if presentes.count(nom) > 1})
    if doubles:
        raise FichierInvalide(f"Ce fichier donne deux fois la colonne : {', '.join(doubles)}.")
    absentes = [nom for nom in requises if nom not in presentes]
    if absentes:
        mots = ", ".join(" ou ".join(dict.fromkeys((nom, *colonnes[nom]))) for nom in absentes)
        raise FichierInvalide(
            f"Il manque à ce fichier la colonne : {mots}."
            if len(absentes) == 1
            else f"Il manque à ce fichier les colonnes : {mots}."
        )
    if une_de and not set(une_de) & set(presentes):
        raise FichierInvalide(f"Ce fichier doit donner une au moins de ces colonnes : {', '.join(une_de)}.")
