"""``/services/{id}/organiser/ouverture``: what is missing before usagers may come, and the switch [C §5]."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.histoire import read_histoire
from app.admin.ouverture.gestes import AvertissementsALire, OuvertureImpossible, close_service, open_service
from app.admin.ouverture.lecture import read_faits
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.parametres.champs import check_connus
from app.admin.saisie import Saisie
from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.domain.activation import Point, explain_activation, list_avertissements, list_manques
from app.domain.horaires import get_cadran
from app.identite.acteur import Acteur
from app.web.dates import jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page, render

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/services/{service_id:int}/organiser/ouverture"
GABARIT: Final = "admin/ouverture/ouverture.html"
DERNIERS: Final = 10
_FAITS: Final = {
    "ouvert": "La prise de rendez-vous en ligne est activée.",
    "ferme": "La prise de rendez-vous en ligne est fermée. Aucun rendez-vous n’est annulé.",
    "deja": "C’était déjà fait : rien n’a changé.",
}


@get(ADRESSE, include_in_schema=False)
async def show_ouverture(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The list, live, and the switch."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _contexte(outils, acteur, organisation)
    return page(request, GABARIT, {**contexte, "fait": _FAITS.get(fait, "")})


@get(f"{ADRESSE}/fragment", include_in_schema=False)
async def show_ouverture_fragment(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[bytes]:
    """The list and the switch alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {
        **organiser_page(acteur, organisation, "ouverture"),
        **await _liste(outils, organisation.contexte, clock.now()),
    }
    return Response(render(request, "admin/ouverture/_liste.html", contexte).encode(), media_type="text/html")


@post(f"{ADRESSE}/ouvrir", status_code=200, include_in_schema=False)
async def do_ouvrir(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """Activate, once nothing is missing and every warning is acknowledged."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    saisie = Saisie.of(await request.form())
    check_connus(saisie, {"compris"})
    compris = set(saisie.donnees.get("compris", ()))
    try:
        change = await open_service(outils, auteur_agent(acteur, request), service_id, compris, clock.now())
    except (OuvertureImpossible, AvertissementsALire) as refus:
        if wants_json(request):
            raise
        return refused_page(request, GABARIT, await _contexte(outils, acteur, organisation, compris), refus)
    return _answer(request, organisation, "ouvert" if change else "deja")


@post(f"{ADRESSE}/fermer", status_code=200, include_in_schema=False)
async def do_fermer(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """Deactivate."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    check_connus(Saisie.of(await request.form()), {"compris"})
    change = await close_service(outils, auteur_agent(acteur, request), service_id, clock.now())
    return _answer(request, organisation, "ferme" if change else "deja")


def _answer(request: Requete, organisation: Organisation, fait: str) -> Response[Any]:
    if wants_json(request):
        return Response({"message": _FAITS[fait]})
    return Redirect(f"{organisation.url}/ouverture?fait={fait}", status_code=303)


async def _contexte(
    outils: Outils, acteur: Acteur, organisation: Organisation, compris: set[str] | None = None
) -> dict[str, Any]:
    service = organisation.contexte
    async with outils.db.read() as conn:
        histoire = await read_histoire(conn, acteur.agent_id, service.id, service.zone, objet="ouverture")
    return {
        **organiser_page(acteur, organisation, "ouverture"),
        **await _liste(outils, service, clock.now(), compris),
        "direct": True,
        "histoire": histoire[:DERNIERS],
        "fait": "",
    }


async def _liste(
    outils: Outils, service: ServiceContexte, maintenant: datetime, compris: set[str] | None = None
) -> dict[str, Any]:
    """The points and where the opening stands; a function of the service's state and of its day."""
    async with outils.db.read() as conn:
        points = explain_activation(await read_faits(outils, conn, service.id, maintenant))
    aujourdhui = maintenant.astimezone(service.zone).date()
    manques, avertissements = list_manques(points), list_avertissements(points)
    return {
        "etat": _etat(service, aujourdhui, manques),
        "points": [_present(point, compris or set()) for point in points],
        "manques": len(manques),
        "avertissements": len(avertissements),
        "active": service.en_ligne,
        "date_nationale": _date_nationale(service, aujourdhui),
        "public": f"/services/{service.id}",
        "garde": service.parametres.duree_option_max_minutes,
        "expire": get_cadran(aujourdhui + timedelta(days=1), service.zone).debut,
    }


def _present(point: Point, compris: set[str]) -> dict[str, Any]:
    return {
        "cle": point.cle,
        "etat": point.etat.value,
        "phrase": point.phrase,
        "pourquoi": point.pourquoi,
        "partie": point.partie,
        "compris": point.cle in compris,
    }


def _date_nationale(service: ServiceContexte, aujourdhui: date) -> str:
    """The day of the second stage when it is still to come [C §5]."""
    nationale = service.ouverture_nationale
    return jour_long(nationale) if nationale is not None and nationale > aujourdhui else ""


def _etat(service: ServiceContexte, aujourdhui: date, manques: tuple[Point, ...]) -> str:
    """``ouvert``, ``attente`` (of the national date), ``empeche`` (activated, but something is missing), ``ferme``."""
    if not service.en_ligne:
        return "ferme"
    if _date_nationale(service, aujourdhui):
        return "attente"
    return "empeche" if manques or not service.prend_en_ligne(aujourdhui) else "ouvert"


ROUTES: list[Any] = [show_ouverture, show_ouverture_fragment, do_ouvrir, do_fermer]
