"""The box: who is with me, who waits and since when, who comes next; call, receive, end [A1 §3.2]."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app import clock
from app.accueil.contre_appels import place_box, read_contre_appels
from app.accueil.journee import read_journee
from app.accueil.lieux import BoxJour, GuichetChoix, read_box
from app.booking.agents.acces import journal_refus, note_lecture, write_lecture
from app.booking.agents.rappels import get_chances
from app.booking.fragments import Fragments
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.pages import agent_page, page, render, service_menu

URL_RDV: Final = "/rendez-vous/"
_fragments = Fragments()


@get("/services/{service_id:int}/box", include_in_schema=False)
async def show_box(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    guichet: FromQuery[int | None] = None,
) -> Response[bytes]:
    """My guichet, or the list to choose it from. 404 for a service that is not mine, or a guichet of another."""
    maintenant = clock.now()
    if guichet is not None:
        box, choisi, fragment = await _render_box(request, outils, acteur, service_id, guichet, maintenant)
        await write_lecture(outils, acteur, request, *_traces(box, choisi, fragment, maintenant))
        contexte = _page(acteur, box, maintenant, choisi) | {"fragment": fragment, "choisi": choisi}
        return page(request, "accueil/box.html", contexte)
    refus = Trace("service.acces_refuse", service_id, apres={"ecran": "box"})
    async with journal_refus(outils, acteur, request, refus), outils.db.read() as conn:
        box = await read_box(conn, acteur.agent_id, service_id, maintenant)
    return page(request, "accueil/choix_guichet.html", _page(acteur, box, maintenant))


@get("/services/{service_id:int}/box/fragment", include_in_schema=False)
async def show_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet: FromQuery[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The live region of one guichet alone."""
    maintenant = clock.now()
    box, choisi, fragment = await _render_box(request, outils, acteur, service_id, guichet, maintenant)
    await note_lecture(outils, acteur, request, *_traces(box, choisi, fragment, maintenant))
    return Response(fragment.encode(), media_type="text/html")


async def _render_box(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    service_id: int,
    guichet_id: int,
    maintenant: datetime,
) -> tuple[BoxJour, GuichetChoix, str]:
    """The live region of a guichet: version first, then the rows unless they are known at this version.

    Raises Introuvable, journaled.
    """
    refus = Trace("service.acces_refuse", service_id, apres={"ecran": "box"})
    async with journal_refus(outils, acteur, request, refus), outils.db.read() as conn:
        box = await read_box(conn, acteur.agent_id, service_id, maintenant)
        choisi = box.find(guichet_id)
        cle = (acteur.agent_id, box.service, box.epoque, choisi.id, choisi.nom)
        fragment = _fragments.get(cle)
        if fragment is None:
            lignes = await read_journee(conn, acteur.agent_id, [box.service], choisi.id)
            service, chances = place_box(box, maintenant), get_chances(request)
            appels = await read_contre_appels(conn, acteur.agent_id, service, choisi, chances)
            contexte = {
                "lieu": box,
                "choisi": choisi,
                "box": {"titre": choisi.nom, "url_rdv": URL_RDV, "rdv": lignes, **appels},
                "au": service.au,
            }
            fragment = render(request, "accueil/_box.html", contexte)
            if lignes:  # an empty one may be that of a right just lost: it costs nothing to draw again
                _fragments.put(cle, fragment)
    return box, choisi, fragment


def _traces(box: BoxJour, choisi: GuichetChoix, fragment: str, maintenant: datetime) -> list[Trace]:
    """The day read, and the days whose people are shown to be called, when there are some."""
    traces = [Trace("box.lu", box.service.id, apres={"guichet": choisi.id, "jour": box.service.jour.isoformat()})]
    if 'id="pile-contre-appels"' in fragment:
        faits = {"guichet": choisi.id, "au": place_box(box, maintenant).dernier.isoformat()}
        traces.append(Trace("rappels.lus", box.service.id, apres=faits))
    return traces


def _page(acteur: Acteur, lieu: BoxJour, maintenant: datetime, choisi: GuichetChoix | None = None) -> dict[str, Any]:
    """What surrounds the box or the list of guichets."""
    service = lieu.service
    url = f"/services/{service.id}/box"
    fil = [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Mon box", "url": url}]
    if choisi is not None:
        fil.append({"libelle": choisi.nom, "url": ""})
    return {
        **agent_page(acteur, actif=url, menu=service_menu(service.id, lieu.site_id)),
        "service": {
            "libelle": service.libelle,
            "zone": service.zone.key,
            "date_locale": jour_long(service.jour),
            "heure_locale": heure(maintenant, service.zone),
        },
        "direct": choisi is not None,
        "fil": fil,
        "lieu": lieu,
        "url_box": url,
    }


ROUTES = [show_box, show_fragment]
