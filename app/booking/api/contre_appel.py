"""A call made before the visit, recorded from another application [A1 §3.2 « contre-appel »]."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body

from app import clock
from app.booking.api.demandes import DemandeContreAppel
from app.booking.api.description import OperationApi, refusals
from app.booking.api.fiche import IdentRdv
from app.booking.api.json_strict import CorpsStrict
from app.booking.api.reponses import ContreAppelEnregistre
from app.booking.contre_appel import ContreAppelSaisi, record_contre_appel
from app.booking.outils import Auteur, Outils
from app.errors import SaisieInvalide

_EXEMPLE = {"resultat": "regle", "commentaire": "Délai de paiement expliqué", "annule": True}


@post(
    "/rendez-vous/{rdv_id:int}/contre-appel",
    status_code=201,
    operation_id="recordContreAppel",
    operation_class=OperationApi,
    summary="Record a contre-appel",
    description="Until the day of the visit, included. With `annule` the RDV is cancelled, its créneau is free again "
    "and the usager is told by mail that the matter was settled by phone. A stale `revision` answers 409 with the "
    "present state; the same call sent again within ten minutes, with the revision that it was first sent with, is not "
    "recorded twice.",
    tags=["rendez-vous"],
    responses=refusals(404, 409, 413, 415),
    dto=CorpsStrict[DemandeContreAppel],
    return_dto=None,
)
async def record(
    outils: NamedDependency[Outils],
    auteur: NamedDependency[Auteur],
    rdv_id: IdentRdv,
    data: Annotated[DemandeContreAppel, Body(examples=[Example(value=_EXEMPLE)])],
) -> ContreAppelEnregistre:
    """Note what came of a call about a RDV of the caller's zone."""
    saisi = ContreAppelSaisi(data.resultat, data.commentaire, _parse_jour(data.jour), data.annule)
    try:
        fait = await record_contre_appel(outils, rdv_id, saisi, auteur, clock.now(), revision=data.revision)
    except SaisieInvalide as refus:
        if "annuler" in refus.champs:  # the form's name for it
            refus.champs = {**refus.champs, "annule": refus.champs["annuler"]}
            del refus.champs["annuler"]
        raise
    return ContreAppelEnregistre(
        contre_appel=fait.id,
        id=fait.rdv_id,
        service=fait.service_id,
        guichet=fait.guichet_id,
        etat=fait.etat,  # type: ignore[arg-type] # the table's CHECK constraint holds the same list
        revision=fait.revision,
        change=fait.change,
    )


def _parse_jour(texte: str | None) -> date | None:
    try:
        return None if texte is None else date.fromisoformat(texte)
    except ValueError:
        raise SaisieInvalide(champs={"jour": "Cette date n’existe pas : YYYY-MM-DD est attendu."}) from None
