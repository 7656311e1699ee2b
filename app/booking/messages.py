"""From a RDV to the message about it: the facts as they are at this instant of the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.booking.liens import url_lien
from app.config import Settings
from app.courrier.intentions import write_intention
from app.courrier.message import Evenement, MessageRdv


async def write_message(
    conn: AsyncConnection,
    settings: Settings,
    evenement: Evenement,
    contexte: ServiceContexte,
    *,
    rdv: Mapping[str, Any],
    destinataire: str | None,
    usager_nom: str,
    telephones: tuple[str, ...],
    maintenant: datetime,
    langue: str = "fr",
    **plus: Any,
) -> None:
    """Write the intent in the caller's transaction; nothing without an e-mail address.

    ``rdv`` needs id, code, sequence, debut, fin, type_rdv, motif_id, guichet_id, lien_sel and visio_lien.
    """
    if destinataire is None:
        return
    motif = contexte.motifs.get(rdv["motif_id"])
    guichet = contexte.guichets.get(rdv["guichet_id"])
    message = MessageRdv(
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["sequence"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif=motif.libelle if motif else "",
        documents=motif.documents if motif else (),
        service_libelle=contexte.libelle,
        service_adresse=contexte.adresse_lignes[1:],
        service_telephone=contexte.telephone,
        service_courriel=contexte.courriel,
        guichet_nom=guichet.nom if guichet else "",
        telephone_rappel=telephones[0] if telephones and rdv["type_rdv"] == "telephone" else "",
        visio_lien=rdv["visio_lien"],
        lien_gestion=url_lien(settings, rdv["lien_sel"]) if rdv["lien_sel"] else "",
        usager_nom=usager_nom,
        langue=langue,
        **plus,
    )
    await write_intention(
        conn, evenement, message, destinataire, maintenant, langue=langue, domaine=settings.domaine_messages
    )
