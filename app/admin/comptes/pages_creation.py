"""Open an account, or bring in somebody who already has one."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.admin.comptes.cadre import NATIONAL, Cadre, open_cadre, read_perimetres
from app.admin.comptes.creation import bring_compte, create_compte
from app.admin.comptes.pages_service import AGENTS
from app.admin.comptes.saisies import CHAMPS_NOUVEAU, CHAMPS_VENUE, check_champs
from app.admin.comptes.saisies_lieux import read_lieux
from app.admin.pages import refused_page
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.errors import AppError, Indisponible
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

_TITRE: Final = "Ouvrir un accès"
_GABARIT: Final = "admin/comptes/nouveau.html"


@get([f"{AGENTS}/nouveau", f"{NATIONAL}/nouveau"], include_in_schema=False)
async def show_nouveau(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int | None] = None,
) -> Response[bytes]:
    """The forms, empty."""
    cadre = await open_cadre(outils, acteur, request, service_id, _TITRE)
    return page(request, _GABARIT, await _contexte(outils, cadre, Saisie({})))


@post([AGENTS, NATIONAL], status_code=200, include_in_schema=False)
async def do_nouveau(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int | None] = None,
) -> Response[Any]:
    """Create the account, its first habilitation, its service and its invitation at once."""
    cadre = await open_cadre(outils, acteur, request, service_id, _TITRE)
    saisie = Saisie.of(await request.form())
    try:
        check_champs(saisie, CHAMPS_NOUVEAU)
        agent_id = await create_compte(
            outils, auteur_agent(acteur, request), saisie, clock.now(), service_id=service_id
        )
    except Indisponible:
        raise
    except AppError as refus:
        return refused_page(request, _GABARIT, await _contexte(outils, cadre, saisie), refus)
    fait = "invite" if saisie.case("inviter") else "cree"
    return Redirect(f"{cadre.base}/{agent_id}?fait={fait}", status_code=303)


@post(f"{AGENTS}/venue", status_code=200, include_in_schema=False)
async def do_venue(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[Any]:
    """Give an existing account, named exactly, a profile on this service."""
    cadre = await open_cadre(outils, acteur, request, service_id, _TITRE)
    saisie = Saisie.of(await request.form())
    try:
        check_champs(saisie, CHAMPS_VENUE)
        agent_id = await bring_compte(outils, auteur_agent(acteur, request), saisie, clock.now(), service_id=service_id)
    except Indisponible:
        raise
    except AppError as refus:
        contexte = {**await _contexte(outils, cadre, saisie), "venue": True}
        return refused_page(request, _GABARIT, contexte, refus)
    return Redirect(f"{cadre.base}/{agent_id}?fait=venu", status_code=303)


async def _contexte(outils: Outils, cadre: Cadre, saisie: Saisie) -> dict[str, Any]:
    async with outils.db.read() as conn:
        perimetres = await read_perimetres(conn, cadre)
        lieux = await read_lieux(conn) if cadre.service_id is None else []
    return {
        **cadre.contexte,
        "adresse": f"{cadre.base}/nouveau",
        "national": cadre.service_id is None,
        "endroit": cadre.endroit.libelle if cadre.endroit else "",
        "profils": cadre.profils,
        "perimetres": perimetres,
        "lieux": lieux,
        "saisie": saisie,
        "vierge": not saisie.donnees,
        "venue": False,
    }


ROUTES = [show_nouveau, do_nouveau, do_venue]
