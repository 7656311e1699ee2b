"""One-click changes of presence, from any screen: arrival and its undoing, call, reception, end, absence [A1 §3.2].

By fetch they answer JSON; without script they go back to where the agent was.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from app import clock
from app.booking.agents.affichage import url_jour
from app.booking.droits import scoped
from app.booking.outils import Outils
from app.booking.vie import RdvActe, act
from app.domain.rendez_vous import Action
from app.errors import SaisieInvalide
from app.identite.acteur import Acteur
from app.tables import RendezVous
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.securite import CHAMP_CSRF

#: Path after the RDV's id → action, and what is said once it is done.
ACTES: Final[Mapping[str, tuple[Action, str]]] = {
    "arrivee": (Action.MARQUER_ARRIVEE, "Arrivée enregistrée"),
    "arrivee/annulation": (Action.ANNULER_ARRIVEE, "Arrivée annulée"),
    "appel": (Action.APPELER, "Usager appelé"),
    "reception": (Action.RECEVOIR, "Usager reçu"),
    "fin": (Action.TERMINER, "Entretien terminé"),
    "absence": (Action.MARQUER_NON_VENU, "Noté « pas venu »"),
}
_CHAMPS: Final = frozenset({CHAMP_CSRF, "retour"})


def check_champs(formulaire: Mapping[str, Any], connus: frozenset[str]) -> None:
    """Refuse a form that brings anything else (``statut``, ``service_id``…). Raises SaisieInvalide (422)."""
    if not set(formulaire) <= connus or not all(isinstance(v, str) for v in formulaire.values()):
        raise SaisieInvalide(
            "Cette demande contient une information inattendue : rien n’a été enregistré.",
            remede="Rouvrez la page puis recommencez.",
        )


def safe_retour(texte: str) -> str:
    """A path of ours to go back to, or "": never another site."""
    if not texte.startswith("/") or texte.startswith(("//", "/\\")) or "\\" in texte or not texte.isprintable():
        return ""
    parts = urlsplit(texte)
    return "" if parts.scheme or parts.netloc else texte


async def answer(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, acte: RdvActe, message: str, retour: str
) -> Response[Any]:
    """JSON for a script, else back to ``retour`` or to the agenda of the RDV's day."""
    if wants_json(request):
        return Response({"message": message, "etat": acte.etat, "revision": acte.revision})
    suite = safe_retour(retour)
    if not suite:
        requete = scoped(select(RendezVous.jour).where(RendezVous.id == acte.id), acteur.agent_id, "agenda")
        async with outils.db.read() as conn:
            jour = (await conn.execute(requete)).scalar_one_or_none()
        suite = url_jour(acte.service_id, jour) if jour is not None else "/agent"
    return Redirect(suite, status_code=303)


async def _perform(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, rdv_id: int, chemin: str
) -> Response[Any]:
    formulaire = dict(await request.form())
    check_champs(formulaire, _CHAMPS)
    action, message = ACTES[chemin]
    acte = await act(outils, rdv_id, action, auteur_agent(acteur, request), clock.now())
    retour = str(formulaire.get("retour") or request.query_params.get("retour") or "")
    return await answer(request, outils, acteur, acte, message, retour)


def _create_route(chemin: str) -> HTTPRouteHandler:
    """The POST handler of one action."""

    async def perform(
        request: Request[Any, Any, Any],
        outils: NamedDependency[Outils],
        acteur: NamedDependency[Acteur],
        rdv_id: FromPath[int],
    ) -> Response[Any]:
        return await _perform(request, outils, acteur, rdv_id, chemin)

    travail: Callable[..., Coroutine[Any, Any, Response[Any]]] = perform
    return post(f"/rendez-vous/{{rdv_id:int}}/{chemin}", status_code=200, include_in_schema=False)(travail)


ROUTES = [_create_route(chemin) for chemin in ACTES]
