"""« Rendez-vous à replacer »: the live list, its one confirmation, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
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
from app.admin.replacement.deplacements import (
    PORTEE,
    Voulu,
    check_connus,
    check_nombre,
    move_all,
    parse_page,
    parse_voulus,
)
from app.admin.replacement.lecture import Personne, read_personnes
from app.admin.replacement.propositions import Propositions, build_propositions
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
#: Rendez-vous on one page.
PAR_PAGE: Final = 50
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
    numero: FromQuery[int] = 1,
) -> Response[bytes]:
    """The page; its opening is journaled with the RDV that it names."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_liste(outils, acteur, organisation, clock.now(), numero)
    await write_lecture(outils, acteur, request, _trace(organisation, contexte))
    return page(request, _GABARIT, {**contexte, "direct": True, "fait": FAITS.get(fait, "")})


@get(f"{A_REPLACER}/fragment", include_in_schema=False)
async def show_liste_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    numero: FromQuery[int] = 1,
) -> Response[bytes]:
    """One page of the list alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_liste(outils, acteur, organisation, clock.now(), numero)
    await note_lecture(outils, acteur, request, _trace(organisation, contexte))
    return Response(render(request, "admin/replacement/_liste.html", contexte).encode(), media_type="text/html")


@post(A_REPLACER, status_code=200, include_in_schema=False)
async def move_chosen(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """Move all that is ticked, on whichever page, then tell what became of each, above what is left.

    « Page suivante » comes here too: nothing moves, and what was ticked is still so on the page asked for.
    """
    organisation = await open_organisation(outils, acteur, request, service_id)
    voulus: list[Voulu] = []
    numero = 1
    try:
        saisie = Saisie.of(await request.form())
        numero, autre = parse_page(saisie)
        voulus = parse_voulus(saisie)
        if autre is None:
            check_nombre(voulus)
    except SaisieInvalide as refus:
        contexte = await _build_liste(outils, acteur, organisation, clock.now(), numero, voulus)
        await write_lecture(outils, acteur, request, _trace(organisation, contexte))
        return refused_page(request, _GABARIT, {**contexte, "direct": True}, refus)
    if autre is not None:
        contexte = await _build_liste(outils, acteur, organisation, clock.now(), autre, voulus)
        await write_lecture(outils, acteur, request, _trace(organisation, contexte))
        return page(request, _GABARIT, {**contexte, "direct": True})
    auteur = auteur_agent(acteur, request)
    resultats = await move_all(outils, auteur, organisation, voulus, clock.now())
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _build_liste(outils, acteur, organisation, clock.now(), numero)
    await write_lecture(outils, acteur, request, _trace(organisation, contexte))
    trouvees: Propositions = contexte["propositions"]
    arrives = {r.deplace.service_id for r in resultats if r.deplace is not None}
    arrivees = {i: lu for i in arrives if (lu := outils.dispo.contextes.peek(i)) is not None}
    contexte |= {
        "direct": True,
        "bilan": build_bilan(resultats),
        "resultats": [
            build_resultat(r, trouvees, contexte["restants"], organisation.contexte, arrivees) for r in resultats
        ],
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
    outils: Outils,
    acteur: Acteur,
    organisation: Organisation,
    maintenant: datetime,
    numero: int = 1,
    voulus: Sequence[Voulu] = (),
) -> dict[str, Any]:
    """One page of what the live region shows: a function of versions, rights and day; ``expire`` says when time alone
    changes it. ``voulus``: what is ticked already, here or on another page.

    Four statements, two when other services receive for it, and two for each service to which it delegates, or whose
    usagers it receives, whatever the number of rendez-vous.
    """
    contexte = organisation.contexte
    agent_id = acteur.agent_id
    async with outils.db.read() as conn:
        situation: Situation = await read_situation(outils, conn, agent_id, contexte, maintenant)
        pages = max(1, *(-(-len(liste) // PAR_PAGE) for liste in (situation.a_replacer, situation.gardes)))
        numero = min(max(numero, 1), pages)
        debut, fin = (numero - 1) * PAR_PAGE, numero * PAR_PAGE
        montres, gardes = situation.a_replacer[debut:fin], situation.gardes[debut:fin]
        ids = [h.rdv.id for h in (*montres, *gardes)]
        personnes = await read_personnes(conn, outils.settings, agent_id, contexte.id, ids) if ids else {}
        # Those of the pages before are served first, so that no place is proposed on two pages.
        rdvs = [h.rdv for h in situation.a_replacer[:fin]]
        trouvees = await build_propositions(
            outils, conn, contexte, organisation.versions, rdvs, maintenant, montres={h.rdv.id for h in montres}
        )
    inconnu = Personne("", (), None)
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    cochees = {voulu.rdv_id: voulu for voulu in voulus}
    # The versions read first: what is shown is at least as recent.
    suivis = {f"service:{contexte.id}": organisation.versions.service, **trouvees.suivis, **situation.suivis}
    siens = {h.rdv.id: trouvees.par_rdv[h.rdv.id] for h in montres}
    adresse = f"{organisation.url}/a-replacer"
    return {
        **organiser_page(acteur, organisation, "a-replacer"),
        "sujet": " ".join(suivis),
        "version": " ".join(str(version) for version in suivis.values()),
        "fragment": f"{adresse}/fragment" + (f"?numero={numero}" if numero > 1 else ""),
        "lignes": [
            build_ligne(h, personnes.get(h.rdv.id, inconnu), trouvees, contexte, cochees.get(h.rdv.id)) for h in montres
        ],
        "gardes": [build_ligne(h, personnes.get(h.rdv.id, inconnu), None, contexte) for h in gardes],
        "restants": {rdv.id: rdv for rdv in rdvs},
        "ailleurs": [voulu for voulu in voulus[:PORTEE] if voulu.rdv_id not in siens],
        "nombre": len(situation.a_replacer),
        "nombre_gardes": len(situation.gardes),
        "numero": numero,
        "pages": pages,
        "premier": debut + 1,
        "dernier": debut + len(montres),
        "propositions": trouvees,
        "confie": bool(trouvees.delegues),
        "expire": compute_expiration(siens, aujourdhui, contexte.zone),
        "agenda": "agenda" in organisation.modules,
        "adresse": adresse,
        "resultats": [],
        "bilan": [],
        "fait": "",
        "refus": None,
    }


ROUTES = [show_liste, show_liste_fragment, move_chosen, keep_one, take_one_back]
