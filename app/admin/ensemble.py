"""« Organiser », first page: where each part stands, one card a part; and the history of every change."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.admin.histoire import MOTS_OBJETS, PAR_PAGE, Ligne, read_histoire
from app.admin.pages import (
    PARTIES,
    Organisation,
    check_national,
    national_page,
    open_organisation,
    organiser_page,
)
from app.admin.replacement.situation import count_a_replacer
from app.booking.outils import Outils
from app.identite.acteur import Acteur
from app.tables import Rattachement
from app.web.pages import page, render

ORGANISER: Final = "/services/{service_id:int}/organiser"
#: What each part of the national administration is for.
EXPLICATIONS: Final = {
    "services": "Créer, compléter, fermer les services, et retrouver chacun par son nom, sa ville ou son code.",
    "motifs": "Les motifs par type de service, leurs documents, les questions fréquentes et démarches en ligne.",
    "parametres": "Délais, horizons, rappels, conservation, date d’ouverture nationale, pour tous les services.",
    "comptes": "Les comptes des agents, leurs profils et leurs périmètres ; qui a accès à quoi.",
}


@get(ORGANISER, include_in_schema=False)
async def show_ensemble(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """Cards of every part, with what is configured and what is missing."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {
        **organiser_page(acteur, organisation, ""),
        "direct": True,
        **await _cartes(outils, organisation, acteur.agent_id),
    }
    return page(request, "admin/ensemble.html", contexte)


@get(f"{ORGANISER}/fragment", include_in_schema=False)
async def show_ensemble_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The cards alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**organiser_page(acteur, organisation, ""), **await _cartes(outils, organisation, acteur.agent_id)}
    return Response(render(request, "admin/_ensemble.html", contexte).encode(), media_type="text/html")


async def _cartes(outils: Outils, organisation: Organisation, agent_id: int) -> dict[str, Any]:
    async with outils.db.read() as conn:
        agents = await _count_agents(conn, organisation.contexte.id)
        a_replacer = await count_a_replacer(conn, agent_id, organisation, clock.now())
    contexte, base = organisation.contexte, organisation.url
    ouverts = [g for g in contexte.guichets.values() if g.ouvert]
    motifs = [m for m in contexte.motifs.values() if m.ouvert]
    cartes = [
        _carte("fiche", base, contexte.libelle, "" if contexte.sages else "Le numéro SAGES manque."),
        _carte(
            "guichets",
            base,
            f"{_nombre(len(ouverts), 'ouvert')} sur {len(contexte.guichets)}",
            "" if ouverts else "Aucun guichet ouvert : rien ne peut être réservé.",
        ),
        _carte(
            "plannings",
            base,
            _nombre(len(contexte.plannings), "planning"),
            "" if contexte.plannings else "Aucune plage : aucun créneau n’est proposé.",
        ),
        _carte("exceptions", base, _nombre(len(contexte.exceptions), "exception"), ""),
        _carte(
            "motifs",
            base,
            f"{_nombre(len(motifs), 'ouvert')} sur {len(contexte.motifs)}",
            "" if motifs else "Aucun motif ouvert : rien ne peut être demandé.",
        ),
        _carte("parametres", base, f"Grille de {contexte.pas} minutes", ""),
        _carte("agents", base, _nombre(agents, "agent rattaché", "agents rattachés"), "" if agents else "Aucun agent."),
        _carte(
            "a-replacer",
            base,
            "" if a_replacer else "Aucun",
            f"{a_replacer} hors de l’organisation : déplacez-les ou gardez-les." if a_replacer else "",
        ),
        _carte("ouverture", base, "Ouvert aux usagers" if contexte.en_ligne else "Pas encore ouvert aux usagers", ""),
    ]
    return {"cartes": cartes}


async def _count_agents(conn: AsyncConnection, service_id: int) -> int:
    agents = select(func.count()).select_from(Rattachement).where(Rattachement.service_id == service_id)
    return int((await conn.execute(agents)).scalar_one())


def _nombre(nombre: int, singulier: str, pluriel: str = "") -> str:
    return f"{nombre or 'Aucun'} {(pluriel or singulier + 's') if nombre > 1 else singulier}"


def _carte(cle: str, base: str, etat: str, manque: str) -> dict[str, str]:
    return {"cle": cle, "titre": dict(PARTIES)[cle], "url": f"{base}/{cle}", "etat": etat, "manque": manque}


@get(f"{ORGANISER}/historique", include_in_schema=False)
async def show_historique(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    avant: FromQuery[int] = 0,
    objet: FromQuery[str] = "",
) -> Response[bytes]:
    """Who changed what in this service's organisation, newest first, with before and after."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    choisi = objet if objet in MOTS_OBJETS else ""
    async with outils.db.read() as conn:
        lignes = await read_histoire(
            conn, acteur.agent_id, service_id, organisation.contexte.zone, objet=choisi, avant=avant
        )
    contexte = {
        **organiser_page(acteur, organisation, "historique"),
        "lignes": lignes[:PAR_PAGE],
        "suite": _suite(organisation, lignes, choisi),
        "objets": MOTS_OBJETS,
        "objet": choisi,
    }
    return page(request, "admin/historique.html", contexte)


def _suite(organisation: Organisation, lignes: list[Ligne], objet: str) -> str:
    if len(lignes) <= PAR_PAGE:
        return ""
    filtre = f"&objet={objet}" if objet else ""
    return f"{organisation.url}/historique?avant={lignes[PAR_PAGE - 1].id}{filtre}"


@get("/administration", include_in_schema=False)
async def show_administration(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The parts of the national administration, one card a part."""
    await check_national(outils, acteur, request)
    return page(request, "admin/administration.html", {**national_page(acteur, ""), "explications": EXPLICATIONS})


ROUTES = [show_administration, show_ensemble, show_ensemble_fragment, show_historique]
