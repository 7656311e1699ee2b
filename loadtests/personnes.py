"""People who do not exist: names from a short list, telephones of the range kept for fiction, mail in ``.test``.

A person is a function of its rank: the same run invents the same people, and two ranks never share an address.
"""

from __future__ import annotations

from dataclasses import dataclass

_PRENOMS = ("Camille", "Aïcha", "Jean-Noël", "Maëlys", "Tomasz", "Inès", "Loïc", "Wanda", "Gaël", "Océane", "Karim")
_NOMS = ("Brévannes", "Kerdaniel", "Montluzon", "Sarrezac", "D'Orvilliers", "Vauclin", "Le Thuillec", "Ozanval")
_SUJETS = (
    "Je ne comprends pas la case 7DB de ma déclaration.",
    "Ma fille est devenue majeure en mars : rattachement ou non ?",
    "Demande de délai de paiement, situation jointe.",
    "Erreur d'adresse sur l'avis reçu en septembre.",
)
#: 05 36 49 xx xx is set apart for works of fiction: nobody is ever called.
_FICTION = "053649"


def make_siren(rang: int) -> str:
    """Nine digits whose last one is the Luhn key."""
    base = f"{10_000_000 + rang % 10_000_000:08d}"
    somme = sum(sum(divmod(int(chiffre) * (2 if place % 2 else 1), 10)) for place, chiffre in enumerate(base))
    return f"{base}{-somme % 10}"


def make_numero_fiscal(rang: int) -> str:
    """Thirteen digits; the last three are the key."""
    base = 10**9 + rang % 10**9
    return f"{base:010d}{base % 511:03d}"


@dataclass(frozen=True, slots=True)
class Personne:
    """The invented person of a rank."""

    rang: int

    @property
    def nom(self) -> str:
        """Family name, with its rank so that it can be told from the others."""
        return f"{_NOMS[self.rang % len(_NOMS)]} {_letters(self.rang)}"

    @property
    def prenom(self) -> str:
        """First name."""
        return _PRENOMS[self.rang % len(_PRENOMS)]

    @property
    def telephone(self) -> str:
        """National format."""
        return f"{_FICTION}{self.rang % 10_000:04d}"

    @property
    def courriel(self) -> str:
        """One in eight has none."""
        return "" if self.rang % 8 == 7 else f"usager{self.rang}@usagers.test"

    @property
    def precision(self) -> str:
        """What the appointment is about."""
        return _SUJETS[self.rang % len(_SUJETS)]

    def as_form(self) -> dict[str, str]:
        """Every field of the public form, for both kinds of usager; the form takes those it has."""
        return {
            "civilite": "madame" if self.rang % 2 else "monsieur",
            "nom_usage": self.nom,
            "prenoms": self.prenom,
            "numero_fiscal": make_numero_fiscal(self.rang) if self.rang % 3 == 0 else "",
            "raison_sociale": f"SARL {self.nom}",
            "siren": make_siren(self.rang),
            "contact": f"{self.prenom} {self.nom}",
            "telephone1": self.telephone,
            "courriel": self.courriel,
            "precision": self.precision,
        }

    def as_json(self) -> dict[str, object]:
        """The ``usager`` of the API."""
        usager: dict[str, object] = {
            "nature": "particulier",
            "civilite": "madame" if self.rang % 2 else "monsieur",
            "nom_usage": self.nom,
            "prenoms": self.prenom,
            "telephones": [self.telephone],
        }
        return usager | ({"courriel": self.courriel} if self.courriel else {})


def _letters(rang: int) -> str:
    """A rank in letters: names carry no digit."""
    texte = ""
    while True:
        rang, reste = divmod(rang, 26)
        texte = chr(65 + reste) + texte
        if not rang:
            return texte.capitalize()
        rang -= 1
