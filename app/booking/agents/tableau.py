"""The agent's dashboard: the services of his zone de compétence, those he organises, their day so far [A1 §3.2].

Drawn once, at the hour it says: it is not a live screen and does not pretend to be one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.lectures import read_tableau
from app.booking.outils import Outils
from app.domain.vocabulaire import COMPTES
from app.identite.acteur import Acteur
from app.web.dates import heure, instant_utc, jour_long
from app.web.pages import agent_page, page


@get("/agent", include_in_schema=False)
async def show_tableau(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The dashboard; what an agent attached to nothing may do, when there is no service to show."""
    maintenant = clock.now()
    async with outils.db.read() as conn:
        lignes = await read_tableau(conn, acteur.agent_id, maintenant)
    ctx = {
        **agent_page(acteur, actif="/agent"),
        "titre": "Tableau de bord",
        "services": [_service(ligne, maintenant) for ligne in lignes],
        "portee": describe_portee([ligne["modules"] for ligne in lignes]),
        "url_recherche": _find_recherche(lignes),
        "pilote": bool({"admin_local", "admin_national", "pilotage"} & acteur.profils),
        "administre": bool({"admin_local", "admin_national"} & acteur.profils),
        "national": "admin_national" in acteur.profils,
        "reserve": bool({"agent_local", "agent_national", "admin_local", "admin_national"} & acteur.profils),
    }
    return page(request, "booking/agents/tableau.html", ctx)


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
    """The search of the one reception where the agent receives, of all of them at several; "" when he has none."""
    sites = {ligne["site_id"] for ligne in lignes if "accueil" in ligne["modules"]}
    if len(sites) == 1:
        return f"/sites/{sites.pop()}/accueil/recherche"
    return "/agent/recherche" if sites else ""


def _service(ligne: Mapping[str, Any], maintenant: datetime) -> dict[str, Any]:
    zone = ZoneInfo(ligne["fuseau"])
    brut = ligne["compteurs"]
    compteurs: dict[str, int] = (json.loads(brut) if isinstance(brut, str) else brut) or {}
    modules = set(ligne["modules"])
    base = f"/services/{ligne['id']}"
    ouvert = ligne["ferme_a"] is None
    actions = (
        ("agenda" in modules, "Agenda", f"{base}/agenda", "calendar-2-line"),
        ("agenda" in modules and ouvert, "Prendre RDV", f"{base}/rendez-vous/nouveau", "add-line"),
        ("accueil" in modules, "Accueil", f"/sites/{ligne['site_id']}/accueil", "map-pin-user-line"),
        ("accueil" in modules, "Mon box", f"{base}/box", "user-line"),
        ("organiser" in modules, "Organiser", f"{base}/organiser", "settings-5-line"),
        ("pilotage" in modules, "Statistiques", f"/pilotage/service-{ligne['id']}", "line-chart-line"),
    )
    return {
        "id": ligne["id"],
        "libelle": ligne["libelle"],
        "sages": ligne["sages"],
        "codique": ligne["codique"] or "",
        "lieu": f"{ligne['code_postal']} {ligne['ville']}",
        "ferme": not ouvert,
        "jour": jour_long(ligne["jour"]),
        "heure": heure(maintenant, zone),
        "comptes": [(compte.mot, compte.count(compteurs)) for compte in COMPTES],
        "attend_depuis": instant_utc(ligne["attend_depuis"]),
        "attend_heure": heure(ligne["attend_depuis"], zone) if ligne["attend_depuis"] else "",
        "actions": [{"libelle": mot, "url": url, "icone": icone} for permis, mot, url, icone in actions if permis],
    }


ROUTES = [show_tableau]
