"""« Plannings »: the list, a week as the usager sees it, and the forms of semaines and mois types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app import clock
from app.admin.pages import Organisation, open_organisation, organiser_page
from app.admin.plannings.changement import Changement, EcrirePlanning, RetirerPlanning, get_planning
from app.admin.plannings.decision import Dossier, handle, show
from app.admin.plannings.dessin import draw, local_day, prefill
from app.admin.plannings.formulaires import check_champs, echo, open_planning, read_planning
from app.admin.plannings.lecture import read_composition
from app.admin.plannings.listes import build_liste
from app.admin.plannings.semaine import Regard, build_semaine, read_occupations
from app.admin.saisie import Saisie
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.domain.composition import Composition
from app.domain.horaires import get_cadran
from app.identite.acteur import Acteur
from app.web.pages import page, render

BASE: Final = "/services/{service_id:int}/organiser/plannings"
FAITS: Final = {
    "planning": "Le planning est publié : les écrans ouverts et la grille publique viennent de le suivre.",
    "retire": "Le planning est supprimé : les écrans ouverts et la grille publique viennent de suivre.",
    "journee": "La journée type est enregistrée.",
    "journee-retiree": "La journée type est supprimée.",
}


@get(BASE, include_in_schema=False)
async def show_plannings(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """What is valid when, the plannings and the journées types."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**await _liste(outils, acteur, organisation), "direct": True, "fait_phrase": FAITS.get(fait, "")}
    return page(request, "admin/plannings/plannings.html", contexte)


@get(f"{BASE}/fragment", include_in_schema=False)
async def show_plannings_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The lists alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _liste(outils, acteur, organisation)
    return Response(render(request, "admin/plannings/_liste.html", contexte).encode(), media_type="text/html")


async def _liste(outils: Outils, acteur: Acteur, organisation: Organisation) -> dict[str, Any]:
    async with outils.db.read() as conn:
        comp = await read_composition(conn, organisation.contexte.id)
    aujourdhui = local_day(organisation)
    liste = build_liste(organisation, comp, aujourdhui)
    expire = get_cadran(aujourdhui, organisation.contexte.zone).fin
    return {**organiser_page(acteur, organisation, "plannings"), **liste, "expire": expire}


@get(f"{BASE}/semaine", include_in_schema=False)
async def show_semaine(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """A week as published, the first that an usager may book unless another is chosen, for a motif and a channel."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte, maintenant = organisation.contexte, clock.now()
    aujourdhui = local_day(organisation)
    premier = compute_fenetre(contexte, "internet", maintenant).du
    regard = Regard.of(dict(request.query_params.items()), contexte, premier, aujourdhui)
    async with outils.db.read() as conn:
        comp = await read_composition(conn, service_id)
        occupations = await read_occupations(outils.dispo, conn, contexte, organisation.versions, regard, maintenant)
    semaine = build_semaine(comp, contexte, regard, occupations, maintenant)
    page_contexte = {**organiser_page(acteur, organisation, "plannings", "Ce que voit l’usager"), "semaine": semaine}
    return page(request, "admin/plannings/semaine.html", page_contexte)


# Forms


@get(f"{BASE}/nouveau", include_in_schema=False)
async def show_nouveau(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    nature: FromQuery[str] = "semaine",
    copie: FromQuery[int] = 0,
    suite: FromQuery[int] = 0,
) -> Response[bytes]:
    """A new planning: blank, copied from another, or following one."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await show(request, outils, acteur, organisation, _nouveau(organisation, nature, copie, suite))


@post(f"{BASE}/nouveau", include_in_schema=False, status_code=200)
async def create_planning(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Show what it would change, or publish it."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await handle(request, outils, acteur, organisation, _nouveau(organisation))


@get(f"{BASE}/{{planning_id:int}}", include_in_schema=False)
async def show_planning(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    planning_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """A planning to change."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        get_planning(await read_composition(conn, service_id), planning_id)
    return await show(request, outils, acteur, organisation, _existant(organisation, planning_id))


@post(f"{BASE}/{{planning_id:int}}", include_in_schema=False, status_code=200)
async def change_planning(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    planning_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Show what the change would do, or publish it."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    return await handle(request, outils, acteur, organisation, _existant(organisation, planning_id))


@post(f"{BASE}/{{planning_id:int}}/suppression", include_in_schema=False, status_code=200)
async def remove_planning(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    planning_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Show what its removal would do, or remove it."""
    organisation = await open_organisation(outils, acteur, request, service_id)

    def read(saisie: Saisie, comp: Composition, organisation: Organisation) -> Changement:
        check_champs(saisie, ("revision",))
        revision = saisie.revision()
        saisie.check()
        return RetirerPlanning(planning_id, revision)

    existant = _existant(organisation, planning_id)
    dossier = Dossier(
        partie="plannings",
        titre="Supprimer ce planning",
        gabarit=existant.gabarit,
        url=f"{existant.url}/suppression",
        fait="retire",
        read=read,
        formulaire=existant.formulaire,
        semaine=lambda saisie: None,
        echo=lambda saisie: {},
        publier="Supprimer",
    )
    return await handle(request, outils, acteur, organisation, dossier)


def _nouveau(organisation: Organisation, nature: str = "semaine", copie: int = 0, suite: int = 0) -> Dossier:
    def formulaire(comp: Composition, org: Organisation, saisi: Mapping[str, Any] | None) -> dict[str, Any]:
        if saisi is None:
            return draw(comp, org, prefill(comp, org, nature, copie, suite))
        return draw(comp, org, saisi)

    return Dossier(
        partie="plannings",
        titre="Nouveau planning",
        gabarit="admin/plannings/planning.html",
        url=f"{organisation.url}/plannings/nouveau",
        fait="planning",
        read=lambda saisie, comp, org: _read(saisie, comp, org, None),
        formulaire=formulaire,
        semaine=lambda saisie: Saisie(saisie.donnees).jour("du"),
        echo=echo,
    )


def _existant(organisation: Organisation, planning_id: int) -> Dossier:
    def formulaire(comp: Composition, org: Organisation, saisi: Mapping[str, Any] | None) -> dict[str, Any]:
        lot = comp.find_planning(planning_id)
        recorded = open_planning(comp, lot, "semaine", local_day(org))
        dessin = draw(comp, org, saisi if saisi and "nom" in saisi else recorded, lot)
        dessin["saisi"]["revision"] = dessin["saisi"].get("revision") or recorded.get("revision", "")
        dessin["action"] = f"{org.url}/plannings/{planning_id}"
        if lot is None:  # removed meanwhile: what was typed may become a new one
            dessin["saisi"].pop("revision", None)
            dessin["action"] = f"{org.url}/plannings/nouveau"
        return dessin

    return Dossier(
        partie="plannings",
        titre="Modifier un planning",
        gabarit="admin/plannings/planning.html",
        url=f"{organisation.url}/plannings/{planning_id}",
        fait="planning",
        read=lambda saisie, comp, org: _read(saisie, comp, org, planning_id),
        formulaire=formulaire,
        semaine=lambda saisie: Saisie(saisie.donnees).jour("du"),
        echo=echo,
    )


def _read(saisie: Saisie, comp: Composition, organisation: Organisation, planning_id: int | None) -> Changement:
    suite = saisie.entier("suite", minimum=1, maximum=999_999_999)
    revision = saisie.revision()
    fiche = read_planning(saisie, comp, organisation.contexte.guichets)
    return EcrirePlanning(fiche, planning_id, None if planning_id is not None else suite, revision)


ROUTES = [
    show_plannings,
    show_plannings_fragment,
    show_semaine,
    show_nouveau,
    create_planning,
    show_planning,
    change_planning,
    remove_planning,
]
