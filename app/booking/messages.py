"""From a RDV to the message about it: the facts as they are at this instant of the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.booking.liens import url_lien
from app.config import Settings
from app.courrier.intentions import write_intention
from app.courrier.message import Evenement, MessageRdv

#: A reminder that would follow the confirmation this closely says nothing new.
_MARGE_RAPPEL: Final = timedelta(hours=6)


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
    du_a: datetime | None = None,
    **plus: Any,
) -> None:
    """Write the intent in the caller's transaction; nothing without an e-mail address. ``du_a``: when to send it.

    ``rdv`` needs id, code, sequence, debut, fin, type_rdv, motif_id, guichet_id, lien_sel and visio_lien, and
    service_origine_id when another service delegated it, message_usager when an agent wrote to the usager.
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
        service_origine=contexte.origines.get(rdv.get("service_origine_id") or 0, ""),
        guichet_nom=guichet.nom if guichet else "",
        telephone_rappel=telephones[0] if telephones and rdv["type_rdv"] == "telephone" else "",
        visio_lien=rdv["visio_lien"],
        # A link is kept nowhere: a message that waits for days carries none.
        lien_gestion=url_lien(settings, rdv["lien_sel"]) if rdv["lien_sel"] and du_a is None else "",
        usager_nom=usager_nom,
        message_service=contexte.parametres.message_confirmation if evenement == "confirmation" else "",
        message_motif=motif.message if motif and evenement == "confirmation" else "",
        message_usager=rdv.get("message_usager") or "" if evenement == "confirmation" else "",
        langue=langue,
        **plus,
    )
    await write_intention(
        conn,
        evenement,
        message,
        destinataire,
        maintenant,
        langue=langue,
        domaine=settings.domaine_messages,
        du_a=du_a,
    )


def compute_rappel(contexte: ServiceContexte, debut: datetime, maintenant: datetime) -> datetime | None:
    """When to remind: ``rappel_jours`` before, at the same local hour [A1 §2]; None when that is (nearly) past."""
    local = debut.astimezone(contexte.zone)
    du_a = (local - timedelta(days=contexte.parametres.rappel_jours)).astimezone(UTC)  # wall-clock arithmetic
    return du_a if contexte.parametres.rappel_jours and du_a > maintenant + _MARGE_RAPPEL else None
