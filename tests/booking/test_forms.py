"""What is said of a form: to the usager who fills it in, or to the agent who types for him."""

from __future__ import annotations

from datetime import date

import pytest

from app.booking.forms import parse_usager


class TestQuiSaisit:
    """An agent is not asked for his own tax notice, nor whether he is a particulier."""

    @pytest.mark.parametrize(
        ("par_agent", "avis", "nature"),
        [
            (False, "en haut à gauche de votre avis d’impôt.", "Indiquez si vous êtes un particulier."),
            (
                True,
                "en haut à gauche de l’avis d’impôt.",
                "Indiquez si l’usager est un particulier ou un professionnel.",
            ),
        ],
        ids=["usager", "agent"],
    )
    def test_the_sentence_is_for_who_reads_it(self, *, par_agent: bool, avis: str, nature: str) -> None:
        _, erreurs = parse_usager(
            {"numero_fiscal": "123"}, departement="58", aujourdhui=date(2026, 11, 23), par_agent=par_agent
        )
        assert erreurs["numero_fiscal"].endswith(avis)
        assert erreurs["nature"] == nature
