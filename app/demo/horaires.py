"""Open around now: a demo is looked at on a Sunday, on a holiday, at one in the morning.

The plannings stay those of an ordinary office; what is added is the product's own tool, an extra opening by date,
named for what it is. It covers the hours around now and the next two days: never further, so that what the usager is
offered (three working days ahead, at least) keeps ordinary hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from app.db import UnitOfWork
from app.tables import ExceptionPlanning

LIBELLE: Final = "Horaires de démonstration"
_AVANT_H: Final = 4
_APRES_H: Final = 8
_OUVERTURE: Final = 8 * 60
_FERMETURE: Final = 18 * 60


@dataclass(frozen=True, slots=True)
class JourneeOuverte:
    """Local minutes [debut, fin) of one day."""

    jour: date
    debut: int
    fin: int


def compute_ouvertures(maintenant: datetime, zone: ZoneInfo) -> tuple[JourneeOuverte, ...]:
    """Today, tomorrow and the day after: 8 to 18, stretched to four hours before now and eight after."""
    local = maintenant.astimezone(zone)
    aujourdhui = local.date()
    minute = local.hour * 60 + local.minute
    debut = min(_OUVERTURE, max(0, (minute - _AVANT_H * 60) // 60 * 60))
    limite = -(-(minute + _APRES_H * 60) // 60) * 60
    deborde = limite - 24 * 60
    demain = JourneeOuverte(
        aujourdhui + timedelta(days=1), 0 if deborde > 0 else _OUVERTURE, max(_FERMETURE, max(deborde, 0))
    )
    return (
        JourneeOuverte(aujourdhui, debut, min(24 * 60, max(_FERMETURE, limite))),
        demain,
        JourneeOuverte(aujourdhui + timedelta(days=2), _OUVERTURE, _FERMETURE),
    )


async def open_around(uow: UnitOfWork, service_id: int, zone: ZoneInfo, maintenant: datetime) -> bool:
    """Write the extra openings still missing, announce them; True when something was written."""
    voulues = compute_ouvertures(maintenant, zone)
    ecrites = {
        ligne.du: ligne
        for ligne in await uow.conn.execute(
            select(
                ExceptionPlanning.id,
                ExceptionPlanning.du,
                ExceptionPlanning.debut_minute,
                ExceptionPlanning.fin_minute,
            )
            .where(
                ExceptionPlanning.service_id == service_id,
                ExceptionPlanning.libelle == LIBELLE,
                ExceptionPlanning.du.in_([v.jour for v in voulues]),
            )
            .with_for_update()
        )
    }
    change = False
    for voulue in voulues:
        ecrite = ecrites.get(voulue.jour)
        if ecrite is None:
            await uow.conn.execute(
                insert(ExceptionPlanning).values(
                    service_id=service_id,
                    nature="ouverture",
                    du=voulue.jour,
                    au=voulue.jour,
                    debut_minute=voulue.debut,
                    fin_minute=voulue.fin,
                    libelle=LIBELLE,
                    cree_a=maintenant,
                )
            )
        elif ecrite.debut_minute <= voulue.debut and voulue.fin <= ecrite.fin_minute:
            continue
        else:
            await uow.conn.execute(
                update(ExceptionPlanning)
                .where(ExceptionPlanning.id == ecrite.id)
                .values(
                    debut_minute=min(voulue.debut, ecrite.debut_minute),
                    fin_minute=max(voulue.fin, ecrite.fin_minute),
                    revision=ExceptionPlanning.revision + 1,
                )
            )
        change = True
    if change:
        uow.annonces.planning(service_id)
    return change
