"""The building of a service: found by its address, shared by the services that are there [G 2.1.1]. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.booking.textes import to_recherche

_CEDEX = re.compile(r"\s+CEDEX\b.*")


def build_cle(adresse: str, code_postal: str, ville: str) -> tuple[str, str, str] | None:
    """What two services of one building have in common; None when the address names no street."""
    voie = to_recherche(adresse).strip()
    return (code_postal[:2], get_ville(ville), voie) if voie else None


def get_ville(ville: str) -> str:
    """The town without its CEDEX, to compare: two services of one building may have two CEDEX."""
    return _CEDEX.sub("", to_recherche(ville).strip())


def build_nom(faits: Mapping[str, Any]) -> str:
    """« Nevers – 19 rue Camille-Baynac »."""
    ville = re.sub(r"\s+cedex\b.*", "", str(faits["ville"]), flags=re.IGNORECASE)
    return f"{ville} – {faits['adresse'] or faits['libelle']}"[:150]
