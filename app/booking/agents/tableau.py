"""The agent's dashboard: the services of his zone de compétence, those he organises, their day so far [A1 §3.2].

The figures are live. A socket follows at most twenty subjects: beyond that many services, the dashboard has pages.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.lectures import PHRASE, read_tableau
from app.booking.outils import Outils
from app.domain.horaires import get_cadran
from app.domain.vocabulaire import COMPTES, Compte
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.web.adresses import is_nombre
from app.web.dates import instant_utc, jour_long
from app.web.pages import agent_page, page, render

#: Services of one page: what one socket may follow.
PAR_PAGE: Final = 20
_PARIS: Final = ZoneInfo("Europe/Paris")


@get("/agent", include_in_schema=False)
async def show_tableau(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The dashboard; what an agent attached to nothing may do, when there is no service to show."""
    lignes = await _read(outils, acteur, clock.now())
    ctx = {
        **agent_page(acteur, actif="/agent"),
        "titre": "Tableau de bord",
        "direct": bool(lignes),
        "region": _build_region(request, lignes) if lignes else None,
        "portee": describe_portee([ligne["modules"] for ligne in lignes]),
        "url_recherche": _find_recherche(lignes),
        "pilote": bool({"admin_local", "admin_national", "pilotage"} & acteur.profils),
        "administre": bool({"admin_local", "admin_national"} & acteur.profils),
        "national": "admin_national" in acteur.profils,
        "reserve": bool({"agent_local", "agent_national", "admin_local", "admin_national"} & acteur.profils),
    }
    return page(request, "booking/agents/tableau.html", ctx)


@get("/agent/fragment", include_in_schema=False)
async def show_tableau_fragment(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """Exactly the live region of the dashboard's page. Raises AccesRefuse when nothing is left to show."""
    lignes = await _read(outils, acteur, clock.now())
    if not lignes:
        raise AccesRefuse(PHRASE)
    html = render(request, "booking/agents/_services.html", {"region_tableau": _build_region(request, lignes)})
    return Response(html.encode(), media_type="text/html")


async def _read(outils: Outils, acteur: Acteur, maintenant: datetime) -> list[dict[str, Any]]:
    async with outils.db.read() as conn:
        return await read_tableau(conn, acteur.agent_id, maintenant)


def _build_region(request: Request[Any, Any, Any], lignes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The services of the page asked for, the last one when it is beyond."""
    pages = -(-len(lignes) // PAR_PAGE)
    voulue = request.query_params.get("page", "")
    rang = min(int(voulue), pages) if is_nombre(voulue) and voulue != "0" else 1
    montrees = lignes[(rang - 1) * PAR_PAGE : rang * PAR_PAGE]
    zones = {ligne["fuseau"] for ligne in montrees}
    return {
        "sujet": " ".join(f"service:{ligne['id']}" for ligne in montrees),
        "version": " ".join(str(ligne["version"]) for ligne in montrees),
        "epoque": montrees[0]["epoque"],
        "fragment": f"/agent/fragment?page={rang}",
        "zone": zones.pop() if len(zones) == 1 else _PARIS.key,
        "expire": min(get_cadran(ligne["jour"], ZoneInfo(ligne["fuseau"])).fin for ligne in montrees),
        "page": rang,
        "pages": pages,
        "un_jour": len({ligne["jour"] for ligne in lignes}) == 1,
        "jour": jour_long(montrees[0]["jour"]),
        "services": [_service(ligne) for ligne in montrees],
    }


def describe_portee(modules: Sequence[Collection[str]]) -> str:
    """Whose services are listed, in a sentence: who only organises a service is attached to none of it [A1 §3.1].

    ``modules``: those of each service; the agenda and the reception open by attachment alone.
    """
    zone = sum(1 for siens in modules if {"agenda", "accueil"} & set(siens))
    autres = len(modules) - zone
    if not autres:
        return f"{_compte(zone)} dans votre zone de compétence."
    if not zone and autres == 1:
        return "1 service que vous organisez, sans y être rattaché : ni son agenda ni son accueil ne vous sont ouverts."
    if not zone:
        sans = "sans être rattaché à aucun : ni leur agenda ni leur accueil ne vous sont ouverts."
        return f"{_compte(autres)} que vous organisez, {sans}"
    suite = f"vous en organisez {autres} autre{'s' if autres > 1 else ''}, sans y être rattaché."
    return f"{_compte(zone)} dans votre zone de compétence ; {suite}"


def _compte(nombre: int) -> str:
    return f"{nombre} service{'s' if nombre > 1 else ''}"


def _find_recherche(lignes: Sequence[Mapping[str, Any]]) -> str:
    """The search over the whole zone, "" for whoever holds no agenda."""
    return "/agent/rendez-vous/recherche" if any("agenda" in ligne["modules"] for ligne in lignes) else ""


def _find_liste(ligne: Mapping[str, Any], compte: Compte) -> str:
    """What a figure counts: the list of the day in that state, or the board when it adds several up."""
    if len(compte.etats) > 1:
        return f"/sites/{ligne['site_id']}/accueil" if "accueil" in ligne["modules"] else ""
    jour = ligne["jour"].isoformat()
    return f"/agent/rendez-vous?du={jour}&au={jour}&service={ligne['id']}&etat={compte.etats[0].value}"


def _service(ligne: Mapping[str, Any]) -> dict[str, Any]:
    brut = ligne["compteurs"]
    compteurs: dict[str, int] = (json.loads(brut) if isinstance(brut, str) else brut) or {}
    modules, base = set(ligne["modules"]), f"/services/{ligne['id']}"
    ouvert = ligne["ferme_a"] is None
    rattache = "agenda" in modules
    actions = (
        (rattache, "Agenda", f"{base}/agenda", "calendar-2-line"),
        (rattache and ouvert, "Prendre RDV", f"{base}/prendre", "add-line"),
        ("accueil" in modules, "Accueil", f"/sites/{ligne['site_id']}/accueil", "map-pin-user-line"),
        ("accueil" in modules, "Mon box", f"{base}/box", "user-line"),
    )
    autres = (
        (True, "Détail", f"{base}/detail"),
        (rattache or "organiser" in modules, "Liste d’attente", f"{base}/attente"),
        ("organiser" in modules, "Organiser", f"{base}/organiser"),
        ("pilotage" in modules, "Statistiques", f"/pilotage/service-{ligne['id']}"),
        ("organiser" in modules, "Configurer", f"{base}/organiser/parametres"),
    )
    return {
        "id": ligne["id"],
        "libelle": ligne["libelle"],
        "sages": ligne["sages"] or "",
        "codique": ligne["codique"] or "",
        "lieu": f"{ligne['code_postal']} {ligne['ville']}",
        "ferme": not ouvert,
        "jour": jour_long(ligne["jour"]),
        "comptes": [
            (compte.cle, compte.mot, compte.count(compteurs), _find_liste(ligne, compte) if rattache else "")
            for compte in COMPTES
        ],
        "attend_depuis": instant_utc(ligne["attend_depuis"]),
        "zone": ligne["fuseau"],
        "actions": [{"libelle": mot, "url": url, "icone": icone} for permis, mot, url, icone in actions if permis],
        "autres": [{"libelle": mot, "url": url} for permis, mot, url in autres if permis],
    }


ROUTES = [show_tableau, show_tableau_fragment]
