"""« S’identifier avec FranceConnect »: leave, come back where one was, be known; sign out here and there.

Never required: every refusal leads back to the page, where one may go on without signing in.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import structlog
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from app import clock
from app.booking.outils import Outils
from app.errors import AppError, Introuvable
from app.identite.franceconnect import RETOUR, RETOUR_FIN, fournisseur_franceconnect, read_pivot
from app.identite.oidc import (
    Fournisseur,
    FournisseurAbsent,
    IdentiteRefusee,
    authorization_url,
    end_url,
    fetch_identite,
)
from app.identite.oidc_demandes import begin, finish
from app.identite.routes import safe_suite
from app.identite.usagers import close_session_usager, open_session_usager, record_refus_usager
from app.langue import _
from app.web.compte import COOKIE, find_usager, get_usager
from app.web.dependances import adresse
from app.web.pages import page
from app.web.securite import cookie_header, cookie_name, visite

log = structlog.get_logger("accueil.franceconnect")

_LONGUEUR_MAX: Final = 2048
_ANNULEE: Final = "Vous avez interrompu l’identification : vous n’êtes pas identifié(e)."
_ETRANGERE: Final = "Cette identification n’a pas été demandée depuis ce navigateur, ou elle a déjà servi."


def _fournisseur(outils: Outils) -> Fournisseur:
    fournisseur = fournisseur_franceconnect(outils.settings)
    if fournisseur is None:
        raise Introuvable
    return fournisseur


@post("/franceconnect/connexion", status_code=200, include_in_schema=False)
async def leave_for_franceconnect(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Begin a sign-in and go on to FranceConnect, by a page (``form-action`` also rules redirections of forms)."""
    fournisseur = _fournisseur(outils)
    formulaire = await request.form()
    suite = safe_suite(str(formulaire.get("suite") or "/")[:_LONGUEUR_MAX], "/")
    demande = await begin(outils.db, fournisseur.nom, visite(request), suite, clock.now())
    try:
        depart = await authorization_url(fournisseur, demande.etat, demande.nonce, demande.verificateur)
    except FournisseurAbsent as refus:
        log.warning("fournisseur.absent", raison=refus.details.get("raison", ""))
        return _refuse(request, refus, suite)
    contexte = {"titre": _("Identification avec FranceConnect"), "suite": depart, "retour": suite, "adresse": suite}
    return page(request, "identite/franceconnect_passage.html", contexte)


@get(RETOUR, include_in_schema=False)
async def come_back_from_franceconnect(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils]
) -> Response[Any]:
    """FranceConnect's answer. A state serves once, in the browser that began, which is led back to its page."""
    fournisseur = _fournisseur(outils)
    lus = {cle: str(request.query_params.get(cle) or "")[:_LONGUEUR_MAX] for cle in ("state", "code", "error", "iss")}
    maintenant, ou = clock.now(), adresse(request)
    demande = await finish(outils.db, fournisseur.nom, visite(request), lus["state"], maintenant)
    try:
        if demande is None:
            raise IdentiteRefusee(_ETRANGERE, raison="etat")
        if lus["iss"] not in ("", fournisseur.issuer):  # RFC 9207: an answer of another provider
            raise IdentiteRefusee(raison="iss")
        if lus["error"]:
            raise IdentiteRefusee(_ANNULEE if lus["error"] == "access_denied" else None, raison="fournisseur")
        identite = await fetch_identite(fournisseur, lus["code"], demande.nonce, demande.verificateur, maintenant)
        jeton = await open_session_usager(
            outils.db,
            read_pivot(fournisseur, identite),
            ancien_jeton=request.cookies.get(cookie_name(outils.settings, COOKIE)),
            adresse=ou,
            a=maintenant,
        )
    except (FournisseurAbsent, IdentiteRefusee) as refus:
        raison = str(refus.details.get("raison", refus.code))
        log.warning("identite.refusee", raison=raison)
        if demande is not None:
            await record_refus_usager(outils.db, raison, adresse=ou, a=maintenant)
        return _refuse(request, refus, demande.retour if demande is not None else "/")
    entetes = {"Location": demande.retour, "Set-Cookie": cookie_header(outils.settings, COOKIE, jeton, duree_s=None)}
    return Response(b"", status_code=303, headers=entetes)


@post("/franceconnect/deconnexion", status_code=200, include_in_schema=False)
async def sign_out_usager(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """End the session here and now, then FranceConnect's own through the browser.

    The visit ends too: on a shared computer the next person owns neither the hold nor the forms of this one.
    """
    fournisseur, usager = _fournisseur(outils), get_usager(request)
    suite = RETOUR_FIN
    if usager is not None:
        id_token = await close_session_usager(outils.db, usager, adresse=adresse(request), a=clock.now())
        if id_token:
            retour = outils.settings.base_url + RETOUR_FIN
            suite = await end_url(fournisseur, id_token, secrets.token_urlsafe(32), retour) or RETOUR_FIN
    if suite == RETOUR_FIN:
        reponse: Response[Any] = Redirect(suite, status_code=303)
    else:
        contexte = {"titre": _("Vous êtes déconnecté(e) de ce site"), "suite": suite, "adresse": RETOUR_FIN}
        reponse = page(request, "identite/franceconnect_sortie.html", contexte)
    for nom in (COOKIE, "visite"):
        reponse.set_cookie(
            cookie_name(outils.settings, nom),
            "",
            max_age=0,
            path="/",
            secure=outils.settings.https,
            httponly=True,
            samesite="lax",
        )
    return reponse


@get(RETOUR_FIN, include_in_schema=False)
async def come_back_signed_out(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Back from FranceConnect's sign-out. Nothing is decided here: whoever still is signed in stays so."""
    _fournisseur(outils)
    if find_usager(request) is not None:
        return Redirect("/", status_code=303)
    return page(request, "identite/franceconnect_deconnecte.html", {"titre": _("Vous êtes déconnecté(e)")})


def _refuse(request: Request[Any, Any, Any], refus: AppError, retour: str) -> Response[Any]:
    contexte = {
        "titre": _("Identification impossible"),
        "phrase": refus.phrase,
        "remede": "Vous pouvez recommencer, ou continuer sans vous identifier.",
        "retour": retour,
        "adresse": retour,
    }
    return page(request, "identite/franceconnect_refus.html", contexte, statut=refus.statut)


ROUTES = [leave_for_franceconnect, come_back_from_franceconnect, sign_out_usager, come_back_signed_out]
