"""The search of the dashboard: every reception where the agent receives, at once [screens « Tableau de bord »]."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from app import clock
from app.accueil.lieux import SiteJour, read_sites
from app.accueil.recherche import SAISIE_MAX, describe_recherche, search_rdv
from app.booking.agents.acces import journal_refus, write_acte
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.identite.acteur import Acteur
from app.web.pages import agent_page, page

_ADRESSE = "/agent/recherche"


@get(_ADRESSE, include_in_schema=False)
async def return_to_dashboard() -> Redirect:
    """A search reloaded or come back to: what was typed is in no address, so back to the dashboard."""
    return Redirect("/agent", status_code=303)


@post(_ADRESSE, status_code=200, include_in_schema=False)
async def search_partout(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """Who is this person? Every rendez-vous that the name or code designates, wherever the agent receives.

    A POST, so that a name never shows in an address, a history or a log; it changes nothing but the journal: a line
    for each reception searched. Raises AccesRefuse, journaled, when he receives nowhere.
    """
    saisie = str((await request.form()).get("q") or "")[:SAISIE_MAX]
    refus = Trace("site.acces_refuse", apres={"site": 0})
    async with journal_refus(outils, acteur, request, refus), outils.db.read() as conn:
        sites = await read_sites(conn, acteur.agent_id, clock.now())
        services = [service for site in sites for service in site.services]
        trouvailles = await search_rdv(conn, acteur.agent_id, services, saisie)
    faits = describe_recherche(outils.settings, saisie, trouvailles)
    await write_acte(outils, acteur, request, *(_trace(site, faits) for site in sites))
    contexte = {
        **agent_page(acteur, actif="/agent"),
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Recherche", "url": ""}],
        "url_accueil": "/agent",
        "retour": "Revenir au tableau de bord",
        "portee": "des services où vous recevez",
        "saisie": saisie,
        "trouvailles": trouvailles,
        "url_rdv": "/rendez-vous/",
        "adresse": _ADRESSE,
    }
    return page(request, "accueil/recherche.html", contexte)


def _trace(site: SiteJour, faits: dict[str, Any]) -> Trace:
    return Trace("rdv.recherche", site.services[0].id, apres={"site": site.id, **faits})


ROUTES = [return_to_dashboard, search_partout]
