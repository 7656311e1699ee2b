"""What an administrator types: each field read into its type, or refused with a sentence; nothing typed is lost.

A ``Saisie`` collects every error before it refuses, so that a form says all that is wrong at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from app.booking.textes import TexteInvalide, clean_text
from app.errors import SaisieInvalide

_HEURE: Final = re.compile(r"([0-2]?[0-9])\s?[h:]\s?([0-5][0-9])?|([0-2]?[0-9])")
#: The two ways that the forms promise; ``date.fromisoformat`` alone would also read weeks and dates without dashes.
_JOUR: Final = re.compile(r"(?P<an>[0-9]{4})-(?P<mois>[0-9]{2})-(?P<jour>[0-9]{2})")
_JOUR_FR: Final = re.compile(r"(?P<jour>[0-9]{1,2})/(?P<mois>[0-9]{1,2})/(?P<an>[0-9]{4})")
#: For ``Saisie.revision``: what exists is never written over without having been seen.
SANS_REVISION: Final = "Rouvrez la page : cette demande ne dit pas quelle version vous avez sous les yeux."
#: Dates beyond these are typing mistakes.
_PREMIER, _DERNIER = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(slots=True)
class Saisie:
    """The fields of one form, as sent (each may be repeated), and the sentences against them."""

    donnees: Mapping[str, Sequence[str]]
    erreurs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, formulaire: Any) -> Saisie:
        """From Litestar's form data (a multi-dict) or any mapping of texts.

        Raises SaisieInvalide when a field holds a file: no form read here asks for one.
        """
        if hasattr(formulaire, "multi_items"):
            donnees: dict[str, list[str]] = {}
            for cle, valeur in formulaire.multi_items():
                if not isinstance(valeur, str):
                    raise SaisieInvalide(
                        "Cette demande contient un fichier qui n’est pas attendu : rien n’a été enregistré.",
                        remede="Rouvrez la page puis recommencez.",
                        champs={cle: "Écrivez un texte : ce champ n’attend pas de fichier."},
                    )
                donnees.setdefault(cle, []).append(valeur)
            return cls(donnees)
        return cls({cle: list(v) if isinstance(v, list | tuple) else [str(v)] for cle, v in formulaire.items()})

    def brut(self, champ: str) -> str:
        """What was typed, as it was: to show it again."""
        return (self.donnees.get(champ) or [""])[0]

    def refuse(self, champ: str, phrase: str) -> None:
        """Tie a sentence to a field; the first one stays."""
        self.erreurs.setdefault(champ, phrase)

    def check(self) -> None:
        """Raise SaisieInvalide when a field was refused."""
        if self.erreurs:
            raise SaisieInvalide(champs=self.erreurs)

    def texte(self, champ: str, *, maximum: int, requis: str = "", lignes: bool = False) -> str:
        """A clean text. ``requis``: the sentence when it is empty."""
        try:
            net = clean_text(self.brut(champ), maximum=maximum, lignes=lignes)
        except TexteInvalide as erreur:
            self.refuse(champ, str(erreur))
            return ""
        if not net and requis:
            self.refuse(champ, requis)
        return net

    def entier(self, champ: str, *, minimum: int, maximum: int, requis: str = "", unite: str = "") -> int | None:
        """A whole number within bounds, or None when empty."""
        brut = self.brut(champ).strip().replace("\u00a0", "").replace("\u202f", "")
        if not brut:
            if requis:
                self.refuse(champ, requis)
            return None
        suffixe = f" {unite}" if unite else ""
        if not (brut.isascii() and brut.isdigit() and len(brut) <= 9 and minimum <= int(brut) <= maximum):
            self.refuse(champ, f"Indiquez un nombre entier de {minimum} à {maximum}{suffixe}.")
            return None
        return int(brut)

    def jour(self, champ: str, *, requis: str = "") -> date | None:
        """A date, as browsers send it (2026-11-23) or as people write it (23/11/2026)."""
        brut = self.brut(champ).strip()
        if not brut:
            if requis:
                self.refuse(champ, requis)
            return None
        jour = parse_jour(brut)
        if jour is None:
            self.refuse(champ, "Cette date n’existe pas : écrivez-la sous la forme 23/11/2026.")
            return None
        if not _PREMIER <= jour <= _DERNIER:
            self.refuse(champ, "Cette date est trop lointaine : vérifiez l’année.")
            return None
        return jour

    def heure(self, champ: str, *, requis: str = "") -> int | None:
        """Local minutes of the day, 0 to 1440, from « 8:30 », « 08h30 », « 8 h » or « 24:00 »."""
        brut = self.brut(champ).strip().lower().replace("\u00a0", " ")
        if not brut:
            if requis:
                self.refuse(champ, requis)
            return None
        minute = parse_heure(brut)
        if minute is None:
            self.refuse(champ, "Cette heure n’existe pas : écrivez-la sous la forme 08:30.")
        return minute

    def choix(self, champ: str, permis: Collection[str], *, requis: str = "") -> str:
        """One value among ``permis``, or an empty text when nothing is chosen."""
        brut = self.brut(champ)
        if brut in permis:
            return brut
        if brut or requis:
            self.refuse(champ, requis or "Choisissez une des valeurs proposées.")
        return ""

    def cases(self, champ: str, permis: Collection[str]) -> list[str]:
        """The boxes ticked, in the order of ``permis``; an unknown one is refused."""
        cochees = self.donnees.get(champ, ())
        if any(valeur not in permis for valeur in cochees):
            self.refuse(champ, "Choisissez parmi les valeurs proposées.")
        return [valeur for valeur in permis if valeur in cochees]

    def case(self, champ: str) -> bool:
        """True when the box is ticked."""
        return self.brut(champ) in ("1", "on", "true", "oui")

    def revision(self, *, requis: str = "") -> int | None:
        """The revision that the screen showed (hidden field ``revision``). ``requis``: the sentence without it."""
        return self.entier("revision", minimum=1, maximum=999_999_999, requis=requis)


def read_revision(saisie: Saisie) -> int:
    """The revision sent by a one-click act, whose page has no field to show a sentence by. Raises SaisieInvalide."""
    revision = saisie.revision()
    if revision is None:
        raise SaisieInvalide(
            "Cette demande ne dit pas quelle version vous avez sous les yeux : rien n’a été enregistré.",
            remede="Rouvrez la page puis recommencez.",
            champs=saisie.erreurs,
        )
    return revision


def parse_jour(texte: str) -> date | None:
    """The date of « 2026-11-23 » or « 23/11/2026 »; None when it is written otherwise or does not exist."""
    lue = _JOUR.fullmatch(texte) or _JOUR_FR.fullmatch(texte)
    if lue is None:
        return None
    try:
        return date(int(lue["an"]), int(lue["mois"]), int(lue["jour"]))
    except ValueError:
        return None


def parse_heure(texte: str) -> int | None:
    """Local minutes of « 8:30 », « 08h30 », « 8h », « 8 » or « 24:00 »; None when it is no hour of a day."""
    lue = _HEURE.fullmatch(texte.strip().lower())
    if lue is None:
        return None
    minute = int(lue[1] or lue[3]) * 60 + int(lue[2] or 0)
    return minute if minute <= 1440 else None
