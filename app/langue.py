"""In which language the present request is answered: French, or English for the usager's journey [G 2.3.1].

The French sentence is the key of its translation. Sentences written where the words are known are passed to ``_``
(placeholders in braces, filled in afterwards: ``_("Il reste {n} places").format(n=3)``); finished sentences that come
from the rules, which know no language, are passed to ``tr``, which also knows those with placeholders. What has no
translation is shown in French: better than nothing, and the tests count it as a defect.

The language is a context variable, so that no rule, form nor macro carries it as an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from babel.messages.pofile import read_po

Langue = Literal["fr", "en"]
LANGUES: Final[tuple[Langue, ...]] = ("fr", "en")
#: Each language in its own words, for the switch.
NOMS: Final[dict[Langue, str]] = {"fr": "Français", "en": "English"}
TRADUCTIONS: Final = Path(__file__).parent / "traductions"

_courante: ContextVar[Langue] = ContextVar("langue", default="fr")
#: Python's own placeholders, and those that Jinja writes for ``{% trans %}``.
_TROU: Final = re.compile(r"\{(\w+)\}|%\((\w+)\)s")
#: Told each sentence that has no translation: the tests listen.
_temoin: ContextVar[Callable[[str], None] | None] = ContextVar("temoin", default=None)


def get_langue() -> Langue:
    """The language of the present answer."""
    return _courante.get()


def set_langue(langue: Langue) -> None:
    """Answer in that language from now on, in this task."""
    _courante.set(langue)


@contextmanager
def in_langue(langue: str) -> Iterator[None]:
    """Write in that language within the block; an unknown one is French."""
    jeton = _courante.set("en" if langue == "en" else "fr")
    try:
        yield
    finally:
        _courante.reset(jeton)


@contextmanager
def witness(temoin: Callable[[str], None]) -> Iterator[None]:
    """Within the block, ``temoin`` receives every sentence asked in English that has no translation."""
    jeton = _temoin.set(temoin)
    try:
        yield
    finally:
        _temoin.reset(jeton)


def _(texte: str) -> str:
    """The sentence in the present language, placeholders not yet filled in."""
    if _courante.get() == "fr" or not texte:
        return texte
    traduit = read_catalogue().get(_flatten(texte))
    return traduit if traduit is not None else _miss(texte)


def is_translated(texte: str) -> bool:
    """True when ``_`` has that sentence in the present language."""
    return _courante.get() == "fr" or not texte or _flatten(texte) in read_catalogue()


def ngettext(singulier: str, pluriel: str, nombre: int) -> str:
    """One of two sentences by their number: French says « 0 place », English « 0 places »."""
    if _courante.get() == "fr":
        return singulier if abs(nombre) < 2 else pluriel
    return _(singulier if nombre == 1 else pluriel)


def tr(phrase: str) -> str:
    """A finished French sentence in the present language: as it is known, or by one whose placeholders it fills in."""
    if _courante.get() == "fr" or not phrase.strip():
        return phrase
    plate = _flatten(phrase)
    traduit = read_catalogue().get(plate)
    if traduit is not None:
        return traduit
    for motif, modele in _read_modeles():
        trouve = motif.fullmatch(plate)
        if trouve is not None:
            return modele.format_map({nom: _fill(valeur) for nom, valeur in trouve.groupdict().items()})
    return _miss(phrase)


def _fill(valeur: str) -> str:
    """What stood in a placeholder: a known sentence is translated too, a name or a number stays."""
    return read_catalogue().get(valeur, valeur)


def _flatten(texte: str) -> str:
    """A key of the catalogue: which spaces may not be broken is typography, not meaning."""
    return texte.replace("\u00a0", " ").replace("\u202f", " ")


def _miss(texte: str) -> str:
    temoin = _temoin.get()
    if temoin is not None:
        temoin(texte)
    return texte


@lru_cache(maxsize=1)
def read_scripts() -> dict[str, str]:
    """The sentences of the scripts alone, as they are written there: a page in English carries them."""
    return _read([TRADUCTIONS / "en" / "scripts.po"], lambda cle: cle)


@lru_cache(maxsize=1)
def read_catalogue() -> dict[str, str]:
    """French → English, from every file of ``traductions/en``. A plural has two entries, one per form.

    Raises ValueError when two files disagree, or when a translation loses or invents a placeholder.
    """
    return _read(sorted((TRADUCTIONS / "en").glob("*.po")), _flatten)


def _read(fichiers: Sequence[Path], sous: Callable[[str], str]) -> dict[str, str]:
    lus: dict[str, str] = {}
    for fichier in fichiers:
        with fichier.open("rb") as flux:
            for message in read_po(flux, locale="en", abort_invalid=True):
                cles = message.id if isinstance(message.id, list | tuple) else (message.id,)
                valeurs = message.string if isinstance(message.string, list | tuple) else (message.string,)
                for cle, valeur in zip(cles, valeurs, strict=True):
                    if not cle or not valeur:
                        continue
                    if _list_trous(cle) != _list_trous(valeur):
                        raise ValueError(f"{fichier.name}: other placeholders in the translation of {cle!r}")
                    if lus.setdefault(sous(cle), valeur) != valeur:
                        raise ValueError(f"{fichier.name}: {cle!r} is translated in two ways")
    return lus


def _list_trous(texte: str) -> set[str]:
    return {trou.group(0) for trou in _TROU.finditer(texte)}


@lru_cache(maxsize=1)
def _read_modeles() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The sentences with placeholders as patterns, the most precise (longest) first."""
    modeles = [(cle, valeur) for cle, valeur in read_catalogue().items() if "{" in cle]
    modeles.sort(key=lambda couple: -len(_TROU.sub("", couple[0])))
    return tuple((_compile(cle), valeur) for cle, valeur in modeles)


def _compile(cle: str) -> re.Pattern[str]:
    morceaux, vus, fin = [], set[str](), 0
    for trou in _TROU.finditer(cle):
        morceaux.append(re.escape(cle[fin : trou.start()]))
        nom = trou.group(1) or trou.group(2)
        morceaux.append(f"(?P={nom})" if nom in vus else f"(?P<{nom}>.+?)")
        vus.add(nom)
        fin = trou.end()
    return re.compile("".join([*morceaux, re.escape(cle[fin:])]), re.DOTALL)
