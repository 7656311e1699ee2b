"""Closing a service and opening it again: the rendez-vous to come are told first, and none is cancelled."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.admin.annuaire.ecritures import close_service, describe_nombre, reopen_service
from app.admin.annuaire.rdv import LISTES, list_a_venir
from app.admin.delegations.arret import read_liens
from app.admin.ensemble import ORGANISER
from app.admin.pages import Organisation, check_national, open_organisation, organiser_page, refused_page
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.errors import Conflit
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page


@get(f"{ORGANISER}/fiche/fermeture", include_in_schema=False)
async def show_fermeture(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """What closing (or opening again) would do, before it is done."""
    await check_national(outils, acteur, request)
    organisation = await open_organisation(outils, acteur, request, service_id)
    return page(request, "admin/annuaire/fermeture.html", await _build_page(outils, acteur, organisation))


@post(f"{ORGANISER}/fiche/fermeture", include_in_schema=False)
async def close(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Redirect | Response[bytes]:
    """Close, unless rendez-vous are to come: then 409 with their list."""
    await check_national(outils, acteur, request)
    organisation = await open_organisation(outils, acteur, request, service_id)
    try:
        auteur, vus = auteur_agent(acteur, request), Saisie.of(await request.form()).brut("vus")
        await close_service(outils, auteur, service_id, clock.now(), vus=vus)
    except Conflit as refus:
        return await _refuse(request, outils, acteur, organisation, refus)
    return Redirect(f"{organisation.url}/fiche?fait=ferme", status_code=303)


@post(f"{ORGANISER}/fiche/reouverture", include_in_schema=False)
async def reopen(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Redirect | Response[bytes]:
    """Open a closed service again."""
    await check_national(outils, acteur, request)
    organisation = await open_organisation(outils, acteur, request, service_id)
    try:
        await reopen_service(outils, auteur_agent(acteur, request), service_id, clock.now())
    except Conflit as refus:
        return await _refuse(request, outils, acteur, organisation, refus)
    return Redirect(f"{organisation.url}/fiche?fait=rouvert", status_code=303)


async def _refuse(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, organisation: Organisation, refus: Conflit
) -> Response[bytes]:
    organisation = await open_organisation(outils, acteur, request, organisation.contexte.id)
    contexte = await _build_page(outils, acteur, organisation)
    return refused_page(request, "admin/annuaire/fermeture.html", contexte, refus)


async def _build_page(outils: Outils, acteur: Acteur, organisation: Organisation) -> dict[str, Any]:
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        nombre, rdv = await list_a_venir(conn, contexte.id, contexte.zone, clock.now())
        liens = await read_liens(conn, acteur.agent_id, contexte, clock.now())
    titre = "Rouvrir le service" if contexte.ferme else "Fermer le service"
    return {
        **organiser_page(acteur, organisation, "fiche", titre),
        "nombre": nombre,
        "phrase": describe_nombre(nombre),
        "rdv": rdv,
        "liens": liens,
        "reste": nombre - LISTES if nombre > LISTES else 0,
        "agenda": f"/services/{contexte.id}/agenda" if "agenda" in organisation.modules else "",
        "refus": None,
    }


ROUTES = [show_fermeture, close, reopen]
