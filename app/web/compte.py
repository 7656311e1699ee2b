"""Who is signed in on a public page: asked once a request, before the page, and only of browsers that have the cookie.

A page that could be shown to anybody is shown when the database is away; what must know who asks says that it cannot
(``get_usager``), so that nobody's rendez-vous is ever booked as a stranger's.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app import clock
from app.booking.outils import Outils
from app.errors import Indisponible
from app.identite.usagers import UsagerConnecte, read_usager_connecte
from app.web.langue import is_public
from app.web.securite import cookie_name

COOKIE: Final = "usager"
_CLE: Final = "accueil.usager"


async def recognise_usager(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of the whole application: read the session of the public pages."""
    if not is_public(connection.scope["path"]):
        return
    outils: Outils = connection.app.state.outils
    jeton = connection.cookies.get(cookie_name(outils.settings, COOKIE))
    scope: Any = connection.scope
    if not jeton or not outils.settings.franceconnect_issuer:
        scope[_CLE] = None
        return
    try:
        scope[_CLE] = await read_usager_connecte(outils.db, jeton, clock.now())
    except Indisponible as absence:
        scope[_CLE] = absence


def get_usager(request: Request[Any, Any, Any]) -> UsagerConnecte | None:
    """Who is signed in. Raises Indisponible when that cannot be known."""
    lu = request.scope.get(_CLE)
    if isinstance(lu, Indisponible):
        raise lu
    return lu if isinstance(lu, UsagerConnecte) else None


def find_usager(request: Request[Any, Any, Any]) -> UsagerConnecte | None:
    """The same, or None when that cannot be known: for what is only shown."""
    lu = request.scope.get(_CLE)
    return lu if isinstance(lu, UsagerConnecte) else None


def present_compte(request: Request[Any, Any, Any]) -> dict[str, str] | None:
    """What the header of a public page shows: nothing where FranceConnect is not configured."""
    outils: Outils = request.app.state.outils
    if not outils.settings.franceconnect_issuer or _CLE not in request.scope:
        return None
    if isinstance(request.scope.get(_CLE), Indisponible):
        return None
    usager = find_usager(request)
    return {"nom": usager.nom_complet if usager else ""}
