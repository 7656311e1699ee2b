"""Texts of short messages: the GSM alphabet, two segments at most, what matters first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.courrier.gsm7 import count_segments, to_gsm7
from app.courrier.message import EVENEMENTS
from app.courrier.mobile import find_mobile, is_mobile
from app.courrier.sms import SEGMENTS, render_sms
from tests.courrier.exemples import CAEN_NORD, message

LIEN = "https://rdv.example.gouv.fr/mon-rendez-vous/" + "j" * 32
VISIO = "https://visio.numerique.gouv.fr/" + "v" * 24


class TestAlphabetGsm:
    @pytest.mark.parametrize(
        ("texte", "attendu"),
        [
            ("Déplacé à Noël, où ?", "Déplacé à Noel, où ?"),
            ("l’hôtel de l’Île – 10\u00a0h\u00a020", "l'hotel de l'Ile - 10 h 20"),
            ("« Ça » œuvre", '" Ça " oeuvre'),
            ("Façade É ÀÈ", "Facade É AE"),
            ("😀 bonjour\u202e\n\x00", "bonjour"),
            ("Łódź", "Lodz"),
            ("Приём", "?????"),
        ],
    )
    def test_what_it_has_is_kept_and_the_rest_reads_the_same(self, texte: str, attendu: str) -> None:
        assert to_gsm7(texte) == attendu
        assert count_segments(to_gsm7(texte)) == 1

    def test_segments_are_counted_as_phones_join_them(self) -> None:
        assert count_segments("a" * 160) == 1
        assert count_segments("a" * 161) == 2
        assert count_segments("a" * 306) == 2
        assert count_segments("a" * 307) == 3
        assert count_segments("€" * 80) == 1
        assert count_segments("€" * 81) == 2
        assert count_segments("a" * 152 + "€" + "a" * 153) == 3, "an escaped character is never cut in two"
        with pytest.raises(ValueError, match="alphabet"):
            count_segments("ê")


class TestTexte:
    @pytest.mark.parametrize("langue", ["fr", "en"])
    @pytest.mark.parametrize("type_rdv", ["guichet", "telephone", "visio"])
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_each_message_fits_and_says_code_day_hour_and_service(
        self, evenement: str, type_rdv: str, langue: str
    ) -> None:
        texte = render_sms(
            evenement,
            message(
                langue=langue,
                type_rdv=type_rdv,
                visio_lien=VISIO if type_rdv == "visio" else "",
                lien_gestion=LIEN,
                ancien_debut=CAEN_NORD.debut - timedelta(days=1),
            ),
        )
        assert count_segments(texte) <= SEGMENTS
        assert "XOWVVO" in texte
        assert "CAEN NORD" in texte
        quand = "Wednesday 14 September 2016 at 10:20" if langue == "en" else "mercredi 14 septembre 2016 à 10h20"
        assert quand in texte
        assert (LIEN in texte) == (evenement != "annulation"), "a cancelled one has nothing more to open"
        assert (VISIO in texte) == (type_rdv == "visio" and evenement not in ("annulation", "existant"))

    def test_the_confirmation_of_the_reference_text(self) -> None:
        assert render_sms("confirmation", message(lien_gestion="")) == (
            "RDV confirmé : mercredi 14 septembre 2016 à 10h20, SERVICE IMPOTS PARTICULIERS CAEN NORD, "
            "145 rue de la Délivrande, 14083 CAEN CEDEX 9. Code XOWVVO."
        )

    def test_a_cancellation_is_one_segment_and_says_not_to_come(self) -> None:
        texte = render_sms("annulation", CAEN_NORD)
        assert count_segments(texte) == 1
        assert texte.endswith("Inutile de vous déplacer.")

    def test_elsewhere_the_hour_is_said_to_be_local(self) -> None:
        reunion = render_sms("rappel", message(fuseau="Indian/Reunion"))
        assert "à 12h20 (heure locale)" in reunion
        assert "local time" in render_sms("rappel", message(fuseau="Indian/Reunion", langue="en"))

    @pytest.mark.parametrize("langue", ["fr", "en"])
    def test_however_long_the_names_it_fits_and_keeps_what_matters(self, langue: str) -> None:
        m = message(
            langue=langue,
            type_rdv="visio",
            service_libelle="Trésorerie hospitalière " * 40,
            visio_lien="https://visio.example/" + "x" * 250,
            lien_gestion=LIEN,
            fuseau="Indian/Reunion",
        )
        for evenement in EVENEMENTS:
            texte = render_sms(evenement, m, demonstration=True)
            assert count_segments(texte) <= SEGMENTS
            assert "XOWVVO" in texte

    def test_no_name_and_no_motif_travel_in_clear(self) -> None:
        for evenement in EVENEMENTS:
            texte = render_sms(evenement, message(raison_annulation="dette", annule_par="agent"))
            assert "VALENTON" not in texte
            assert "impôt sur le revenu" not in texte
            assert "dette" not in texte

    def test_templates_are_not_run_from_facts(self) -> None:
        texte = render_sms("confirmation", message(service_libelle="{{ 7*7 }}{% raw %}"))
        assert "49" not in texte
        assert "{{ 7*7 }}" in texte


class TestMobile:
    @pytest.mark.parametrize("numero", ["+33612345678", "+33750123456", "+262692123456", "+590690001234", "+508551234"])
    def test_mobiles_of_french_plans_take_messages(self, numero: str) -> None:
        assert is_mobile(numero)

    @pytest.mark.parametrize(
        "numero", ["+33145678901", "+33800000000", "+447700900123", "+88213123456", "0612345678", ""]
    )
    def test_others_do_not(self, numero: str) -> None:
        assert not is_mobile(numero)

    def test_the_first_mobile_is_the_one_written_to(self) -> None:
        assert find_mobile(["+33145678901", "+33612345678", "+33698765432"]) == "+33612345678"
        assert find_mobile([]) is None
