"""The CODIQUE of a SIP comptable goes with its SAGES, so that every motif is covered [C §6].

« L'association impérative du CODIQUE au SAGES lors du paramétrage des SIP comptables pour garantir la couverture de
tous les motifs d'assiette et de recouvrement », save for the SIP that have several SAGES and a single CODIQUE (note 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: What a SIP comptable must cover, in the words of the screens.
_COUVERTURE: Final = (("assiette", "d’assiette"), ("recouvrement", "de recouvrement"))


@dataclass(frozen=True, slots=True)
class Structure:
    """What the rule looks at. ``famille`` and ``comptable`` are those of its type of service.

    ``codique_partage``: declared as one of several SAGES under a single CODIQUE. ``natures``: those of its open motifs
    (``assiette``, ``recouvrement``, ``mixte``), or None when they are not to be judged.
    """

    famille: str
    comptable: bool
    sages: str | None
    codique: str | None
    codique_partage: bool
    natures: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Defaut:
    """What is wrong, in a sentence that explains. ``bloquant``: the online booking cannot open; else it warns."""

    code: str
    phrase: str
    bloquant: bool = False


def explain_codique(structure: Structure, autres: Sequence[str] = ()) -> tuple[Defaut, ...]:
    """Every fault of the SAGES, of the CODIQUE and of what they cover; empty when all is well.

    ``autres``: labels of the other services that bear the same CODIQUE.
    """
    faits = (_sages(structure), _association(structure), _partage(structure, autres), *_couverture(structure))
    return tuple(fait for fait in faits if fait is not None)


def _sages(structure: Structure) -> Defaut | None:
    if structure.sages:
        return None
    return Defaut(
        "sages-absent",
        "Le numéro SAGES manque : tant qu’il n’est pas connu, la prise de rendez-vous en ligne ne peut pas ouvrir.",
        bloquant=True,
    )


def _is_sip_comptable(structure: Structure) -> bool:
    return structure.famille == "SIP" and structure.comptable


def _association(structure: Structure) -> Defaut | None:
    if not _is_sip_comptable(structure) or structure.codique or structure.codique_partage:
        return None
    return Defaut(
        "codique-absent",
        "Ce SIP est comptable, mais aucun CODIQUE n’est associé à son SAGES : les motifs de recouvrement ne seraient "
        "pas couverts. Associez-lui son CODIQUE, ou déclarez que plusieurs SAGES ont ce seul CODIQUE.",
    )


def _partage(structure: Structure, autres: Sequence[str]) -> Defaut | None:
    if not structure.codique:
        return None
    if autres and not structure.codique_partage:
        noms = ", ".join(autres[:3]) + (f" et {len(autres) - 3} autres" if len(autres) > 3 else "")
        return Defaut(
            "codique-en-double",
            f"Le CODIQUE {structure.codique} est aussi celui de : {noms}. Corrigez-le, ou déclarez qu’il est partagé "
            "par plusieurs SAGES.",
        )
    if structure.codique_partage and not autres:
        return Defaut(
            "codique-seul",
            f"Le CODIQUE {structure.codique} est déclaré partagé, mais aucun autre service ne le porte.",
        )
    return None


def _couverture(structure: Structure) -> list[Defaut]:
    if structure.natures is None or not _is_sip_comptable(structure) or "mixte" in structure.natures:
        return []
    return [
        Defaut(
            f"{nature}-non-couverte" if nature == "assiette" else f"{nature}-non-couvert",
            f"Aucun motif {mots} n’est ouvert : un SIP comptable couvre les motifs d’assiette et de recouvrement.",
        )
        for nature, mots in _COUVERTURE
        if nature not in structure.natures and not (nature == "recouvrement" and structure.codique_partage)
    ]
