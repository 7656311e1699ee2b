"""The public door: find a service, see how to reach it, begin [A1 §1]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.outils import Outils
from app.booking.usager.cartes import carte_de_ligne
from app.booking.usager.demande import check_service_id
from app.booking.usager.recherche import (
    LIMITE,
    PETIT_ANNUAIRE,
    Recherche,
    find_services,
    is_en_ligne,
    parse_recherche,
)
from app.errors import Introuvable
from app.web.pages import page


def _present(ligne: Mapping[str, Any], maintenant: datetime) -> dict[str, Any]:
    return {
        "id": ligne["id"],
        "url": f"/services/{ligne['id']}",
        "en_ligne": is_en_ligne(ligne, maintenant),
        "ferme": ligne["ferme_a"] is not None,
        "version": ligne["version_creneaux"],
        "epoque": ligne["epoque"],
        "zone": ligne["fuseau"],
        "reserver": f"/rdv/{ligne['id']}/motif",
        "carte": carte_de_ligne(ligne),
    }


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
        "titre": "Prendre rendez-vous",
        "q": saisie.encode("utf-8", "replace").decode(),
        "cherche": not vide,
        "trop": trop,
        "elargie": large is not None and bool(lignes),
        "services": [] if vide and trop else [_present(ligne, maintenant) for ligne in lignes[:LIMITE]],
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
    maintenant = clock.now()
    async with outils.db.read() as conn:
        lignes = await find_services(conn, Recherche(), limite=1, service_id=check_service_id(service_id))
    if not lignes:
        raise Introuvable("Ce service n’existe pas.")
    service = _present(lignes[0], maintenant)
    if fragment:
        return page(request, "booking/usager/_carte.html", {"service_public": service})
    donnees = {
        "titre": service["carte"]["libelle"],
        "fil": [{"libelle": "Accueil", "url": "/"}, {"libelle": service["carte"]["libelle"], "url": ""}],
        "service_public": service,
    }
    return page(request, "booking/usager/service.html", donnees)


ROUTES = [show_home, show_service, show_carte]
