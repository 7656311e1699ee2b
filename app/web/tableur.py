"""Tables as files for a spreadsheet. A cell can never become a formula (bad inputs « Exports »)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

_DANGEREUX: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00")


def safe_cell(texte: str) -> str:
    """The text, with ``'`` before what a spreadsheet would compute; control characters become spaces."""
    net = texte if texte.isprintable() else "".join(c if c.isprintable() else " " for c in texte)
    return "'" + net if texte.startswith(_DANGEREUX) or net.lstrip().startswith(("=", "+", "-", "@")) else net


def write_csv(titres: Sequence[str], lignes: Iterable[Sequence[str | int]], *, entete: bool = True) -> bytes:
    """UTF-8 with its mark and semicolons: what French spreadsheets open by a double click. Texts are made safe."""
    tampon = io.StringIO(newline="")
    sortie = csv.writer(tampon, delimiter=";", lineterminator="\r\n")
    if entete:
        sortie.writerow(titres)
    sortie.writerows([safe_cell(c) if isinstance(c, str) else c for c in ligne] for ligne in lignes)
    return tampon.getvalue().encode("utf-8-sig" if entete else "utf-8")
