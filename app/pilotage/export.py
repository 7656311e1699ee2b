"""The table as a file for a spreadsheet. A cell can never become a formula (bad inputs « Exports »)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from app.pilotage.jour import COMPTES_PILOTAGE, LigneService

_DANGEREUX = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00")


def safe_cell(texte: str) -> str:
    """The text, with ``'`` before what a spreadsheet would compute; control characters become spaces."""
    net = "".join(c if c.isprintable() else " " for c in texte)
    return "'" + net if texte.startswith(_DANGEREUX) or net.lstrip().startswith(("=", "+", "-", "@")) else net


def to_csv(lignes: Iterable[LigneService]) -> bytes:
    """UTF-8 with its mark and semicolons: what French spreadsheets open by a double click. One row per service."""
    tampon = io.StringIO(newline="")
    sortie = csv.writer(tampon, delimiter=";", lineterminator="\r\n")
    mots = (compte.mot for compte in COMPTES_PILOTAGE)
    sortie.writerow(["Service", "SAGES", "Ville", "Département", "Jour", *mots, "Rendez-vous"])
    for ligne in lignes:
        textes = (ligne.libelle, ligne.sages, ligne.ville, ligne.departement, ligne.jour.isoformat())
        nombres = [*ligne.comptes.values(), ligne.total]
        sortie.writerow([*(safe_cell(t) for t in textes), *nombres])
    return tampon.getvalue().encode("utf-8-sig")
