"""What the forms about a person's data carry: the criterion, what was ticked. Everything is posted, nothing is in an
address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.booking.donnees_critere import Critere, parse_critere
from app.booking.donnees_personne import Trouves
from app.errors import SaisieInvalide

#: Fields of the criterion, and of what was ticked.
CRITERE: Final = ("genre", "valeur", "nom")
CHOIX: Final = ("rdv", "attente", "registre")
_CONNUS: Final = frozenset({*CRITERE, *CHOIX, "_csrf", "forme", "raison", "reference", "confirme"})
#: Boxes that a form may tick.
_MAX: Final = 3000


@dataclass(frozen=True, slots=True)
class Demande:
    """A form as sent. ``dits``: the text fields, to be shown again; ``choix``: what was ticked."""

    dits: Mapping[str, str]
    choix: Trouves

    @property
    def critere(self) -> Critere:
        """Checked. Raises SaisieInvalide."""
        return parse_critere(self.dits)


def read_demande(formulaire: Any) -> Demande:
    """The fields of a form. Raises SaisieInvalide on an unknown one, or on ids that are none."""
    if any(nom not in _CONNUS for nom in formulaire):
        raise SaisieInvalide("Ce formulaire contient un champ inconnu.", remede="Rouvrez la page, puis recommencez.")
    textes = {nom: str(formulaire.get(nom, "")).encode("utf-8", "replace").decode() for nom in _CONNUS - {*CHOIX}}
    ids = {nom: tuple(_read_id(brut) for brut in formulaire.getall(nom, [])[:_MAX]) for nom in CHOIX}
    return Demande(textes, Trouves(ids["rdv"], ids["attente"], ids["registre"]))


def _read_id(brut: Any) -> int:
    if not isinstance(brut, str) or not (brut.isascii() and brut.isdigit() and len(brut) <= 18):
        raise SaisieInvalide("Ce formulaire contient un choix inconnu.", remede="Recommencez la recherche.")
    return int(brut)
