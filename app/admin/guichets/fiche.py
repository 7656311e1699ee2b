"""A guichet: its name, what it takes, its agents. Creation and change are the same form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.guichets.ecritures import change_guichet, create_guichet
from app.admin.guichets.effets import EffetsAConfirmer
from app.admin.guichets.formulaire import build_arbre, fill, parse, refill
from app.admin.guichets.lecture import AgentLu, GuichetLu, read_affectables
from app.admin.guichets.mots import CANAUX, LIBELLES, TYPES, build_faits, describe_guichet
from app.admin.guichets.porte import FAITS, GUICHET, GUICHETS, name_effets, open_guichet_page
from app.admin.histoire import read_histoire
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.saisie import SANS_REVISION, Saisie
from app.booking.outils import Outils
from app.errors import AppError, Introuvable, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page, render

_GABARIT: Final = "admin/guichets/fiche.html"
#: Changes shown on the page; the whole history is one link away.
_DERNIERS: Final = 5


@get(f"{GUICHETS}/nouveau", include_in_schema=False)
async def show_nouveau(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """An empty form: a name is enough, everything else restricts."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    valeurs = fill(None) | {"nom": _propose_nom(organisation)}
    return page(request, _GABARIT, await _build_page(outils, acteur, organisation, None, valeurs))


def _propose_nom(organisation: Organisation) -> str:
    """« Guichet 3 » after two guichets: the first such name that is free."""
    pris = {g.nom.casefold() for g in organisation.contexte.guichets.values()}
    rang = len(pris) + 1
    while f"guichet {rang}" in pris:
        rang += 1
    return f"Guichet {rang}"


@post(GUICHETS, status_code=200, include_in_schema=False)
async def create(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Create it, then the list; a refusal shows the form again."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    saisie = Saisie.of(await request.form())
    try:
        agents = await _read_agents(outils, service_id, None)
        valeurs = parse(saisie, organisation.contexte.motifs, agents)
        saisie.check()
        await create_guichet(outils, auteur_agent(acteur, request), service_id, valeurs, clock.now())
    except Introuvable:
        raise
    except AppError as refus:
        contexte = await _build_page(outils, acteur, organisation, None, refill(saisie))
        return refused_page(request, _GABARIT, contexte, refus)
    return Redirect(f"{organisation.url}/guichets?fait=cree", status_code=303)


@get(GUICHET, include_in_schema=False)
async def show_guichet(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The form, what is recorded beside it (live), the last changes."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    contexte = await _build_page(outils, acteur, organisation, guichet, fill(guichet))
    return page(request, _GABARIT, {**contexte, "fait": FAITS.get(fait, "")})


@get(f"{GUICHET}/fragment", include_in_schema=False)
async def show_guichet_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """What is recorded."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    contexte = {
        **organiser_page(acteur, organisation, "guichets", guichet.regle.nom),
        **await _read_etat(outils, acteur, organisation, guichet),
    }
    return Response(render(request, "admin/guichets/_etat.html", contexte).encode(), media_type="text/html")


@post(GUICHET, status_code=200, include_in_schema=False)
async def save_guichet(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Save what differs. A refusal shows the form again, with all that was typed."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    saisie = Saisie.of(await request.form())
    try:
        agents = await _read_agents(outils, service_id, guichet_id)
        valeurs = parse(saisie, organisation.contexte.motifs, agents, guichet.regle.motifs)
        revision = saisie.revision(requis=SANS_REVISION)
        saisie.check()
        auteur, vus = auteur_agent(acteur, request), saisie.brut("vus")
        restants = await change_guichet(outils, auteur, service_id, guichet_id, valeurs, revision, vus, clock.now())
    except Introuvable:
        raise
    except AppError as refus:
        organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
        contexte = await _build_page(outils, acteur, organisation, guichet, refill(saisie))
        contexte |= {"saisi": _build_saisi(saisie, organisation, contexte["agents_possibles"], guichet)}
        if isinstance(refus, EffetsAConfirmer):
            ids = refus.details["rdv"]
            noms = await name_effets(outils, acteur, request, organisation, guichet_id, ids)
            contexte |= {"vus": refus.details["vus"], "rdv": noms, "reste": len(ids) - len(noms)}
        return refused_page(request, _GABARIT, contexte, refus)
    fait = "inchange" if restants is None else "enregistre_rdv" if restants else "enregistre"
    return Redirect(f"{organisation.url}/guichets?fait={fait}", status_code=303)


async def _read_agents(outils: Outils, service_id: int, guichet_id: int | None) -> list[AgentLu]:
    async with outils.db.read() as conn:
        return await read_affectables(conn, service_id, guichet_id)


def _build_saisi(
    saisie: Saisie, organisation: Organisation, agents: list[AgentLu], guichet: GuichetLu
) -> Mapping[str, Any]:
    """What was typed, in the words of the recorded version, to be read beside it; nothing when it cannot be read."""
    lue = Saisie(saisie.donnees)
    try:
        valeurs = parse(lue, organisation.contexte.motifs, agents, guichet.regle.motifs)
        lue.check()
    except SaisieInvalide:
        return {}
    affectes = [agent for agent in agents if agent.id in valeurs.agents]
    return build_faits(valeurs.apply(0, ouvert=True), affectes, organisation.contexte)


async def _build_page(
    outils: Outils,
    acteur: Acteur,
    organisation: Organisation,
    guichet: GuichetLu | None,
    valeurs: Mapping[str, Any],
) -> dict[str, Any]:
    contexte = organisation.contexte
    etat: dict[str, Any] = {"lignes": [], "resume": None}
    if guichet is not None:
        etat = await _read_etat(outils, acteur, organisation, guichet)
    agents = await _read_agents(outils, contexte.id, guichet.id if guichet else None)
    adresse = f"{organisation.url}/guichets" + (f"/{guichet.id}" if guichet else "")
    return {
        **organiser_page(acteur, organisation, "guichets", guichet.regle.nom if guichet else "Nouveau guichet"),
        **etat,
        "direct": guichet is not None,
        "guichet": guichet,
        "valeurs": valeurs,
        "adresse": adresse if guichet else f"{adresse}/nouveau",
        "action": adresse,
        "arbre": build_arbre(contexte.motifs, valeurs["motif"]),
        "nombre_motifs": sum(m.actif for m in contexte.motifs.values()),
        "origines": list(CANAUX.items()),
        "types": list(TYPES.items()),
        "visio": bool(contexte.visio_base),
        "agents_possibles": agents,
        "libelles": LIBELLES,
        "saisi": {},
        "fait": "",
        "vus": "",
        "rdv": [],
        "reste": 0,
        "refus": None,
    }


async def _read_etat(outils: Outils, acteur: Acteur, organisation: Organisation, guichet: GuichetLu) -> dict[str, Any]:
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        lignes = await read_histoire(
            conn, acteur.agent_id, contexte.id, contexte.zone, objet="guichet", objet_id=guichet.id
        )
    return {"guichet": guichet, "resume": describe_guichet(guichet.regle, contexte), "lignes": lignes[:_DERNIERS]}


ROUTES = [show_nouveau, create, show_guichet, show_guichet_fragment, save_guichet]
