"""The visitor chooses his language: a cookie, set by a POST."""

from __future__ import annotations

import re
from typing import Any, Final

from litestar import Request, post
from litestar.response import Redirect, Response

from app.langue import LANGUES
from app.web.langue import COOKIE
from app.web.securite import cookie_header

_AN: Final = 365 * 86_400
#: A path of ours and nothing else: « //ailleurs » and « /\\ailleurs » are other hosts to a browser.
_CHEMIN: Final = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")


@post("/langue", status_code=303, include_in_schema=False)
async def switch_langue(request: Request[Any, Any, Any]) -> Response[Any]:
    """Keep the language chosen, and go back to the page where it was."""
    donnees = await request.form()
    choisie, retour = str(donnees.get("langue") or ""), str(donnees.get("retour") or "/")
    if not _CHEMIN.fullmatch(retour):
        retour = "/"
    reponse = Redirect(retour, status_code=303)
    keep_langue(request, reponse, choisie)
    return reponse


def keep_langue(request: Request[Any, Any, Any], reponse: Response[Any], choisie: str) -> None:
    """Remember a language for the next pages; one that does not exist changes nothing."""
    if choisie in LANGUES:
        settings = request.app.state.outils.settings
        reponse.headers["Set-Cookie"] = cookie_header(settings, COOKIE, choisie, duree_s=_AN)


ROUTES = [switch_langue]
