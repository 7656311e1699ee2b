"""The table as a file for a spreadsheet. A cell can never become a formula (bad inputs « Exports »)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from app.pilotage.compteurs import ETATS
from app.pilotage.jour import MOTS, LigneService

_DANGEREUX = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00")


def safe_cell(texte: str) -> str:
    """The text, with ``'`` before what a spreadsheet would compute; control characters become spaces."""
    net = "".join(c if c.isprintable() else " " for c in texte)
    return "'" + net if texte.startswith(_DANGEREUX) or net.lstrip().startswith(("=", "+", "-", "@")) else net


def to_csv(lignes: Iterable[LigneService]) -> bytes:
    """UTF-8 with its mark and semicolons: what French spreadsheets open by a double click. One row per service."""
    tampon = io.StringIO(newline="")
    sortie = csv.writer(tampon, delimiter=";", lineterminator="\r\n")
    sortie.writerow(["Service", "SAGES", "Ville", "Département", "Jour", *(MOTS[e] for e in ETATS), "Rendez-vous"])
    for ligne in lignes:
        textes = (ligne.libelle, ligne.sages, ligne.ville, ligne.departement, ligne.jour.isoformat())
        nombres = [*(ligne.par_etat[etat] for etat in ETATS), ligne.total]
        sortie.writerow([*(safe_cell(t) for t in textes), *nombres])
    return tampon.getvalue().encode("utf-8-sig")
