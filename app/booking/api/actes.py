"""What is done to a RDV: arrival and its undoing, call, reception, end, absence, cancellation [A1 §3.2]."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import delete, post, put
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body
from litestar.types import ControllerRouterHandler

from app import clock
from app.booking.api.demandes import DemandeAnnulation
from app.booking.api.description import OperationApi, refusals
from app.booking.api.fiche import IdentRdv
from app.booking.api.json_strict import CorpsStrict
from app.booking.api.par_code import EXEMPLE, read_titre
from app.booking.api.reponses import RdvEtat
from app.booking.outils import Auteur, Outils
from app.booking.vie import act
from app.domain.rendez_vous import Action
from app.identite.cles import AccesCle

_JOUR_MEME: Final = "Only on the day itself, in the service's time zone; from the next day presence is frozen (409)."

_RAISON: Final = {"raison": "L’usager ne peut plus venir"}
_EXEMPLES: Final = [Example(value=_RAISON), Example(value={**_RAISON, **EXEMPLE})]


async def _act(outils: Outils, auteur: Auteur, rdv_id: int, action: Action, **plus: Any) -> RdvEtat:
    acte = await act(outils, rdv_id, action, auteur, clock.now(), **plus)
    return RdvEtat(
        id=acte.id,
        service=acte.service_id,
        guichet=acte.guichet_id,
        etat=acte.etat,  # type: ignore[arg-type] # the table's CHECK constraint holds the same list
        revision=acte.revision,
        change=acte.change,
    )


@put(
    "/rendez-vous/{rdv_id:int}/arrivee",
    operation_id="markArrivee",
    operation_class=OperationApi,
    summary="Mark the arrival",
    description=_JOUR_MEME,
    tags=["accueil"],
    responses=refusals(404, 409, 413, 415),
)
async def mark_arrivee(outils: NamedDependency[Outils], auteur: NamedDependency[Auteur], rdv_id: IdentRdv) -> RdvEtat:
    """The usager is here; repeating it changes nothing."""
    return await _act(outils, auteur, rdv_id, Action.MARQUER_ARRIVEE)


@delete(
    "/rendez-vous/{rdv_id:int}/arrivee",
    status_code=200,
    operation_id="unmarkArrivee",
    operation_class=OperationApi,
    summary="Undo the arrival",
    description=_JOUR_MEME,
    tags=["accueil"],
    responses=refusals(404, 409, 413, 415),
)
async def unmark_arrivee(outils: NamedDependency[Outils], auteur: NamedDependency[Auteur], rdv_id: IdentRdv) -> RdvEtat:
    """The arrival was a mistake; repeating it changes nothing."""
    return await _act(outils, auteur, rdv_id, Action.ANNULER_ARRIVEE)


@post(
    "/rendez-vous/{rdv_id:int}/appel",
    status_code=200,
    operation_id="callUsager",
    operation_class=OperationApi,
    summary="Call the usager to the guichet",
    description=_JOUR_MEME,
    tags=["accueil"],
    responses=refusals(404, 409, 413, 415),
)
async def call_usager(outils: NamedDependency[Outils], auteur: NamedDependency[Auteur], rdv_id: IdentRdv) -> RdvEtat:
    """`arrive` → `appele` (a téléphone or visio RDV is called straight from `prevu`)."""
    return await _act(outils, auteur, rdv_id, Action.APPELER)


@post(
    "/rendez-vous/{rdv_id:int}/reception",
    status_code=200,
    operation_id="receiveUsager",
    operation_class=OperationApi,
    summary="The usager is in the box",
    description=_JOUR_MEME,
    tags=["accueil"],
    responses=refusals(404, 409, 413, 415),
)
async def receive_usager(outils: NamedDependency[Outils], auteur: NamedDependency[Auteur], rdv_id: IdentRdv) -> RdvEtat:
    """`arrive` or `appele` → `recu`."""
    return await _act(outils, auteur, rdv_id, Action.RECEVOIR)


@post(
    "/rendez-vous/{rdv_id:int}/fin",
    status_code=200,
    operation_id="endRendezVous",
    operation_class=OperationApi,
    summary="The visit is over",
    tags=["accueil"],
    responses=refusals(404, 409, 413, 415),
)
async def end_rendez_vous(
    outils: NamedDependency[Outils], auteur: NamedDependency[Auteur], rdv_id: IdentRdv
) -> RdvEtat:
    """`recu` or `appele` → `termine`."""
    return await _act(outils, auteur, rdv_id, Action.TERMINER)


@post(
    "/rendez-vous/{rdv_id:int}/absence",
    status_code=200,
    operation_id="markAbsence",
    operation_class=OperationApi,
    summary="The usager did not come",
    description=_JOUR_MEME,
    tags=["accueil"],
    responses=refusals(404, 409, 413, 415),
)
async def mark_absence(outils: NamedDependency[Outils], auteur: NamedDependency[Auteur], rdv_id: IdentRdv) -> RdvEtat:
    """`prevu` or `appele` → `non_honore`; coming in late the same day is still an arrival."""
    return await _act(outils, auteur, rdv_id, Action.MARQUER_NON_VENU)


@post(
    "/rendez-vous/{rdv_id:int}/annulation",
    status_code=200,
    operation_id="cancelRendezVous",
    operation_class=OperationApi,
    summary="Cancel",
    description="Irreversible; the usager is told by mail, with the reason. A stale `revision` answers 409 with the "
    "present state. A key that is not attached to the service sends the `code` and the `nom` of the RDV too.",
    tags=["rendez-vous"],
    responses=refusals(403, 404, 409, 413, 415, 429),
    dto=CorpsStrict[DemandeAnnulation],
    return_dto=None,
)
async def cancel_rendez_vous(
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    auteur: NamedDependency[Auteur],
    rdv_id: IdentRdv,
    data: Annotated[DemandeAnnulation, Body(examples=_EXEMPLES)],
) -> RdvEtat:
    """Cancel a RDV of the caller's zone, or one whose code and name he was told; repeating it changes nothing."""
    titre = await read_titre(outils, acces, auteur, rdv_id, data.code, data.nom, "annuler")
    return await _act(outils, auteur, rdv_id, Action.ANNULER, raison=data.raison, revision=data.revision, titre=titre)


ACTES: Final[list[ControllerRouterHandler]] = [
    mark_arrivee,
    unmark_arrivee,
    call_usager,
    receive_usager,
    end_rendez_vous,
    mark_absence,
    cancel_rendez_vous,
]
