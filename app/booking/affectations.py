"""Tell the agents assigned to a guichet, or to the rendez-vous itself, what happens to it: notice and mail [G 2.3.3].

One INSERT in the transaction of the change, and none at all for a booking when nobody is assigned there, which the
service's context already knows (docs/decisions, « Agents are told in the same transaction »).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.booking.contexte import ServiceContexte
from app.booking.outils import Auteur
from app.booking.prevenir import notify_service
from app.config import Settings
from app.courrier.affectation import MessageAffectation, write_affectation
from app.db import UnitOfWork


async def notify_affectes(
    uow: UnitOfWork,
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
    """Write notices and mails in the caller's transaction, and say so on open pages; who did it himself has none.

    When an usager did it, the service's mailbox is written to as well, and its screens are told that he did.

    ``depart``: the service that the RDV leaves, when it goes to another one (``contexte``): its agents are told too.

    ``fait``: ``pris``, ``deplace`` (``ancien``: guichet_id and debut before) or ``annule``. ``rdv`` needs id, code,
    sequence, debut, fin, type_rdv, motif_id and guichet_id, as they are now.
    """
    avant = rdv if ancien is None else ancien
    if auteur.nature == "usager" and fait != "pris":
        ancien_debut = None if ancien is None else ancien["debut"]
        await notify_service(uow.conn, settings, contexte, fait, rdv, maintenant, ancien_debut=ancien_debut)
        uow.annonces.annotate(rdv["id"], par="usager")
    quitte = contexte if depart is None else depart
    suivi = {rdv["guichet_id"], avant["guichet_id"]} & (contexte.guichets_suivis | quitte.guichets_suivis)
    if not suivi and fait == "pris":  # nobody can be assigned yet to a RDV that did not exist
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
        dit = await write_affectation(
            uow.conn,
            message,
            service_id=service_id,
            guichet_id=rdv["guichet_id"],
            ancien_guichet_id=avant["guichet_id"],
            auteur_id=auteur.agent_id,
            maintenant=maintenant,
            domaine=settings.domaine_messages,
        )
        if dit:
            uow.annonces.annotate(rdv["id"], avis=True)


def _nom(contexte: ServiceContexte, guichet_id: int, *, nomme: bool = False) -> str:
    """The guichet; ``nomme``: with its service, for who does not work there."""
    guichet = contexte.guichets.get(guichet_id)
    nom = guichet.nom if guichet else ""
    return f"{nom}, {contexte.libelle}" if nomme else nom
