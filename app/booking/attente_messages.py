"""From a request of the waiting list to the message about it, written in the transaction that it tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.config import Settings
from app.courrier.attente import MessageAttente, write_attente
from app.domain.attente import compute_depart_envoi
from app.langue import in_langue


async def tell(
    conn: AsyncConnection,
    settings: Settings,
    contexte: ServiceContexte,
    voeu: Mapping[str, Any],
    fait: str,
    maintenant: datetime,
    **plus: Any,
) -> None:
    """Write it to the contact of ``voeu``. ``plus``: limite, and of an offer offre_id, debut, fin.

    A telephone does not ring at night, but for what its owner has just asked for.
    """
    motif = contexte.motifs.get(voeu["motif_id"])
    with in_langue(voeu["langue"]):
        libelle = motif.intitule if motif else ""
    message = MessageAttente(
        fait=fait,
        attente_id=voeu["id"],
        service_libelle=contexte.libelle,
        service_adresse=contexte.adresse_lignes[1:],
        service_telephone=contexte.telephone,
        service_courriel=contexte.courriel,
        fuseau=contexte.zone.key,
        motif=libelle,
        type_rdv=voeu["type_rdv"],
        du=voeu["du"],
        au=voeu["au"],
        # Nobody has proven anything yet: a stranger's words are not repeated by the administration.
        nom="" if fait == "a_confirmer" else voeu["nom"],
        langue=voeu["langue"],
        **plus,
    )
    attend = voeu["canal"] == "sms" and fait in ("offre", "suspendue", "libres")
    await write_attente(
        conn,
        message,
        voeu["contact"],
        maintenant,
        domaine=settings.domaine_messages,
        canal=voeu["canal"],
        du_a=compute_depart_envoi(maintenant, contexte.zone) if attend else None,
    )
