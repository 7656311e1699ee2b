"""« Fermetures et exceptions »: the year strip, closures, extra openings, one day's own hours, holidays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app.admin.pages import Organisation, open_organisation, organiser_page
from app.admin.plannings.annee import build_annee
from app.admin.plannings.changement import Changement, EcrireException, ReglerFerie, RetirerException, get_exception
from app.admin.plannings.decision import Dossier, handle, show
from app.admin.plannings.dessin import local_day
from app.admin.plannings.formulaire_exception import draw_exception, read_exception
from app.admin.plannings.formulaires import check_champs, echo
from app.admin.plannings.lecture import read_composition
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.domain.composition import Composition
from app.domain.horaires import get_cadran
from app.identite.acteur import Acteur
from app.web.pages import page, render

BASE: Final = "/services/{service_id:int}/organiser/exceptions"
FAITS: Final = {
    "exception": "L’exception est enregistrée : les écrans ouverts et la grille publique viennent de la suivre.",
    "retiree": "L’exception est supprimée : ces jours sont à nouveau comme les autres.",
    "ferie": "Le jour férié est réglé : les écrans ouverts et la grille publique viennent de suivre.",
}
#: Years that the strip may show, around today.
_PORTEE: Final = 20


@get(BASE, include_in_schema=False)
async def show_exceptions(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    annee: FromQuery[int] = 0,
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The year, its holidays and its exceptions."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**await _liste(outils, acteur, organisation, annee), "direct": True, "fait_phrase": FAITS.get(fait, "")}
    return page(request, "admin/plannings/exceptions.html", contexte)


@get(f"{BASE}/fragment", include_in_schema=False)
async def show_exceptions_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    annee: FromQuery[int] = 0,
) -> Response[bytes]:
    """The strip and the lists alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _liste(outils, acteur, organisation, annee)
    return Response(render(request, "admin/plannings/_exceptions.html", contexte).encode(), media_type="text/html")


async def _liste(outils: Outils, acteur: Acteur, organisation: Organisation, annee: int) -> dict[str, Any]:
    async with outils.db.read() as conn:
        comp = await read_composition(conn, organisation.contexte.id)
    aujourdhui = local_day(organisation)
    choisie = annee if abs(annee - aujourdhui.year) <= _PORTEE else aujourdhui.year
    base = f"{organisation.url}/exceptions"
    liste = build_annee(organisation.contexte, comp, choisie, aujourdhui, base)
    expire = get_cadran(aujourdhui, organisation.contexte.zone).fin
    return {**organiser_page(acteur, organisation, "exceptions"), **liste, "expire": expire}


@get(f"{BASE}/nouvelle", include_in_schema=False)
async def show_nouvelle(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    nature: FromQuery[str] = "fermeture",
    jour: FromQuery[str] = "",
    guichet: FromQuery[int] = 0,
) -> Response[bytes]:
    """A new exception; ``nature=remplacement`` is « modifier seulement ce jour »."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await show(request, outils, acteur, organisation, _dossier(organisation, None, nature, jour, guichet))


@post(f"{BASE}/nouvelle", include_in_schema=False, status_code=200)
async def create_exception(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Save it; when rendez-vous would fall outside, tell them first."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await handle(request, outils, acteur, organisation, _dossier(organisation, None))


@get(f"{BASE}/{{exception_id:int}}", include_in_schema=False)
async def show_exception(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    exception_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """An exception to change."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        get_exception(await read_composition(conn, service_id), exception_id)
    return await show(request, outils, acteur, organisation, _dossier(organisation, exception_id))


@post(f"{BASE}/{{exception_id:int}}", include_in_schema=False, status_code=200)
async def change_exception(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    exception_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Save it; when rendez-vous would fall outside, tell them first."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await handle(request, outils, acteur, organisation, _dossier(organisation, exception_id))


@post(f"{BASE}/{{exception_id:int}}/suppression", include_in_schema=False, status_code=200)
async def remove_exception(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    exception_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Remove it (an extra opening may hold rendez-vous: they are told first)."""
    organisation = await open_organisation(outils, acteur, request, service_id)

    def read(saisie: Saisie, comp: Composition, org: Organisation) -> Changement:
        check_champs(saisie, ("revision",))
        revision = saisie.revision()
        saisie.check()
        return RetirerException(exception_id, revision)

    dossier = Dossier(
        partie="exceptions",
        titre="Supprimer une exception",
        gabarit="admin/plannings/exception.html",
        url=f"{organisation.url}/exceptions/{exception_id}/suppression",
        fait="retiree",
        read=read,
        formulaire=lambda comp, org, saisi: draw_exception(comp, org, None, exception_id),
        semaine=lambda saisie: None,
        echo=lambda saisie: {},
        relue=False,
        publier="Supprimer",
    )
    return await handle(request, outils, acteur, organisation, dossier)


@post(f"{BASE}/feries", include_in_schema=False, status_code=200)
async def set_ferie(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Reopen a holiday, or let it close again."""
    organisation = await open_organisation(outils, acteur, request, service_id)

    def read(saisie: Saisie, comp: Composition, org: Organisation) -> Changement:
        check_champs(saisie, ("reglage",))
        sens, _, jour = saisie.brut("reglage").partition(" ")
        lu = Saisie({"jour": [jour]}).jour("jour")
        if sens not in ("rouvrir", "refermer") or lu is None:
            saisie.refuse("reglage", "Choisissez un jour férié à rouvrir ou à refermer.")
        saisie.check()
        assert lu is not None
        return ReglerFerie(lu, sens == "rouvrir")

    dossier = Dossier(
        partie="exceptions",
        titre="Régler un jour férié",
        gabarit="admin/plannings/exception.html",
        url=f"{organisation.url}/exceptions/feries",
        fait="ferie",
        read=read,
        formulaire=lambda comp, org, saisi: draw_exception(comp, org, None, None),
        semaine=_jour_de,
        echo=lambda saisie: {},
        relue=False,
        publier="Enregistrer",
    )
    return await handle(request, outils, acteur, organisation, dossier)


def _jour_de(saisie: Saisie) -> date | None:
    lecture = Saisie(saisie.donnees)
    return lecture.jour("du") or Saisie({"jour": [saisie.brut("reglage").partition(" ")[2]]}).jour("jour")


def _dossier(
    organisation: Organisation, exception_id: int | None, nature: str = "fermeture", jour: str = "", guichet: int = 0
) -> Dossier:
    def read(saisie: Saisie, comp: Composition, org: Organisation) -> Changement:
        revision = saisie.revision()
        return EcrireException(read_exception(saisie, org.contexte.guichets), exception_id, revision)

    def formulaire(comp: Composition, org: Organisation, saisi: Mapping[str, Any] | None) -> dict[str, Any]:
        return draw_exception(comp, org, saisi, exception_id, nature=nature, jour=jour, guichet=guichet)

    adresse = "nouvelle" if exception_id is None else str(exception_id)
    return Dossier(
        partie="exceptions",
        titre="Nouvelle exception" if exception_id is None else "Modifier une exception",
        gabarit="admin/plannings/exception.html",
        url=f"{organisation.url}/exceptions/{adresse}",
        fait="exception",
        read=read,
        formulaire=formulaire,
        semaine=_jour_de,
        echo=echo,
        relue=False,
        publier="Enregistrer",
    )


ROUTES = [
    show_exceptions,
    show_exceptions_fragment,
    show_nouvelle,
    create_exception,
    show_exception,
    change_exception,
    remove_exception,
    set_ferie,
]
