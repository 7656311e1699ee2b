"""The table of a steering page as a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

from app.pilotage.jour import COMPTES_PILOTAGE, LigneService
from app.web.tableur import write_csv


def to_csv(lignes: Iterable[LigneService]) -> bytes:
    """One row per service."""
    mots = [compte.mot for compte in COMPTES_PILOTAGE]
    titres = ["Service", "SAGES", "Ville", "Département", "Jour", *mots, "Rendez-vous"]
    return write_csv(titres, (_rang(ligne) for ligne in lignes))


def _rang(ligne: LigneService) -> list[str | int]:
    textes = (ligne.libelle, ligne.sages, ligne.ville, ligne.departement, ligne.jour.isoformat())
    return [*textes, *ligne.comptes.values(), ligne.total]
