"""The three pages that every footer links to."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Response

from app.booking.donnees_notice import read_notice
from app.booking.outils import Outils
from app.langue import _, get_langue, ngettext
from app.web.pages import page


def _show(request: Request[Any, Any, Any], nom: str, titre: str, **plus: Any) -> Response[bytes]:
    titre = _(titre)
    fil = [{"libelle": _("Accueil"), "url": "/"}, {"libelle": titre, "url": ""}]
    langue = "" if get_langue() == "fr" else f".{get_langue()}"
    return page(request, f"booking/usager/{nom}{langue}.html", {"titre": titre, "fil": fil, **plus})


@get("/accessibilite", include_in_schema=False)
async def show_accessibilite(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What was done and checked, and what to do when something is not reachable."""
    return _show(request, "accessibilite", "Accessibilité")


def dire_duree(jours: int) -> str:
    """« 3 ans », « 18 mois », « 400 jours »: the round one when it is."""
    if jours % 365 == 0:
        return ngettext("{n}\u00a0an", "{n}\u00a0ans", jours // 365).format(n=jours // 365)
    if jours % 30 == 0:
        return ngettext("{n}\u00a0mois", "{n}\u00a0mois", jours // 30).format(n=jours // 30)
    return ngettext("{n}\u00a0jour", "{n}\u00a0jours", jours).format(n=jours)


@get("/donnees-personnelles", include_in_schema=False)
async def show_donnees(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[bytes]:
    """What is collected, what for, who reads it, for how long, which rights."""
    async with outils.db.read() as conn:
        notice = await read_notice(conn)
    conservation = dire_duree(notice.conservation_jours)
    return _show(request, "donnees_personnelles", "Données personnelles", conservation=conservation, notice=notice)


@get("/mentions-legales", include_in_schema=False)
async def show_mentions(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Who publishes, cookies, licences."""
    return _show(request, "mentions_legales", "Mentions légales")


ROUTES = [show_accessibilite, show_donnees, show_mentions]
