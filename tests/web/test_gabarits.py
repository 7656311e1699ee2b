"""Templates are compiled once a language, their sentences in place: what they write is what a lookup would write."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateSyntaxError

from app import langue
from app.config import RACINE
from app.langue import LANGUES, Langue, in_langue, witness
from app.web.gabarits import Gabarits, speak_languages

CONNUE = "Prendre rendez-vous"
MORCEAUX = [
    f"{{{{ _('{CONNUE}') }}}}",
    f"{{{{ _('{CONNUE}')|upper }}}}",
    f"{{{{ ('<b>' ~ _('{CONNUE}')) }}}}",
    "{{ _('Phrase d’essai que <personne> n’a traduite & ne traduira') }}",
    "{{ _(\"Il n'y a qu'un essai\") }}",
    "{% trans %}Prendre rendez-vous{% endtrans %}",
    "{% trans %}Phrase jamais traduite <em>ici</em>{% endtrans %}",
    "{% trans nom='<Zoé>' %}Bonjour {{ nom }}{% endtrans %}",
    "{{ _('Il reste {n} places').format(n=3) }}",
    "{% set mot = 'Accueil' %}{{ _(mot) }}",
    "{% macro m(titre=_('Prendre rendez-vous')) %}{{ titre }}{% endmacro %}{{ m() }} {{ m('x') }}",
    "{% if _('Accueil') == 'Accueil' %}égal{% else %}différent{% endif %}",
]


class _Essais(Gabarits):
    """The product's environments, over the pieces above."""

    def __init__(self, morceaux: dict[str, str]) -> None:
        super().__init__()
        for env in self._par_langue.values():
            env.loader = DictLoader(morceaux)


def look_up(morceau: str) -> str:
    """What Jinja writes when it asks for each sentence as it goes."""
    env = Environment(autoescape=True, undefined=StrictUndefined)
    speak_languages(env)
    return env.from_string(morceau).render()


@pytest.mark.parametrize("code", LANGUES)
@pytest.mark.parametrize("morceau", MORCEAUX)
def test_what_is_compiled_in_place_is_what_a_lookup_writes(code: Langue, morceau: str) -> None:
    with in_langue(code):
        assert _Essais({"m": morceau}).get_template("m").render() == look_up(morceau)


def test_one_template_answers_in_the_language_of_each_request() -> None:
    gabarits = _Essais({"m": MORCEAUX[0]})
    assert gabarits.get_template("m").render() == CONNUE
    with in_langue("en"):
        assert gabarits.get_template("m").render() not in ("", CONNUE)
    assert gabarits.get_template("m").render() == CONNUE


def test_a_sentence_without_translation_is_reported_at_each_rendering() -> None:
    gabarits, dites = _Essais({"m": "{{ _('Phrase jamais traduite') }}"}), list[str]()
    with in_langue("en"), witness(dites.append):
        for _ in range(2):
            gabarits.get_template("m").render()
    assert dites == ["Phrase jamais traduite"] * 2


def test_a_known_sentence_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gabarits = _Essais({"m": MORCEAUX[0]})
    gabarits.get_template("m")
    monkeypatch.setattr(langue, "_courante", None)  # asking again would fail
    assert gabarits._par_langue["fr"].get_template("m").render() == CONNUE


@pytest.mark.parametrize("code", LANGUES)
def test_every_template_compiles_in_every_language(code: Langue) -> None:
    gabarits, dossier = Gabarits(), RACINE / "templates"
    fautes = []
    with in_langue(code):
        for fichier in sorted(dossier.rglob("*.html")):
            try:
                gabarits.get_template(_name(dossier, fichier))
            except TemplateSyntaxError as faute:
                fautes.append(f"{fichier}: {faute}")
    assert fautes == []


def _name(dossier: Path, fichier: Path) -> str:
    return fichier.relative_to(dossier).as_posix()
