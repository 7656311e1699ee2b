"""The page of a refusal, in the frame of whoever reads it: an agent keeps his header and his menu.

Who is signed in may not be known yet when something is refused (an address of nothing, a form without its proof), and
the framework's error handlers cannot wait for the database: the page is drawn when it is sent.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import Litestar, Request
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from app.errors import Indisponible
from app.identite.acteur import Acteur
from app.web.dependances import find_acteur
from app.web.pages import agent_page, page

#: Pages of usagers: an agent who walks through them sees what they see.
_PAGES_USAGERS: Final = ("/rdv/", "/mon-rendez-vous/", "/retrouver")


class _Page(ASGIResponse):
    """Asks who reads, then draws and sends."""

    def __init__(self, request: Request[Any, Any, Any], contexte: dict[str, Any], entetes: dict[str, str]) -> None:
        super().__init__(status_code=contexte["statut"], media_type="text/html")
        self._request, self._contexte, self._entetes = request, contexte, entetes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, statut = self._request, int(self._contexte["statut"])
        acteur = await _find_lecteur(request)
        contexte = {"base": "base_usager.html", **self._contexte}
        if acteur is not None:
            tableau = {"libelle": "Tableau de bord", "url": "/agent"}
            contexte |= {**agent_page(acteur), "base": "base_agent.html", "actions": [tableau]}
        reponse = page(request, "erreur.html", contexte, statut=statut, entetes=self._entetes)
        await reponse.to_asgi_response(app=None, request=request)(scope, receive, send)


class PageErreur(Response[dict[str, Any]]):
    """A refusal as a page. ``content`` is the context of ``erreur.html``, its frame left out."""

    def to_asgi_response(self, app: Litestar | None, request: Request[Any, Any, Any], **_: Any) -> ASGIResponse:
        """What the framework calls once the handler has answered."""
        return _Page(request, self.content, {nom: str(valeur) for nom, valeur in self.headers.items()})


async def _find_lecteur(request: Request[Any, Any, Any]) -> Acteur | None:
    """The signed-in agent who reads a page of agents; nobody while the database is away."""
    if request.url.path.startswith(_PAGES_USAGERS):
        return None
    try:
        return await find_acteur(request)
    except Indisponible:
        return None
