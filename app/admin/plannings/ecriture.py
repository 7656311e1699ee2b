"""Save a composition: what differs from the one that is recorded, in bulk statements.

Their number depends on what kinds of things changed, never on guichets × days: a semaine type of 20 guichets costs as
many statements as that of one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Integer, bindparam, delete, insert, text
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.composition import Composition
from app.tables import ExceptionPlanning, JourneeType, JourOuvert, Plage, Planning, PlanningJour

#: Ids of rows below zero in a composition → those given by the database; the others stand for themselves.
Ids = Mapping[int, int]

_JOURS = text(
    "INSERT INTO planning_jour (planning_id, rang, jour_semaine, journee_type_id) "
    "SELECT * FROM unnest(:plannings, :rangs, :jours, :journees)"
).bindparams(
    bindparam("plannings", type_=ARRAY(BigInteger)),
    bindparam("rangs", type_=ARRAY(Integer)),
    bindparam("jours", type_=ARRAY(Integer)),
    bindparam("journees", type_=ARRAY(BigInteger)),
)


async def save(
    conn: AsyncConnection,
    service_id: int,
    avant: Composition,
    apres: Composition,
    agent_id: int | None,
    maintenant: datetime,
) -> dict[str, Ids]:
    """Write ``apres`` over ``avant``, which must be what is recorded, under the service's lock.

    Gives, for « journee », « planning » and « exception », the ids received by what is new.
    """
    journees = await _save_journees(conn, service_id, avant, apres)
    plannings = await _save_plannings(conn, service_id, avant, apres, journees)
    await _remove(conn, JourneeType, set(avant.journees) - set(apres.journees))
    exceptions = await _save_exceptions(conn, service_id, avant, apres, agent_id, maintenant)
    await _save_rouverts(conn, service_id, avant, apres)
    return {"journee": journees, "planning": plannings, "exception": exceptions}


async def _give_ids(conn: AsyncConnection, table: str, nouveaux: Collection[int]) -> dict[int, int]:
    """Real ids for rows not saved yet, one statement."""
    if not nouveaux:
        return {}
    ordre = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :nombre)")
    donnes = (await conn.execute(ordre, {"table": table, "nombre": len(nouveaux)})).scalars().all()
    return dict(zip(sorted(nouveaux, reverse=True), sorted(donnes), strict=True))


async def _upsert(conn: AsyncConnection, table: Any, lignes: list[dict[str, Any]], fixes: Collection[str] = ()) -> None:
    """Insert or replace rows by id, one statement. ``fixes``: columns that a replacement keeps."""
    if not lignes:
        return
    ordre = pg_insert(table).values(lignes)
    changees = {c: ordre.excluded[c] for c in lignes[0] if c != "id" and c not in fixes}
    await conn.execute(ordre.on_conflict_do_update(index_elements=["id"], set_=changees))


async def _remove(conn: AsyncConnection, table: Any, ids: Collection[int]) -> None:
    if ids:
        await conn.execute(delete(table).where(table.id.in_(sorted(ids))))


async def _save_journees(
    conn: AsyncConnection, service_id: int, avant: Composition, apres: Composition
) -> dict[int, int]:
    changees = [journee for cle, journee in apres.journees.items() if avant.journees.get(cle) != journee]
    ids = await _give_ids(conn, "journee_type", [journee.id for journee in changees if journee.id < 0])
    ecrites = [replace(journee, id=ids.get(journee.id, journee.id)) for journee in changees]
    await _upsert(
        conn,
        JourneeType,
        [{"id": j.id, "service_id": service_id, "nom": j.nom, "revision": j.revision} for j in ecrites],
    )
    anciennes = [journee.id for journee in changees if journee.id > 0]
    if anciennes:
        await conn.execute(delete(Plage).where(Plage.journee_type_id.in_(anciennes)))
    plages = [
        {"journee_type_id": journee.id, "debut_minute": plage.debut, "fin_minute": plage.fin}
        for journee in ecrites
        for plage in journee.plages
    ]
    if plages:
        await conn.execute(insert(Plage).values(plages))
    return ids


async def _save_plannings(
    conn: AsyncConnection, service_id: int, avant: Composition, apres: Composition, journees: Ids
) -> dict[int, int]:
    anciens = {ligne.id: ligne for ligne in avant.plannings}
    changes = [ligne for ligne in apres.plannings if anciens.get(ligne.id) != ligne]
    await _remove(conn, Planning, set(anciens) - {ligne.id for ligne in apres.plannings})
    ids = await _give_ids(conn, "planning", [ligne.id for ligne in changes if ligne.id < 0])
    lignes = [
        {
            "id": ids.get(ligne.id, ligne.id),
            "service_id": service_id,
            "guichet_id": ligne.guichet_id,
            "nom": ligne.nom,
            "nature": ligne.nature,
            "cycle": ligne.cycle,
            "du": ligne.du,
            "au": ligne.au,
            "revision": ligne.revision,
        }
        for ligne in changes
    ]
    await _upsert(conn, Planning, lignes)
    repeints = [ligne for ligne in changes if ligne.id < 0 or anciens[ligne.id].jours != ligne.jours]
    recrits = [ligne.id for ligne in repeints if ligne.id > 0]
    if recrits:
        await conn.execute(delete(PlanningJour).where(PlanningJour.planning_id.in_(recrits)))
    jours = [
        (ids.get(ligne.id, ligne.id), rang, iso, journees.get(journee, journee))
        for ligne in repeints
        for rang, iso, journee in sorted(ligne.jours)
    ]
    if jours:
        colonnes = list(zip(*jours, strict=True))
        noms = ("plannings", "rangs", "jours", "journees")
        await conn.execute(_JOURS, {nom: list(colonne) for nom, colonne in zip(noms, colonnes, strict=True)})
    return ids


async def _save_exceptions(
    conn: AsyncConnection,
    service_id: int,
    avant: Composition,
    apres: Composition,
    agent_id: int | None,
    maintenant: datetime,
) -> dict[int, int]:
    anciennes = {e.id: e for e in avant.exceptions}
    changees = [e for e in apres.exceptions if anciennes.get(e.id) != e]
    await _remove(conn, ExceptionPlanning, set(anciennes) - {e.id for e in apres.exceptions})
    ids = await _give_ids(conn, "exception_planning", [e.id for e in changees if e.id < 0])
    lignes = [
        {
            "id": ids.get(e.id, e.id),
            "service_id": service_id,
            "guichet_id": e.guichet_id,
            "nature": e.nature,
            "du": e.du,
            "au": e.au,
            "debut_minute": e.debut,
            "fin_minute": e.fin,
            "libelle": e.libelle,
            "cree_par": agent_id,
            "cree_a": maintenant,
            "revision": e.revision,
        }
        for e in changees
    ]
    await _upsert(conn, ExceptionPlanning, lignes, fixes=("cree_par", "cree_a"))
    return ids


async def _save_rouverts(conn: AsyncConnection, service_id: int, avant: Composition, apres: Composition) -> None:
    refermes, rouverts = avant.rouverts - apres.rouverts, apres.rouverts - avant.rouverts
    if refermes:
        await conn.execute(
            delete(JourOuvert).where(JourOuvert.service_id == service_id, JourOuvert.jour.in_(sorted(refermes)))
        )
    if rouverts:
        await conn.execute(
            insert(JourOuvert).values([{"service_id": service_id, "jour": jour} for jour in sorted(rouverts)])
        )
