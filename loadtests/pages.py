"""One address of the application, asked again and again: milliseconds of server, SQL queries, compressed bytes."""

from __future__ import annotations

import gzip
import statistics
import time
from dataclasses import dataclass

import httpx
from sqlalchemy import text

from app.db import Database

_REPETITIONS = 25
#: As the application compresses its pages.
_NIVEAU = 5


@dataclass(frozen=True, slots=True)
class Mesure:
    """Median milliseconds, SQL queries and compressed bytes of one address."""

    nom: str
    ms: float
    requetes: int
    octets: int


async def time_page(
    client: httpx.AsyncClient, db: Database, requetes: list[str], nom: str, adresse: str, *, renouvelle: str = ""
) -> Mesure:
    """``renouvelle``: the version of the agenda that rises before each request, or none: the page is already drawn."""
    (await client.get(adresse)).raise_for_status()
    durees: list[float] = []
    nombre = octets = 0
    for _ in range(_REPETITIONS):
        if renouvelle:
            async with db.engine.begin() as conn:
                await conn.execute(text(f"UPDATE agenda SET {renouvelle} = {renouvelle} + 1"))
        requetes.clear()
        depart = time.perf_counter()
        reponse = await client.get(adresse)
        durees.append((time.perf_counter() - depart) * 1000)
        reponse.raise_for_status()
        nombre, octets = max(nombre, len(requetes)), len(gzip.compress(reponse.content, _NIVEAU))
    return Mesure(nom, statistics.median(durees), nombre, octets)
