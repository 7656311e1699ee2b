"""GET rendez-vous/{id}: everything about one RDV, for the agents who hold its agenda; each reading is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from app import clock
from app.booking.api.demandes import IDENT_MAX
from app.booking.api.description import OperationApi, refusals
from app.booking.api.lecture import read_fiche
from app.booking.api.reponses import Annulation, Presence, RdvLu, UsagerLu, describe_rdv
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Auteur, Outils
from app.booking.traces import Trace, write_lines
from app.booking.vie import journal_refus
from app.db import UnitOfWork
from app.errors import AccesRefuse
from app.identite.cles import AccesCle

IdentRdv = Annotated[int, PathParameter(ge=1, le=IDENT_MAX, description="Id of the RDV.")]


@get(
    "/rendez-vous/{rdv_id:int}",
    operation_id="readRendezVous",
    operation_class=OperationApi,
    summary="One RDV, whole",
    description="For attached agents; any other RDV does not exist (404, journaled). The reading itself is journaled.",
    tags=["rendez-vous"],
    responses=refusals(404),
)
async def read_rendez_vous(
    outils: NamedDependency[Outils], acces: NamedDependency[AccesCle], auteur: NamedDependency[Auteur], rdv_id: IdentRdv
) -> RdvLu:
    """The fiche of a RDV of the caller's zone."""
    maintenant = clock.now()

    async def travail(uow: UnitOfWork) -> tuple[Mapping[str, Any], ServiceContexte] | None:
        ligne = await read_fiche(uow.conn, acces.acteur.agent_id, rdv_id)
        if ligne is None:
            return None
        await write_lines(uow.conn, auteur, maintenant, Trace("rdv.lu", ligne["service_id"], rdv_id))
        versions = await read_versions(uow.conn, ligne["service_id"])
        return ligne, await outils.dispo.contextes.get(uow.conn, ligne["service_id"], versions.planning)

    lu = await outils.db.transaction(travail)
    if lu is None:
        await journal_refus(outils, rdv_id, auteur, "lire", maintenant)
        raise AccesRefuse("Ce rendez-vous n’existe pas dans les services auxquels vous êtes rattaché.")
    return _answer(*lu)


def _answer(ligne: Mapping[str, Any], contexte: ServiceContexte) -> RdvLu:
    zone = contexte.zone
    guichet = contexte.guichets.get(ligne["guichet_id"])
    return RdvLu(
        **describe_rdv(ligne, contexte),
        service=ligne["service_id"],
        guichet_nom=guichet.nom if guichet else "",
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
