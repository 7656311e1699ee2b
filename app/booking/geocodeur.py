"""A national address base asked over HTTP: how it names the street that somebody typed (optional).

``GET <GEOCODEUR_URL>/search/?q=…&citycode=…&limit=1``, answered by a GeoJSON collection, as the Base adresse nationale
and its copies do. It only helps to recognise a street: what it does not say, or says late, changes nothing. What was
typed goes there and nowhere else: neither the logs nor the errors hold it.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

import httpx
import structlog

from app.config import Settings

log = structlog.get_logger("accueil.geocodeur")

#: Seconds for the whole exchange: somebody waits for the page.
DELAI_S: Final = 2.0
#: Seconds during which it is not asked again after it failed: nobody else waits for nothing.
REPOS_S: Final = 30.0
_CORPS_MAX: Final = 64 * 1024
#: Below, the base guesses.
_SCORE_MIN: Final = 0.5


class Geocodeur:
    """One process's access to the base. ``aclose`` when the process ends."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/search/"
        self._client = httpx.AsyncClient(
            timeout=DELAI_S,
            headers={"Accept": "application/json"},
            limits=httpx.Limits(max_connections=10),
            trust_env=False,
        )
        self._pas_avant = 0.0

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def find_voie(self, adresse: str, code_insee: str) -> str:
        """The street of that address in that commune, as the base names it; "" when it does not know or answer."""
        if time.monotonic() < self._pas_avant:
            return ""
        try:
            async with asyncio.timeout(DELAI_S):
                return _read(await self._ask(adresse, code_insee), code_insee)
        except (TimeoutError, httpx.HTTPError, ValueError) as erreur:
            self._pas_avant = time.monotonic() + REPOS_S
            log.warning("geocodeur.indisponible", cause=type(erreur).__name__)
            return ""

    async def _ask(self, adresse: str, code_insee: str) -> Any:
        question = {"q": adresse, "citycode": code_insee, "limit": "1", "autocomplete": "0"}
        async with self._client.stream("GET", self._url, params=question) as reponse:
            if reponse.status_code != 200:
                raise ValueError(f"status {reponse.status_code}")
            corps = b""
            async for morceau in reponse.aiter_bytes():
                corps += morceau
                if len(corps) > _CORPS_MAX:
                    raise ValueError("too long an answer")
        return json.loads(corps)


def _read(corps: Any, code_insee: str) -> str:
    """The street of the first answer; "" for a doubtful one, or one of another commune. Raises ValueError."""
    traits = corps.get("features") if isinstance(corps, dict) else None
    if not isinstance(traits, list):
        raise ValueError("not a collection")
    proprietes = traits[0].get("properties") if traits and isinstance(traits[0], dict) else None
    if not isinstance(proprietes, dict):
        return ""
    score, voie = proprietes.get("score"), proprietes.get("street") or proprietes.get("name")
    sur = isinstance(score, int | float) and score >= _SCORE_MIN and proprietes.get("citycode") == code_insee
    return voie[:200] if sur and isinstance(voie, str) else ""


def create_geocodeur(settings: Settings) -> Geocodeur | None:
    """The base when one is configured."""
    return Geocodeur(settings.geocodeur_url) if settings.geocodeur_url else None
