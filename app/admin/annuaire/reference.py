"""The reference data that the software brings: kinds of service [C §3], starting motifs [G 2.3.1], subjects of
contact [A1 §2], départements.

Installed by ``accueil migrate`` and safe to run again: what is there is never overwritten, since administrators
maintain it from then on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import RACINE
from app.feries import SUBDIVISIONS
from app.tables import Departement, Interregion, Motif, SujetContact, TypeService

DOSSIER: Final = RACINE / "app" / "admin" / "data"
#: Two installations follow one another.
_VERROU: Final = 0x7265666572


@dataclass(frozen=True, slots=True)
class Installe:
    """How many rows were added, by kind."""

    types: int
    motifs: int
    departements: int
    sujets: int = 0

    def __bool__(self) -> bool:
        return bool(self.types or self.motifs or self.departements or self.sujets)


def _read(fichier: Path) -> Any:
    return json.loads(fichier.read_text(encoding="utf-8"))


async def install_reference(conn: AsyncConnection) -> Installe:
    """Add what is missing, in the caller's transaction, in a constant number of statements."""
    await conn.execute(select(func.pg_advisory_xact_lock(_VERROU)))
    lu = _read(DOSSIER / "motifs.json")
    return Installe(
        types=await _install_types(conn, lu["types"]),
        motifs=await _install_motifs(conn, lu["arbre"]),
        departements=await _install_departements(conn, _read(DOSSIER / "departements.json")),
        sujets=await _install_sujets(conn, _read(DOSSIER / "sujets_contact.json")),
    )


async def _install_types(conn: AsyncConnection, types: Sequence[Mapping[str, Any]]) -> int:
    lignes = [{**decrit, "ordre": rang} for rang, decrit in enumerate(types, start=1)]
    ordre = insert(TypeService).values(lignes).on_conflict_do_nothing().returning(TypeService.code)
    return len((await conn.execute(ordre)).all())


async def _install_motifs(conn: AsyncConnection, arbre: Sequence[Mapping[str, Any]]) -> int:
    """The tree of each kind of service that has no motif at all: one that was removed does not come back."""
    pourvus = set((await conn.execute(select(Motif.type_service_code).distinct())).scalars())
    branches = [branche for branche in arbre if branche["type"] not in pourvus]
    if not branches:
        return 0
    parents = [
        {
            "code": branche["code"],
            "type_service_code": branche["type"],
            "libelle": branche["libelle"],
            "libelle_en": branche["libelle_en"],
            "nature": branche["nature"],
            "public": branche["public"],
            "ordre": arbre.index(branche) + 1,
        }
        for branche in branches
    ]
    ordre = insert(Motif).values(parents).returning(Motif.code, Motif.id)
    ids = {ligne.code: ligne.id for ligne in await conn.execute(ordre)}
    feuilles = [
        {
            "code": motif["code"],
            "type_service_code": branche["type"],
            "parent_id": ids[branche["code"]],
            "libelle": motif["libelle"],
            "libelle_en": motif["libelle_en"],
            "nature": motif["nature"],
            "public": motif["public"],
            "documents": motif["documents"],
            "documents_en": motif["documents_en"],
            "ordre": rang,
        }
        for branche in branches
        for rang, motif in enumerate(branche["motifs"], start=1)
    ]
    await conn.execute(insert(Motif).values(feuilles))
    return len(parents) + len(feuilles)


_RATTACHER: Final = text(
    """
    UPDATE sujet_contact f SET parent_id = p.id
      FROM jsonb_to_recordset(CAST(:liens AS jsonb)) AS l(fils text, pere text)
      JOIN sujet_contact p ON p.code = l.pere
     WHERE f.code = l.fils
    """
)


async def _install_sujets(conn: AsyncConnection, arbre: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    """The whole tree where there is none at all: one that was taken out does not come back. Two statements."""
    if (await conn.execute(select(SujetContact.id).limit(1))).scalar() is not None:
        return 0
    lignes = [ligne for nature, branches in arbre.items() for ligne in _flatten(nature, branches, "")]
    liens = [{"fils": ligne["code"], "pere": ligne.pop("parent")} for ligne in lignes]
    await conn.execute(insert(SujetContact).values(lignes))
    await conn.execute(_RATTACHER, {"liens": json.dumps(liens)})
    return len(lignes)


_FEUILLE: Final = {"faq_url": "", "demarche_url": "", "types_service": [], "motif_code": "", "voie": ""}


def _flatten(nature: str, branches: Sequence[Mapping[str, Any]], parent: str) -> Iterator[dict[str, Any]]:
    for rang, branche in enumerate(branches, start=1):
        sienne = {cle: valeur for cle, valeur in branche.items() if cle != "sujets"}
        yield {**_FEUILLE, **sienne, "nature": nature, "ordre": rang, "parent": parent}
        yield from _flatten(nature, branche.get("sujets", ()), branche["code"])


async def _install_departements(conn: AsyncConnection, lus: Sequence[Mapping[str, Any]]) -> int:
    noms = [{"nom": nom} for nom in sorted({d["interregion"] for d in lus})]
    await conn.execute(insert(Interregion).values(noms).on_conflict_do_nothing())
    ids = {ligne.nom: ligne.id for ligne in await conn.execute(select(Interregion.nom, Interregion.id))}
    lignes = [
        {
            "code": d["code"],
            "nom": d["nom"],
            "interregion_id": ids[d["interregion"]],
            "fuseau": d.get("fuseau", "Europe/Paris"),
            "subdivision": SUBDIVISIONS.get(d["code"]),
        }
        for d in lus
    ]
    ordre = insert(Departement).values(lignes).on_conflict_do_nothing().returning(Departement.code)
    return len((await conn.execute(ordre)).all())
