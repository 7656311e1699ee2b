"""Online, one rendez-vous to come per person and motif: who is the same person, and what may be refused to him.

Somebody signed in is himself: his account decides. A form filled in by anybody proves nothing, so that it may be kept
from booking a second time only when all of this is true:

- it names the same person: the same numéro fiscal when both give one, else the same names and the same date of birth;
  the same SIREN for a company;
- it gives the very address where the first rendez-vous was confirmed (``joint``): whoever reads it holds the link by
  which that rendez-vous is moved or cancelled, and is written to again;
- an usager may change his rendez-vous himself (``libre``).

A stranger who books in somebody's name therefore keeps him from nothing: with his own address the other is not asked
anything; with the other's address he hands him the rendez-vous.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Personne:
    """Who a form says that he is. Names unaccented, upper case; ``prenom``: the first of the given names."""

    noms: frozenset[str] = frozenset()
    prenom: str = ""
    date_naissance: date | None = None
    numero_fiscal: str | None = None
    siren: str | None = None


def is_meme_personne(une: Personne, autre: Personne) -> bool:
    """True when both forms name one person; never on names alone when a number tells them apart."""
    if une.siren or autre.siren:
        return une.siren == autre.siren
    if une.numero_fiscal and autre.numero_fiscal:
        return une.numero_fiscal == autre.numero_fiscal
    return bool(une.noms & autre.noms) and une.prenom == autre.prenom and une.date_naissance == autre.date_naissance


def may_be(nom: str, noms: Iterable[str], prenoms: str) -> bool:
    """True when a name typed in one field may be that of who has one of ``noms``: all of it, or all that was typed.

    Unaccented, upper case. « Mme Le Gall » and « Yann » may be Yann Le Gall; Yves Le Roux may not.
    """
    mots = set(nom.split())
    entiers = [set(autre.split()) for autre in noms if autre]
    return any(entier <= mots or mots <= entier | set(prenoms.split()) for entier in entiers)


def keeps_from_booking(demande: Personne, existante: Personne, *, joint: bool, libre: bool) -> bool:
    """May a form of nobody's account be kept from booking because of that rendez-vous?"""
    return joint and libre and is_meme_personne(demande, existante)
