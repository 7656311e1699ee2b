"""The three pages that every footer links to."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.response import Response

from app.web.pages import page


def _show(request: Request[Any, Any, Any], nom: str, titre: str) -> Response[bytes]:
    fil = [{"libelle": "Accueil", "url": "/"}, {"libelle": titre, "url": ""}]
    return page(request, f"booking/usager/{nom}.html", {"titre": titre, "fil": fil})


@get("/accessibilite", include_in_schema=False)
async def show_accessibilite(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What was done and checked, and what to do when something is not reachable."""
    return _show(request, "accessibilite", "Accessibilité")


@get("/donnees-personnelles", include_in_schema=False)
async def show_donnees(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What is collected, what for, who reads it, which rights."""
    return _show(request, "donnees_personnelles", "Données personnelles")


@get("/mentions-legales", include_in_schema=False)
async def show_mentions(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Who publishes, cookies, licences."""
    return _show(request, "mentions_legales", "Mentions légales")


ROUTES = [show_accessibilite, show_donnees, show_mentions]
