"""From a RDV to the message about it: the facts as they are at this instant of the transaction.

Whoever acts, the usager is written to in the language of the RDV: by mail, or by a short message when there is a
mobile phone and no mail address. Who has neither is given a letter (``app.booking.agents.lettre``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.config import Settings
from app.courrier.intentions import Canal, write_intention
from app.courrier.message import Evenement, MessageRdv
from app.courrier.mobile import find_mobile
from app.langue import in_langue
from app.tables import RdvUsager

#: A reminder that would follow the confirmation this closely says nothing new.
_MARGE_RAPPEL: Final = timedelta(hours=6)


class Destination(NamedTuple):
    """Where the usager is written to: an e-mail address, or a number in E.164."""

    canal: Canal
    adresse: str


def find_destination(settings: Settings, courriel: str | None, telephones: Sequence[str]) -> Destination | None:
    """Mail first; else the first mobile phone, where short messages leave from here; else None: nothing is written."""
    if courriel:
        return Destination("mail", courriel)
    mobile = find_mobile(telephones) if settings.sms_url else None
    return None if mobile is None else Destination("sms", mobile)


def find_canal(settings: Settings, courriel: str | None, telephones: Sequence[str] | None) -> Canal | None:
    """By what the usager is written to, as ``write_message`` decides it; None: nothing is written."""
    destination = find_destination(settings, courriel, telephones or ())
    return None if destination is None else destination.canal


async def read_canal(conn: AsyncConnection, settings: Settings, rdv_id: int) -> Canal | None:
    """The same of a RDV, for who is shown neither the address nor the numbers. The right is the caller's to check."""
    requete = select(RdvUsager.courriel, RdvUsager.telephones).where(RdvUsager.rdv_id == rdv_id)
    ligne = (await conn.execute(requete)).one_or_none()
    return None if ligne is None else find_canal(settings, ligne.courriel, ligne.telephones)


#: Whether the usager learns of a change, and by what: what an agent reads within a sentence.
_PREVENU: Final[Mapping[Canal | None, str]] = {
    "mail": "l’usager est prévenu par courriel",
    "sms": "l’usager est prévenu par SMS",
    None: "l’usager ne reçoit ni courriel ni SMS : prévenez-le",
}


def tell_prevenu(canal: Canal | None) -> str:
    """« l’usager est prévenu par SMS »; that he has to be told when nothing leaves."""
    return _PREVENU[canal]


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
    """Write the intent in the caller's transaction; nothing without a destination. ``du_a``: when to send it.

    ``destinataire`` is the usager's e-mail address or None. ``rdv`` needs id, code, sequence, debut, fin, type_rdv,
    motif_id, guichet_id and visio_lien, and service_origine_id when another service delegated it, message_usager when
    an agent wrote to the usager. The secret link is not written: the sender derives it as the message leaves.
    """
    destination = find_destination(settings, destinataire, telephones)
    if destination is None:
        return
    motif = contexte.motifs.get(rdv["motif_id"])
    with in_langue(langue):
        intitule, pieces = (motif.intitule, motif.pieces) if motif else ("", ())
    guichet = contexte.guichets.get(rdv["guichet_id"])
    message = MessageRdv(
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["sequence"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif=intitule,
        documents=pieces,
        service_libelle=contexte.libelle,
        service_adresse=contexte.adresse_lignes[1:],
        service_telephone=contexte.telephone,
        service_courriel=contexte.courriel,
        service_origine=contexte.origines.get(rdv.get("service_origine_id") or 0, ""),
        guichet_nom=guichet.nom if guichet else "",
        telephone_rappel=telephones[0] if telephones and rdv["type_rdv"] == "telephone" else "",
        visio_lien=rdv["visio_lien"],
        modifiable=contexte.parametres.modification_usager,
        responsable=contexte.parametres.responsable_traitement,
        delegue=contexte.parametres.delegue_donnees,
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
        destination.adresse,
        maintenant,
        langue=langue,
        domaine=settings.domaine_messages,
        du_a=du_a,
        canal=destination.canal,
    )


def compute_rappel(contexte: ServiceContexte, debut: datetime, maintenant: datetime) -> datetime | None:
    """When to remind: ``rappel_jours`` before, at the same local hour [A1 §2]; None when that is (nearly) past."""
    local = debut.astimezone(contexte.zone)
    du_a = (local - timedelta(days=contexte.parametres.rappel_jours)).astimezone(UTC)  # wall-clock arithmetic
    return du_a if contexte.parametres.rappel_jours and du_a > maintenant + _MARGE_RAPPEL else None
