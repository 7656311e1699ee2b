"""The rendez-vous to come of a service: what forbids to close it, or to move it on the calendar. No name is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.rendez_vous import Etat
from app.tables import Guichet, Motif, RendezVous
from app.web.dates import heure, jour_long

#: Shown on the page; the count says how many there are.
LISTES: Final = 50
_A_VENIR: Final = (Etat.PREVU, Etat.ARRIVE, Etat.APPELE, Etat.RECU)


@dataclass(frozen=True, slots=True)
class RdvAVenir:
    """One of them, in words: « lundi 23 novembre 2026 », « 10:20 », code, guichet, motif."""

    jour: str
    heure: str
    code: str
    guichet: str
    motif: str


async def find_occupes(conn: AsyncConnection, services: Sequence[int], maintenant: datetime) -> dict[int, int]:
    """Service → how many rendez-vous are to come or under way; services that have none are absent."""
    lignes = await conn.execute(
        select(RendezVous.service_id, func.count())
        .where(RendezVous.service_id.in_(services), RendezVous.etat.in_(_A_VENIR), RendezVous.fin > maintenant)
        .group_by(RendezVous.service_id)
    )
    return {ligne[0]: ligne[1] for ligne in lignes}


async def list_a_venir(
    conn: AsyncConnection, service_id: int, zone: ZoneInfo, maintenant: datetime
) -> tuple[int, list[RdvAVenir]]:
    """How many, and the first ``LISTES`` of them by date."""
    nombre = (await find_occupes(conn, [service_id], maintenant)).get(service_id, 0)
    if not nombre:
        return 0, []
    lignes = await conn.execute(
        select(RendezVous.debut, RendezVous.code, Guichet.nom.label("guichet"), Motif.libelle.label("motif"))
        .join(Guichet, Guichet.id == RendezVous.guichet_id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .where(RendezVous.service_id == service_id, RendezVous.etat.in_(_A_VENIR), RendezVous.fin > maintenant)
        .order_by(RendezVous.debut, RendezVous.id)
        .limit(LISTES)
    )
    return nombre, [
        RdvAVenir(
            jour_long(ligne.debut.astimezone(zone).date()),
            heure(ligne.debut, zone),
            ligne.code or "",
            ligne.guichet,
            ligne.motif,
        )
        for ligne in lignes
    ]
