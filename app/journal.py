"""Who, when, from where, before, after: one row per act, in the act's own transaction."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import Journal

ActeurNature = Literal["usager", "agent", "systeme", "inconnu"]


_LIGNE = insert(Journal)


def read_adresse(texte: str | None) -> str | None:
    """A valid IP address or None: a forged header must not make the row, hence the act, fail."""
    try:
        return str(ipaddress.ip_address(texte)) if texte else None
    except ValueError:
        return None


async def write_journal(
    conn: AsyncConnection,
    *,
    a: datetime,
    acteur: ActeurNature,
    action: str,
    origine: str = "web",
    agent_id: int | None = None,
    service_id: int | None = None,
    rdv_id: int | None = None,
    objet: str | None = None,
    objet_id: int | None = None,
    adresse: str | None = None,
    avant: Mapping[str, Any] | None = None,
    apres: Mapping[str, Any] | None = None,
) -> None:
    """Append one row. ``avant`` and ``apres`` hold facts of the RDV or setting, never free text of the usager.

    ``objet`` and ``objet_id`` say what was changed when it is not a RDV: ``guichet``, ``planning``, ``motif``…
    """
    ligne = {
        "a": a,
        "acteur": acteur,
        "action": action,
        "origine": origine,
        "agent_id": agent_id,
        "service_id": service_id,
        "rdv_id": rdv_id,
        "objet": objet,
        "objet_id": objet_id,
        "adresse": read_adresse(adresse),
        "avant": dict(avant) if avant is not None else None,
        "apres": dict(apres) if apres is not None else None,
    }
    await conn.execute(_LIGNE, ligne)
