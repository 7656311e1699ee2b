"""Step 3 in the other language: what was typed goes along, with or without scripts."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.outils import Outils
from app.booking.usager.demande import Parcours
from app.booking.usager.etape_coordonnees import check_coordonnees, keep_answer, read_envoi, redo
from app.booking.usager.garde import propose
from app.booking.usager.page_coordonnees import Ecran, render_coordonnees
from app.booking.usager.visiteur import Requete, Visiteur, visiteur_usager
from app.langue import LANGUES, set_langue
from app.web.changer_langue import keep_langue


@post(
    "/rdv/{service_id:int}/coordonnees/langue",
    status_code=200,
    include_in_schema=False,
    before_request=check_coordonnees,
)
async def switch_coordonnees(
    request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[Any]:
    """The same form as it was typed, in the language chosen, which is kept; nothing is checked, nothing is booked."""
    choisie = str((await request.form()).get("langue") or "")
    for langue in LANGUES:
        if langue == choisie:
            set_langue(langue)
    reponse = await keep_answer(request, outils, service_id, _show_again(visiteur_usager(request), outils, service_id))
    keep_langue(request, reponse, choisie)
    return reponse


@get("/rdv/{service_id:int}/coordonnees/langue", include_in_schema=False)
async def reopen(request: Requete, service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the form of the hold, if it lives."""
    return Redirect(Parcours.read(service_id, request.query_params).url("coordonnees"), status_code=303)


async def _show_again(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
    if vue.option is None:
        return await redo(visiteur, outils, vue, parcours, lue, None)
    defi = await propose(visiteur, outils, vue)
    return render_coordonnees(
        visiteur, vue, Ecran(parcours, vue.option.tenue.debut, lue.cle, lue.saisie, focus=True, defi=defi)
    )


ROUTES = [switch_coordonnees, reopen]
