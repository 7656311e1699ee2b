"""The page that assigns agents to a RDV: those who hold the service's agenda, one or several [G 2.3.3]."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.affecter import AgentAffectable, assign, list_affectables
from app.booking.agents.acces import Acces, note_lecture, write_lecture
from app.booking.agents.boutons import possible
from app.booking.agents.changements import Vu, list_changements, open_ici, render_changements
from app.booking.agents.fiche import Dossier
from app.booking.agents.formulaire import Retour, explain
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import nom_agent
from app.booking.agents.saisie import read_saisie
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.rendez_vous import FINAUX, Action, Etat
from app.errors import AppError, Conflit, SaisieInvalide, TransitionImpossible
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page

_CHAMPS: Final = frozenset({"revision", "vu", "faire"})


@get("/rendez-vous/{rdv_id:int}/affectation", include_in_schema=False)
async def show_affectation(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """The list, those assigned ticked; back to the fiche once the RDV is over."""
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    permis = possible(dossier.rdv, Action.MODIFIER, dossier.contexte, clock.now())
    if not permis or Etat(dossier.rdv["etat"]) in FINAUX:
        return Redirect(f"/rendez-vous/{rdv_id}", status_code=303)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
    return await _render(request, outils, acteur, acces, dossier, Vu.of(dossier))


@post("/rendez-vous/{rdv_id:int}/affectation", status_code=200, include_in_schema=False)
async def do_affecter(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Make those ticked the ones assigned."""
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    saisie = await read_saisie(request, _CHAMPS, ("agents",))
    vu, coches = Vu.read(saisie["revision"], saisie["vu"]), saisie.acquittees
    try:
        if not all(t.isascii() and t.isdecimal() and len(t) < 19 for t in coches):
            raise SaisieInvalide(champs={"agents": "Choisissez des agents rattachés à ce service."})
        fait = await assign(
            outils, rdv_id, {int(t) for t in coches}, auteur_agent(acteur, request), clock.now(), revision=vu.revision
        )
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        acces, dossier = await open_ici(request, outils, acteur, rdv_id)
        await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
        return await _render(request, outils, acteur, acces, dossier, vu, coches, refus)
    if wants_json(request):
        message = "Agents affectés enregistrés" if fait.change else "Rien n’a changé"
        return Response({"message": message, "etat": fait.etat, "revision": fait.revision})
    mot = "affecte" if fait.change else "inchange"
    return Redirect(f"/rendez-vous/{rdv_id}?fait={mot}", status_code=303)


async def _render(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    acces: Acces,
    dossier: Dossier,
    vu: Vu,
    coches: frozenset[str] | None = None,
    refus: AppError | None = None,
) -> Response[Any]:
    """The page; ``coches``: what was ticked, when it is refused."""
    maintenant = clock.now()
    contexte, rdv = dossier.contexte, dossier.rdv
    async with outils.db.read() as conn:
        agents = await list_affectables(conn, acces.agent_id, rdv["id"])
    retour = explain(refus) if refus is not None else Retour()
    fini, stale = isinstance(refus, TransitionImpossible), type(refus) is Conflit
    present = Vu.of(dossier) if stale else vu
    affectes = {str(agent.id) for agent in agents if agent.affecte}
    ctx = {
        **dossier.entete(acteur, maintenant),
        "direct": True,
        "titre": ("Erreur – " if retour.erreurs else "") + "Affecter des agents",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": dossier.agenda},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": f"/rendez-vous/{rdv['id']}"},
            {"libelle": "Affecter des agents", "url": ""},
        ],
        "rdv": rdv,
        "nom": nom_agenda(rdv),
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}",
        "agents": [(str(agent.id), nom_agent(agent.prenom, agent.nom), _aide(agent)) for agent in agents],
        "coches": sorted(affectes if coches is None else coches),
        "affectes": [nom_agent(agent.prenom, agent.nom) for agent in agents if agent.affecte],
        "r": retour,
        "fini": fini,
        "stale": stale,
        "changements": list_changements(dossier, vu) if stale else [],
        "vu": present,
        "region": render_changements(request, acces, dossier, present),
        "url": f"/rendez-vous/{rdv['id']}",
        "adresse": f"/rendez-vous/{rdv['id']}/affectation",
    }
    return page(request, "booking/agents/affecter.html", ctx, statut=retour.statut)


def _aide(agent: AgentAffectable) -> str:
    if not agent.permis:
        return "N’a plus accès à l’agenda de ce service"
    return "" if agent.courriel else "Sans courriel : prévenez-le vous-même"


ROUTES = [show_affectation, do_affecter]
