"""« Documentation en ligne »: the summary, its search, a page [C §7]; each screen opens its own."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from litestar.types import ControllerRouterHandler

from app.aide.catalogue import THEMES, URL, read_catalogue, search_pages
from app.errors import Introuvable
from app.identite.acteur import Acteur
from app.web.pages import agent_page, page

_ACCUEIL = {"libelle": "Tableau de bord", "url": "/agent"}


@get("/aide", include_in_schema=False)
async def show_sommaire(
    request: Request[Any, Any, Any], acteur: NamedDependency[Acteur], q: FromQuery[str] = ""
) -> Response[bytes]:
    """Every page by theme, or those that answer a question."""
    question = q[:120]
    pages = read_catalogue().values()
    ctx = {
        **agent_page(acteur, actif=URL),
        "titre": "Aide",
        "fil": [_ACCUEIL, {"libelle": "Aide", "url": ""}],
        "question": question,
        "trouvees": search_pages(question),
        "themes": [(theme, [p for p in pages if p.theme == theme]) for theme in THEMES],
    }
    return page(request, "aide/sommaire.html", ctx)


@get("/aide/{cle:str}", include_in_schema=False)
async def show_page(
    request: Request[Any, Any, Any], acteur: NamedDependency[Acteur], cle: FromPath[str]
) -> Response[bytes]:
    """One page. Raises Introuvable."""
    lue = read_catalogue().get(cle)
    if lue is None:
        raise Introuvable("Cette page d’aide n’existe pas.", remede="Cherchez-la dans le sommaire de l’aide.")
    ctx = {
        **agent_page(acteur),
        "titre": lue.titre,
        "fil": [_ACCUEIL, {"libelle": "Aide", "url": URL}, {"libelle": lue.titre, "url": ""}],
        "lue": lue,
        "voisines": [p for p in read_catalogue().values() if p.theme == lue.theme],
    }
    return page(request, "aide/page.html", ctx)


ROUTES: list[ControllerRouterHandler] = [show_sommaire, show_page]
