"""« Rendez-vous à replacer »: the live list, its one confirmation, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.ensemble import ORGANISER
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.replacement.decisions import keep_rdv, take_back
from app.admin.replacement.deplacements import MAXIMUM, check_connus, move_all, parse_voulus
from app.admin.replacement.lecture import Personne, read_personnes
from app.admin.replacement.propositions import Proposition, build_propositions
from app.admin.replacement.situation import Situation, read_situation
from app.admin.replacement.vue import build_bilan, build_ligne, build_resultat, compute_expiration
from app.admin.saisie import Saisie, read_revision
from app.booking.agents.acces import note_lecture, write_lecture
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.errors import SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page, render

A_REPLACER: Final = f"{ORGANISER}/a-replacer"
_GABARIT: Final = "admin/replacement/liste.html"
FAITS: Final = {
    "ferme": "Le guichet est fermé. Ses rendez-vous sont ci-dessous : aucun n’a été annulé.",
    "garde": "Le rendez-vous est gardé tel quel.",
    "remis": "Le rendez-vous est de nouveau à replacer.",
    "inchange": "Rien n’avait changé.",
}


@get(A_REPLACER, include_in_schema=False)
async def show_liste(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The page; its opening is journaled with the RDV that it names."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_liste(outils, acteur, organisation, clock.now())
    await write_lecture(outils, acteur, request, _trace(organisation, contexte))
    return page(request, _GABARIT, {**contexte, "direct": True, "fait": FAITS.get(fait, "")})


@get(f"{A_REPLACER}/fragment", include_in_schema=False)
async def show_liste_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The list alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_liste(outils, acteur, organisation, clock.now())
    await note_lecture(outils, acteur, request, _trace(organisation, contexte))
    return Response(render(request, "admin/replacement/_liste.html", contexte).encode(), media_type="text/html")


@post(A_REPLACER, status_code=200, include_in_schema=False)
async def move_chosen(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """Move all that is ticked, then tell what became of each, above what is left."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    try:
        voulus = parse_voulus(Saisie.of(await request.form()))
    except SaisieInvalide as refus:
        contexte = await _build_liste(outils, acteur, organisation, clock.now())
        await write_lecture(outils, acteur, request, _trace(organisation, contexte))
        return refused_page(request, _GABARIT, {**contexte, "direct": True}, refus)
    auteur = auteur_agent(acteur, request)
    resultats = await move_all(outils, auteur, organisation, voulus, clock.now())
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_liste(outils, acteur, organisation, clock.now())
    await write_lecture(outils, acteur, request, _trace(organisation, contexte))
    nouvelles: dict[int, Proposition] = contexte["propositions"]
    contexte |= {
        "direct": True,
        "bilan": build_bilan(resultats),
        "resultats": [build_resultat(r, nouvelles, organisation.contexte) for r in resultats],
    }
    return page(request, _GABARIT, contexte)


@post(f"{A_REPLACER}/{{rdv_id:int}}/maintien", status_code=200, include_in_schema=False)
async def keep_one(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    rdv_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """« Garder tel quel »."""
    saisie = Saisie.of(await request.form())
    check_connus(saisie, {"revision"})
    auteur = auteur_agent(acteur, request)
    await keep_rdv(outils, auteur, service_id, rdv_id, read_revision(saisie), clock.now())
    return _answer(request, service_id, "garde")


@post(f"{A_REPLACER}/{{rdv_id:int}}/reprise", status_code=200, include_in_schema=False)
async def take_one_back(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    rdv_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """« Remettre à replacer »."""
    check_connus(Saisie.of(await request.form()), set())
    auteur = auteur_agent(acteur, request)
    remis = await take_back(outils, auteur, service_id, rdv_id, clock.now())
    return _answer(request, service_id, "remis" if remis else "inchange")


def _answer(request: Request[Any, Any, Any], service_id: int, fait: str) -> Response[Any]:
    if wants_json(request):
        return Response({"message": FAITS[fait]})
    return Redirect(f"/services/{service_id}/organiser/a-replacer?fait={fait}", status_code=303)


def _trace(organisation: Organisation, contexte: dict[str, Any]) -> Trace:
    """Whose rendez-vous were read."""
    ids = [ligne["id"] for ligne in (*contexte["lignes"], *contexte["gardes"])]
    return Trace("replacement.lu", organisation.contexte.id, apres={"rdv": ids})


async def _build_liste(
    outils: Outils, acteur: Acteur, organisation: Organisation, maintenant: datetime
) -> dict[str, Any]:
    """What the live region shows: a function of versions, rights and day; ``expire`` says when time alone changes it.

    Four statements, whatever the number of rendez-vous.
    """
    contexte = organisation.contexte
    agent_id = acteur.agent_id
    async with outils.db.read() as conn:
        situation: Situation = await read_situation(conn, agent_id, contexte, maintenant)
        montres, gardes = situation.a_replacer[:MAXIMUM], situation.gardes[:MAXIMUM]
        ids = [h.rdv.id for h in (*montres, *gardes)]
        personnes = await read_personnes(conn, agent_id, contexte.id, ids) if ids else {}
        rdvs = [h.rdv for h in montres]
        propositions = await build_propositions(outils, conn, contexte, organisation.versions, rdvs, maintenant)
    inconnu = Personne("", (), False)
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    return {
        **organiser_page(acteur, organisation, "a-replacer"),
        "lignes": [
            build_ligne(h, personnes.get(h.rdv.id, inconnu), propositions.get(h.rdv.id), contexte) for h in montres
        ],
        "gardes": [build_ligne(h, personnes.get(h.rdv.id, inconnu), None, contexte) for h in gardes],
        "nombre": len(situation.a_replacer),
        "reste": len(situation.a_replacer) - len(montres),
        "propositions": propositions,
        "expire": compute_expiration(propositions, aujourdhui, contexte.zone),
        "agenda": "agenda" in organisation.modules,
        "adresse": f"{organisation.url}/a-replacer",
        "resultats": [],
        "bilan": [],
        "fait": "",
        "refus": None,
    }


ROUTES = [show_liste, show_liste_fragment, move_chosen, keep_one, take_one_back]
