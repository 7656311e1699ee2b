"""What the journey carries from page to page in its URLs: a motif, a type, a nature, a place; nothing personal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from app.booking.usager.motifs import NATURES, NIVEAUX
from app.domain.horaires import to_minute
from app.domain.vocabulaire import Canal, TypeRdv
from app.errors import Introuvable, SaisieInvalide

#: Largest id of the database; anything beyond would be an error there and is nobody's here.
ID_MAX = 2**63 - 1


def read_id(texte: object) -> int:
    """A positive id as typed in a URL, or 0 when it is none."""
    if not isinstance(texte, str) or not texte.isascii() or not texte.isdigit() or len(texte) > 19:
        return 0
    valeur = int(texte)
    return valeur if valeur <= ID_MAX else 0


def check_service_id(service_id: int) -> int:
    """The id itself. Raises Introuvable when no service can have it."""
    if not 0 < service_id <= ID_MAX:
        raise Introuvable("Ce service n’existe pas.")
    return service_id


def read_jour(texte: object) -> date | None:
    """``YYYY-MM-DD``, or None."""
    try:
        return date.fromisoformat(texte) if isinstance(texte, str) and len(texte) == 10 else None
    except ValueError:
        return None


def read_mois(texte: object) -> date | None:
    """The first day of ``YYYY-MM``, or None."""
    return read_jour(f"{texte}-01") if isinstance(texte, str) else None


def read_debut(texte: object) -> int:
    """The minute-époque of an ISO 8601 instant with its offset. Raises SaisieInvalide."""
    try:
        if not isinstance(texte, str) or len(texte) > 40:
            raise ValueError
        instant = datetime.fromisoformat(texte)
        if not 2000 <= instant.year < 9000:  # the ends of the calendar have no local time everywhere
            raise ValueError
        return to_minute(instant)
    except (ValueError, OverflowError):
        phrase = "Choisissez un créneau parmi ceux proposés."
        raise SaisieInvalide(
            phrase, remede="Le reste de votre saisie est conservé.", champs={"debut": phrase}
        ) from None


@dataclass(frozen=True, slots=True)
class Parcours:
    """The choices so far, as read from a query or a form: ``motif`` 0 and empty words mean « not chosen ».

    ``lieu``: the delegation under which another service would receive [G 2.3.5]; 0 for the service itself. ``canal``:
    by whose rules, hence at which addresses.
    """

    service_id: int
    motif: int
    type_rdv: str
    nature: str
    lieu: int = 0
    canal: str = Canal.INTERNET.value

    @classmethod
    def read(cls, service_id: int, donnees: Mapping[str, Any], canal: str = Canal.INTERNET.value) -> Parcours:
        """Read leniently: what cannot be a choice is no choice."""
        type_rdv, nature = donnees.get("type"), donnees.get("nature")
        return cls(
            check_service_id(service_id),
            read_id(donnees.get("motif")),
            type_rdv if type_rdv in tuple(TypeRdv) else "",
            nature if nature in NATURES else "",
            read_id(donnees.get("lieu")),
            canal,
        )

    def url(self, etape: str, **plus: object) -> str:
        """The address of a step with these choices: ``motif``, ``creneau``, ``creneau/fragment``, ``coordonnees``."""
        choix: dict[str, object] = {"motif": self.motif, "type": self.type_rdv, "nature": self.nature}
        choix |= {"lieu": self.lieu, **plus}
        requete = urlencode({nom: valeur for nom, valeur in choix.items() if valeur})
        return self.action(etape) + (f"?{requete}" if requete else "")

    def action(self, etape: str) -> str:
        """The same without the choices, for a form that carries them."""
        base = f"/rdv/{self.service_id}" if self.canal == Canal.INTERNET else f"/services/{self.service_id}/prendre"
        return f"{base}/{etape}"


def read_choix(donnees: Mapping[str, Any]) -> dict[str, int]:
    """The motif ticked at each level (m1, m2, m3)."""
    return {nom: read_id(donnees.get(nom)) for nom in NIVEAUX if read_id(donnees.get(nom))}
