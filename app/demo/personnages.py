"""The people of the demo: invented, all of them. No real name, number or address is looked for or kept.

Telephones are in the ranges that the regulator (ARCEP) keeps for fiction; addresses end in ``.test``, which no network
resolves; the numéro fiscal and SIREN are in ranges that are not issued, with a right key.
"""

from __future__ import annotations

import json
import unicodedata
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from app.booking.forms import UsagerSaisi

#: Written in the internal note of every imaginary rendez-vous: what the simulation may touch, and nothing else.
NOTE: Final = "Usager imaginaire de la démonstration"

_LUES: Final[dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "data" / "personnes.json").read_text(encoding="utf-8")
)
FEMININS, MASCULINS, NOMS = _LUES["prenoms_feminins"], _LUES["prenoms_masculins"], _LUES["noms"]
RAISONS_SOCIALES, PRECISIONS = _LUES["raisons_sociales"], _LUES["precisions"]
RAISONS_ANNULATION: Final = _LUES["raisons_annulation"]
_PREFIXES: Final = ("+3319900", "+3326191", "+3335301", "+3346571", "+3353649")


def _plain(texte: str) -> str:
    """Letters only, lower case, without accents: what an address is made of."""
    decompose = unicodedata.normalize("NFKD", texte.lower())
    return "".join(c for c in decompose if c.isascii() and (c.isalnum() or c == "-"))


def imagine_telephone(hasard: Random) -> str:
    """A number kept for fiction, in E.164."""
    return f"{hasard.choice(_PREFIXES)}{hasard.randrange(10_000):04d}"


def imagine_numero_fiscal(hasard: Random) -> str:
    """13 digits with a right key, in a range that is not issued."""
    racine = 3_999_000_000 + hasard.randrange(1_000_000)
    return f"{racine}{racine % 511:03d}"


def imagine_siren(hasard: Random) -> str:
    """Nine digits with a right key, beginning by 000: no company has one."""
    racine = f"000{hasard.randrange(100_000):05d}"
    total = 0
    for rang, chiffre in enumerate(reversed(racine)):
        valeur = int(chiffre) * (2 if rang % 2 == 0 else 1)
        total += valeur - 9 if valeur > 9 else valeur
    return f"{racine}{-total % 10}"


def imagine_usager(hasard: Random, public: str, *, courriel: bool = True) -> UsagerSaisi:
    """Somebody who could have filled in the form. ``public``: particulier, professionnel, or tous (either)."""
    feminin = hasard.random() < 0.52
    prenom, nom = hasard.choice(FEMININS if feminin else MASCULINS), hasard.choice(NOMS)
    adresse = f"{_plain(prenom)}.{_plain(nom)}@usagers.test" if courriel and hasard.random() < 0.9 else None
    telephones = (imagine_telephone(hasard),)
    preference = hasard.choice((None, None, "matin", "apres-midi"))
    if public == "professionnel" or (public == "tous" and hasard.random() < 0.2):
        return UsagerSaisi(
            nature="professionnel",
            raison_sociale=hasard.choice(RAISONS_SOCIALES),
            siren=imagine_siren(hasard),
            contact=f"{prenom} {nom}",
            telephones=telephones,
            preference_appel=preference,
            courriel=adresse,
        )
    return UsagerSaisi(
        nature="particulier",
        civilite="madame" if feminin else "monsieur",
        nom_usage=nom,
        nom_naissance=hasard.choice(NOMS) if feminin and hasard.random() < 0.3 else "",
        prenoms=prenom,
        date_naissance=date(1940, 1, 1) + timedelta(days=hasard.randrange(24_000)) if hasard.random() < 0.7 else None,
        numero_fiscal=imagine_numero_fiscal(hasard) if hasard.random() < 0.6 else None,
        telephones=telephones,
        preference_appel=preference,
        courriel=adresse,
    )
