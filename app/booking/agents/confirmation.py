"""« Renvoyer la confirmation », from the fiche: one press, one mail; a double click is told so."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.actes import check_champs
from app.booking.outils import Outils
from app.booking.renvoyer import resend
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.securite import CHAMP_CSRF

_CHAMPS: Final = frozenset({CHAMP_CSRF, "retour"})
_ENVOYEE: Final = "Confirmation envoyée à l’usager"
_DEJA: Final = "La confirmation vient déjà de partir : attendez une minute avant de la renvoyer"


@post("/rendez-vous/{rdv_id:int}/confirmation", status_code=200, include_in_schema=False)
async def do_renvoyer(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Write the message; refused with a sentence when there is nothing to send or nowhere to."""
    check_champs(dict(await request.form()), _CHAMPS)
    envoi = await resend(outils, rdv_id, auteur_agent(acteur, request), clock.now())
    if wants_json(request):
        message = _ENVOYEE if envoi.change else _DEJA
        return Response({"message": message, "etat": envoi.etat, "revision": envoi.revision})
    mot = "confirmation" if envoi.change else "confirmation-deja"
    return Redirect(f"/rendez-vous/{rdv_id}?fait={mot}", status_code=303)


ROUTES = [do_renvoyer]
