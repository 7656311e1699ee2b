"""GET services, services/{id}, services/{id}/motifs."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from app import clock
from app.booking.api.acces import PARAMETRES
from app.booking.api.annuaire import Recherche, find_service, find_services, list_motifs
from app.booking.api.demandes import IDENT_MAX
from app.booking.api.description import OperationApi, refusals
from app.booking.api.reponses import ListeMotifs, ListeServices, Service
from app.booking.contexte import read_versions
from app.booking.outils import Outils
from app.errors import Introuvable, SaisieInvalide
from app.identite.cles import AccesCle
from app.web.adresses import is_nombre

IdentChemin = Annotated[int, PathParameter(ge=1, le=IDENT_MAX, description="Id of the service.")]


@get(
    "/services",
    operation_id="listServices",
    operation_class=OperationApi,
    summary="Find services",
    description="By postal code and type (services found by address), by SAGES, by CODIQUE; without any of them, the "
    "services of the key's perimeter. `type` narrows any of these.",
    tags=["services"],
    responses=refusals(),
    opt={PARAMETRES: frozenset({"code_postal", "type", "sages", "codique", "limit", "suite"})},
)
async def list_services(
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    code_postal: Annotated[str | None, QueryParameter(pattern="^[0-9]{5}$", max_length=5, required=False)] = None,
    type_service: Annotated[
        str | None, QueryParameter(name="type", pattern="^[A-Za-z0-9_ -]{1,40}$", max_length=40, required=False)
    ] = None,
    sages: Annotated[str | None, QueryParameter(pattern="^[0-9]{7}$", max_length=7, required=False)] = None,
    codique: Annotated[str | None, QueryParameter(pattern="^[0-9]{6}$", max_length=6, required=False)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="Elements a page.")] = 50,
    suite: Annotated[str | None, QueryParameter(description="`suite` of the previous page.", max_length=19)] = None,
) -> ListeServices:
    """Services still open, in id order, a page at a time."""
    if sum(critere is not None for critere in (code_postal, sages, codique)) > 1:
        phrase = "Cherchez par un seul critère : code postal, SAGES ou CODIQUE."
        raise SaisieInvalide(phrase, champs={"code_postal" if code_postal else "sages": phrase})
    recherche = Recherche(code_postal, type_service, sages, codique, _read_suite(suite))
    async with outils.db.read() as conn:
        trouves = await find_services(conn, recherche, acces, clock.now(), limite=limit + 1)
    page = trouves[:limit]
    return ListeServices(elements=page, suite=str(page[-1].id) if len(trouves) > limit else None)


def _read_suite(suite: str | None) -> int:
    if suite is None:
        return 0
    if not is_nombre(suite):
        raise SaisieInvalide(champs={"suite": "Rendez la valeur « suite » de la page précédente, telle quelle."})
    return int(suite)


@get(
    "/services/{service_id:int}",
    operation_id="readService",
    operation_class=OperationApi,
    summary="One service",
    tags=["services"],
    responses=refusals(404),
)
async def read_service(
    outils: NamedDependency[Outils], acces: NamedDependency[AccesCle], service_id: IdentChemin
) -> Service:
    """The service, closed or not."""
    async with outils.db.read() as conn:
        service = await find_service(conn, service_id, acces, clock.now())
    if service is None:
        raise Introuvable("Ce service n’existe pas.")
    return service


@get(
    "/services/{service_id:int}/motifs",
    operation_id="listMotifs",
    operation_class=OperationApi,
    summary="What this key may book there",
    tags=["services"],
    responses=refusals(404),
)
async def list_motifs_of(
    outils: NamedDependency[Outils], acces: NamedDependency[AccesCle], service_id: IdentChemin
) -> ListeMotifs:
    """The motifs open to this key's channel, in the national order; the whole list."""
    async with outils.db.read() as conn:
        versions = await read_versions(conn, service_id)
        contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
    return ListeMotifs(elements=[] if contexte.ferme else list_motifs(contexte, acces.canal(service_id)))
