"""The address of the usager's file in the administration's case system, when one is configured (``DOSSIER_URL``)."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any
from urllib.parse import quote

from app.booking.contexte import ServiceContexte


def build_lien(gabarit: str, rdv: Mapping[str, Any], contexte: ServiceContexte) -> str:
    """That address, "" without one, or when the person has not the number that it needs.

    A numéro fiscal or a SIREN is in it only when the administration has put it in its template: the address is then of
    that system, and asked without a referrer. None of ours ever holds one.
    """
    valeurs = {
        "code": rdv["code"],
        "id": rdv["id"],
        "sages": contexte.sages,
        "numero_fiscal": rdv["numero_fiscal"],
        "siren": rdv["siren"],
    }
    champs = {champ for _, champ, *_ in Formatter().parse(gabarit) if champ}
    if not gabarit or not all(valeurs[champ] for champ in champs):
        return ""
    return gabarit.format(**{champ: quote(str(valeurs[champ]), safe="") for champ in champs})
