"""Pages: the context that every template shares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from litestar import Request
from litestar.response import Response

from app import clock, langue
from app.aide.catalogue import URL as AIDE
from app.aide.catalogue import find_page
from app.booking.contexte import ServiceContexte
from app.config import Settings
from app.domain.vocabulaire import COMPTES
from app.identite.acteur import Acteur
from app.identite.non_lus import COMPTES_MAX
from app.web.compte import present_compte
from app.web.dates import heure, instant_utc, jour_long
from app.web.gabarits import Gabarits
from app.web.langue import is_public
from app.web.securite import csrf_token, name_session, porteur

PROFILS = {
    "agent_local": "Agent",
    "agent_national": "Agent national",
    "admin_local": "Responsable",
    "admin_national": "Administrateur national",
    "pilotage": "Pilotage",
}


class Lien(TypedDict):
    """An entry of a menu or breadcrumb."""

    libelle: str
    url: str


def static_version(dossier: Path) -> str:
    """A short print of every static file: the prefix under which they may be cached for ever."""
    condense = hashlib.sha256()
    for fichier in sorted(dossier.rglob("*")):
        if fichier.is_file():
            condense.update(str(fichier.relative_to(dossier)).encode())
            condense.update(str(fichier.stat().st_size).encode())
            if fichier.suffix in {".css", ".js"} and "vendor" not in fichier.parts:
                condense.update(fichier.read_bytes())
    return condense.hexdigest()[:12]


def create_gabarits(settings: Settings, statique: str) -> Gabarits:
    """The templates, with what they all know of the site. ``statique``: the address of this version of static files."""
    return Gabarits(
        statique=statique,
        demo=settings.demo,
        demo_url="/demo" if settings.demo else "",
        marque_etat=settings.marque_etat,
        COMPTES=COMPTES,
        proconnect=bool(settings.proconnect_issuer),
    )


def render(request: Request[Any, Any, Any], gabarit: str, contexte: Mapping[str, Any]) -> str:
    """The HTML of a template with what every page shares."""
    gabarits: Gabarits = request.app.state.gabarits
    settings: Settings = request.app.state.outils.settings
    commun = {
        "csrf": csrf_token(settings, porteur(request, settings)),
        "maintenant": instant_utc(clock.now()),
        "marque_session": name_session(settings, porteur(request, settings)),
        "lang": langue.get_langue(),
        "autres_langues": _list_autres_langues(request),
        "compte": present_compte(request),
    }
    return gabarits.get_template(gabarit).render(**commun, **contexte)


def _list_autres_langues(request: Request[Any, Any, Any]) -> list[dict[str, str]]:
    """The other languages in which this page exists, for the switch: none for agents' pages."""
    if not is_public(request.url.path):
        return []
    return [{"code": code, "nom": nom} for code, nom in langue.NOMS.items() if code != langue.get_langue()]


def page(
    request: Request[Any, Any, Any],
    gabarit: str,
    contexte: Mapping[str, Any],
    *,
    statut: int = 200,
    entetes: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """A whole page. ``adresse`` in the context: the address that shows it without sending anything again.

    It is given to the page only when a POST is answered: static/js/saisie.js takes it, so that neither back nor reload
    ever asks to send a form again.
    """
    ici = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "POST":
        ici = str(contexte.get("adresse") or "/")
    else:
        contexte = {**contexte, "adresse": ""}
    contexte = {"ici": ici, **contexte}
    if "agent" in contexte:
        contexte = {**contexte, "aide_url": _find_aide(request)}
    return Response(
        render(request, gabarit, contexte).encode(),
        status_code=statut,
        media_type="text/html",
        headers=dict(entetes or {}),
    )


def _find_aide(request: Request[Any, Any, Any]) -> str:
    """The page of the documentation that explains this screen, else its summary."""
    explication = find_page(str(request.scope.get("path_template") or ""))
    return explication.url if explication else AIDE


def service_header(contexte: ServiceContexte, maintenant: datetime) -> dict[str, Any]:
    """The current service with its local date and hour, for the header of agents' pages."""
    local = maintenant.astimezone(contexte.zone)
    return {
        "id": contexte.id,
        "libelle": contexte.libelle,
        "zone": contexte.zone.key,
        "date_locale": jour_long(local.date()),
        "heure_locale": heure(maintenant, contexte.zone),
    }


def _derniere_connexion(instant: datetime, zone: ZoneInfo) -> str:
    """« lundi 23 novembre 2026 à 08:02 », where the agent works."""
    return f"{jour_long(instant.astimezone(zone).date())} à {heure(instant, zone)}"


def agent_page(acteur: Acteur, *, actif: str = "", menu: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """What the agents' base template needs of who is signed in. ``actif``: URL of the current entry of the menu."""
    derniere = acteur.connexion_precedente_a
    entrees: list[dict[str, Any]] = [{"libelle": "Tableau de bord", "url": "/agent"}, *(menu or [])]
    if acteur.profils - {"pilotage"}:
        if acteur.zone:
            entrees.append({"libelle": "Liste des RDV", "url": "/agent/rendez-vous"})
            entrees.append({"libelle": "À rappeler", "url": "/agent/a-rappeler"})
        entrees.append({"libelle": "Rechercher un service", "url": "/agent/services"})
    if {"admin_local", "admin_national", "pilotage"} & acteur.profils:
        entrees.append({"libelle": "Pilotage", "url": "/pilotage"})
    if "admin_national" in acteur.profils:
        entrees.append({"libelle": "Administration nationale", "url": "/administration"})
    return {
        "agent": {
            "nom": acteur.nom_complet,
            "profil": ", ".join(PROFILS[p] for p in sorted(acteur.profils)),
            "derniere_connexion": _derniere_connexion(derniere, ZoneInfo(acteur.fuseau)) if derniere else "",
        },
        "menu": [{**entree, "actif": entree["url"] == actif} for entree in entrees],
        **notices_entry(acteur),
    }


def notices_entry(acteur: Acteur) -> dict[str, Any]:
    """The header's entry to the notices, a live region of every agents' page (``agent/_avis_lien.html``)."""
    return {"non_lus": acteur.avis, "non_lus_max": COMPTES_MAX, "avis_suivis": acteur.suivis}


def service_menu(service_id: int, site_id: int) -> list[dict[str, Any]]:
    """The screens of one service, for the menu of its agents."""
    return [
        {"libelle": "Agenda", "url": f"/services/{service_id}/agenda"},
        {"libelle": "Accueil", "url": f"/sites/{site_id}/accueil"},
        {"libelle": "Mon box", "url": f"/services/{service_id}/box"},
    ]
