"""Send the confirmation again: the same RDV and calendar UID, a higher SEQUENCE, what is true now [A1 §3.2].

Pressed twice it is sent once: the bounds are those of every confirmation (``app.booking.confirmations``). The row of
the RDV is locked meanwhile, so that two agents who press together are told the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update

from app.booking import store
from app.booking.acte import perform, record
from app.booking.confirmations import Limite, find_limite
from app.booking.contexte import ServiceContexte
from app.booking.messages import find_destination, write_message
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.rendez_vous import Etat
from app.errors import RegleRefusee, TransitionImpossible
from app.tables import RendezVous

ANNULE: Final = "Ce rendez-vous est annulé : il n’y a plus rien à confirmer."
PASSE: Final = "Ce rendez-vous est passé : il n’y a plus rien à confirmer."
COMMENCE: Final = "L’usager est déjà venu : il n’y a plus rien à confirmer."
SANS_COURRIEL: Final = (
    "L’usager n’a pas donné de courriel, ni de mobile qui reçoive nos messages : "
    "il n’y a pas d’adresse où envoyer la confirmation."
)


@dataclass(frozen=True, slots=True)
class RdvRenvoye:
    """``change`` is False when a confirmation has just left: nothing more was written."""

    id: int
    service_id: int
    etat: str
    revision: int
    change: bool


async def resend(outils: Outils, rdv_id: int, auteur: Auteur, maintenant: datetime) -> RdvRenvoye:
    """Write the message. Raises Introuvable (journaled), TransitionImpossible, RegleRefusee (no address, too many)."""

    async def travail(uow: UnitOfWork, rdv: dict[str, Any], contexte: ServiceContexte) -> RdvRenvoye:
        refus = find_refus(rdv["etat"], rdv["fin"], maintenant)
        if refus:
            raise TransitionImpossible(refus, remede="", etat=rdv["etat"])
        usager = await store.read_usager(uow.conn, rdv["id"])
        ou = find_destination(outils.settings, usager["courriel"], usager["telephones"]) if usager else None
        if usager is None or ou is None:
            raise RegleRefusee(
                SANS_COURRIEL,
                remede="Demandez-lui une adresse, puis saisissez-la : la confirmation partira aussitôt. "
                "Vous pouvez aussi imprimer la lettre de confirmation.",
            )
        limite = await find_limite(uow.conn, rdv["id"], ou.adresse, maintenant)
        if limite is Limite.INTERVALLE:
            return RdvRenvoye(rdv["id"], rdv["service_id"], rdv["etat"], rdv["revision"], False)
        if limite is not None:
            raise RegleRefusee(
                limite.value, remede="Vérifiez l’adresse avec l’usager, ou lisez-lui le code et l’heure."
            )
        sequence = rdv["sequence"] + 1
        ordre = update(RendezVous).where(RendezVous.id == rdv["id"]).values(sequence=sequence)
        message = (await uow.conn.execute(ordre.returning(RendezVous.message_usager))).scalar_one()
        await write_message(
            uow.conn,
            outils.settings,
            "confirmation",
            contexte,
            rdv={**rdv, "sequence": sequence, "message_usager": message},
            destinataire=usager["courriel"],
            usager_nom=store.nom_affiche(usager),
            telephones=tuple(usager["telephones"]),
            maintenant=maintenant,
            langue=usager["langue"],
        )
        await record(uow, rdv, auteur, maintenant, "rdv.confirmation_renvoyee", apres={"sequence": sequence})
        return RdvRenvoye(rdv["id"], rdv["service_id"], rdv["etat"], rdv["revision"], True)

    return await perform(outils, rdv_id, auteur, maintenant, "confirmation", travail)


def find_refus(etat: str, fin: datetime, maintenant: datetime) -> str:
    """Why a RDV in that state has nothing to confirm, "" when it has."""
    if etat == Etat.ANNULE:
        return ANNULE
    if fin <= maintenant:
        return PASSE
    return "" if etat == Etat.PREVU else COMMENCE
