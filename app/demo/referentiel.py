"""The national starting data: kinds of service, tree of motifs, départements, and the demo's communes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.textes import to_recherche
from app.config import RACINE
from app.feries import SUBDIVISIONS
from app.tables import Commune, Competence, Departement, Interregion, Motif, TypeService

NATIONAL: Final = RACINE / "app" / "admin" / "data"
DEMONSTRATION: Final = Path(__file__).parent / "data"


def _read(fichier: Path) -> Any:
    return json.loads(fichier.read_text(encoding="utf-8"))


async def insert_types_et_motifs(conn: AsyncConnection) -> None:
    """The kinds of service [C §3] and the two-level tree of motifs, with documents [G 2.3.1]."""
    lu = _read(NATIONAL / "motifs.json")
    await conn.execute(insert(TypeService), [{**t, "ordre": rang} for rang, t in enumerate(lu["types"], start=1)])
    parents = [
        {
            "code": branche["code"],
            "type_service_code": branche["type"],
            "libelle": branche["libelle"],
            "nature": branche["nature"],
            "public": branche["public"],
            "ordre": rang,
        }
        for rang, branche in enumerate(lu["arbre"], start=1)
    ]
    ids = {
        ligne.code: ligne.id
        for ligne in await conn.execute(insert(Motif).values(parents).returning(Motif.code, Motif.id))
    }
    feuilles = [
        {
            "code": motif["code"],
            "type_service_code": branche["type"],
            "parent_id": ids[branche["code"]],
            "libelle": motif["libelle"],
            "nature": motif["nature"],
            "public": motif["public"],
            "documents": motif["documents"],
            "ordre": rang,
        }
        for branche in lu["arbre"]
        for rang, motif in enumerate(branche["motifs"], start=1)
    ]
    await conn.execute(insert(Motif), feuilles)


async def insert_departements(conn: AsyncConnection) -> None:
    """Every département and collectivity with its interregion, clock and holiday calendar."""
    lus = _read(NATIONAL / "departements.json")
    noms = sorted({d["interregion"] for d in lus})
    lignes = await conn.execute(
        insert(Interregion).values([{"nom": nom} for nom in noms]).returning(Interregion.nom, Interregion.id)
    )
    ids = {ligne.nom: ligne.id for ligne in lignes}
    await conn.execute(
        insert(Departement),
        [
            {
                "code": d["code"],
                "nom": d["nom"],
                "interregion_id": ids[d["interregion"]],
                "fuseau": d.get("fuseau", "Europe/Paris"),
                "subdivision": SUBDIVISIONS.get(d["code"]),
            }
            for d in lus
        ],
    )


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
