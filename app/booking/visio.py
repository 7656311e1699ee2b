"""The room of a visio RDV: the service's base URL and 128 random bits."""

from __future__ import annotations

import secrets

from app.booking.contexte import ServiceContexte


def build_visio(contexte: ServiceContexte, type_rdv: str, actuel: str = "") -> str:
    """The link of the room, kept when the RDV already has one; empty when the type is another one."""
    if type_rdv != "visio" or not contexte.visio_base:
        return ""
    return actuel or f"{contexte.visio_base.rstrip('/')}/{secrets.token_urlsafe(16)}"
