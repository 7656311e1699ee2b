"""Tell the service's mailbox that an usager has changed his rendez-vous himself, if it so wishes [G 2.3.1]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.config import Settings
from app.courrier.changement import MessageChangement, write_changement


async def notify_service(
    conn: AsyncConnection,
    settings: Settings,
    contexte: ServiceContexte,
    fait: str,
    rdv: Mapping[str, Any],
    maintenant: datetime,
    *,
    ancien_debut: datetime | None = None,
) -> None:
    """Write the mail to the service that receives, in the caller's transaction. ``fait``: ``deplace`` or ``annule``."""
    if not contexte.parametres.prevenir_service:
        return
    motif, guichet = contexte.motifs.get(rdv["motif_id"]), contexte.guichets.get(rdv["guichet_id"])
    message = MessageChangement(
        fait=fait,
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["sequence"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif=motif.libelle if motif else "",
        guichet_nom=guichet.nom if guichet else "",
        service_libelle=contexte.libelle,
        fiche_url=f"{settings.base_url}/rendez-vous/{rdv['id']}",
        ancien_debut=ancien_debut,
    )
    await write_changement(conn, message, contexte.courriel, maintenant, domaine=settings.domaine_messages)
