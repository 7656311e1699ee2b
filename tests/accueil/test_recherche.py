"""What the desk types or scans, understood. [domain « Code »: a typed 0 reads O, 1 reads I, case and spaces ignored]"""

from __future__ import annotations

import pytest

from app.accueil.recherche import understand


class TestUnderstand:
    """A name, a code, or the address that a QR code carries."""

    @pytest.mark.parametrize("saisie", ["XOWVVO", "x0wvvo", " xow vvo ", "XOW-VV0", "https://rdv.invalid/rdv/XOWVVO"])
    def test_the_code_of_the_reference_text_is_recognised(self, saisie: str) -> None:
        assert understand(saisie)[1] == "XOWVVO"

    def test_a_name_of_six_letters_is_also_a_name(self) -> None:
        assert understand("Martin") == (["MARTIN"], "MARTIN")

    def test_a_name_is_unaccented_words(self) -> None:
        assert understand("Le Goff-Kervadec Maëlle") == (["LE", "GOFF", "KERVADEC", "MAELLE"], None)

    @pytest.mark.parametrize("saisie", ["", "   ", "%_'\"", "\x00", "https://", "http://"])
    def test_nothing_useful_means_nothing(self, saisie: str) -> None:
        assert understand(saisie) == ([], None)
