"""A spreadsheet never computes what a service is called. [bad inputs « Exports »]"""

from __future__ import annotations

import csv
import io
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from app.pilotage.compteurs import ETATS
from app.pilotage.export import to_csv
from app.pilotage.jour import LigneService
from app.web.tableur import safe_cell


class TestCellules:
    """Cells beginning with = + - @, TAB, NUL get an apostrophe."""

    @pytest.mark.parametrize("texte", ["=1+1", "+33 6", "-2", "@SUM(A1)", "\t=1", "\x00=1", "\r=1", " =1"])
    def test_what_would_be_computed_is_text(self, texte: str) -> None:
        cellule = safe_cell(texte)
        assert cellule.startswith("'")
        assert cellule.isprintable()

    @pytest.mark.parametrize("texte", ["SIP de Nevers", "2016", "L'Isle-Adam", ""])
    def test_ordinary_text_is_untouched(self, texte: str) -> None:
        assert safe_cell(texte) == texte


class TestFichier:
    """UTF-8 with its mark, semicolons, one row per service."""

    def test_it_reads_back_as_it_was(self) -> None:
        ligne = LigneService(
            id=1,
            libelle='=HYPERLINK("x";"SIP")',
            sages="5800450",
            ville="NEVERS\nCEDEX",
            departement="58",
            zone=ZoneInfo("Europe/Paris"),
            jour=date(2026, 11, 23),
            ferme=False,
            version=1,
            par_etat={etat: rang for rang, etat in enumerate(ETATS)},
        )
        texte = to_csv([ligne]).decode("utf-8-sig")
        entete, rang = csv.reader(io.StringIO(texte), delimiter=";")
        assert entete[:5] == ["Service", "SAGES", "Ville", "Département", "Jour"]
        assert entete[-1] == "Rendez-vous"
        assert rang[0] == "'" + ligne.libelle
        assert rang[2] == "NEVERS CEDEX"
        assert rang[4] == "2026-11-23"
        assert entete[5:-1] == ["Attendus", "Arrivés", "En attente", "Reçus", "Non venus", "Annulés"]
        assert rang[5:] == ["0", "6", "3", "4", "5", "6", "15"]
