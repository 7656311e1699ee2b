"""A new service: its département first (it gives the clock, the holidays, the sites near by), then the whole form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.annuaire.ecritures import create_service
from app.admin.annuaire.formulaire import LIBELLES, NOUVEAU_SITE, check_champs, parse_national, parse_site, refill
from app.admin.annuaire.lectures import read_reference, read_sites
from app.admin.pages import check_national, national_page, refused_page
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.errors import AppError, Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

SERVICES: Final = "/administration/services"


@get(f"{SERVICES}/nouveau", include_in_schema=False)
async def show_creation(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    departement: FromQuery[str] = "",
) -> Response[bytes]:
    """Choose the département; then the form, with what follows from it."""
    await check_national(outils, acteur, request)
    valeurs = {**dict.fromkeys(LIBELLES, ""), "departement": departement, "site": NOUVEAU_SITE}
    return page(request, "admin/annuaire/creation.html", await _build_page(outils, acteur, departement, valeurs))


@post(SERVICES, include_in_schema=False)
async def create(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Redirect | Response[bytes]:
    """Create the service and go to its page. A refusal shows the form again, with all that was typed."""
    await check_national(outils, acteur, request)
    saisie = Saisie.of(await request.form())
    try:
        service_id = await _create(outils, acteur, request, saisie)
    except Introuvable:
        raise
    except AppError as refus:
        contexte = await _build_page(outils, acteur, saisie.brut("departement"), refill(saisie))
        return refused_page(request, "admin/annuaire/creation.html", contexte, refus)
    return Redirect(f"/services/{service_id}/organiser/fiche?fait=cree", status_code=303)


async def _create(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], saisie: Saisie) -> int:
    async with outils.db.read() as conn:
        reference = await read_reference(conn)
    check_champs(saisie, LIBELLES)
    valeurs = parse_national(saisie, dict(reference.types), dict(reference.departements))
    site_id, site_nom = parse_site(saisie), saisie.texte("site_nom", maximum=150)
    saisie.check()
    return await create_service(outils, auteur_agent(acteur, request), valeurs, site_id, site_nom, clock.now())


async def _build_page(outils: Outils, acteur: Acteur, departement: str, valeurs: Mapping[str, str]) -> dict[str, Any]:
    async with outils.db.read() as conn:
        reference = await read_reference(conn)
        connu = departement in reference.fuseau_par_departement
        sites = await read_sites(conn, departement) if connu else []
    fuseau = valeurs["fuseau"] or reference.fuseau_par_departement.get(departement, "")
    return {
        **national_page(acteur, "services", "Nouveau service"),
        "reference": reference,
        "departement_connu": connu,
        "sites": sites,
        "valeurs": {**valeurs, "fuseau": fuseau},
        "refus": None,
    }


ROUTES = [show_creation, create]
