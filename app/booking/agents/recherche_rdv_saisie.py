"""What one field may mean: a name, a code, a phone, a numéro fiscal, a SIREN, a mail address, an internal number.

Nobody says which: every reading that holds is searched, and each result says by which one it was found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import phonenumbers

from app.booking.textes import to_recherche
from app.config import Settings
from app.domain.rendez_vous import normalize_code
from app.identite.empreintes import print_critere

#: Characters read of what was typed.
SAISIE_MAX: Final = 120
#: Words compared, and letters of each (those of the index, migration 0004).
MOTS_MAX, LETTRES_MAX = 6, 40
_ADRESSE: Final = re.compile(r"https?:", re.IGNORECASE)
_SEPARATEURS: Final = re.compile(r"[/?=#&]+")
_NUMERO: Final = re.compile(r"FI[\s.°-]*([1-9][0-9]{0,17})", re.IGNORECASE)
_CHIFFRES: Final = re.compile(r"[+]?[0-9\s./()\u00a0\u202f\u2009-]+")


@dataclass(frozen=True, slots=True)
class Lecture:
    """Every reading of what was typed; an empty one is none."""

    mots: tuple[str, ...] = ()
    code: str = ""
    numero: int = 0
    telephones: tuple[str, ...] = ()
    fiscal: str = ""
    siren: str = ""
    courriel: str = ""

    @property
    def vide(self) -> bool:
        """True when nothing can be searched."""
        return self == Lecture()

    @property
    def courte(self) -> bool:
        """True when a single letter is all there is: it designates everybody."""
        return self == Lecture(mots=self.mots) and all(len(mot) < 2 for mot in self.mots)

    def print_criteres(self, settings: Settings) -> dict[str, Any]:
        """The print of each reading, for the journal: it tells nobody's name nor number."""
        lectures: Mapping[str, str] = {
            "nom": " ".join(self.mots),
            "code": self.code,
            "numero_fiscal": self.fiscal,
            "siren": self.siren,
            "courriel": self.courriel,
        }
        prints: dict[str, Any] = {g: print_critere(settings, g, valeur) for g, valeur in lectures.items() if valeur}
        if self.telephones:
            prints["telephone"] = [print_critere(settings, "telephone", numero) for numero in self.telephones]
        return prints


def clean_saisie(texte: str) -> str:
    """What a field may hold: neither NUL nor other controls (spaces instead), no invisible mark, no lone surrogate.

    A number copied from a directory or a spreadsheet often brings some along: they are no reason to refuse it.
    """
    net = []
    for caractere in texte[: 4 * SAISIE_MAX]:
        categorie = unicodedata.category(caractere)
        if categorie not in {"Cf", "Cs", "Cn"}:
            net.append(" " if categorie in {"Cc", "Zl", "Zp"} else caractere)
    return "".join(net)[:SAISIE_MAX]


def understand(saisie: str, regions: Collection[str]) -> Lecture:
    """The readings of what was typed or scanned. ``regions``: those of phonenumbers where the services are."""
    utile = clean_saisie(saisie).strip()
    if _ADRESSE.match(utile):  # the QR code of a confirmation
        morceaux = [m for m in _SEPARATEURS.split(utile) if m]
        utile = morceaux[-1] if len(morceaux) > 1 else ""
    if "@" in utile:
        return Lecture(courriel="" if utile == "@" or any(c.isspace() for c in utile) else utile.lower())
    numero = _NUMERO.fullmatch(utile)
    if numero is not None and int(numero[1]) < 2**63:
        return Lecture(numero=int(numero[1]))
    if _CHIFFRES.fullmatch(utile):
        return _read_chiffres(utile, regions)
    mots = tuple(mot[:LETTRES_MAX] for mot in to_recherche(utile).split()[:MOTS_MAX])
    return Lecture(mots=mots, code=normalize_code(utile) or "")


def _read_chiffres(utile: str, regions: Collection[str]) -> Lecture:
    """Digits: 13 are a numéro fiscal, 9 a SIREN, 14 a SIRET; any may be a phone, as it is dialled in each region."""
    chiffres = "".join(c for c in utile if c.isdecimal())
    autre = len(chiffres) in (9, 13, 14) and not utile.startswith(("+", "0"))  # dialled, it would begin otherwise
    telephones = set() if autre else _read_telephones(utile, regions)
    return Lecture(
        # « 3F »: a raison sociale may be digits alone
        mots=() if len(chiffres) > 6 or utile.startswith("+") else tuple(to_recherche(utile).split()[:MOTS_MAX]),
        code=(normalize_code(utile) or "") if not telephones else "",
        telephones=tuple(sorted(telephones)),
        fiscal=chiffres if len(chiffres) == 13 else "",
        siren=chiffres[:9] if len(chiffres) in (9, 14) else "",
    )


def _read_telephones(texte: str, regions: Collection[str]) -> set[str]:
    """E.164 of what is dialled from these regions: the valid numbers, else those that could be (ranges change)."""
    numeros = []
    for region in regions:
        try:
            numeros.append(phonenumbers.parse(texte, region))
        except phonenumbers.NumberParseException:
            continue
    possibles = [numero for numero in numeros if phonenumbers.is_possible_number(numero)]
    valables = [numero for numero in possibles if phonenumbers.is_valid_number(numero)]
    forme = phonenumbers.PhoneNumberFormat.E164
    return {phonenumbers.format_number(numero, forme) for numero in valables or possibles}
