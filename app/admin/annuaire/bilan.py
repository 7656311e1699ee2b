"""What an import did, and the report of what it refused: for a terminal, for a spreadsheet, for the journal."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.admin.annuaire.lecture import Remarque

#: A spreadsheet would run a cell that begins so.
_FORMULES: Final = ("=", "+", "-", "@", "\t", "\r", "\x00")


@dataclass(slots=True)
class Bilan:
    """Counts of rows, and what is said of some. ``retires``: competences that the file no longer gives."""

    lues: int = 0
    crees: int = 0
    modifies: int = 0
    retires: int = 0
    inchanges: int = 0
    remarques: list[Remarque] = field(default_factory=list)

    @property
    def refus(self) -> list[Remarque]:
        """Lines, or cells, that were left out."""
        return [r for r in self.remarques if r.refus]

    @property
    def refusees(self) -> int:
        """Lines of which something was left out."""
        return len({r.ligne for r in self.remarques if r.refus})

    @property
    def rien(self) -> bool:
        """True when the database already said all that the file says."""
        return not (self.crees or self.modifies or self.retires)

    def add(self, autre: Bilan) -> None:
        """Add the counts and remarks of one batch."""
        self.lues += autre.lues
        self.crees += autre.crees
        self.modifies += autre.modifies
        self.retires += autre.retires
        self.inchanges += autre.inchanges
        self.remarques += autre.remarques

    def count(self) -> dict[str, int]:
        """The figures alone: for the journal."""
        return {
            "lues": self.lues,
            "crees": self.crees,
            "modifies": self.modifies,
            "retires": self.retires,
            "inchanges": self.inchanges,
            "refuses": self.refusees,
        }


def write_rapport(chemin: Path, remarques: Sequence[Remarque]) -> None:
    """One line per remark, in the order of the file. A hostile value stays a text in a spreadsheet."""
    with chemin.open("w", encoding="utf-8-sig", newline="") as sortie:
        ecrivain = csv.writer(sortie, delimiter=";")
        ecrivain.writerow(["ligne", "gravite", "champ", "phrase", "valeur"])
        for r in sorted(remarques, key=lambda r: r.ligne):
            gravite = "refus" if r.refus else "remarque"
            ecrivain.writerow([r.ligne, gravite, r.champ, r.phrase, _protect(r.valeur)])


def _protect(valeur: str) -> str:
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in valeur)
    return f"'{visible}" if valeur.startswith(_FORMULES) else visible


def describe_remarque(remarque: Remarque) -> str:
    """« ligne 12, courriel : … », for a terminal."""
    champ = f", {remarque.champ}" if remarque.champ else ""
    phrase = "".join(c if c.isprintable() else " " for c in remarque.phrase)
    return f"ligne {remarque.ligne}{champ} : {phrase}"
