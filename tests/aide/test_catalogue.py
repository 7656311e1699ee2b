"""« Une documentation en ligne complète est directement accessible à partir de l'application » [C §7]."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
from litestar import Litestar

from app.aide.catalogue import (
    DOSSIER,
    THEMES,
    PageInvalide,
    find_page,
    read_catalogue,
    search_pages,
)
from app.aide.mots import split_mots
from app.main import create_web
from tests.e2e.test_toutes_les_pages import PAGES
from tests.fixtures.base import make_settings

#: Screens of agents: every page that somebody signed in opens, the demo's own door apart.
ECRANS = sorted(
    route
    for route, visites in PAGES.items()
    if any(v.qui for v in visites) and not route.startswith(("/demo", "/aide"))
)
PAGES_AIDE = list(read_catalogue().values())


class TestCompletude:
    """Kept by a test: a screen without its page, or a page without its screen, fails here."""

    @pytest.mark.parametrize("ecran", ECRANS)
    def test_every_screen_has_its_page(self, ecran: str) -> None:
        assert find_page(ecran) is not None

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_every_page_explains_a_screen_that_exists(self) -> None:
        settings = make_settings("postgresql://x/y", "redis://127.0.0.1:1", "smtp://127.0.0.1:1", Path())
        application = cast(Litestar, cast(Any, create_web(settings)).app)
        routes = {r.path for r in application.routes}
        inconnus = [
            (page.cle, ecran)
            for page in PAGES_AIDE
            for ecran in page.ecrans
            if not any(route == ecran or (ecran.endswith("*") and route.startswith(ecran[:-1])) for route in routes)
        ]
        assert not inconnus

    @pytest.mark.parametrize(
        ("route", "attendue"),
        [
            ("/services/{service_id:int}/rendez-vous", "prendre-un-rdv"),
            ("/services/{service_id:int}/prendre/option", "parcours-simplifie"),
            ("/rendez-vous/{rdv_id:int}/annulation", "annuler"),
            ("/rendez-vous/{rdv_id:int}/echange", "echanger"),
            ("/rendez-vous/{rdv_id:int}/absence", "noter-une-arrivee"),
            ("/agent/rendez-vous/par-code/annuler", "par-code"),
            ("/sites/{site_id:int}/accueil/recherche", "accueil"),
            ("/services/{service_id:int}/organiser/ouverture/ouvrir", "ouverture"),
            ("/services/{service_id:int}/organiser/agents/{agent_id:int}/suspension", "agents-et-habilitations"),
        ],
    )
    def test_a_form_shown_again_by_its_own_address_keeps_its_help(self, route: str, attendue: str) -> None:
        page = find_page(route)
        assert page is not None
        assert page.cle == attendue

    @pytest.mark.parametrize("page", PAGES_AIDE, ids=lambda p: p.cle)
    def test_a_page_says_something_and_its_links_lead_somewhere(self, page: object) -> None:
        lue = read_catalogue()[page.cle]  # type: ignore[attr-defined] # pytest gives ids, not types
        assert len(lue.html) > 600, "a page explains a task: more than a sentence"
        assert 20 < len(lue.resume) < 260
        for cible in re.findall(r'href="([^"]+)"', lue.html):
            assert cible in read_catalogue() or cible.startswith("tel:"), cible

    def test_each_theme_has_pages_and_no_two_pages_have_one_title(self) -> None:
        assert {p.theme for p in PAGES_AIDE} == set(THEMES)
        assert len({p.titre for p in PAGES_AIDE}) == len(PAGES_AIDE)


class TestRecherche:
    """What somebody types who does not know the title."""

    @pytest.mark.parametrize(
        ("question", "attendue"),
        [
            ("comment déplacer un rendez-vous", "deplacer"),
            ("DEPLACER RDV", "deplacer"),
            ("annul", "annuler"),
            ("contre-appel", "contre-appel"),
            ("jour férié", "exceptions"),
            ("imprimer l’agenda", "agenda"),
            ("rappeler", "a-rappeler"),
            ("code et nom", "par-code"),
            ("export csv", "liste-des-rdv"),
            ("l’usager ne trouve pas de créneau", "pourquoi-pas-de-creneau"),
            ("intervertir deux rendez-vous", "echanger"),
            ("mot de passe oublié", "se-connecter"),
            ("connexion perdue", "en-direct"),
            ("raccourcis", "clavier"),
            ("SIRET", "rechercher-un-rdv"),
        ],
        ids=lambda v: v if v.isascii() else None,
    )
    def test_the_page_looked_for_is_among_the_first_three(self, question: str, attendue: str) -> None:
        assert attendue in [page.cle for page in search_pages(question)[:3]]

    @pytest.mark.parametrize("question", ["", "   ", "de la", "zzzzzz", "déplacer zzzzzz", "<script>", "m"])
    def test_a_question_without_an_answer_finds_nothing(self, question: str) -> None:
        assert search_pages(question) == []

    def test_a_letter_is_looked_for_whole(self) -> None:
        assert [page.cle for page in search_pages("<b>")] == ["plannings"], "« b » is one of its shortcuts"

    def test_words_are_compared_without_accents_capitals_nor_plurals(self) -> None:
        assert split_mots("Les Créneaux d’été : RENDEZ-VOUS") == ("creneau", "ete", "rdv")


class TestEcriture:
    """A page badly written stops the tests, not the agents."""

    @pytest.mark.parametrize(
        "texte",
        ["sans carte", "titre: A\ntheme: Inconnu\nordre: 1\necrans: /x\nmots: a\n---\nTexte", "titre: A\n---\nTexte"],
        ids=["sans-carte", "theme-inconnu", "carte-incomplete"],
    )
    def test_a_card_in_fault_is_refused_by_name(self, tmp_path: Path, texte: str) -> None:
        (tmp_path / "fautive.md").write_text(texte, encoding="utf-8")
        with pytest.raises(PageInvalide, match="fautive"):
            read_catalogue(tmp_path)

    def test_raw_html_is_shown_never_run(self, tmp_path: Path) -> None:
        carte = "titre: A\ntheme: Piloter\nordre: 1\necrans: /x\nmots: a\n---\n"
        (tmp_path / "page.md").write_text(carte + "<script>alert(1)</script>", encoding="utf-8")
        assert "<script>" not in read_catalogue(tmp_path)["page"].html

    def test_every_file_is_a_page(self) -> None:
        assert {f.stem for f in DOSSIER.iterdir()} == set(read_catalogue())


class TestRapprochement:
    """The most precise page wins."""

    def test_a_named_screen_before_a_family_and_the_longest_family(self, tmp_path: Path) -> None:
        for cle, ecrans in {"a": "/x*", "b": "/x/y*", "c": "/x/y/z"}.items():
            (tmp_path / f"{cle}.md").write_text(
                f"titre: {cle}\ntheme: Piloter\nordre: 1\necrans: {ecrans}\nmots: m\n---\nTexte.", encoding="utf-8"
            )
        trouvees = [find_page(route, tmp_path) for route in ("/x/a", "/x/y/b", "/x/y/z", "/w")]
        assert [page.cle if page else None for page in trouvees] == ["a", "b", "c", None]
