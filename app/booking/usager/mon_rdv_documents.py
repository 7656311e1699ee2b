"""« Cochez ce que vous avez préparé »: kept with the rendez-vous, one click at a time or by a button."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.mon_rdv import keep_documents
from app.booking.outils import Outils
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.mon_rdv import Mien, Requete, answer_rdv, open_mien
from app.booking.usager.mon_rdv_annuler import read_again
from app.errors import TransitionImpossible
from app.web.erreurs import wants_json


@post(
    "/mon-rendez-vous/{jeton:str}/documents",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
)
async def keep(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """All the boxes of the form, ticked or not."""
    return await keep_mien(await open_mien(request, outils, jeton), outils)


@get("/mon-rendez-vous/{jeton:str}/documents", include_in_schema=False)
async def reopen(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the page."""
    return Redirect((await open_mien(request, outils, jeton)).base, status_code=303)


async def keep_mien(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title: JSON for the page's script, else the page at its list."""
    donnees = await mien.request.form()
    cles = frozenset(cle for cle in donnees.getall("document", []) if isinstance(cle, str))
    try:
        prets, sur = await keep_documents(outils, mien.rdv, mien.titre, cles, mien.auteur, mien.maintenant)
    except TransitionImpossible as refus:
        if wants_json(mien.request):
            raise
        return answer_rdv(await read_again(mien, outils), refus=refus)
    if wants_json(mien.request):
        return Response({"prets": prets, "sur": sur})
    return Redirect(f"{mien.base}#documents", status_code=303)


ROUTES = [keep, reopen]
