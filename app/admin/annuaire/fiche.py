"""« Fiche du service »: how it is reached and found. The chef changes some fields, the national administrator all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import select

from app import clock
from app.admin.annuaire.ecritures import change_service
from app.admin.annuaire.formulaire import (
    LIBELLES,
    LIBELLES_CHEF,
    check_champs,
    fill,
    parse_chef,
    parse_national,
    parse_site,
    refill,
)
from app.admin.annuaire.lectures import Reference, read_etat, read_reference, read_sites
from app.admin.chantier import is_national
from app.admin.ensemble import ORGANISER
from app.admin.histoire import Ligne, read_histoire
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.errors import AppError, Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page, render

FAITS: Final = {
    "enregistre": "La fiche est enregistrée : les écrans ouverts et les pages des usagers la suivent.",
    "inchange": "Rien n’avait changé : la fiche est restée telle quelle.",
    "cree": "Le service est créé. Il reste à lui donner des guichets, des plannings et des motifs.",
    "ferme": "Le service est fermé : il n’est plus proposé à personne.",
    "rouvert": "Le service est rouvert. Sa prise de rendez-vous en ligne reste à activer.",
}
#: Changes shown on the page; the whole history is one link away.
DERNIERS: Final = 5


@get(f"{ORGANISER}/fiche", include_in_schema=False)
async def show_fiche(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The form, what is wrong with the codes, the last changes."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_page(outils, acteur, organisation, fill(organisation.service))
    return page(request, "admin/annuaire/fiche.html", {**contexte, "fait": FAITS.get(fait, "")})


@get(f"{ORGANISER}/fiche/fragment", include_in_schema=False)
async def show_fiche_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """What is recorded, beside the form."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**organiser_page(acteur, organisation, "fiche"), **await _read_etat(outils, acteur, organisation)}
    return Response(render(request, "admin/annuaire/_etat.html", contexte).encode(), media_type="text/html")


@post(f"{ORGANISER}/fiche", include_in_schema=False)
async def save_fiche(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Redirect | Response[bytes]:
    """Save what differs. A refusal shows the form again, with all that was typed."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    saisie = Saisie.of(await request.form())
    try:
        change = await _save(outils, acteur, request, organisation, saisie)
    except Introuvable:
        raise
    except AppError as refus:
        organisation = await open_organisation(outils, acteur, request, service_id)
        contexte = await _build_page(outils, acteur, organisation, refill(saisie))
        _compare(contexte, refus)
        return refused_page(request, "admin/annuaire/fiche.html", {**contexte, "fait": ""}, refus)
    return Redirect(f"{organisation.url}/fiche?fait={'enregistre' if change else 'inchange'}", status_code=303)


def _compare(contexte: dict[str, Any], refus: AppError) -> None:
    """Of two versions, keep the fields that differ, in words rather than in codes."""
    actuel = refus.details.get("actuel")
    if actuel is None:
        return
    reference, saisi = contexte["reference"], contexte["valeurs"]
    mots: dict[str, dict[str, str]] = {"site": dict(contexte["sites"])}
    if reference is not None:
        mots |= {
            "type_code": dict(reference.types),
            "departement": dict(reference.departements),
            "fuseau": dict(reference.fuseaux),
        }
    differents = {champ: mot for champ, mot in contexte["libelles"].items() if actuel.get(champ, "") != saisi[champ]}
    contexte["libelles"] = differents
    contexte["saisi"] = {champ: mots.get(champ, {}).get(saisi[champ], saisi[champ]) for champ in differents}
    refus.details["actuel"] = {champ: mots.get(champ, {}).get(actuel[champ], actuel[champ]) for champ in differents}


async def _save(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], organisation: Organisation, saisie: Saisie
) -> bool:
    async with outils.db.read() as conn:
        national = bool((await conn.execute(select(is_national(acteur.agent_id)))).scalar_one())
        reference = await read_reference(conn) if national else None
    check_champs(saisie, LIBELLES if national else LIBELLES_CHEF)
    site = None
    if reference is None:
        valeurs = parse_chef(saisie, organisation.service["departement"])
    else:
        valeurs = parse_national(saisie, dict(reference.types), dict(reference.departements))
        site = (parse_site(saisie), saisie.texte("site_nom", maximum=150))
    revision = saisie.revision()
    saisie.check()
    auteur, maintenant = auteur_agent(acteur, request), clock.now()
    return await change_service(outils, auteur, organisation.contexte.id, valeurs, revision, maintenant, site=site)


async def _build_page(
    outils: Outils, acteur: Acteur, organisation: Organisation, valeurs: Mapping[str, str]
) -> dict[str, Any]:
    service = organisation.service
    etat = await _read_etat(outils, acteur, organisation)
    reference: Reference | None = None
    sites: list[tuple[str, str]] = []
    if etat["national"]:
        async with outils.db.read() as conn:
            reference = await read_reference(conn)
            sites = await read_sites(conn, service["departement"], service["site_id"])
    return {
        **organiser_page(acteur, organisation, "fiche"),
        **etat,
        "direct": True,
        "valeurs": valeurs,
        "revision": service["revision"],
        "reference": reference,
        "sites": sites,
        "libelles": LIBELLES if etat["national"] else LIBELLES_CHEF,
        "saisi": valeurs,
    }


async def _read_etat(outils: Outils, acteur: Acteur, organisation: Organisation) -> dict[str, Any]:
    """What the live part shows: rights decide the links, the service's version the rest."""
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        national = bool((await conn.execute(select(is_national(acteur.agent_id)))).scalar_one())
        etat = await read_etat(conn, organisation.service)
        lignes: list[Ligne] = await read_histoire(
            conn, acteur.agent_id, contexte.id, contexte.zone, objet="service", objet_id=contexte.id
        )
    return {
        "national": national,
        "etat": etat,
        "valeurs_enregistrees": organisation.service,
        "lignes": lignes[:DERNIERS],
        "refus": None,
    }


ROUTES = [show_fiche, show_fiche_fragment, save_fiche]
