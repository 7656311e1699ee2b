"""The national tree of motifs of one kind of service, up to three levels [G 2.3.1]. Pure: rows in, shapes out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Levels of the tree: what it concerns, about what, more precisely.
NIVEAUX: Final = 3
NATURES: Final[Mapping[str, str]] = {"assiette": "Assiette", "recouvrement": "Recouvrement", "mixte": "Mixte"}
PUBLICS: Final[Mapping[str, str]] = {
    "tous": "Particuliers et professionnels",
    "particulier": "Particuliers",
    "professionnel": "Professionnels",
}


@dataclass(frozen=True, slots=True)
class Noeud:
    """A motif where it stands: its level (1 at the top) and the ids above it, the highest first."""

    id: int
    parent_id: int | None
    libelle: str
    actif: bool
    niveau: int
    ancetres: tuple[int, ...]
    enfants: tuple[int, ...]


def build_arbre(motifs: Iterable[tuple[int, int | None, str, bool]]) -> dict[int, Noeud]:
    """Nodes by id, in the order in which they are read, from (id, parent, words, active) in the order of siblings.

    A parent that is not among them is as if there were none.
    """
    lus = {ligne[0]: ligne for ligne in motifs}
    par_parent: dict[int | None, list[int]] = {}
    for ident, parent, _, _ in lus.values():
        par_parent.setdefault(parent if parent in lus else None, []).append(ident)
    noeuds: dict[int, Noeud] = {}

    def grow(parent: int | None, ancetres: tuple[int, ...]) -> None:
        for ident in par_parent.get(parent, ()):
            _, _, libelle, actif = lus[ident]
            enfants = tuple(par_parent.get(ident, ()))
            noeuds[ident] = Noeud(ident, parent, libelle, actif, len(ancetres) + 1, ancetres, enfants)
            grow(ident, (*ancetres, ident))

    grow(None, ())
    return noeuds


def list_branche(noeuds: Mapping[int, Noeud], motif_id: int) -> tuple[int, ...]:
    """The motif and everything below it."""
    return tuple(n.id for n in noeuds.values() if n.id == motif_id or motif_id in n.ancetres)


def list_parents(noeuds: Mapping[int, Noeud], motif_id: int | None) -> Iterator[Noeud]:
    """Under whom ``motif_id`` (None: a new one) may be put: never below itself, never beyond the third level."""
    branche: Collection[int] = () if motif_id is None else list_branche(noeuds, motif_id)
    hauteur = 1 if motif_id is None else max(noeuds[i].niveau for i in branche) - noeuds[motif_id].niveau + 1
    for noeud in noeuds.values():
        if noeud.id not in branche and noeud.niveau + hauteur <= NIVEAUX:
            yield noeud


def options_parents(noeuds: Mapping[int, Noeud], motif_id: int | None) -> list[tuple[int, str]]:
    """The same for a list of choices: (id, words set back by their level)."""
    return [(n.id, "\u2003" * (n.niveau - 1) + n.libelle) for n in list_parents(noeuds, motif_id)]


def present_noeud(noeud: Noeud, noeuds: Mapping[int, Noeud]) -> dict[str, Any]:
    """What its line in the list says of its place."""
    freres = [n.id for n in noeuds.values() if n.parent_id == noeud.parent_id]
    return {
        "niveau": noeud.niveau,
        "groupe": bool(noeud.enfants),
        "premier": freres[0] == noeud.id,
        "dernier": freres[-1] == noeud.id,
    }


def name_parent(noeuds: Mapping[int, Noeud], saisi: str) -> str:
    """The parent that was typed (its id, or anything), in words; none is the first level."""
    lisible = saisi.isascii() and saisi.isdigit() and len(saisi) < 10
    noeud = noeuds.get(int(saisi)) if lisible else None
    return noeud.libelle if noeud else "Premier niveau"


def find_double(noeuds: Mapping[int, Noeud], motif_id: int | None, parent_id: int | None, libelle: str) -> bool:
    """True when another active motif of the same place bears those words."""
    voulu = libelle.casefold()
    return any(
        n.actif and n.id != motif_id and n.parent_id == parent_id and n.libelle.casefold() == voulu
        for n in noeuds.values()
    )


def shift(freres: list[int], motif_id: int, sens: str) -> list[int]:
    """The siblings with ``motif_id`` one place up (``haut``) or down (``bas``); as they were at an end."""
    place = freres.index(motif_id)
    autre = place - 1 if sens == "haut" else place + 1
    if not 0 <= autre < len(freres):
        return freres
    deplaces = list(freres)
    deplaces[place], deplaces[autre] = deplaces[autre], deplaces[place]
    return deplaces
