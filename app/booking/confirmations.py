"""How many confirmations of one RDV may leave: the same bound for whatever writes them after the booking [A1 §3.2].

Sent again or sent to a corrected address, they are counted together, so that an address corrected to and fro is not a
way to fill a mailbox. One that was taken back before it left has reached nobody and is not counted. The caller holds
the lock of the RDV: two who act together are counted one after the other.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import Courrier

INTERVALLE: Final = timedelta(minutes=1)
JOUR: Final = timedelta(days=1)
#: Confirmations of one RDV to one address within a day, the first one included.
MAXIMUM: Final = 5
#: Confirmations of one RDV within a day, whatever the address.
MAXIMUM_RDV: Final = 10
#: Why a mail to an address that was corrected was taken back.
ADRESSE_CORRIGEE: Final = "adresse corrigée avant l’envoi"


class Limite(enum.Enum):
    """Which bound is reached; the value is what to tell the agent."""

    INTERVALLE = "Une confirmation vient de partir à cette adresse : attendez une minute avant de la renvoyer."
    ADRESSE = f"{MAXIMUM} confirmations ont déjà été envoyées à cette adresse depuis hier à la même heure."
    RDV = f"{MAXIMUM_RDV} confirmations de ce rendez-vous ont déjà été envoyées depuis hier à la même heure."


async def find_limite(conn: AsyncConnection, rdv_id: int, courriel: str, maintenant: datetime) -> Limite | None:
    """The bound that one more confirmation to ``courriel`` would pass, or None when it may be written."""
    ici = Courrier.destinataire == courriel
    requete = select(func.max(Courrier.cree_a).filter(ici), func.count().filter(ici), func.count()).where(
        Courrier.rdv_id == rdv_id,
        Courrier.evenement == "confirmation",
        Courrier.cree_a > maintenant - JOUR,
        Courrier.erreur != ADRESSE_CORRIGEE,
    )
    dernier, a_l_adresse, en_tout = (await conn.execute(requete)).one()
    if dernier is not None and dernier > maintenant - INTERVALLE:
        return Limite.INTERVALLE
    if a_l_adresse >= MAXIMUM:
        return Limite.ADRESSE
    return Limite.RDV if en_tout >= MAXIMUM_RDV else None
