"""Steering: the day's live counters and the table by service, over a perimeter that the agent steers [G 2.3.7]."""

from __future__ import annotations

import re
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import journal_refus, write_acte
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.errors import AccesRefuse
from app.identite.acteur import Acteur, services_permis
from app.pilotage.export import to_csv
from app.pilotage.jour import COMPTES_PILOTAGE, PAR_PAGE, JourPerimetre, LigneService, Tri, read_jour, sort_lignes
from app.pilotage.perimetres import GENRES, PerimetreSuivi, list_perimetres, read_perimetre
from app.web.dates import heure, jour_long
from app.web.pages import agent_page, page, render

URL: Final = "/pilotage"
#: What a perimeter looks like in an address; anything else is not worth keeping.
_PERIMETRE: Final = re.compile(r"nation|(service|departement|interregion)-[0-9A-Z]{1,19}")
_AUCUN: Final[frozenset[int]] = frozenset()
_VIDE: Final = "Vous n’avez pas d’habilitation de pilotage."


@get("/pilotage", include_in_schema=False)
async def list_pilotage(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """The agent's perimeters, widest first; straight to it when there is only one. 404 without habilitation."""
    async with outils.db.read() as conn:
        perimetres = await list_perimetres(conn, acteur.agent_id)
    if not perimetres:
        await write_acte(outils, acteur, request, Trace("pilotage.acces_refuse"))
        raise AccesRefuse(_VIDE, remede="Adressez-vous à l’administrateur de votre direction.")
    if len(perimetres) == 1:
        return Redirect(f"{URL}/{perimetres[0].cle}", status_code=303)
    groupes = [(titre, [p for p in perimetres if p.genre == genre]) for genre, titre in GENRES.items()]
    contexte = {
        **agent_page(acteur, actif=URL),
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Pilotage", "url": ""}],
        "groupes": [(titre, siens) for titre, siens in groupes if siens],
        "plus_large": perimetres[0],
    }
    return page(request, "pilotage/perimetres.html", contexte)


@get("/pilotage/{perimetre:str}", include_in_schema=False)
async def show_pilotage(
    request: Request[Any, Any, Any],
    perimetre: FromPath[str],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    tri: FromQuery[str] = "",
    sens: FromQuery[str] = "",
) -> Response[bytes]:
    """Counters and table of one perimeter. 404 outside the agent's."""
    ordre = Tri.parse(tri, sens, request.query_params.get("page", ""))
    suivi, jour, agendas = await _read(request, outils, acteur, perimetre)
    contexte = {
        **agent_page(acteur, actif=URL),
        "service": {
            "libelle": suivi.perimetre.libelle,
            "zone": jour.zone.key,
            "date_locale": jour_long(jour.jour),
            "heure_locale": heure(jour.maintenant, jour.zone),
        },
        "direct": True,
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Pilotage", "url": URL},
            {"libelle": suivi.perimetre.libelle, "url": ""},
        ],
        **_regions(suivi, jour, agendas, ordre),
    }
    return page(request, "pilotage/perimetre.html", contexte)


@get("/pilotage/{perimetre:str}/fragment", include_in_schema=False)
async def show_fragment(
    request: Request[Any, Any, Any],
    perimetre: FromPath[str],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    tri: FromQuery[str] = "",
    sens: FromQuery[str] = "",
) -> Response[bytes]:
    """The two live regions alone: each takes its own by its id."""
    ordre = Tri.parse(tri, sens, request.query_params.get("page", ""))
    suivi, jour, agendas = await _read(request, outils, acteur, perimetre)
    html = render(request, "pilotage/_regions.html", _regions(suivi, jour, agendas, ordre))
    return Response(html.encode(), media_type="text/html")


@get("/pilotage/{perimetre:str}/export.csv", include_in_schema=False)
async def export_pilotage(
    request: Request[Any, Any, Any],
    perimetre: FromPath[str],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    tri: FromQuery[str] = "",
    sens: FromQuery[str] = "",
) -> Response[bytes]:
    """The whole table as a CSV file, in the order shown."""
    suivi, jour, _ = await _read(request, outils, acteur, perimetre, liens=False)
    nom = f"pilotage-{suivi.perimetre.cle}-{jour.jour.isoformat()}.csv"
    return Response(
        to_csv(sort_lignes(jour.lignes, Tri.parse(tri, sens, ""))),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{nom}"'},
    )


async def _read(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, cle: str, *, liens: bool = True
) -> tuple[PerimetreSuivi, JourPerimetre, frozenset[int]]:
    """Three statements whatever the perimeter: the right, the day, the agendas that the agent may open.

    Raises AccesRefuse, journaled, outside the agent's perimeters.
    """
    maintenant = clock.now()
    demande = cle if _PERIMETRE.fullmatch(cle) else "illisible"
    refus = Trace("pilotage.acces_refuse", apres={"perimetre": demande})
    async with journal_refus(outils, acteur, request, refus), outils.db.read() as conn:
        suivi = await read_perimetre(conn, acteur.agent_id, cle)
        jour = await read_jour(conn, acteur.agent_id, suivi.perimetre.cle, maintenant)
        agendas = await services_permis(conn, acteur.agent_id, "agenda") if liens and acteur.zone else _AUCUN
    return suivi, jour, agendas


def _regions(suivi: PerimetreSuivi, jour: JourPerimetre, agendas: frozenset[int], tri: Tri) -> dict[str, Any]:
    """What the two live regions show. Nothing in it depends on the present instant but the day."""
    ordonnees = sort_lignes(jour.lignes, tri)
    pages = max(1, -(-len(ordonnees) // PAR_PAGE))
    courant = Tri(tri.colonne, tri.descendant, min(tri.page, pages))
    debut = (courant.page - 1) * PAR_PAGE
    base = f"{URL}/{suivi.perimetre.cle}"
    return {
        "perimetre": suivi.perimetre,
        "epoque": suivi.epoque,
        "jour": jour,
        "comptes": COMPTES_PILOTAGE,
        "url": base,
        "tri": courant,
        "pages": pages,
        "colonnes": [_colonne(cle, mot, courant, base) for cle, mot in _titres()],
        "lignes": [_rang(ligne, ligne.id in agendas) for ligne in ordonnees[debut : debut + PAR_PAGE]],
        "nombre_services": len(ordonnees),
        "fragment": f"{base}/fragment{courant.query()}",
    }


def _titres() -> list[tuple[str, str]]:
    comptes = ((compte.cle, compte.mot) for compte in COMPTES_PILOTAGE)
    return [("service", "Service"), *comptes, ("total", "Rendez-vous")]


def _colonne(cle: str, mot: str, tri: Tri, base: str) -> dict[str, str]:
    """A sortable heading: where a click leads and how it is sorted now."""
    active = tri.colonne == cle
    descendant = not tri.descendant if active else cle != "service"
    return {
        "cle": cle,
        "mot": mot,
        "url": base + tri.query(colonne=cle, descendant=descendant, page=1),
        "sens": ("descending" if tri.descendant else "ascending") if active else "",
    }


def _rang(ligne: LigneService, agenda: bool) -> dict[str, Any]:
    """A row: its figures link to the agenda of that day when the agent may open it."""
    return {
        "id": ligne.id,
        "libelle": ligne.libelle,
        "ville": ligne.ville,
        "departement": ligne.departement,
        "url": f"{URL}/service-{ligne.id}",
        "agenda": f"/services/{ligne.id}/agenda?jour={ligne.jour.isoformat()}&vue=jour" if agenda else "",
        "comptes": ligne.comptes,
        "total": ligne.total,
    }


ROUTES = [list_pilotage, show_pilotage, show_fragment, export_pilotage]
