"""Parameters in the database: read whole, written one row a choice, journaled in the words of the screens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import record_objet
from app.booking.outils import Auteur
from app.db import UnitOfWork
from app.domain.definitions import Definition
from app.domain.parametres import from_json, to_json
from app.tables import Parametre


async def read_bruts(conn: AsyncConnection, service_id: int | None) -> dict[str, Any]:
    """The rows of the nation (None) or of a service: key → JSON."""
    lignes = await conn.execute(
        select(Parametre.cle, Parametre.valeur).where(Parametre.service_id.is_not_distinct_from(service_id))
    )
    return {ligne.cle: ligne.valeur for ligne in lignes}


async def count_choix_locaux(conn: AsyncConnection) -> dict[str, int]:
    """How many services have a value of their own, by key."""
    lignes = await conn.execute(
        select(Parametre.cle, func.count().label("nombre"))
        .where(Parametre.service_id.is_not(None))
        .group_by(Parametre.cle)
    )
    return {ligne.cle: ligne.nombre for ligne in lignes}


async def write_valeurs(
    uow: UnitOfWork,
    auteur: Auteur,
    maintenant: datetime,
    service_id: int | None,
    changes: Mapping[Definition, Any],
    avant: Mapping[str, Any],
) -> None:
    """Write each choice (JSON; None removes it) with its journal row. Announcing is the caller's."""
    for definition, valeur in changes.items():
        if valeur is None:
            ordre = delete(Parametre).where(
                Parametre.cle == definition.cle, Parametre.service_id.is_not_distinct_from(service_id)
            )
            objet_id = (await uow.conn.execute(ordre.returning(Parametre.id))).scalar_one_or_none()
        else:
            maj = {"valeur": valeur, "modifie_par": auteur.agent_id, "modifie_a": maintenant}
            insertion = pg_insert(Parametre).values(cle=definition.cle, service_id=service_id, **maj)
            objet_id = (
                await uow.conn.execute(
                    insertion.on_conflict_do_update(
                        index_elements=["cle", "service_id"], set_={**maj, "revision": Parametre.revision + 1}
                    ).returning(Parametre.id)
                )
            ).scalar_one()
        await record_objet(
            uow,
            auteur,
            maintenant,
            "parametre.modifie",
            "parametre",
            objet_id,
            service_id,
            _faits(definition, avant.get(definition.cle), service_id),
            _faits(definition, valeur, service_id),
        )


def _faits(definition: Definition, brut: Any, service_id: int | None) -> dict[str, str]:
    lue, valeur = from_json(definition, brut)
    if lue and valeur not in (None, ""):
        mot = definition.mot(valeur)
    else:
        mot = "valeur nationale" if service_id is not None and definition.national else definition.mot(None)
    return {"libelle": definition.libelle, "valeur": mot}


def to_bruts(valeurs: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON."""
    return {cle: to_json(valeur) for cle, valeur in valeurs.items()}
