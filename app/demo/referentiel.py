"""The demo's communes; the national reference data is the software's own (``app.admin.annuaire.reference``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.textes import to_recherche
from app.tables import Commune, Competence

DEMONSTRATION: Final = Path(__file__).parent / "data"


def _read(fichier: Path) -> Any:
    return json.loads(fichier.read_text(encoding="utf-8"))


async def insert_communes(conn: AsyncConnection, competents: dict[str, list[int]]) -> None:
    """The largest communes around the demo's services; ``competents``: département → ids of services."""
    communes = _read(DEMONSTRATION / "communes.json")
    await conn.execute(
        insert(Commune),
        [
            {
                "code_insee": code,
                "nom": nom,
                "nom_recherche": to_recherche(nom).strip(),
                "departement": departement,
                "codes_postaux": codes_postaux,
                "population": population,
                "latitude": latitude,
                "longitude": longitude,
            }
            for code, nom, departement, codes_postaux, population, latitude, longitude in communes
        ],
    )
    await conn.execute(
        insert(Competence),
        [
            {"code_insee": code, "service_id": service_id}
            for code, _nom, departement, *_reste in communes
            for service_id in competents.get(departement, ())
        ],
    )
