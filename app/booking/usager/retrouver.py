"""« Retrouver mon rendez-vous »: the code and the name, when the mail and its link are lost [A1, summary table].

Both are sent by POST and never stand in an address. What they open is not the permanent link but a few minutes' access
of this browser alone (``app.booking.acces_usager``). A code that is being guessed asks for a challenge too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from app import clock
from app.booking.acces_usager import sign_acces
from app.booking.outils import Outils
from app.booking.retrouver import find_by_code
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.garde import CHAMP_JETON, Affiche, DefiRequis, admit_acte, read_reponse, show, use_passe
from app.booking.usager.mon_rdv import Requete
from app.booking.usager.visiteur import Visiteur, visiteur_usager
from app.errors import AccesRefuse, AppError, SaisieInvalide, TropDeDemandes
from app.langue import _
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
    visiteur, donnees = visiteur_usager(request), await request.form()
    saisi = _read_saisi(donnees)
    maintenant = clock.now()

    async def check_personne() -> None:
        await use_passe(visiteur, outils)

    try:
        manques = _find_manques(saisi)
        if manques:
            raise SaisieInvalide(champs=manques)
        phrase = await read_reponse(visiteur, outils, donnees)
        if phrase:
            raise DefiRequis(phrase)
        rdv_id = await find_by_code(
            outils, saisi["code"], saisi["nom"], visiteur.auteur, maintenant, check_personne=check_personne
        )
    except (SaisieInvalide, AccesRefuse, TropDeDemandes) as refus:
        if wants_json(request):
            raise
        defi = await _show_defi(visiteur, outils) if _is_guessed(donnees, refus) else None
        return _render(request, saisi, refus=refus, defi=defi)
    acces = sign_acces(outils.settings, rdv_id, visite(request), maintenant)
    return Redirect(f"/mon-rendez-vous/{acces}", status_code=303)


@post("/retrouver/captcha", status_code=200, include_in_schema=False, before_request=check_change_usager)
async def renew(request: Requete, outils: NamedDependency[Outils]) -> Response[Any]:
    """« Changer de code »: JSON for the page's script; else the same form, with what was typed."""
    visiteur = visiteur_usager(request)
    await admit_acte(visiteur, outils, "renouveler")
    defi = await _show_defi(visiteur, outils, focus=True)
    if wants_json(request):
        return Response(defi.as_json(), status_code=200)
    return _render(request, _read_saisi(await request.form()), defi=defi)


@get("/retrouver/captcha", include_in_schema=False)
async def reopen() -> Response[Any]:
    """Somebody reloads the address of an answer."""
    return Redirect("/retrouver", status_code=303)


async def _show_defi(visiteur: Visiteur, outils: Outils, *, focus: bool = False) -> Affiche:
    return await show(visiteur, outils, "/retrouver/captcha", focus=focus)


def _is_guessed(donnees: Mapping[str, Any], refus: AppError) -> bool:
    """True when the next try needs a challenge: one is asked for, or this one had answered one."""
    return isinstance(refus, DefiRequis) or (CHAMP_JETON in donnees and not isinstance(refus, TropDeDemandes))


def _read_saisi(donnees: Mapping[str, Any]) -> dict[str, str]:
    return {nom: _read(donnees.get(nom), longueur) for nom, longueur in _LONGUEURS.items()}


def _read(texte: object, longueur: int) -> str:
    return texte[: longueur + 1] if isinstance(texte, str) else ""


def _find_manques(saisi: dict[str, str]) -> dict[str, str]:
    phrases = {
        "code": "Saisissez le code de votre rendez-vous.",
        "nom": "Saisissez le nom donné pour le rendez-vous.",
    }
    return {nom: phrase for nom, phrase in phrases.items() if not saisi[nom].strip()}


def _render(
    request: Requete,
    saisi: dict[str, str],
    *,
    refus: AppError | None = None,
    expire: bool = False,
    defi: Affiche | None = None,
) -> Response[bytes]:
    titre = _("Retrouver votre rendez-vous")
    ctx = {
        "titre": titre,
        "fil": [{"libelle": _("Accueil"), "url": "/"}, {"libelle": titre, "url": ""}],
        "saisi": {nom: saisi.get(nom, "") for nom in _LONGUEURS},
        "refus": refus,
        "erreurs": refus.champs if refus else {},
        "expire": expire,
        "defi": defi,
        "adresse": "/retrouver",
    }
    entetes = {}
    if isinstance(refus, TropDeDemandes):
        entetes["Retry-After"] = str(refus.details.get("attendre_s", 300))
    statut = refus.statut if refus else 200
    return page(request, "booking/usager/retrouver.html", ctx, statut=statut, entetes=entetes)


ROUTES = [show_retrouver, do_retrouver, renew, reopen]
