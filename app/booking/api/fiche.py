"""GET rendez-vous/{id}: everything about one RDV, for the agents who hold its agenda; each reading is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import get
from litestar.params import Parameter

from app import clock
from app.booking.api.demandes import IDENT_MAX
from app.booking.api.description import OperationApi, refusals
from app.booking.api.lecture import read_fiche
from app.booking.api.reponses import Annulation, Presence, RdvLu, UsagerLu
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Auteur, Outils
from app.booking.vie import journal_refus
from app.db import UnitOfWork
from app.errors import Introuvable
from app.identite.cles import AccesCle
from app.journal import write_journal

IdentRdv = Annotated[int, Parameter(ge=1, le=IDENT_MAX, description="Id of the RDV.")]


@get(
    "/rendez-vous/{rdv_id:int}",
    operation_id="readRendezVous",
    operation_class=OperationApi,
    summary="One RDV, whole",
    description="For attached agents; any other RDV does not exist (404, journaled). The reading itself is journaled.",
    tags=["rendez-vous"],
    responses=refusals(404),
)
async def read_rendez_vous(outils: Outils, acces: AccesCle, auteur: Auteur, rdv_id: IdentRdv) -> RdvLu:
    """The fiche of a RDV of the caller's zone."""
    maintenant = clock.now()

    async def travail(uow: UnitOfWork) -> tuple[Mapping[str, Any], ServiceContexte] | None:
        ligne = await read_fiche(uow.conn, rdv_id, acces.acteur.agent_id)
        if ligne is None:
            return None
        await write_journal(
            uow.conn,
            a=maintenant,
            acteur=auteur.nature,
            action="rdv.lu",
            origine=auteur.origine,
            agent_id=auteur.agent_id,
            service_id=ligne["service_id"],
            rdv_id=rdv_id,
            adresse=auteur.adresse,
        )
        versions = await read_versions(uow.conn, ligne["service_id"])
        return ligne, await outils.dispo.contextes.get(uow.conn, ligne["service_id"], versions.planning)

    lu = await outils.db.transaction(travail)
    if lu is None:
        await journal_refus(outils, rdv_id, auteur, "lire", maintenant)
        raise Introuvable("Ce rendez-vous n'existe pas dans les services auxquels vous êtes rattaché.")
    return _answer(*lu)


def _answer(ligne: Mapping[str, Any], contexte: ServiceContexte) -> RdvLu:
    zone = contexte.zone
    motif = contexte.motifs.get(ligne["motif_id"])
    guichet = contexte.guichets.get(ligne["guichet_id"])
    return RdvLu(
        id=ligne["id"],
        code=ligne["code"],
        service=ligne["service_id"],
        guichet=ligne["guichet_id"],
        guichet_nom=guichet.nom if guichet else "",
        motif=ligne["motif_id"],
        motif_libelle=motif.libelle if motif else "",
        type=ligne["type_rdv"],
        debut=ligne["debut"].astimezone(zone),
        fin=ligne["fin"].astimezone(zone),
        etat=ligne["etat"],
        revision=ligne["revision"],
        canal=ligne["canal"],
        origine=ligne["origine"],
        precision=ligne["precision"],
        note_interne=ligne["note_interne"],
        message_usager=ligne["message_usager"],
        visio_lien=ligne["visio_lien"],
        forcages=list(ligne["forcages"]),
        cree_a=ligne["cree_a"].astimezone(zone),
        modifie_a=ligne["modifie_a"].astimezone(zone),
        usager=_usager(ligne),
        presence=_presence(ligne, zone),
        annulation=None
        if ligne["annule_a"] is None
        else Annulation(
            a=ligne["annule_a"].astimezone(zone), par=ligne["annule_par"] or "", raison=ligne["annule_raison"]
        ),
    )


def _usager(ligne: Mapping[str, Any]) -> UsagerLu | None:
    if ligne["usager_nature"] is None:
        return None
    champs = {nom: ligne[f"usager_{nom}"] for nom in UsagerLu.__struct_fields__}
    return UsagerLu(**{**champs, "telephones": list(champs["telephones"])})


def _presence(ligne: Mapping[str, Any], zone: ZoneInfo) -> Presence | None:
    instants = [_local(ligne[nom], zone) for nom in ("arrivee_a", "appel_a", "reception_a", "passage_fin_a")]
    if not any(instants):
        return None
    arrivee, appel, reception, fin = instants
    return Presence(arrivee_a=arrivee, appel_a=appel, reception_a=reception, fin_a=fin)


def _local(instant: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if instant is None else instant.astimezone(zone)
