"""The rendez-vous to come of one guichet: what closing it leaves to be placed again. The right to read is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.lectures import nom_agenda
from app.booking.droits import scoped
from app.domain.horaires import floor_minute
from app.domain.hors_organisation import RdvPlace
from app.domain.rendez_vous import Etat
from app.tables import Motif, Passage, RdvUsager, RendezVous
from app.web.dates import heure, jour_court

#: Named on the page; the others are counted.
LISTES: Final = 100
#: Not over yet, and not cancelled.
A_VENIR: Final = (Etat.PREVU, Etat.ARRIVE, Etat.APPELE, Etat.RECU)


@dataclass(frozen=True, slots=True)
class RdvNomme:
    """One of them, in words."""

    id: int
    jour: str
    heure: str
    nom: str
    motif: str
    code: str


async def list_ids(conn: AsyncConnection, guichet_id: int, maintenant: datetime) -> list[int]:
    """Every rendez-vous of the guichet that is not over, by date."""
    lignes = await conn.execute(
        select(RendezVous.id)
        .where(RendezVous.guichet_id == guichet_id, RendezVous.etat.in_(A_VENIR), RendezVous.fin > maintenant)
        .order_by(RendezVous.debut, RendezVous.id)
    )
    return list(lignes.scalars())


async def read_places(conn: AsyncConnection, guichet_id: int, maintenant: datetime) -> list[RdvPlace]:
    """Those that may still be moved, as places, by date."""
    table = RendezVous
    lignes = await conn.execute(
        select(table.id, table.debut, table.fin, table.motif_id, table.type_rdv, table.forcages)
        .add_columns(table.delegation_id.is_not(None))
        .where(table.guichet_id == guichet_id, table.etat.in_((Etat.PREVU, Etat.ARRIVE)), table.fin > maintenant)
        .order_by(table.debut, table.id)
    )
    return [
        RdvPlace(
            ident, guichet_id, floor_minute(debut), floor_minute(fin), motif_id, type_rdv, frozenset(forcages), delegue
        )
        for ident, debut, fin, motif_id, type_rdv, forcages, delegue in lignes
    ]


async def name_rdv(conn: AsyncConnection, agent_id: int, ids: list[int], zone: ZoneInfo) -> list[RdvNomme]:
    """Who and when, for the first ``LISTES`` of them, of services that the agent organises."""
    requete = (
        select(RendezVous.id, RendezVous.debut, RendezVous.code, Motif.libelle.label("motif"))
        .add_columns(RdvUsager.nature, RdvUsager.nom_usage, RdvUsager.prenoms, RdvUsager.raison_sociale)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(RendezVous.id.in_(ids[:LISTES]))
        .order_by(RendezVous.debut, RendezVous.id)
    )
    return [
        RdvNomme(
            ligne["id"],
            jour_court(ligne["debut"].astimezone(zone).date()),
            heure(ligne["debut"], zone),
            nom_agenda(dict(ligne)),
            ligne["motif"],
            ligne["code"],
        )
        for ligne in (await conn.execute(scoped(requete, agent_id, "organiser"))).mappings()
    ]


async def was_used(conn: AsyncConnection, guichet_id: int) -> bool:
    """True when a rendez-vous, whatever became of it, was ever taken at that guichet, or somebody received there."""
    rdv = exists().where(RendezVous.guichet_id == guichet_id, RendezVous.etat != "option")
    passage = exists().where(Passage.guichet_id == guichet_id)
    return bool((await conn.execute(select(rdv | passage))).scalar_one())


async def is_held(conn: AsyncConnection, guichet_id: int) -> bool:
    """True when somebody has a place held there while filling in a form."""
    return bool((await conn.execute(select(exists().where(RendezVous.guichet_id == guichet_id)))).scalar_one())
