"""The cascade and the places, without a database (annexe 1 §2)."""

from __future__ import annotations

from typing import ClassVar

from app.booking.usager.adresse import Lieu, match_voies, parse_lieu, split_voies
from app.booking.usager.cartes import build_plan
from app.booking.usager.contact_arbre import Sujet, compute_cascade, keep_reachable
from app.booking.usager.recherche import begin_commune, build_parametres, parse_recherche
from app.langue import in_langue


def sujet(ident: int, code: str, parent: int | None = None, nature: str = "particulier", **plus: object) -> Sujet:
    return Sujet(ident, code, parent, nature, f"Sujet {code}", **plus)  # type: ignore[arg-type] # test data


SUJETS = (
    sujet(1, "dossier"),
    sujet(2, "calcul", 1),
    sujet(3, "revenu", 2, libelle_en="Income tax"),
    sujet(4, "copie", 1),
    sujet(5, "technique"),
    sujet(6, "tva", nature="professionnel"),
)


class TestLaCascade:
    """Annexe 1 §2 : vous êtes → votre demande concerne → au sujet de → plus précisément."""

    def test_nothing_chosen_asks_who_one_is_and_nothing_else(self) -> None:
        cascade = compute_cascade(SUJETS, {})
        assert (cascade.nature, cascade.groupes, cascade.feuille, cascade.url()) == ("", (), None, "/contact")

    def test_each_answer_reveals_the_next_question(self) -> None:
        cascade = compute_cascade(SUJETS, {"nature": "particulier", "s1": "dossier", "s2": "calcul"})
        assert [[s.code for s in g.sujets] for g in cascade.groupes] == [
            ["dossier", "technique"],
            ["calcul", "copie"],
            ["revenu"],
        ]
        assert cascade.feuille is None

    def test_a_subject_without_answers_below_is_where_it_leads(self) -> None:
        cascade = compute_cascade(SUJETS, {"nature": "particulier", "s1": "dossier", "s2": "copie"})
        assert cascade.feuille is not None
        assert cascade.feuille.code == "copie"
        assert cascade.url(lieu="Nevers") == "/contact?nature=particulier&s1=dossier&s2=copie&lieu=Nevers"

    def test_an_answer_that_does_not_fit_the_one_before_is_forgotten_with_those_below(self) -> None:
        cascade = compute_cascade(SUJETS, {"nature": "professionnel", "s1": "dossier", "s2": "calcul", "s3": "revenu"})
        assert cascade.choix == {"nature": "professionnel"}
        assert compute_cascade(SUJETS, {"nature": "martien", "s1": "dossier"}).choix == {}

    def test_the_code_of_a_subject_stands_for_all_the_answers_that_lead_to_it(self) -> None:
        cascade = compute_cascade(SUJETS, {"sujet": "revenu"})
        assert cascade.choix == {"nature": "particulier", "s1": "dossier", "s2": "calcul", "s3": "revenu"}
        assert compute_cascade(SUJETS, {"sujet": "inconnu"}).choix == {}

    def test_what_depends_on_a_subject_taken_out_is_out_too_and_a_loop_leads_nowhere(self) -> None:
        assert [s.code for s in keep_reachable(SUJETS[1:])] == ["technique", "tva"]
        assert keep_reachable((sujet(1, "a", 2), sujet(2, "b", 1))) == ()

    def test_a_subject_is_read_in_the_language_of_the_answer_else_in_french(self) -> None:
        with in_langue("en"):
            assert (SUJETS[2].intitule, SUJETS[3].intitule) == ("Income tax", "Sujet copie")
        assert SUJETS[2].intitule == "Sujet revenu"


class TestLeLieu:
    """A commune or a postal code, in one field."""

    def test_what_people_type(self) -> None:
        assert {
            saisie: parse_lieu(saisie)
            for saisie in ("Nevers", "58000", "58000 nevers", "Nevers (58000)", "58", "58015 NEVERS CEDEX 2", "n", "Y")
        } == {
            "Nevers": Lieu("", "NEVERS"),
            "58000": Lieu("58000"),
            "58000 nevers": Lieu("58000", "NEVERS"),
            "Nevers (58000)": Lieu("58000", "NEVERS"),
            "58": Lieu("58"),
            "58015 NEVERS CEDEX 2": Lieu("58015", "NEVERS"),
            "n": Lieu(),
            "Y": Lieu("", "Y"),
        }

    def test_hostile_texts_designate_no_place(self) -> None:
        for saisie in ("", "%", "_", "';--", "\x00", "\u202e", "<>", "\ud83d"):
            assert parse_lieu(saisie) == Lieu(), saisie.encode("unicode_escape")

    def test_saints_are_in_full_and_ligatures_in_both_spellings(self) -> None:
        assert begin_commune(["ST", "DENIS"])["commune"] == "SAINT DENIS"
        assert begin_commune(["ŒUILLY"])["commune"] == "OEUILLY"
        assert begin_commune(["OEUILLY"])["ligature"] == "ŒUILLY"

    def test_words_said_in_passing_choose_between_no_services(self) -> None:
        assert build_parametres(parse_recherche("SIP de Nevers"))["mots"] == "'SIP':* & 'NEVERS':*"
        assert build_parametres(parse_recherche("la"))["mots"] == "'LA':*"
        assert build_parametres(parse_recherche("St Denis"))["mots"] == "('ST':* | 'SAINT':*) & 'DENIS':*"


class TestLaRue:
    """G 2.3.1 : a commune shared between services, each with its streets."""

    CANDIDATS: ClassVar[dict[int, tuple[str, ...]]] = {
        1: ("rue Camille Baynac", "quai de Loire"),
        2: ("rue des Baynac", "rue de la Loire Atlantique"),
        3: (),
    }

    def test_a_street_designates_the_service_that_lists_it(self) -> None:
        assert match_voies(["19 bis, rue Camille-Baynac"], self.CANDIDATS) == [1]
        assert match_voies(["RUE CAMILLE BAYNAC 58000 NEVERS"], self.CANDIDATS) == [1]

    def test_all_the_words_of_a_listed_street_are_needed(self) -> None:
        assert match_voies(["avenue Atlantique"], {1: ("rue de la Loire Atlantique",), 2: ("quai Médine",)}) == []

    def test_a_street_that_nobody_lists_is_of_the_rest_of_the_commune(self) -> None:
        assert match_voies(["rue du Moulin"], self.CANDIDATS) == [3]
        assert match_voies(["rue du Moulin"], {1: ("quai A",), 2: ("quai B",)}) == []

    def test_the_name_that_the_address_base_gives_counts_too(self) -> None:
        assert match_voies(["bainac", "Rue Camille Baynac"], self.CANDIDATS) == [1]

    def test_numbers_and_kinds_of_streets_say_nothing(self) -> None:
        assert match_voies(["12 rue de la"], self.CANDIDATS) == []
        assert match_voies([""], self.CANDIDATS) == []

    def test_a_street_of_two_services_leaves_both(self) -> None:
        partage = {1: ("rue Longue (numéros pairs)",), 2: ("rue Longue (numéros impairs)",), 3: ()}
        assert match_voies(["4 rue Longue"], partage) == [1, 2]

    def test_streets_are_read_as_directories_list_them(self) -> None:
        assert split_voies("rue A ; rue B|quai C\n, ") == ("rue A", "rue B", "quai C")


class TestLePlan:
    """A link to a map, and nothing that follows anybody."""

    def test_a_position_else_a_street_and_a_cedex_is_on_no_map(self) -> None:
        assert build_plan("1 rue A", "58000", "Nevers", 46.99, 3.16).endswith("?mlat=46.99&mlon=3.16#map=17/46.99/3.16")
        assert build_plan("1 rue A", "58015", "Nevers CEDEX 2").endswith("/search?query=1+rue+A%2C+NEVERS")
        assert build_plan("", "", "") == ""
        assert "javascript" not in build_plan("javascript:alert(1)", "", "").partition("?")[0]
