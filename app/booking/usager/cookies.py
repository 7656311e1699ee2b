"""Changes by usagers: the same proof as everywhere, and a clear word for browsers that keep no cookie.

Without its visit cookie a browser can prove nothing: its hold could not be told from another's. Saying « page
trop ancienne » to such a person would send them round in circles.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.response import Response

from app.config import Settings
from app.errors import Interdit
from app.web.pages import page
from app.web.securite import check_change, cookie_name

PHRASE = "Votre navigateur n’a pas gardé le cookie nécessaire à la prise de rendez-vous."
REMEDE = (
    "Autorisez les cookies pour ce site, puis rouvrez la page. Ce cookie ne sert qu’à vous garder le créneau choisi "
    "pendant votre saisie : il ne vous identifie pas et n’est transmis à personne."
)


def has_visite(request: Request[Any, Any, Any]) -> bool:
    """True when the browser sent its visit cookie back."""
    settings: Settings = request.app.state.outils.settings
    return cookie_name(settings, "visite") in request.cookies


def refuse_cookies(request: Request[Any, Any, Any], suite: str) -> Response[bytes]:
    """The page that says what to do, with a link to start again. 403."""
    contexte = {
        "base": "base_usager.html",
        "titre": "Cookies nécessaires",
        "statut": 403,
        "phrase": PHRASE,
        "remede": REMEDE,
        "incident": "",
        "actions": [
            {"libelle": "Reprendre après avoir autorisé les cookies", "url": suite},
            {"libelle": "Page d’accueil", "url": "/"},
        ],
    }
    return page(request, "erreur.html", contexte, statut=403)


async def check_change_usager(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """``check_change``, with a page of its own when the cookie is missing. Raises Interdit (403)."""
    try:
        await check_change(request)
    except Interdit:
        if has_visite(request):
            raise
        service = request.path_params.get("service_id", "")
        return refuse_cookies(request, f"/rdv/{service}/motif" if service else request.url.path)
    return None
