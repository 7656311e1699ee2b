"""« S'identifier avec ProConnect »: leave for the provider, come back, be signed in; or be told why not."""

from __future__ import annotations

import hmac
from typing import Any, Final

import structlog
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from app import clock
from app.booking.outils import Outils
from app.errors import AppError, Introuvable
from app.identite.oidc import Fournisseur, FournisseurAbsent, IdentiteRefusee, authorization_url, fetch_identite
from app.identite.oidc_demandes import begin, finish
from app.identite.proconnect import (
    RETOUR,
    RETOUR_FIN,
    Inconnu,
    Suspendu,
    fournisseur_proconnect,
    record_refus,
    sign_in_identite,
)
from app.identite.proconnect_sortie import fin_etat
from app.identite.routes import safe_suite, session_redirect
from app.web.dependances import adresse
from app.web.pages import page
from app.web.securite import cookie_name, visite

log = structlog.get_logger("accueil.proconnect")

_LONGUEUR_MAX: Final = 2048
_ANNULEE: Final = "Vous avez interrompu l’identification : vous n’êtes pas connecté."


def _fournisseur(outils: Outils) -> Fournisseur:
    fournisseur = fournisseur_proconnect(outils.settings)
    if fournisseur is None:
        raise Introuvable
    return fournisseur


@post("/connexion/proconnect", status_code=200, include_in_schema=False)
async def leave_for_proconnect(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Begin a sign-in and go on to the provider, by a page (``form-action`` also rules redirections of forms)."""
    fournisseur = _fournisseur(outils)
    formulaire = await request.form()
    suite = safe_suite(str(formulaire.get("suite") or "/agent")[:_LONGUEUR_MAX])
    demande = await begin(outils.db, fournisseur.nom, visite(request), suite, clock.now())
    try:
        depart = await authorization_url(fournisseur, demande.etat, demande.nonce, demande.verificateur)
    except FournisseurAbsent as refus:
        log.warning("fournisseur.absent", raison=refus.details.get("raison", ""))
        return _refused(request, refus)
    contexte = {"titre": "ProConnect", "suite": depart, "sens": "depart"}
    return page(request, "identite/passage.html", contexte)


@get(RETOUR, include_in_schema=False)
async def come_back_from_proconnect(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """The provider's answer. A state serves once, in the browser that began."""
    fournisseur = _fournisseur(outils)
    lus = {cle: str(request.query_params.get(cle) or "")[:_LONGUEUR_MAX] for cle in ("state", "code", "error", "iss")}
    maintenant, ou = clock.now(), adresse(request)
    demande = await finish(outils.db, fournisseur.nom, visite(request), lus["state"], maintenant)
    try:
        if demande is None:
            raise IdentiteRefusee(
                "Cette identification n’a pas été demandée depuis ce navigateur, ou elle a déjà servi.", raison="etat"
            )
        if lus["iss"] not in ("", fournisseur.issuer):  # RFC 9207: an answer of another provider
            raise IdentiteRefusee(raison="iss")
        if lus["error"]:
            raise IdentiteRefusee(_ANNULEE if lus["error"] == "access_denied" else None, raison="fournisseur")
        identite = await fetch_identite(fournisseur, lus["code"], demande.nonce, demande.verificateur, maintenant)
        ancien = request.cookies.get(cookie_name(outils.settings, "session"))
        jeton = await sign_in_identite(
            outils.db, outils.settings, identite, ancien_jeton=ancien, adresse=ou, a=maintenant
        )
    except (FournisseurAbsent, IdentiteRefusee) as refus:
        raison = str(refus.details.get("raison", refus.code))
        log.warning("identite.refusee", raison=raison)
        if demande is not None and not isinstance(refus, Inconnu | Suspendu):  # these two have journaled themselves
            await record_refus(outils.db, raison, adresse=ou, a=maintenant)
        return _refused(request, refus)
    return session_redirect(outils, jeton, demande.retour)


@get(RETOUR_FIN, include_in_schema=False)
async def come_back_signed_out(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Back from the provider's sign-out."""
    _fournisseur(outils)
    etat = str(request.query_params.get("state") or "").encode("utf-8", "replace")
    if not hmac.compare_digest(etat, fin_etat(request, outils).encode()):
        return Redirect("/connexion", status_code=303)
    return page(request, "identite/deconnecte.html", {"titre": "Vous êtes déconnecté"})


def _refused(request: Request[Any, Any, Any], refus: AppError) -> Response[Any]:
    contexte = {
        "titre": "Connexion impossible",
        "phrase": refus.phrase,
        "remede": refus.remede,
        "adresse": "/connexion",
    }
    return page(request, "identite/proconnect_refus.html", contexte, statut=refus.statut)


ROUTES = [leave_for_proconnect, come_back_from_proconnect, come_back_signed_out]
