"""The templates of the pages, one environment a language: a sentence is looked up when it is compiled, not each time.

A sentence that has no translation is still asked for at each rendering, so that ``witness`` hears it.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes, select_autoescape
from jinja2.visitor import NodeTransformer

from app import langue
from app.config import RACINE
from app.langue import LANGUES, Langue

#: What templates call for a sentence whose words are known; ``{% trans %}`` writes the second.
_APPELS = frozenset({"_", "gettext"})


class _Traduits(NodeTransformer):
    """Puts the sentence in the place of the call, in the language of the moment."""

    def visit_Call(self, noeud: nodes.Call) -> nodes.Node:
        self.generic_visit(noeud)
        if not (isinstance(noeud.node, nodes.Name) and noeud.node.name in _APPELS and len(noeud.args) == 1):
            return noeud
        phrase = noeud.args[0]
        if not (isinstance(phrase, nodes.Const) and isinstance(phrase.value, str)):
            return noeud
        if not langue.is_translated(phrase.value):
            return noeud
        return nodes.Const(langue._(phrase.value), lineno=noeud.lineno)


class _Environnement(Environment):
    """Jinja in one language."""

    langue: Langue = "fr"

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        lu = super()._parse(source, name, filename)
        with langue.in_langue(self.langue):
            traduit: nodes.Template = _Traduits().visit(lu)
        return traduit


class Gabarits:
    """Templates by name, in the language of the present answer."""

    def __init__(self, **globales: Any) -> None:
        self._par_langue = {code: _create(code, globales) for code in LANGUES}

    def get_template(self, nom: str) -> Template:
        """Raises jinja2.TemplateNotFound."""
        return self._par_langue[langue.get_langue()].get_template(nom)


def speak_languages(env: Environment) -> None:
    """Give templates ``_``, ``{% trans %}`` and the filter ``tr`` (app.langue)."""
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(langue._, langue.ngettext, newstyle=False)  # type: ignore[attr-defined]
    env.filters["tr"] = langue.tr
    env.globals["read_mots_des_scripts"] = langue.read_scripts


def _create(code: Langue, globales: dict[str, Any]) -> Environment:
    """Autoescape, and no silent hole: an unknown name is an error, not an empty string."""
    env = _Environnement(
        loader=FileSystemLoader(RACINE / "templates"),
        autoescape=select_autoescape(["html"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=400,
    )
    env.langue = code
    speak_languages(env)
    env.globals.update(globales)
    return env
