"""« Agents et habilitations » of a service: its agents, who has access to what, and the same for a spreadsheet."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app.admin.comptes.acces import MODULES, MOTS, acces_csv, read_acces
from app.admin.comptes.cadre import FAITS, Cadre, open_cadre
from app.admin.comptes.lectures import read_agents
from app.admin.comptes.portee import limit_ligne
from app.booking.outils import Outils
from app.identite.acteur import Acteur
from app.web.pages import page, render

AGENTS: Final = "/services/{service_id:int}/organiser/agents"


async def _liste(outils: Outils, cadre: Cadre) -> dict[str, Any]:
    assert cadre.service_id is not None
    async with outils.db.read() as conn:
        agents = await read_agents(conn, cadre.service_id, cadre.zone)
    if cadre.endroit is not None:
        agents = [limit_ligne(ligne, cadre.donneur, cadre.endroit.lieu) for ligne in agents]
    return {**cadre.contexte, "agents": agents, "endroit": cadre.endroit.libelle if cadre.endroit else ""}


@get(AGENTS, include_in_schema=False)
async def show_agents(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The agents of the service, with what they hold and where they stand."""
    cadre = await open_cadre(outils, acteur, request, service_id)
    contexte = {**await _liste(outils, cadre), "direct": True, "fait": FAITS.get(fait, "")}
    return page(request, "admin/comptes/agents.html", contexte)


@get(f"{AGENTS}/fragment", include_in_schema=False)
async def show_agents_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The list alone."""
    cadre = await open_cadre(outils, acteur, request, service_id)
    corps = render(request, "admin/comptes/_agents.html", await _liste(outils, cadre))
    return Response(corps.encode(), media_type="text/html")


async def _acces(outils: Outils, cadre: Cadre) -> dict[str, Any]:
    assert cadre.service_id is not None
    async with outils.db.read() as conn:
        lignes = await read_acces(conn, cadre.service_id)
    return {**cadre.contexte, "lignes": lignes, "modules": [(module, MOTS[module]) for module in MODULES]}


@get(f"{AGENTS}/acces", include_in_schema=False)
async def show_acces(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """Who has access to what on this service, and why, whatever the width of his perimeter."""
    cadre = await open_cadre(outils, acteur, request, service_id, "Qui a accès à quoi")
    return page(request, "admin/comptes/acces.html", {**await _acces(outils, cadre), "direct": True})


@get(f"{AGENTS}/acces/fragment", include_in_schema=False)
async def show_acces_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The table alone."""
    cadre = await open_cadre(outils, acteur, request, service_id)
    corps = render(request, "admin/comptes/_acces.html", await _acces(outils, cadre))
    return Response(corps.encode(), media_type="text/html")


@get(f"{AGENTS}/acces.csv", include_in_schema=False)
async def export_acces(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The same table for a spreadsheet."""
    cadre = await open_cadre(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        corps = acces_csv(await read_acces(conn, service_id))
    nom = f"acces-service-{cadre.service_id}.csv"
    return Response(
        corps,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{nom}"'},
    )


ROUTES = [show_agents, show_agents_fragment, show_acces, show_acces_fragment, export_acces]
