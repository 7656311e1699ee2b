"""The public door: find a service, see how to reach it, begin [A1 §1]."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.outils import Outils
from app.booking.usager.carte_publique import present_service
from app.booking.usager.demande import check_service_id
from app.booking.usager.recherche import (
    LIMITE,
    PETIT_ANNUAIRE,
    Recherche,
    find_services,
    parse_recherche,
)
from app.errors import Introuvable
from app.langue import _
from app.web.pages import page


@get("/", include_in_schema=False)
async def show_home(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[bytes]:
    """A search by commune, postal code or name; a small directory is shown whole at once."""
    saisie = request.query_params.get("q", "").strip()[:200]
    recherche = parse_recherche(saisie)
    maintenant = clock.now()
    vide = recherche == Recherche()
    async with outils.db.read() as conn:
        lignes = await find_services(conn, recherche, limite=PETIT_ANNUAIRE + 1 if vide else LIMITE + 1)
        large = None if lignes else recherche.widen()
        if large is not None:
            lignes = await find_services(conn, large)
    trop = len(lignes) > (PETIT_ANNUAIRE if vide else LIMITE)
    donnees = {
        "titre": _("Prendre rendez-vous"),
        "q": saisie.encode("utf-8", "replace").decode(),
        "cherche": not vide,
        "trop": trop,
        "elargie": large is not None and bool(lignes),
        "services": [] if vide and trop else [present_service(ligne, maintenant) for ligne in lignes[:LIMITE]],
    }
    return page(request, "booking/usager/accueil.html", donnees)


@get("/services/{service_id:int}", include_in_schema=False)
async def show_service(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[bytes]:
    """One service, at an address that can be shared. Raises Introuvable."""
    return await _answer_service(request, outils, service_id)


@get("/services/{service_id:int}/carte", include_in_schema=False)
async def show_carte(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[bytes]:
    """Its contacts and its button alone: the button comes and goes with the service's opening [C §5]."""
    return await _answer_service(request, outils, service_id, fragment=True)


async def _answer_service(
    request: Request[Any, Any, Any], outils: Outils, service_id: int, *, fragment: bool = False
) -> Response[bytes]:
    service = await _read_service(outils, service_id)
    if fragment:
        return page(request, "booking/usager/_carte.html", {"service_public": service})
    return page(request, "booking/usager/service.html", _build_page(service, service["carte"]["libelle"]))


async def _read_service(outils: Outils, service_id: int) -> dict[str, Any]:
    """The service, closed or not, as templates show it. Raises Introuvable."""
    async with outils.db.read() as conn:
        lignes = await find_services(conn, Recherche(), limite=1, service_id=check_service_id(service_id))
    if not lignes:
        raise Introuvable("Ce service n’existe pas.")
    return present_service(lignes[0], clock.now())


def _build_page(service: dict[str, Any], titre: str, *sous: str) -> dict[str, Any]:
    fil = [{"libelle": _("Accueil"), "url": "/"}, {"libelle": service["carte"]["libelle"], "url": service["url"]}]
    fil += [{"libelle": libelle, "url": ""} for libelle in sous]
    fil[-1]["url"] = ""
    return {"titre": titre, "fil": fil, "service_public": service}


@get("/services/{service_id:int}/integrer", include_in_schema=False)
async def show_integrer(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[bytes]:
    """How another site leads to this service: a link for all, a frame for those that the platform knows."""
    service = await _read_service(outils, service_id)
    titre = _("Partager ou intégrer")
    base = f"{outils.settings.base_url}{service['url']}"
    ctx = {**_build_page(service, titre, titre), "base": base, "encarts": bool(outils.settings.integrateurs)}
    return page(request, "booking/usager/integrer.html", ctx)


@get("/services/{service_id:int}/encart", include_in_schema=False)
async def show_encart(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[bytes]:
    """The button alone, in a frame of a site that INTEGRATEURS names (``app.web.securite`` says so to browsers)."""
    service = await _read_service(outils, service_id)
    entetes = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Language, Cookie"}
    return page(request, "booking/usager/encart.html", {"service_public": service}, entetes=entetes)


ROUTES = [show_home, show_service, show_carte, show_integrer, show_encart]
