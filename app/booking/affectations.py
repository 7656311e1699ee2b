"""Tell the agents assigned to a guichet what happens to its rendez-vous [G 2.3.3].

One INSERT in the transaction of the change, and none at all when nobody is assigned there, which the service's context
already knows (docs/decisions, « Agents are told in the same transaction »).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.booking.outils import Auteur
from app.config import Settings
from app.courrier.affectation import MessageAffectation, write_affectation


async def notify_affectes(
    conn: AsyncConnection,
    settings: Settings,
    contexte: ServiceContexte,
    fait: str,
    rdv: Mapping[str, Any],
    auteur: Auteur,
    maintenant: datetime,
    *,
    ancien: Mapping[str, Any] | None = None,
    depart: ServiceContexte | None = None,
) -> None:
    """Write the mails in the caller's transaction; who did it himself receives none.

    ``depart``: the service that the RDV leaves, when it goes to another one (``contexte``): its agents are told too.

    ``fait``: ``pris``, ``deplace`` (``ancien``: guichet_id and debut before) or ``annule``. ``rdv`` needs id, code,
    sequence, debut, fin, type_rdv, motif_id and guichet_id, as they are now.
    """
    avant = rdv if ancien is None else ancien
    quitte = contexte if depart is None else depart
    if not {rdv["guichet_id"], avant["guichet_id"]} & (contexte.guichets_suivis | quitte.guichets_suivis):
        return
    motif = contexte.motifs.get(rdv["motif_id"])
    message = MessageAffectation(
        fait=fait,
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["sequence"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif=motif.libelle if motif else "",
        guichet_nom=_nom(contexte, rdv["guichet_id"], nomme=quitte.id != contexte.id),
        service_libelle=contexte.libelle,
        fiche_url=f"{settings.base_url}/rendez-vous/{rdv['id']}",
        ancien_debut=avant["debut"] if fait == "deplace" else None,
        ancien_guichet_nom=_nom(quitte, avant["guichet_id"]) if fait == "deplace" else "",
        annule_par=auteur.nature if fait == "annule" else "",
    )
    for service_id in dict.fromkeys((contexte.id, quitte.id)):  # who has the agenda of either: told once
        await write_affectation(
            conn,
            message,
            service_id=service_id,
            guichet_id=rdv["guichet_id"],
            ancien_guichet_id=avant["guichet_id"],
            auteur_id=auteur.agent_id,
            maintenant=maintenant,
            domaine=settings.domaine_messages,
        )


def _nom(contexte: ServiceContexte, guichet_id: int, *, nomme: bool = False) -> str:
    """The guichet; ``nomme``: with its service, for who does not work there."""
    guichet = contexte.guichets.get(guichet_id)
    nom = guichet.nom if guichet else ""
    return f"{nom}, {contexte.libelle}" if nomme else nom
