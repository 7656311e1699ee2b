"""Intents to write, committed with what they tell: a booking never waits for a mail, nor is lost with it."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier.message import EVENEMENTS, Evenement, MessageRdv
from app.tables import Courrier

Canal = Literal["mail", "sms"]


async def write_intention(
    conn: AsyncConnection,
    evenement: Evenement,
    message: MessageRdv,
    destinataire: str | None,
    maintenant: datetime,
    *,
    langue: str = "fr",
    domaine: str,
    du_a: datetime | None = None,
    canal: Canal = "mail",
) -> None:
    """Insert one message to send, in the caller's transaction; nothing when there is no address.

    Written twice (a replayed request), it stays one: the same RDV, event, recipient and ``sequence`` are one intent.
    ``domaine`` ends the Message-ID, chosen here once for all (of a short message: what its provider knows it by);
    ``du_a`` is when to send, at once by default. ``destinataire`` of a short message is a number in E.164.
    The address is not judged here: a wrong one is refused by the form, or given up by the sender, and can never undo
    a booking. Personal data live in this row only (see ``purge_envoyes``).
    """
    if not destinataire or not destinataire.strip():
        return
    if evenement not in EVENEMENTS:
        raise ValueError(f"unknown event {evenement!r}")
    valeurs: dict[str, Any] = {
        "rdv_id": message.rdv_id,
        "evenement": evenement,
        "canal": canal,
        "destinataire": destinataire.strip(),
        "langue": langue,
        "message_id": f"<rdv-{message.rdv_id}.{evenement}.{message.sequence}.{secrets.token_hex(8)}@{domaine}>",
        "donnees": message.to_donnees(),
        "cree_a": maintenant,
        "du_a": du_a or maintenant,
    }
    await conn.execute(insert(Courrier).values(valeurs).on_conflict_do_nothing())


async def purge_envoyes(conn: AsyncConnection, avant: datetime) -> int:
    """Forget whom and what was written to by messages sent or given up before ``avant``; returns how many.

    The row stays (event, dates, Message-ID, number of attempts), without personal data.
    """
    resultat = await conn.execute(
        update(Courrier)
        .where(or_(Courrier.envoye_a < avant, Courrier.abandonne_a < avant), Courrier.destinataire != "")
        .values(donnees={}, destinataire="")
    )
    return resultat.rowcount
