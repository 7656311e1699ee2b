"""Reading pages and deciding, as the load does."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from loadtests.formulaires import read_code, read_page
from loadtests.monde import ZONES, choose_zone
from loadtests.parcours import answer_questions, check_hote, choose_debut, choose_jour, fill_coordonnees
from loadtests.personnes import Personne

MOTIF = """
<form method="get" action="/rdv/3/motif" id="choix-motif">
  <input type="hidden" name="demande" value="type">
  <input type="radio" id="a" name="m1" value="7" checked required><label for="a">Un > deux</label>
  <input type="radio" name="m1" value="8">
  <input type="radio" name="type" value="guichet"><input type="radio" name="type" value="telephone">
  <button class="fr-btn" formaction="/rdv/3/creneau">Rechercher</button>
</form>"""
CRENEAU = """
<form id="choix-creneau" method="post" action="/rdv/3/option">
  <input type="hidden" name="_csrf" value="abc"><input type="hidden" name="motif" value="7">
</form>
<a class="jour" data-jour="2026-11-26" data-libres="2" href="/rdv/3/creneau?motif=7&amp;jour=2026-11-26">26</a>
<a class="jour" data-jour="2026-11-27" data-libres="0" aria-disabled="true">27</a>
<button class="creneau" form="choix-creneau" name="debut" value="2026-11-26T08:00:00+01:00" disabled>08:00</button>
<button class="creneau" form="choix-creneau" name="debut" value="2026-11-26T08:20:00+01:00">08:20</button>
<button class="creneau" form="choix-creneau" name="debut" value="2026-11-26T08:40:00+01:00">08:40</button>
<button type="button" form="choix-creneau" name="debut" value="jamais">Imprimer</button>"""
COORDONNEES = """
<form method="post" action="/rdv/3/coordonnees" id="coordonnees">
  <input type="hidden" name="_csrf" value="a&amp;b"><input type="hidden" name="cle" value="k">
  <input class="fr-input" name="nom_usage" type="text" value=""><input type="radio" name="civilite" value="madame">
  <input type="radio" name="preference_appel" value="" checked>
  <input type="radio" name="preference_appel" value="matin">
  <textarea name="precision" rows="4">d&#39;avant</textarea>
  <button formaction="/rdv/3/option/rendre" formnovalidate>Rendre</button><button>Confirmer</button>
</form>"""


class TestPages:
    def test_what_is_ticked_is_sent_and_what_is_not_waits(self) -> None:
        formulaire = read_page(MOTIF).formulaires["choix-motif"]
        assert formulaire.champs == {"demande": "type", "m1": "7"}
        assert formulaire.choix == {"m1": ["7", "8"], "type": ["guichet", "telephone"]}
        assert formulaire.find_unanswered() == ["type"]

    def test_buttons_elsewhere_on_the_page_belong_to_the_form_they_name(self) -> None:
        formulaire = read_page(CRENEAU).formulaires["choix-creneau"]
        assert [b.valeur[11:16] for b in formulaire.find_buttons("debut")] == ["08:20", "08:40"]

    def test_entities_are_read_as_the_browser_reads_them(self) -> None:
        formulaire = read_page(COORDONNEES).formulaires["coordonnees"]
        assert formulaire.champs["_csrf"] == "a&b"
        assert formulaire.champs["precision"] == "d'avant"
        assert read_page(CRENEAU).liens[0]["href"] == "/rdv/3/creneau?motif=7&jour=2026-11-26"

    def test_links_are_found_by_their_address(self) -> None:
        page = read_page('<a href="/rdv/3/motif">A</a><a href="/rdv/3/motif">B</a><a href="/rdv/3/motif?type=x">C</a>')
        assert page.find_hrefs(r"^/rdv/\d+/motif$") == ["/rdv/3/motif"]

    def test_the_code_is_read_on_a_confirmation_only(self) -> None:
        assert read_code('<p class="code-rdv" translate="no"><span aria-hidden="true">XOWVVO</span>') == "XOWVVO"
        assert read_code("<p>XOWVVO</p>") == ""


class TestDecisions:
    def test_every_open_question_gets_an_answer_and_answers_given_are_kept(self) -> None:
        action, champs = answer_questions(read_page(MOTIF).formulaires["choix-motif"], random.Random(1))
        assert action == "/rdv/3/creneau"
        assert champs["m1"] == "7"
        assert champs["type"] in {"guichet", "telephone"}

    def test_a_day_without_places_is_never_chosen(self) -> None:
        page = read_page(CRENEAU)
        assert {choose_jour(page, random.Random(n))[-10:] for n in range(20)} == {"2026-11-26"}
        assert choose_jour(read_page("<p>complet</p>"), random.Random(1)) == ""

    def test_after_a_refusal_the_first_alternative_is_taken(self) -> None:
        formulaire = read_page(CRENEAU).formulaires["choix-creneau"]
        assert choose_debut(formulaire, random.Random(1), refuse=True)[11:16] == "08:20"
        assert {choose_debut(formulaire, random.Random(n), refuse=False)[11:16] for n in range(20)} == {
            "08:20",
            "08:40",
        }

    def test_the_form_is_filled_with_the_fields_it_has_and_no_other(self) -> None:
        formulaire = read_page(COORDONNEES).formulaires["coordonnees"]
        champs = fill_coordonnees(formulaire, Personne(1))
        assert set(champs) == {"_csrf", "cle", "nom_usage", "civilite", "preference_appel", "precision"}
        assert champs["cle"] == "k"
        assert champs["nom_usage"] == Personne(1).nom
        assert champs["precision"] == Personne(1).precision


class TestHost:
    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:8000", "http://localhost:8201/", "https://localhost", "http://[::1]:8000"]
    )
    def test_this_machine_may_be_loaded(self, url: str) -> None:
        assert check_hote(url) == url.rstrip("/")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "127.0.0.1:8000",
            "http://example.org",
            "http://127.0.0.1.example.org",
            "http://127.0.0.1@example.org",
            "http://x@127.0.0.1",
            "http://0.0.0.0:8000",
            "ftp://127.0.0.1",
        ],
    )
    def test_no_other_machine_may(self, url: str) -> None:
        with pytest.raises(ValueError, match="this machine only"):
            check_hote(url)


class TestClock:
    def test_at_any_hour_of_any_season_some_office_is_open_for_hours_yet(self) -> None:
        for jour in (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)):
            for heure in range(24):
                instant = jour + timedelta(hours=heure)
                zone = choose_zone(instant)
                assert zone in ZONES
                assert 6 <= instant.astimezone(ZoneInfo(zone)).hour <= 17, (instant, zone)
