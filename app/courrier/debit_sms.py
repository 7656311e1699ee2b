"""How many short messages one number gets in a day, whoever typed it and in however many services [P15].

Counted as they leave, in ``comptage`` under keyed prints: no number is kept. Each of them is paid for, and a stranger's
telephone is no target. What tells of a rendez-vous that exists (it is moved, cancelled, near) has as many again:
whoever fills the first bound with bookings keeps none of it from its holder.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import Comptage

#: Messages to one number in a day (UTC).
PAR_JOUR: Final = 5
#: For those that tell of a rendez-vous that exists, the others included.
_PLUS: Final[Mapping[str, int]] = dict.fromkeys(("annulation", "deplacement", "rappel"), 2 * PAR_JOUR)
TROP: Final = "trop de SMS à ce numéro aujourd’hui"
_JOUR: Final = timedelta(days=1)


def print_jour(cle: bytes, numero: str, a: datetime) -> bytes:
    """One number during one day, as it is kept."""
    message = f"sms\n{a.astimezone(UTC):%Y-%m-%d}\n{numero}".encode("utf-8", "surrogatepass")
    return hmac.new(cle, message, hashlib.sha256).digest()[:16]


async def take(conn: AsyncConnection, empreinte: bytes, evenement: str, a: datetime) -> bool:
    """Count one more message before it is sent; False, and nothing counted, when the number has had enough.

    ``conn`` must be in autocommit: two senders at once count two.
    """
    minuit = a.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ordre = insert(Comptage).values(cle=empreinte, fin=minuit + _JOUR, nombre=1)
    ordre = ordre.on_conflict_do_update(
        index_elements=[Comptage.cle],
        set_={"nombre": Comptage.nombre + 1},
        where=Comptage.nombre < _PLUS.get(evenement, PAR_JOUR),
    )
    return (await conn.execute(ordre.returning(Comptage.nombre))).first() is not None


async def give_back(conn: AsyncConnection, empreinte: bytes) -> None:
    """It did not leave: the next try counts."""
    ordre = update(Comptage).where(Comptage.cle == empreinte, Comptage.nombre > 0)
    await conn.execute(ordre.values(nombre=Comptage.nombre - 1))
