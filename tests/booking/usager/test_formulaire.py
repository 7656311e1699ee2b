"""Reading what was typed: choices of URLs, keys, fields; whatever is sent, an answer and never an accident."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.jugement import Reservation
from app.booking.outils import Auteur
from app.booking.usager.cle import derive_cle, is_cle, print_cle_usager
from app.booking.usager.demande import Parcours, read_choix, read_debut, read_id, read_jour, read_mois
from app.booking.usager.formulaire import CHAMPS, read_formulaire
from app.booking.usager.recherche import Recherche, parse_recherche
from app.config import Settings
from app.errors import Introuvable, SaisieInvalide
from tests.booking.outillage import personne

REGLAGES = Settings("", "", "", "http://127.0.0.1", "secret-des-tests-seulement-0123456789abcdef")
CLE = "5f0c2a34-8f9e-4f43-9a55-0d5a3b1c7e10"
COMPLET = {
    "civilite": "madame",
    "nom_usage": "Valenton",
    "prenoms": "Philippa",
    "telephone1": "06 12 34 56 78",
    "precision": "Revenus fonciers",
    "cle": CLE,
    "debut": "2026-11-24T08:00:00+01:00",
}


def lire(**plus: str) -> dict[str, str]:
    lue = read_formulaire({**COMPLET, **plus}, nature="particulier", departement="58", aujourdhui=date(2026, 11, 22))
    return lue.erreurs


class TestAnnexe1Coordonnees:
    """Annexe 1 §2, étape 3 : champs, erreurs, saisie conservée."""

    def test_the_complete_form_is_accepted(self) -> None:
        assert lire() == {}

    def test_errors_come_in_the_order_of_the_page(self) -> None:
        erreurs = lire(civilite="", nom_usage="", telephone1="", courriel="x", precision="")
        assert list(erreurs) == [champ for champ in CHAMPS if champ in erreurs]
        assert len(erreurs) == 5

    @pytest.mark.parametrize("champ", ["nom_usage", "prenoms", "nom_naissance"])
    @pytest.mark.parametrize("valeur", ["😀", "42", "—", "?!"])
    def test_a_name_holds_at_least_one_letter(self, champ: str, valeur: str) -> None:
        assert "doit contenir au moins une lettre" in lire(**{champ: valeur})[champ]

    @pytest.mark.parametrize("valeur", ["Ng", "Ø", "李", "محمد", "Ильин", "N'Diaye 😀"])
    def test_a_letter_is_one_of_any_script(self, valeur: str) -> None:
        assert lire(nom_usage=valeur, prenoms=valeur) == {}

    def test_bytes_that_are_no_text_are_refused_beside_their_field(self) -> None:
        assert "interdit" in lire(prenoms="Phil\ufffdippa")["prenoms"]

    def test_every_field_of_the_page_is_kept_as_typed(self) -> None:
        lue = read_formulaire(
            {"nom_usage": "<b>\x00", "courriel": "\ud800"},
            nature="particulier",
            departement="58",
            aujourdhui=date(2026, 1, 1),
        )
        assert lue.saisie["nom_usage"] == "<b>\x00"
        lue.saisie["courriel"].encode()

    def test_a_form_without_key_or_hour_says_so_apart_from_the_fields(self) -> None:
        lue = read_formulaire(
            {**COMPLET, "cle": "x", "debut": "demain"}, nature="particulier", departement="58", aujourdhui=date.max
        )
        assert (lue.cle, lue.debut, len(lue.phrases), lue.valide) == ("", None, 2, False)

    @given(st.dictionaries(st.sampled_from((*CHAMPS, "cle", "debut")), st.text(max_size=40)))
    def test_whatever_is_sent_is_read(self, donnees: dict[str, str]) -> None:
        lue = read_formulaire(donnees, nature="professionnel", departement="974", aujourdhui=date(2026, 11, 22))
        assert not lue.valide or lue.debut is not None


class TestCleDuFormulaire:
    """Une tenue, un formulaire, un rendez-vous."""

    def test_the_same_hold_of_the_same_visit_gives_the_same_key(self) -> None:
        assert derive_cle(REGLAGES, "visite", 7) == derive_cle(REGLAGES, "visite", 7)

    def test_another_visit_or_another_hold_gives_another_key(self) -> None:
        assert len({derive_cle(REGLAGES, v, o) for v in ("a", "b") for o in (1, 2)}) == 4

    def test_it_looks_like_the_random_keys_that_other_clients_send(self) -> None:
        assert is_cle(derive_cle(REGLAGES, "visite", 7))
        assert not is_cle("{5f0c2a34-8f9e-4f43-9a55-0d5a3b1c7e10}")
        assert not is_cle("")

    def test_it_finds_the_row_that_the_booking_wrote(self) -> None:
        demande = Reservation(1, 1, "guichet", 0, "internet", "internet", personne(), "", CLE)
        assert print_cle_usager(CLE) == demande.print_cle(Auteur("usager"))


class TestChoixDesAdresses:
    """Ce qui voyage dans l'adresse : des choix, rien de personnel, et jamais une erreur."""

    @pytest.mark.parametrize("texte", ["", "-1", "1.5", "²", "9" * 19, "9" * 40, "1; DROP", None, 3])
    def test_what_is_no_id_is_no_choice(self, texte: object) -> None:
        assert read_id(texte) == 0

    def test_choices_survive_from_step_to_step(self) -> None:
        parcours = Parcours.read(12, {"motif": "3", "type": "telephone", "nature": "professionnel"})
        assert parcours.url("creneau", jour="2026-11-24") == (
            "/rdv/12/creneau?motif=3&type=telephone&nature=professionnel&jour=2026-11-24"
        )
        assert Parcours.read(12, {"type": "fax", "nature": "robot"}).url("motif") == "/rdv/12/motif"
        assert read_choix({"m1": "3", "m2": "x"}) == {"m1": 3}

    def test_a_service_out_of_range_does_not_exist(self) -> None:
        with pytest.raises(Introuvable):
            Parcours.read(2**70, {})

    @pytest.mark.parametrize(
        "texte", ["", "2026-11-24", "2026-11-24T08:00:00", "2026-11-24T08:00:30+01:00", "x" * 99, None]
    )
    def test_an_hour_is_a_whole_minute_with_its_offset(self, texte: object) -> None:
        with pytest.raises(SaisieInvalide):
            read_debut(texte)

    def test_days_and_months_of_addresses_are_read_or_ignored(self) -> None:
        assert read_jour("2026-11-24") == date(2026, 11, 24)
        assert read_jour("2026-02-31") is None
        assert read_mois("2026-12") == date(2026, 12, 1)
        assert read_mois("2026-13") is None


class TestRecherche:
    """Annexe 1 §3.3 : un service se trouve par la commune, le code postal, le nom ou son code."""

    def test_codes_postal_codes_and_words_are_told_apart(self) -> None:
        assert parse_recherche("5800450") == Recherche(code="5800450")
        assert parse_recherche("058 019") == Recherche(code="058019")
        assert parse_recherche("58000") == Recherche(postal="58000")
        assert parse_recherche("58000 Névers") == Recherche(postal="58000", mots=("NEVERS",))
        assert parse_recherche("Paris 10") == Recherche(mots=("PARIS", "10"))
        assert parse_recherche("58") == Recherche(postal="58")
        assert parse_recherche(" ’%_;\x00 ") == Recherche()

    def test_a_postal_code_without_service_widens_to_its_departement(self) -> None:
        assert parse_recherche("58000").widen() == Recherche(departements=("58",))
        assert parse_recherche("97400").widen() == Recherche(departements=("974",))
        assert parse_recherche("20090").widen() == Recherche(departements=("2A", "2B"))
        assert parse_recherche("Nevers").widen() is None
