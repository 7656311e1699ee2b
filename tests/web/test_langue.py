"""French and English: which one a page is answered in, how it is changed, and that nothing is left untranslated."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

import httpx
import pytest
from babel.messages.extract import extract
from jinja2.ext import babel_extract

from app.booking.usager.calendrier import FERME, MOTS
from app.booking.usager.mots import USAGER
from app.domain.raisons import PHRASES
from app.langue import _, in_langue, ngettext, read_catalogue, read_scripts, tr, witness
from app.web.langue import choose_langue, is_public
from tests.accueil.monde import Journee

RACINE = Path(__file__).resolve().parent.parent.parent
PUBLICS = [
    *(RACINE / "templates/booking/usager").rglob("*.html"),
    *(RACINE / "templates").glob("_*.html"),
    *(RACINE / "templates" / nom for nom in ("base.html", "base_usager.html", "erreur.html")),
    *(RACINE / "templates/macros" / f"{nom}.html" for nom in ("creneaux", "formulaire", "page", "compte")),
]
#: What every page of the usager may load.
SCRIPTS = ("actions", "annonces", "compte-a-rebours", "contact", "creneaux", "erreurs", "flux", "motif", "saisie")
_MOT = re.compile(r"\b(?:mot|nombre|enumerer)\(\s*(?:[\w.() >?:]*,\s*)?((?:\"[^\"]+\"(?:\s*[,:]\s*)?)+)")


#: Modules whose refusals reach the public journey.
_REFUS = (
    *("booking/forms.py", "booking/refus.py", "booking/options.py", "booking/jugement.py", "booking/reserver.py"),
    *("booking/usager/demande.py", "booking/usager/formulaire.py", "booking/usager/etape_coordonnees.py"),
    *("booking/usager/etape_creneau.py", "booking/usager/lieux.py", "booking/usager/reprise.py", "booking/textes.py"),
    *("web/securite.py", "web/adresses.py"),
)
#: Of these modules, what only agents can read.
_AUX_AGENTS = {
    "Précisez la demande de l’usager en quelques mots, pour l’agent qui le recevra.",
    "Indiquez comment la demande est arrivée.",
    "Ce guichet n’existe pas dans ce service.",
    "Ce service ne fait pas partie de ceux où vous pouvez prendre rendez-vous.",
}


class TestChoix:
    """English by ``Accept-Language`` and a switch."""

    @pytest.mark.parametrize(
        ("accepte", "langue"),
        [
            ("", "fr"),
            ("en-GB,en;q=0.9,fr;q=0.8", "en"),
            ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
            ("de-DE,de;q=0.9,en;q=0.5", "en"),
            ("de", "fr"),
            ("en;q=0, fr", "fr"),
            ("fr;q=0.1,en;q=0.2", "en"),
            ("*", "fr"),
            ("en;q=abc", "fr"),
            ("\x00" * 600, "fr"),
            (",".join(["en"] * 400), "en"),
        ],
    )
    def test_the_browser_s_preference_decides(self, accepte: str, langue: str) -> None:
        assert choose_langue("/", "", accepte) == langue

    def test_what_was_chosen_here_comes_first(self) -> None:
        assert choose_langue("/", "fr", "en") == "fr"
        assert choose_langue("/rdv/4/motif", "en", "fr") == "en"
        assert choose_langue("/", "xx", "fr") == "fr"

    @pytest.mark.parametrize("chemin", ["/agent", "/services/4/agenda", "/connexion", "/pilotage", "/api/v1/services"])
    def test_the_pages_of_agents_are_in_french(self, chemin: str) -> None:
        assert not is_public(chemin)
        assert choose_langue(chemin, "en", "en") == "fr"

    async def test_the_switch_is_a_post_that_comes_back_to_the_page(self, journee: Journee) -> None:
        service = await journee.service()
        async with httpx.AsyncClient(base_url=journee.site.url, headers={"Origin": journee.site.url}) as client:
            avant = await client.get(f"/rdv/{service.id}/motif?nature=particulier")
            assert '<html lang="fr"' in avant.text
            jeton = re.search(r'name="_csrf" value="([^"]+)"', avant.text)
            retour = re.search(r'name="retour" value="([^"]+)"', avant.text)
            assert jeton
            assert retour
            envoi = {"_csrf": jeton.group(1), "retour": retour.group(1), "langue": "en"}
            reponse = await client.post("/langue", data=envoi)
            assert (reponse.status_code, reponse.headers["location"]) == (
                303,
                f"/rdv/{service.id}/motif?nature=particulier",
            )
            apres = await client.get(reponse.headers["location"])
            assert '<html lang="en"' in apres.text
            assert "Book an appointment" in apres.text

    @pytest.mark.parametrize(
        "retour",
        ["//ailleurs.test/", "https://ailleurs.test/", "/\\ailleurs.test", "javascript:x", "/a\r\nSet-Cookie: b=c"],
    )
    async def test_the_switch_leads_nowhere_else(self, journee: Journee, retour: str) -> None:
        async with httpx.AsyncClient(base_url=journee.site.url, headers={"Origin": journee.site.url}) as client:
            jeton = re.search(r'name="_csrf" value="([^"]+)"', (await client.get("/")).text)
            assert jeton
            reponse = await client.post("/langue", data={"_csrf": jeton.group(1), "retour": retour, "langue": "en"})
        assert (reponse.status_code, reponse.headers["location"]) == (303, "/")

    async def test_a_get_changes_no_language(self, journee: Journee) -> None:
        async with httpx.AsyncClient(base_url=journee.site.url) as client:
            reponse = await client.get("/langue?langue=en&retour=/")
            assert reponse.status_code == 405
            assert '<html lang="fr"' in (await client.get("/")).text


class TestTraductions:
    """Everything that usagers read has its English."""

    def test_every_sentence_of_the_public_templates_is_translated(self) -> None:
        catalogue, absentes = read_catalogue(), set[str]()
        for gabarit in PUBLICS:
            with gabarit.open("rb") as flux:
                for _ligne, _fonction, message, _c in babel_extract(flux, ("_", "gettext", "ngettext"), [], {}):
                    for cle in message if isinstance(message, tuple) else (message,):
                        if cle and _flat(cle) not in catalogue:
                            absentes.add(f"{gabarit.name}: {cle}")
        assert not absentes

    def test_every_sentence_passed_to_the_translator_is_translated(self) -> None:
        catalogue, absentes = read_catalogue(), set[str]()
        for module in (RACINE / "app").rglob("*.py"):
            source = module.read_bytes()
            if b"from app.langue import" not in source:
                continue
            for trouve in extract("python", io.BytesIO(source), keywords={"_": None, "ngettext": (1, 2)}):
                for cle in trouve[1] if isinstance(trouve[1], tuple) else (trouve[1],):
                    if cle and _flat(cle) not in catalogue:
                        absentes.add(f"{module.name}: {cle}")
        assert not absentes

    def test_every_word_of_the_journey_s_rules_is_translated(self) -> None:
        phrases = {*MOTS.values(), FERME, *PHRASES.values()}
        for champ in ("message", "autrement", "liste", "aucun_motif", "vient_de_fermer", "impossible", "ou", "lequel"):
            phrases.add(getattr(USAGER, champ))
        phrases.update((USAGER.la_bas, USAGER.titre_coordonnees, USAGER.perdu, USAGER.ferme))
        phrases.update([*USAGER.legendes.values(), *USAGER.manques.values(), *(nom for _code, nom in USAGER.natures)])
        for paires in (USAGER.types, USAGER.avis_motif, USAGER.avis_creneau):
            phrases.update(phrase for paire in paires.values() for phrase in paire)
        absentes: list[str] = []
        with in_langue("en"), witness(absentes.append):
            for phrase in phrases:
                tr(phrase)
        assert not absentes

    def test_every_refusal_that_an_usager_may_read_is_translated(self) -> None:
        """Sentences written as constants in the modules that the public journey goes through."""
        absentes: list[str] = []
        with in_langue("en"), witness(absentes.append):
            for module in _REFUS:
                for phrase in _list_sentences(RACINE / "app" / module):
                    if phrase not in _AUX_AGENTS:
                        tr(phrase)
        assert not absentes

    def test_every_sentence_of_the_public_scripts_is_translated(self) -> None:
        phrases = {
            phrase
            for nom in SCRIPTS
            for appel in _MOT.findall((RACINE / "static/js" / f"{nom}.js").read_text(encoding="utf-8"))
            for phrase in re.findall(r"\"([^\"]+)\"", appel)
        }
        assert len(phrases) > 20
        assert phrases <= set(read_scripts())

    def test_a_sentence_without_translation_is_told(self) -> None:
        """Negative control: the witness hears it, and it is shown in French."""
        dites: list[str] = []
        with in_langue("en"), witness(dites.append):
            assert (_("Une phrase que personne n’a traduite"), tr("Ni celle-ci")) == (
                "Une phrase que personne n’a traduite",
                "Ni celle-ci",
            )
        assert dites == ["Une phrase que personne n’a traduite", "Ni celle-ci"]

    def test_a_finished_sentence_is_known_by_what_fills_its_placeholders(self) -> None:
        with in_langue("en"):
            assert tr("délai de 2\u00a0jours ouvrés") == "2 working days’ notice needed"
            assert (
                tr("Le prénom doit contenir au moins une lettre.") == "The first name must contain at least one letter."
            )

    def test_zero_is_singular_in_french_and_plural_in_english(self) -> None:
        assert ngettext("{n} mois", "{n} ans", 0) == "{n} mois"
        with in_langue("en"):
            assert (ngettext("{n} jour", "{n} jours", 0), ngettext("{n} jour", "{n} jours", 1)) == (
                "{n} days",
                "{n} day",
            )


def _list_sentences(module: Path) -> list[str]:
    """The constants that are whole sentences, docstrings and f-strings apart."""
    arbre = ast.parse(module.read_text(encoding="utf-8"))
    ecartes = {id(n.value) for n in ast.walk(arbre) if isinstance(n, ast.Expr)}
    ecartes |= {id(v) for n in ast.walk(arbre) if isinstance(n, ast.JoinedStr) for v in n.values}
    return [
        n.value
        for n in ast.walk(arbre)
        if isinstance(n, ast.Constant)
        and isinstance(n.value, str)
        and id(n) not in ecartes
        and re.fullmatch(r"[A-ZÀÉ][^{}]*[a-zé»] .*[.!?]", n.value, re.DOTALL)
    ]


def _flat(texte: str) -> str:
    return texte.replace("\u00a0", " ").replace("\u202f", " ")
