"""Sign-in and sign-out pages of agents."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.booking.outils import Outils
from app.errors import AppError
from app.identite.appareils import COOKIE, DUREE_S, add_appareil
from app.identite.connexion import clean_identifiant, sign_in
from app.identite.invitations_pages import ROUTES as INVITATIONS
from app.identite.proconnect_sortie import leave_proconnect
from app.identite.sessions import sign_out
from app.web.dependances import adresse, find_acteur
from app.web.pages import page
from app.web.securite import cookie_header, cookie_name


def safe_suite(texte: str, defaut: str = "/agent") -> str:
    """A path of ours to go on to, never another site, as a header can carry it; else ``defaut``."""
    if not texte.isprintable():
        return defaut
    try:
        parts = urlsplit(texte)
    except ValueError:  # « //[ » is no address at all
        return defaut
    if parts.scheme or parts.netloc or not texte.startswith("/") or texte.startswith("//") or "\\" in texte:
        return defaut
    return quote(texte, safe="/?&=%#:;,+@!$'()*~")


def session_redirect(outils: Outils, jeton: str, suite: str) -> Response[Any]:
    """Go on with a new session cookie."""
    return Response(
        b"",
        status_code=303,
        headers={"Location": suite, "Set-Cookie": cookie_header(outils.settings, "session", jeton, duree_s=None)},
    )


def _remember(reponse: Response[Any], outils: Outils, appareils: str, identifiant: str) -> Response[Any]:
    """The same, this browser being known from now on as one of that account's."""
    reponse.set_cookie(
        cookie_name(outils.settings, COOKIE),
        add_appareil(outils.settings, appareils, clean_identifiant(identifiant)),
        max_age=DUREE_S,
        secure=outils.settings.https,
        httponly=True,
    )
    return reponse


@get("/connexion", include_in_schema=False)
async def show_connexion(request: Request[Any, Any, Any], suite: FromQuery[str] = "/agent") -> Response[Any]:
    """The sign-in form; straight on when already signed in."""
    if await find_acteur(request) is not None:
        return Redirect(safe_suite(suite), status_code=303)
    return page(request, "identite/connexion.html", _contexte(suite))


@post("/connexion", status_code=200, include_in_schema=False)
async def do_connexion(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Check the password, open a new session, revoke the previous one."""
    formulaire = await request.form()
    identifiant, mot_de_passe = str(formulaire.get("identifiant") or ""), str(formulaire.get("mot_de_passe") or "")
    suite = safe_suite(str(formulaire.get("suite") or "/agent"))
    identifiant, appareils = identifiant[:200], request.cookies.get(cookie_name(outils.settings, COOKIE), "")
    try:
        jeton = await sign_in(
            outils.db,
            outils.settings,
            identifiant,
            mot_de_passe[:1000],
            ancien_jeton=request.cookies.get(cookie_name(outils.settings, "session")),
            adresse=adresse(request),
            a=clock.now(),
            appareils=appareils,
        )
    except AppError as refus:
        if refus.statut not in (401, 429, 503):
            raise
        contexte = _contexte(suite, identifiant=identifiant, phrase=refus.phrase, remede=refus.remede)
        attente = refus.details.get("attendre_s")
        entetes = {"Retry-After": str(attente or 5)} if refus.statut in (429, 503) else {}
        return page(request, "identite/connexion.html", contexte, statut=refus.statut, entetes=entetes)
    return _remember(session_redirect(outils, jeton, suite), outils, appareils, identifiant)


@post("/deconnexion", include_in_schema=False)
async def do_deconnexion(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """End the session here and now; its sockets close within five seconds."""
    acteur = await find_acteur(request)
    sortie: Response[Any] | None = None
    if acteur is not None and acteur.session_id is not None:
        await sign_out(outils.db, acteur.session_id, acteur.agent_id, adresse=adresse(request), a=clock.now())
        sortie = await leave_proconnect(request, outils, acteur.session_id)
    if sortie is not None:
        return sortie
    return Response(
        b"",
        status_code=303,
        headers={
            "Location": "/demo" if outils.settings.demo else "/connexion",
            "Set-Cookie": cookie_header(outils.settings, "session", "", duree_s=0),
        },
    )


def _contexte(suite: str, identifiant: str = "", phrase: str = "", remede: str = "") -> dict[str, Any]:
    return {
        "titre": "Connexion",
        "suite": safe_suite(suite),
        "identifiant": identifiant,
        "phrase": phrase,
        "remede": remede,
        "adresse": f"/connexion?{urlencode({'suite': safe_suite(suite)})}",
    }


ROUTES = [show_connexion, do_connexion, do_deconnexion, *INVITATIONS]
