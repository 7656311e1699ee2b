"""The composition of a service, read whole; and its rendez-vous to come, as places."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.composition import Composition, Journee, LigneException, LignePlanning
from app.domain.horaires import floor_minute
from app.domain.hors_organisation import RdvPlace
from app.domain.plannings import PlageType
from app.tables import ExceptionPlanning, JourneeType, JourOuvert, Plage, Planning, PlanningJour, RendezVous


async def read_composition(conn: AsyncConnection, service_id: int) -> Composition:
    """Everything written for the service: four statements, whatever its size."""
    journees = await _read_journees(conn, service_id)
    plannings = await _read_plannings(conn, service_id)
    exceptions = await _read_exceptions(conn, service_id)
    rouverts = (await conn.execute(select(JourOuvert.jour).where(JourOuvert.service_id == service_id))).scalars()
    return Composition(journees, plannings, exceptions, frozenset(rouverts))


async def _read_exceptions(conn: AsyncConnection, service_id: int) -> tuple[LigneException, ...]:
    table = ExceptionPlanning
    colonnes = (table.guichet_id, table.du, table.au, table.debut_minute, table.fin_minute, table.libelle)
    requete = select(table.id, table.nature, *colonnes, table.revision).where(table.service_id == service_id)
    lignes: Iterable[Any] = await conn.execute(requete.order_by(table.id))
    return tuple(LigneException(*ligne) for ligne in lignes)


async def _read_journees(conn: AsyncConnection, service_id: int) -> dict[int, Journee]:
    plages = func.json_agg(func.json_build_array(Plage.debut_minute, Plage.fin_minute), type_=JSON)
    lignes = await conn.execute(
        select(JourneeType.id, JourneeType.nom, JourneeType.revision, plages.filter(Plage.id.is_not(None)))
        .outerjoin(Plage, Plage.journee_type_id == JourneeType.id)
        .where(JourneeType.service_id == service_id)
        .group_by(JourneeType.id)
        .order_by(JourneeType.nom, JourneeType.id)
    )
    return {
        ident: Journee(ident, nom, tuple(sorted(PlageType(*bornes) for bornes in heures or ())), revision)
        for ident, nom, revision, heures in lignes
    }


async def _read_plannings(conn: AsyncConnection, service_id: int) -> tuple[LignePlanning, ...]:
    table, jour = Planning, PlanningJour
    jours = func.json_agg(func.json_build_array(jour.rang, jour.jour_semaine, jour.journee_type_id), type_=JSON)
    colonnes = (table.guichet_id, table.nom, table.nature, table.cycle, table.du, table.au)
    lignes: Iterable[Any] = await conn.execute(
        select(table.id, *colonnes, jours.filter(jour.id.is_not(None)), table.revision)
        .outerjoin(jour, jour.planning_id == table.id)
        .where(table.service_id == service_id)
        .group_by(table.id)
        .order_by(table.id)
    )
    return tuple(
        LignePlanning(
            ident, guichet, nom, nature, cycle, du, au, frozenset((r, i, j) for r, i, j in ecrits or ()), revision
        )
        for ident, guichet, nom, nature, cycle, du, au, ecrits, revision in lignes
    )


async def read_places(conn: AsyncConnection, service_id: int, aujourdhui: date, maintenant: datetime) -> list[RdvPlace]:
    """The rendez-vous to come at this service's guichets, in order of time: one statement."""
    lignes = await conn.execute(
        select(
            RendezVous.id,
            RendezVous.guichet_id,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.forcages,
            RendezVous.delegation_id.is_not(None),
        )
        .where(
            RendezVous.service_id == service_id,
            RendezVous.jour >= aujourdhui,
            RendezVous.etat == "prevu",
            RendezVous.fin > maintenant,
        )
        .order_by(RendezVous.debut, RendezVous.id)
    )
    return [
        RdvPlace(
            ident, guichet, floor_minute(debut), floor_minute(fin), motif_id, type_rdv, frozenset(forcages), delegue
        )
        for ident, guichet, debut, fin, motif_id, type_rdv, forcages, delegue in lignes
    ]
