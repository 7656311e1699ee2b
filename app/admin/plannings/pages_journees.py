"""Journées types: named days made of plages, used by the plannings [G 2.3.4]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app.admin.pages import Organisation, open_organisation
from app.admin.plannings.changement import Changement, EcrireJournee, RetirerJournee, get_journee
from app.admin.plannings.decision import Dossier, handle, show
from app.admin.plannings.formulaires import check_champs, echo, read_journee
from app.admin.plannings.lecture import read_composition
from app.admin.plannings.plages import write_plages
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.domain.composition import Composition
from app.identite.acteur import Acteur

BASE: Final = "/services/{service_id:int}/organiser/plannings/journees"
GABARIT: Final = "admin/plannings/journee.html"


@get(f"{BASE}/nouvelle", include_in_schema=False)
async def show_nouvelle(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    copie: FromQuery[int] = 0,
) -> Response[bytes]:
    """A new journée type, blank or copied."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await show(request, outils, acteur, organisation, _dossier(organisation, None, copie))


@post(f"{BASE}/nouvelle", include_in_schema=False, status_code=200)
async def create_journee(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Save it."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await handle(request, outils, acteur, organisation, _dossier(organisation, None))


@get(f"{BASE}/{{journee_id:int}}", include_in_schema=False)
async def show_journee(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    journee_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """A journée type to change, with the plannings that use it."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        get_journee(await read_composition(conn, service_id), journee_id)
    return await show(request, outils, acteur, organisation, _dossier(organisation, journee_id))


@post(f"{BASE}/{{journee_id:int}}", include_in_schema=False, status_code=200)
async def change_journee(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    journee_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Save it, once what it changes in the plannings that use it has been read."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        servie = bool((await read_composition(conn, service_id)).find_usages(journee_id))
    return await handle(request, outils, acteur, organisation, _dossier(organisation, journee_id, relue=servie))


@post(f"{BASE}/{{journee_id:int}}/suppression", include_in_schema=False, status_code=200)
async def remove_journee(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    journee_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Remove it when nothing uses it; else say where it is used."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await handle(request, outils, acteur, organisation, _suppression(organisation, journee_id))


def _dossier(organisation: Organisation, journee_id: int | None, copie: int = 0, *, relue: bool = False) -> Dossier:
    def read(saisie: Saisie, comp: Composition, org: Organisation) -> Changement:
        revision = saisie.revision()
        nom, plages = read_journee(saisie)
        return EcrireJournee(nom, plages, journee_id, revision)

    adresse = "nouvelle" if journee_id is None else str(journee_id)
    return Dossier(
        partie="plannings",
        titre="Nouvelle journée type" if journee_id is None else "Modifier une journée type",
        gabarit=GABARIT,
        url=f"{organisation.url}/plannings/journees/{adresse}",
        fait="journee",
        read=read,
        formulaire=lambda comp, org, saisi: _draw(comp, org, saisi, journee_id, copie),
        semaine=lambda saisie: None,
        echo=echo,
        relue=relue,
    )


def _suppression(organisation: Organisation, journee_id: int) -> Dossier:
    def read(saisie: Saisie, comp: Composition, org: Organisation) -> Changement:
        check_champs(saisie, ("revision",))
        revision = saisie.revision()
        saisie.check()
        return RetirerJournee(journee_id, revision)

    return Dossier(
        partie="plannings",
        titre="Supprimer une journée type",
        gabarit=GABARIT,
        url=f"{organisation.url}/plannings/journees/{journee_id}/suppression",
        fait="journee-retiree",
        read=read,
        formulaire=lambda comp, org, saisi: _draw(comp, org, None, journee_id),
        semaine=lambda saisie: None,
        echo=lambda saisie: {},
        relue=False,
        publier="Supprimer",
    )


def _draw(
    comp: Composition,
    organisation: Organisation,
    saisi: Mapping[str, Any] | None,
    journee_id: int | None,
    copie: int = 0,
) -> dict[str, Any]:
    base = f"{organisation.url}/plannings/journees"
    journee = comp.journees.get(journee_id) if journee_id is not None else None
    modele = get_journee(comp, copie) if copie else journee
    champs = {"nom": "", "plages": "", "revision": str(journee.revision) if journee else ""}
    if modele is not None:
        champs["nom"] = f"{modele.nom} (copie)" if copie else modele.nom
        champs["plages"] = write_plages(modele.plages)
    if saisi is not None:
        revision = saisi.get("revision") or champs["revision"]
        champs = {**champs, **{cle: str(saisi.get(cle, "")) for cle in ("nom", "plages")}, "revision": revision}
    return {
        "saisi": champs,
        "journee": journee,
        "usages": comp.find_usages(journee.id) if journee else (),
        "action": f"{base}/{journee.id}" if journee else f"{base}/nouvelle",
        "libelles": {"nom": "Nom", "plages": "Plages"},
    }


ROUTES = [show_nouvelle, create_journee, show_journee, change_journee, remove_journee]
