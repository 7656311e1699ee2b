"""The page behind an invitation's link: choose a password, then be signed in. Looking at it spends nothing."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.outils import Outils
from app.errors import AppError, Introuvable, SaisieInvalide
from app.identite.comptes import MOT_DE_PASSE_MIN
from app.identite.invitations import Invite, accept, read_invitation
from app.web.dates import heure, jour_long
from app.web.dependances import adresse
from app.web.pages import page
from app.web.securite import cookie_header, cookie_name

_PARIS = ZoneInfo("Europe/Paris")


@get("/invitation/{jeton:str}", include_in_schema=False)
async def show_invitation(
    request: Request[Any, Any, Any], jeton: FromPath[str], outils: NamedDependency[Outils]
) -> Response[Any]:
    """The two fields, for a live link."""
    try:
        invite = await read_invitation(outils.db, jeton[:100], clock.now())
    except Introuvable as refus:
        return _dead_page(request, refus)
    return page(request, "identite/invitation.html", _contexte(jeton, invite))


@post("/invitation/{jeton:str}", status_code=200, include_in_schema=False)
async def do_invitation(
    request: Request[Any, Any, Any], jeton: FromPath[str], outils: NamedDependency[Outils]
) -> Response[Any]:
    """Spend the link and sign in under a new session identifier."""
    formulaire = await request.form()
    try:
        session = await accept(
            outils.db,
            jeton[:100],
            str(formulaire.get("mot_de_passe") or "")[:1000],
            str(formulaire.get("repetition") or "")[:1000],
            ancien_jeton=request.cookies.get(cookie_name(outils.settings, "session")),
            adresse=adresse(request),
            a=clock.now(),
        )
    except SaisieInvalide as refus:
        try:
            invite = await read_invitation(outils.db, jeton[:100], clock.now())
        except Introuvable as mort:
            return _dead_page(request, mort)
        contexte = {**_contexte(jeton, invite), "erreurs": refus.champs}
        return page(request, "identite/invitation.html", contexte, statut=refus.statut)
    except Introuvable as refus:
        return _dead_page(request, refus)
    return Response(
        b"",
        status_code=303,
        headers={"Location": "/agent", "Set-Cookie": cookie_header(outils.settings, "session", session, duree_s=None)},
    )


def _contexte(jeton: str, invite: Invite) -> dict[str, Any]:
    local = invite.expire_a.astimezone(_PARIS)
    return {
        "titre": "Choisir votre mot de passe",
        "jeton": jeton,
        "invite": invite,
        "jusque": f"{jour_long(local.date())} à {heure(invite.expire_a, _PARIS)}",
        "minimum": MOT_DE_PASSE_MIN,
        "erreurs": {},
        "adresse": f"/invitation/{jeton}",
    }


def _dead_page(request: Request[Any, Any, Any], refus: AppError) -> Response[Any]:
    contexte = {"titre": "Lien inutilisable", "phrase": refus.phrase, "remede": refus.remede}
    return page(request, "identite/lien_mort.html", contexte, statut=refus.statut)


ROUTES = [show_invitation, do_invitation]
