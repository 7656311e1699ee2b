"""« Guichets »: the list, live, and the one-click acts of its rows."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app import clock
from app.admin.guichets.ecritures import open_guichet, shift_guichet
from app.admin.guichets.lecture import read_guichets
from app.admin.guichets.mots import describe_guichet
from app.admin.guichets.porte import FAITS, GUICHET, GUICHETS, answer, open_guichet_page, read_vue
from app.admin.pages import Organisation, open_organisation, organiser_page
from app.booking.outils import Outils
from app.domain.horaires import get_cadran
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page, render


@get(GUICHETS, include_in_schema=False)
async def show_guichets(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The page."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**await _liste(outils, acteur, organisation), "direct": True, "fait": FAITS.get(fait, "")}
    return page(request, "admin/guichets/liste.html", contexte)


@get(f"{GUICHETS}/fragment", include_in_schema=False)
async def show_guichets_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The list alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    corps = render(request, "admin/guichets/_liste.html", await _liste(outils, acteur, organisation))
    return Response(corps.encode(), media_type="text/html")


async def _liste(outils: Outils, acteur: Acteur, organisation: Organisation) -> dict[str, Any]:
    """A function of the version, the rights and the local day: what is counted as « today » ends with it."""
    contexte = organisation.contexte
    aujourdhui = clock.now().astimezone(contexte.zone).date()
    async with outils.db.read() as conn:
        guichets = await read_guichets(conn, contexte.id, aujourdhui)
    return {
        **organiser_page(acteur, organisation, "guichets"),
        "guichets": [{"g": g, "resume": describe_guichet(g.regle, contexte)} for g in guichets],
        "expire": get_cadran(aujourdhui, contexte.zone).fin,
        "agenda": f"/services/{contexte.id}/agenda" if "agenda" in organisation.modules else "",
    }


@post(f"{GUICHET}/ouverture", status_code=200, include_in_schema=False)
async def open_one(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Open a guichet."""
    organisation, _ = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    auteur, revision = auteur_agent(acteur, request), await read_vue(request)
    await open_guichet(outils, auteur, service_id, guichet_id, clock.now(), revision=revision)
    return answer(request, organisation, "ouvert")


@post([f"{GUICHET}/monter", f"{GUICHET}/descendre"], status_code=200, include_in_schema=False)
async def shift_one(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Move a guichet one place up or down."""
    organisation, _ = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    pas = -1 if request.url.path.endswith("/monter") else 1
    auteur, revision = auteur_agent(acteur, request), await read_vue(request)
    deplace = await shift_guichet(outils, auteur, service_id, guichet_id, pas, clock.now(), revision=revision)
    return answer(request, organisation, "deplace" if deplace else "bord")


ROUTES = [show_guichets, show_guichets_fragment, open_one, shift_one]
