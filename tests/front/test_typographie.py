"""French typography: what people read has typographic apostrophes, in templates, scripts and Python messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.config import RACINE

_ENTRE_LETTRES: Final = re.compile(r"[A-Za-zÀ-ÿ]'[A-Za-zÀ-ÿ]")
#: « l'… », « qu'… »: French only, so that English messages to developers stay as they are.
_ELISION: Final = re.compile(
    r"(?<![A-Za-zÀ-ÿ])([cdjlmnst]|qu|jusqu|lorsqu|puisqu|quelqu|aujourd|presqu)'(?=[A-Za-zÀ-ÿ])", re.IGNORECASE
)
_JINJA: Final = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_CHAINE_JINJA: Final = re.compile(r'"([^"]*)"')
_BALISE: Final = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>", re.DOTALL)
_COMMENTAIRE_JS: Final = re.compile(r"/\*.*?\*/|^\s*//.*?$|(?<=[;{},])\s*//.*?$", re.DOTALL | re.MULTILINE)
GABARITS: Final = sorted((RACINE / "templates").rglob("*.*"))
SCRIPTS: Final = sorted((RACINE / "static" / "js").glob("*.js"))
SOURCES: Final = sorted((RACINE / "app").rglob("*.py"))


def read_texts(gabarit: str) -> str:
    """Text nodes of a template, and the sentences given to its macros; comments and tags out."""
    sans_commentaires = re.sub(r"\{#.*?#\}", " ", gabarit, flags=re.DOTALL)
    phrases = [c for bloc in _JINJA.findall(sans_commentaires) for c in _CHAINE_JINJA.findall(bloc)]
    return _BALISE.sub(" ", _JINJA.sub(" ", sans_commentaires)) + "\n" + "\n".join(phrases)


def read_strings(source: str) -> Iterator[tuple[int, str]]:
    """String constants of a module that are not docstrings, with their lines."""
    arbre = ast.parse(source)
    docstrings = {
        id(noeud.body[0].value)
        for noeud in ast.walk(arbre)
        if isinstance(noeud, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and noeud.body
        and isinstance(noeud.body[0], ast.Expr)
    }
    for noeud in ast.walk(arbre):
        if isinstance(noeud, ast.Constant) and isinstance(noeud.value, str) and id(noeud) not in docstrings:
            yield noeud.lineno, noeud.value


def name(chemin: Path) -> str:
    return str(chemin.relative_to(RACINE))


class TestApostrophes:
    @pytest.mark.parametrize("gabarit", GABARITS, ids=name)
    def test_a_template_has_typographic_apostrophes(self, gabarit: Path) -> None:
        assert _ENTRE_LETTRES.findall(read_texts(gabarit.read_text(encoding="utf-8"))) == []

    @pytest.mark.parametrize("script", SCRIPTS, ids=name)
    def test_a_script_says_nothing_with_a_straight_one(self, script: Path) -> None:
        assert _ELISION.findall(_COMMENTAIRE_JS.sub("", script.read_text(encoding="utf-8"))) == []

    def test_the_messages_of_the_application_have_them_too(self) -> None:
        fautes = [
            f"{name(source)}:{ligne}: {texte}"
            for source in SOURCES
            for ligne, texte in read_strings(source.read_text(encoding="utf-8"))
            if _ELISION.search(texte)
        ]
        assert fautes == []


class TestLaVerificationPeutEchouer:
    @pytest.mark.parametrize(
        "gabarit", ["<p>L'usager</p>", '{{ alerte("info", "L\'usager attend") }}', "<p>{{ n }} d'ici là</p>"]
    )
    def test_a_straight_apostrophe_of_a_template_is_seen(self, gabarit: str) -> None:
        assert _ENTRE_LETTRES.findall(read_texts(gabarit))

    @pytest.mark.parametrize("gabarit", ["{#- the page's clock -#}", '<a title="d\'abord">', "<p>L’usager</p>"])
    def test_what_nobody_reads_as_text_is_left_alone(self, gabarit: str) -> None:
        assert _ENTRE_LETTRES.findall(read_texts(gabarit)) == []

    def test_a_message_is_seen_and_a_docstring_is_not(self) -> None:
        source = 'def f():\n    """L\'usager."""\n    return f"L\'usager {1}"\n'
        assert [ligne for ligne, texte in read_strings(source) if _ELISION.search(texte)] == [3]
