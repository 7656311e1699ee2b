"""Words: French dates in the service's own zone, and hostile text made harmless."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.courrier import texte
from app.courrier.adresse import AdresseRefusee, parse_adresse, parse_expediteur

INSECABLE = "\u00a0"


def _lisible(texte_: str) -> str:
    return texte_.replace(INSECABLE, " ")


class TestAnnexe1Paragraphe2DatesEnMots:
    def test_the_example_of_the_text_reads_as_it_is_printed(self) -> None:
        instant = datetime(2016, 9, 14, 8, 20, tzinfo=UTC)
        assert _lisible(texte.date_en_mots(instant, "Europe/Paris")) == "mercredi 14 septembre 2016 à 10 h 20"

    def test_the_hour_is_never_cut_from_its_minutes(self) -> None:
        assert texte.heure_en_mots(datetime(2016, 9, 14, 8, 20, tzinfo=UTC), "Europe/Paris") == "10\u00a0h\u00a020"

    def test_a_full_hour_has_no_minutes(self) -> None:
        assert _lisible(texte.heure_en_mots(datetime(2026, 1, 5, 8, 0, tzinfo=UTC), "Europe/Paris")) == "9 h"

    def test_the_first_of_the_month_is_1er(self) -> None:
        assert _lisible(texte.jour_en_mots(datetime(2026, 10, 1, 8, tzinfo=UTC), "Europe/Paris")) == (
            "jeudi 1er octobre 2026"
        )

    @pytest.mark.parametrize(
        ("fuseau", "attendu"),
        [
            ("Indian/Reunion", "lundi 2 février 2026 à 0 h 10"),
            ("America/Guadeloupe", "dimanche 1er février 2026 à 16 h 10"),
            ("America/Miquelon", "dimanche 1er février 2026 à 17 h 10"),
            ("Europe/Paris", "dimanche 1er février 2026 à 21 h 10"),
        ],
    )
    def test_day_and_hour_are_those_of_the_place(self, fuseau: str, attendu: str) -> None:
        assert _lisible(texte.date_en_mots(datetime(2026, 2, 1, 20, 10, tzinfo=UTC), fuseau)) == attendu

    def test_both_sides_of_the_night_that_has_25_hours(self) -> None:
        avant, apres = datetime(2027, 10, 30, 22, 30, tzinfo=UTC), datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
        assert _lisible(texte.heure_en_mots(avant, "Europe/Paris")) == "0 h 30"
        assert _lisible(texte.heure_en_mots(apres, "Europe/Paris")) == "9 h"

    @pytest.mark.parametrize(
        ("minutes", "attendu"),
        [
            (1, "1 minute"),
            (20, "20 minutes"),
            (60, "1 heure"),
            (65, "1 heure 05"),
            (90, "1 heure 30"),
            (120, "2 heures"),
        ],
    )
    def test_durations(self, minutes: int, attendu: str) -> None:
        assert _lisible(texte.duree_en_mots(timedelta(minutes=minutes))) == attendu


class TestTelephones:
    @pytest.mark.parametrize(
        ("saisi", "lu"),
        [
            ("0612345678", "06 12 34 56 78"),
            ("+33612345678", "06 12 34 56 78"),
            ("+262692123456", "+262 692 12 34 56"),
            ("poste 12, demander Anne", "poste 12, demander Anne"),
            ("", ""),
        ],
    )
    def test_read_aloud_as_people_do(self, saisi: str, lu: str) -> None:
        assert _lisible(texte.telephone_lisible(saisi)) == lu

    def test_a_link_only_when_it_is_a_number(self) -> None:
        assert texte.telephone_lien("02 31 47 11 11") == "tel:+33231471111"
        assert texte.telephone_lien("javascript:alert(1)") == ""


class TestHostileText:
    @given(st.text())
    def test_what_comes_out_is_one_line_without_controls(self, hostile: str) -> None:
        propre = texte.propre(hostile)
        assert len(propre.splitlines()) <= 1
        assert not {unicodedata.category(c) for c in propre} & {"Cc", "Cs", "Zl", "Zp"}
        assert texte.propre(propre) == propre

    def test_bidi_overrides_leave_and_emoji_stay(self) -> None:
        assert texte.propre("a\u202egnp.exe\u202c 👩\u200d🚀") == "agnp.exe 👩\u200d🚀"

    def test_a_line_end_becomes_a_space(self) -> None:
        assert texte.propre("Martin\r\nBcc: tous@example.org") == "Martin Bcc: tous@example.org"

    def test_a_very_long_text_is_cut(self) -> None:
        assert len(texte.propre("x" * 10_000)) == texte.LONGUEUR_MAX

    @pytest.mark.parametrize(
        "nom",
        ["Visitez http://gain.example", "gain.example/prix", "www.gain.fr", "a@b.fr", "<script>", "x" * 101, "A.COM"],
    )
    def test_a_name_that_could_become_a_link_is_not_greeted(self, nom: str) -> None:
        assert texte.nom_affichable(nom) == ""

    @pytest.mark.parametrize(
        "nom",
        [
            "Appelez le 0899 12 34 56",
            "Tapez 3615",
            "٠٨٩٩١٢",
            "Votre compte est bloqué appelez vite le service",
            "Remboursement\u00a0à\u00a0réclamer\u00a0avant\u00a0ce\u00a0soir\u00a0minuit",
        ],
    )
    def test_a_name_that_holds_a_number_or_a_sentence_is_not_greeted(self, nom: str) -> None:
        assert texte.nom_affichable(nom) == ""

    @pytest.mark.parametrize("nom", ["Marie José de la Tour d’Auvergne", "Louis 14"])
    def test_a_long_name_is_greeted(self, nom: str) -> None:
        assert texte.nom_affichable(nom) == nom

    @pytest.mark.parametrize("nom", ["Madame VALENTON", "M. D’ARTAGNAN-Ó’Brien", "3 SUISSES & FILS", "Nguyễn Thị", ""])
    def test_an_ordinary_name_is_greeted(self, nom: str) -> None:
        assert texte.nom_affichable(nom) == nom

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "https://a b.fr/",
            'https://a.fr/"onx',
            "//a.fr",
            "http://[",
        ],
    )
    def test_only_plain_web_addresses_become_links(self, url: str) -> None:
        assert texte.lien_sur(url) == ""
        assert texte.lien_sur("https://rdv.example.fr/x?y=1") == "https://rdv.example.fr/x?y=1"


class TestOneAddress:
    @pytest.mark.parametrize(
        "adresse",
        [
            "a@example.org,b@example.org",
            "a@example.org, b@example.org",
            "a@example.org;b@example.org",
            "a@example.org\r\nBcc: b@example.org",
            "a@example.org b@example.org",
            "Anne <a@example.org>",
            '"a,b"@example.org',
            "a@example.org\x00",
            "",
            "sans-arobase",
        ],
    )
    def test_anything_but_exactly_one_address_is_refused(self, adresse: str) -> None:
        with pytest.raises(AdresseRefusee) as refus:
            parse_adresse(adresse)
        assert "example" not in str(refus.value)

    def test_an_accented_domain_travels_in_ascii(self) -> None:
        assert parse_adresse("anne@impôts.fr") == "anne@xn--impts-8ta.fr"

    def test_an_accented_mailbox_is_kept(self) -> None:
        assert parse_adresse("zoé@example.org") == "zoé@example.org"

    def test_the_sender_may_have_a_name(self) -> None:
        assert parse_expediteur("Mes RDV <no@rdv.invalid>") == ("Mes RDV", "no@rdv.invalid")
        assert parse_expediteur("no@rdv.invalid") == ("", "no@rdv.invalid")
