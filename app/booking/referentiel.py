"""The administration's register of people, asked over HTTP: who holds this numéro fiscal or SIREN [A1 §3.2].

``POST <REFERENTIEL_URL>`` with ``{"numero_fiscal": "…"}`` or ``{"siren": "…"}`` — a number never travels in an
address — and, when a key is set, ``Authorization: Bearer``. 200 answers a JSON object whose names are those of the
booking form (``nature``, ``civilite``, ``nom_usage``, ``nom_naissance``, ``prenoms``, ``date_naissance`` as
YYYY-MM-DD, ``raison_sociale``, ``contact``, ``telephones``, ``courriel``); 404 that nobody holds it. What it says is
read like what a person types: a field that the form would refuse is left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

import httpx
import structlog

from app.booking.forms import UsagerSaisi, parse_usager
from app.config import Settings

log = structlog.get_logger("accueil.referentiel")

#: Seconds for the whole exchange: an agent is on the phone with somebody.
DELAI_S: Final = 3.0
_CORPS_MAX: Final = 64 * 1024
_CHAMPS: Final = (
    "civilite",
    "nom_usage",
    "nom_naissance",
    "prenoms",
    "date_naissance",
    "raison_sociale",
    "contact",
    "telephones",
    "courriel",
)


class ReferentielIndisponible(Exception):
    """It did not answer in time, or not as agreed. Nothing in it says who was asked about."""


class Referentiel:
    """One process's access to the register. ``aclose`` when the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.referentiel_url
        entetes = {"Accept": "application/json"}
        if settings.referentiel_cle:
            entetes["Authorization"] = f"Bearer {settings.referentiel_cle}"
        self._client = httpx.AsyncClient(
            timeout=DELAI_S, headers=entetes, limits=httpx.Limits(max_connections=10), trust_env=False
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def find(self, champ: str, numero: str, *, departement: str, aujourdhui: date) -> UsagerSaisi | None:
        """The person who holds ``numero`` (``champ``: ``numero_fiscal`` or ``siren``), None when nobody does.

        Raises ReferentielIndisponible.
        """
        try:
            async with asyncio.timeout(DELAI_S):
                corps = await self._ask({champ: numero})
        except (TimeoutError, httpx.HTTPError, ValueError) as erreur:
            log.warning("referentiel.indisponible", cause=type(erreur).__name__)
            raise ReferentielIndisponible from erreur
        return None if corps is None else _read(corps, champ, numero, departement, aujourdhui)

    async def _ask(self, question: Mapping[str, str]) -> Mapping[str, Any] | None:
        async with self._client.stream("POST", self._url, json=question) as reponse:
            if reponse.status_code == 404:
                return None
            if reponse.status_code != 200:
                raise ValueError(f"status {reponse.status_code}")
            corps = b""
            async for morceau in reponse.aiter_bytes():
                corps += morceau
                if len(corps) > _CORPS_MAX:
                    raise ValueError("too long an answer")
        lu = json.loads(corps)
        if not isinstance(lu, dict):
            raise ValueError("not an object")
        return lu


def _read(corps: Mapping[str, Any], champ: str, numero: str, departement: str, aujourdhui: date) -> UsagerSaisi | None:
    """The person as the form would take it; None when nothing is left of a name."""
    donnees = {nom: corps[nom] for nom in _CHAMPS if corps.get(nom)}
    nature = "professionnel" if champ == "siren" else "particulier"
    # What is in fault comes out empty: the number asked for is the one kept, whatever the answer holds.
    usager, _ = parse_usager(
        {**donnees, "nature": nature, champ: numero}, departement=departement, aujourdhui=aujourdhui
    )
    if not (usager.nom_usage or usager.raison_sociale):
        return None
    return replace(usager, telephones=usager.telephones[:2], preference_appel=None)


def create_referentiel(settings: Settings) -> Referentiel | None:
    """The register when one is configured."""
    return Referentiel(settings) if settings.referentiel_url else None
