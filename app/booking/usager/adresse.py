"""What a person types of where he lives, understood: a commune or a postal code; a street among a commune's. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.booking.textes import to_recherche
from app.booking.usager.recherche import begin_commune, parse_recherche

#: Letters before which a third of the country would be proposed.
DEBUT_MIN: Final = 2
_SEPARATEURS: Final = re.compile(r"[;,\n|/]+")
#: Words that many streets share say nothing of one.
_COURANTS: Final = frozenset(
    (
        *("RUE", "R", "AVENUE", "AV", "AVE", "BOULEVARD", "BD", "BLD", "PLACE", "PL", "CHEMIN", "CHE", "ROUTE", "RTE"),
        *(
            "ALLEE",
            "ALLEES",
            "ALL",
            "IMPASSE",
            "IMP",
            "QUAI",
            "COURS",
            "SQUARE",
            "SQ",
            "LOTISSEMENT",
            "LOT",
            "RESIDENCE",
        ),
        *(
            "RES",
            "PASSAGE",
            "HAMEAU",
            "BIS",
            "TER",
            "DE",
            "DU",
            "DES",
            "D",
            "LA",
            "LE",
            "LES",
            "L",
            "ET",
            "A",
            "AU",
            "AUX",
        ),
        *("NUMERO", "NUMEROS", "PAIR", "PAIRS", "IMPAIR", "IMPAIRS"),
    )
)


@dataclass(frozen=True, slots=True)
class Lieu:
    """« Nevers », « 58000 », « 58000 Nevers », « Nevers (58000) ». Both empty: nothing that can be looked for."""

    postal: str = ""
    nom: str = ""

    @property
    def bornes(self) -> dict[str, str]:
        """The bounds of its name in the index of communes."""
        return begin_commune(self.nom.split())


def parse_lieu(saisie: str) -> Lieu:
    """Understand it; a CEDEX is no commune, and what follows it is left out."""
    lu = parse_recherche(saisie)
    mots = [mot for mot in lu.mots if not (mot.isdigit() and lu.postal)]
    if "CEDEX" in mots:
        mots = mots[: mots.index("CEDEX")]
    nom = " ".join(mots)
    return Lieu(lu.postal or "", nom if len(nom) >= DEBUT_MIN or nom == "Y" else "")


def split_voies(voies: str) -> tuple[str, ...]:
    """The streets that a directory lists together, as it writes them."""
    return tuple(voie.strip() for voie in _SEPARATEURS.split(voies) if voie.strip())


def _signifie(texte: str) -> frozenset[str]:
    return frozenset(mot for mot in to_recherche(texte).split() if mot not in _COURANTS and not mot.isdigit())


def match_voies(saisies: Sequence[str], candidats: Mapping[int, Sequence[str]]) -> list[int]:
    """The services that answer for a street, among those of its commune; none when nobody can tell.

    ``saisies``: the street as typed, and as a geocoder names it; ``candidats``: service → the streets it lists, none
    when it answers for the rest of the commune. A street is recognised when all its own words are there.
    """
    tapees = [mots for mots in map(_signifie, saisies) if mots]
    if not tapees:
        return []
    nommes = {
        service: max(
            (len(siens) for voie in voies if (siens := _signifie(voie)) and any(siens <= mots for mots in tapees)),
            default=0,
        )
        for service, voies in candidats.items()
    }
    meilleur = max(nommes.values(), default=0)
    if meilleur:
        return [service for service, note in nommes.items() if note == meilleur]
    restes = [service for service, voies in candidats.items() if not voies]
    return restes if len(restes) < len(candidats) else []
