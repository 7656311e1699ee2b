"""The orientation board: today's visitors of one reception, found by name, code or QR, marked arrived in one click."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.accueil.journee import LigneJour, read_journee
from app.accueil.lieux import SiteJour, read_site
from app.accueil.recherche import SAISIE_MAX, describe_recherche, search_rdv
from app.booking.agents.acces import journal_refus, note_lecture, write_acte, write_lecture
from app.booking.fragments import Fragments
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.pages import Lien, agent_page, page, render, service_menu

URL_RDV: Final = "/rendez-vous/"
_fragments = Fragments()


@get("/sites/{site_id:int}/accueil", include_in_schema=False)
async def show_accueil(
    request: Request[Any, Any, Any],
    site_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The board of the day; its opening is journaled. 404 outside the agent's services."""
    maintenant = clock.now()
    site, fragment = await _render_tableau(request, outils, acteur, site_id, maintenant)
    await write_lecture(outils, acteur, request, *_traces(site))
    return page(request, "accueil/accueil.html", _page(acteur, site, maintenant) | {"fragment": fragment})


@get("/sites/{site_id:int}/accueil/fragment", include_in_schema=False)
async def show_fragment(
    request: Request[Any, Any, Any],
    site_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The board's live region alone."""
    site, fragment = await _render_tableau(request, outils, acteur, site_id, clock.now())
    await note_lecture(outils, acteur, request, *_traces(site))
    return Response(fragment.encode(), media_type="text/html")


@get("/sites/{site_id:int}/accueil/recherche", include_in_schema=False)
async def return_to_board(site_id: FromPath[int]) -> Redirect:
    """A search reloaded or come back to: what was typed is in no address, so back to the board."""
    return Redirect(f"/sites/{site_id}/accueil", status_code=303)


@post("/sites/{site_id:int}/accueil/recherche", status_code=200, include_in_schema=False)
async def search_accueil(
    request: Request[Any, Any, Any],
    site_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """Who is this person? Every rendez-vous of the reception's services that the name or code designates.

    A POST, so that a name never shows in an address, a history or a log; it changes nothing but the journal.
    """
    maintenant = clock.now()
    saisie = str((await request.form()).get("q") or "")[:SAISIE_MAX]
    async with journal_refus(outils, acteur, request, _refus(site_id)), outils.db.read() as conn:
        site = await read_site(conn, acteur.agent_id, site_id, maintenant)
        trouvailles = await search_rdv(conn, acteur.agent_id, site.services, saisie)
    faits = describe_recherche(outils.settings, saisie, trouvailles)
    await write_acte(
        outils, acteur, request, Trace("rdv.recherche", site.services[0].id, apres={"site": site.id, **faits})
    )
    contexte = _page(acteur, site, maintenant, recherche=True)
    return page(
        request,
        "accueil/recherche.html",
        contexte
        | {
            "saisie": saisie,
            "trouvailles": trouvailles,
            "url_rdv": URL_RDV,
            "retour": "Revenir à l’accueil du jour",
            "portee": "des services de cet accueil",
            "adresse": f"/sites/{site_id}/accueil/recherche",
        },
    )


async def _render_tableau(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, site_id: int, maintenant: datetime
) -> tuple[SiteJour, str]:
    """The live region of the board: versions first, then the rows unless they are known at these versions.

    Raises AccesRefuse, journaled.
    """
    async with journal_refus(outils, acteur, request, _refus(site_id)), outils.db.read() as conn:
        site = await read_site(conn, acteur.agent_id, site_id, maintenant)
        cle = (acteur.agent_id, site)  # its rows are those that this agent may see
        fragment = _fragments.get(cle)
        if fragment is None:
            lignes = await read_journee(conn, acteur.agent_id, site.services)
            fragment = render(request, "accueil/_tableau.html", {"site": site, "accueil": _accueil(site, lignes)})
            if lignes:  # an empty one may be that of a right just lost: it costs nothing to draw again
                _fragments.put(cle, fragment)
    return site, fragment


def _traces(site: SiteJour) -> list[Trace]:
    """A line for each service whose visitors the board names."""
    return [
        Trace("accueil.lu", service.id, apres={"site": site.id, "jour": service.jour.isoformat()})
        for service in site.services
    ]


def _refus(site_id: int) -> Trace:
    return Trace("site.acces_refuse", apres={"site": site_id if 0 < site_id < 2**63 else 0})


def _accueil(site: SiteJour, lignes: list[LigneJour]) -> dict[str, Any]:
    return {
        "titre": f"Rendez-vous du {jour_long(site.services[0].jour)}",
        "url_rdv": URL_RDV,
        "rdv": lignes,
    }


def _page(acteur: Acteur, site: SiteJour, maintenant: datetime, *, recherche: bool = False) -> dict[str, Any]:
    """What surrounds the board."""
    url = f"/sites/{site.id}/accueil"
    seul = site.services[0] if len(site.services) == 1 else None
    menu = service_menu(seul.id, site.id) if seul else [{"libelle": "Accueil", "url": url}]
    fil: list[Lien] = [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Accueil", "url": url}]
    if recherche:
        fil.append({"libelle": "Recherche", "url": ""})
    return {
        **agent_page(acteur, actif=url, menu=menu),
        "service": {
            "libelle": seul.libelle if seul else site.nom,
            "zone": site.zone.key,
            "date_locale": jour_long(site.services[0].jour),
            "heure_locale": heure(maintenant, site.zone),
        },
        "direct": not recherche,
        "fil": fil,
        "site": site,
        "url_accueil": url,
        "saisie": "",
    }


ROUTES = [show_accueil, show_fragment, search_accueil, return_to_board]
