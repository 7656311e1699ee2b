"""Public holidays of a département, from the ``holidays`` library: facts for the pure domain, never its own import."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

import holidays

#: Départements and territories whose calendar differs from the national one, as subdivisions of the library.
SUBDIVISIONS: Final = {
    "57": "57",
    "67": "6AE",
    "68": "6AE",
    "971": "971",
    "972": "972",
    "973": "973",
    "974": "974",
    "975": "PM",
    "976": "976",
    "977": "BL",
    "978": "MF",
    "986": "WF",
    "987": "PF",
    "988": "NC",
}


@lru_cache(maxsize=512)
def feries_annee(departement: str, annee: int) -> frozenset[date]:
    """The holidays of one year in a département (INSEE code: « 58 », « 2A », « 974 »)."""
    subdivision = SUBDIVISIONS.get(departement)
    return frozenset(holidays.country_holidays("FR", subdiv=subdivision, years=annee))


@lru_cache(maxsize=512)
def feries(departement: str, du: date, au: date) -> frozenset[date]:
    """The holidays from ``du`` to ``au``, both included."""
    jours = (jour for annee in range(du.year, au.year + 1) for jour in feries_annee(departement, annee))
    return frozenset(jour for jour in jours if du <= jour <= au)


@lru_cache(maxsize=2048)
def nom_ferie(departement: str, jour: date) -> str | None:
    """The French name of the holiday on that day, or None."""
    calendrier = holidays.country_holidays("FR", subdiv=SUBDIVISIONS.get(departement), years=jour.year, language="fr")
    return calendrier.get(jour)
