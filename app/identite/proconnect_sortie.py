"""Signing out of what ProConnect opened: the session here first, then the provider's own, through the browser."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from litestar import Request
from litestar.response import Response

from app.booking.outils import Outils
from app.identite.oidc import end_url
from app.identite.proconnect import RETOUR_FIN, fournisseur_proconnect, take_id_token
from app.web.pages import page
from app.web.securite import cookie_header, visite


def fin_etat(request: Request[Any, Any, Any], outils: Outils) -> str:
    """The state of a sign-out: tied to this browser's visit, kept nowhere."""
    cle = outils.settings.derive_key("proconnect-fin")
    return hmac.new(cle, visite(request).encode(), hashlib.sha256).hexdigest()


async def leave_proconnect(request: Request[Any, Any, Any], outils: Outils, session_id: int) -> Response[Any] | None:
    """The page that goes on to the provider's sign-out, or None when this session owes it nothing.

    A page, not a redirection: the policy ``form-action 'self'`` also rules where a form is redirected.
    """
    fournisseur = fournisseur_proconnect(outils.settings)
    if fournisseur is None:
        return None
    id_token = await take_id_token(outils.db, session_id)
    if not id_token:
        return None
    suite = await end_url(fournisseur, id_token, fin_etat(request, outils), outils.settings.base_url + RETOUR_FIN)
    if not suite:
        return None
    contexte = {"titre": "Déconnexion", "suite": suite, "sens": "fin"}
    return page(
        request,
        "identite/passage.html",
        contexte,
        entetes={"Set-Cookie": cookie_header(outils.settings, "session", "", duree_s=0)},
    )
