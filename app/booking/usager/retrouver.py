"""« Retrouver mon rendez-vous »: the code and the name, when the mail and its link are lost [A1, summary table].

Both are sent by POST and never stand in an address. What they open is not the permanent link but a few minutes' access
of this browser alone (``app.booking.acces_usager``).
"""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from app import clock
from app.booking.acces_usager import sign_acces
from app.booking.outils import Outils
from app.booking.retrouver import find_by_code
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.mon_rdv import Requete
from app.errors import AccesRefuse, AppError, SaisieInvalide, TropDeDemandes
from app.langue import _
from app.web.dependances import auteur_usager
from app.web.erreurs import wants_json
from app.web.pages import page
from app.web.securite import visite

#: Longest code and name worth looking at.
_LONGUEURS = {"code": 64, "nom": 200}


@get("/retrouver", include_in_schema=False)
async def show_retrouver(request: Requete) -> Response[bytes]:
    """The two words to type."""
    return _render(request, {}, expire=request.query_params.get("avis") == "expire")


@post("/retrouver", status_code=200, include_in_schema=False, before_request=check_change_usager)
async def do_retrouver(request: Requete, outils: NamedDependency[Outils]) -> Response[Any]:
    """Its page; else one 404, always the same, with what was typed."""
    donnees = await request.form()
    saisi = {nom: _read(donnees.get(nom), longueur) for nom, longueur in _LONGUEURS.items()}
    maintenant = clock.now()
    try:
        manques = _find_manques(saisi)
        if manques:
            raise SaisieInvalide(champs=manques)
        rdv_id = await find_by_code(outils, saisi["code"], saisi["nom"], auteur_usager(request), maintenant)
    except (SaisieInvalide, AccesRefuse, TropDeDemandes) as refus:
        if wants_json(request):
            raise
        return _render(request, saisi, refus=refus)
    acces = sign_acces(outils.settings, rdv_id, visite(request), maintenant)
    return Redirect(f"/mon-rendez-vous/{acces}", status_code=303)


def _read(texte: object, longueur: int) -> str:
    return texte[: longueur + 1] if isinstance(texte, str) else ""


def _find_manques(saisi: dict[str, str]) -> dict[str, str]:
    phrases = {
        "code": "Saisissez le code de votre rendez-vous.",
        "nom": "Saisissez le nom donné pour le rendez-vous.",
    }
    return {nom: phrase for nom, phrase in phrases.items() if not saisi[nom].strip()}


def _render(
    request: Requete, saisi: dict[str, str], *, refus: AppError | None = None, expire: bool = False
) -> Response[bytes]:
    titre = _("Retrouver votre rendez-vous")
    ctx = {
        "titre": titre,
        "fil": [{"libelle": _("Accueil"), "url": "/"}, {"libelle": titre, "url": ""}],
        "saisi": {nom: saisi.get(nom, "") for nom in _LONGUEURS},
        "refus": refus,
        "erreurs": refus.champs if refus else {},
        "expire": expire,
        "adresse": "/retrouver",
    }
    entetes = {}
    if isinstance(refus, TropDeDemandes):
        entetes["Retry-After"] = str(refus.details.get("attendre_s", 300))
    statut = refus.statut if refus else 200
    return page(request, "booking/usager/retrouver.html", ctx, statut=statut, entetes=entetes)


ROUTES = [show_retrouver, do_retrouver]
