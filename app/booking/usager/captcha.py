"""A challenge's image and sound, and another one when it cannot be read. GET draws, and writes nothing."""

from __future__ import annotations

from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.outils import Outils
from app.booking.usager.demande import Parcours
from app.booking.usager.etape_coordonnees import check_coordonnees, keep_answer, read_envoi, redo
from app.booking.usager.garde import admit_acte, show
from app.booking.usager.visiteur import Requete, Visiteur, visiteur_usager
from app.errors import Introuvable
from app.langue import _, get_langue
from app.protection.captchetat import Captchetat, CaptchetatIndisponible
from app.protection.defis import Jeton, derive_graine, derive_reponse, read_jeton
from app.protection.dessin import draw_image_aside, speak_aside
from app.protection.voix import ensure_voix
from app.web.erreurs import wants_json
from app.web.securite import visite

_PERIME: Final = "Ce code de vérification n’est plus valable."


@get("/captcha/{nom:str}", include_in_schema=False)
async def show_captcha(request: Requete, outils: NamedDependency[Outils], nom: FromPath[str]) -> Response[bytes]:
    """``<jeton>.png`` or ``<jeton>.wav``. Raises Introuvable for a challenge that is not this visit's, or is over."""
    texte, point, genre = nom.rpartition(".")
    jeton = read_jeton(outils.settings, visite(request), texte, clock.now()) if point else None
    if jeton is None or genre not in ("png", "wav") or (genre == "png" and jeton.externe):
        raise Introuvable(_(_PERIME), remede=_("Rouvrez la page pour en avoir un autre."))
    if genre == "png":
        return Response(await draw_image_aside(derive_reponse(outils.settings, jeton)), media_type="image/png")
    return Response(await _speak(request, outils, jeton), media_type="audio/wav")


async def _speak(request: Requete, outils: Outils, jeton: Jeton) -> bytes:
    absent = Introuvable(_("Le son n’est pas disponible."), remede=_("Changez de code, ou joignez le service."))
    if jeton.externe:
        externe: Captchetat | None = request.app.state.captchetat
        try:
            if externe is None:
                raise absent
            return await externe.fetch_son(jeton.externe, get_langue())
        except CaptchetatIndisponible:
            raise absent from None
    if not await ensure_voix(outils.settings.captcha_voix):
        raise absent
    voix = outils.settings.captcha_voix / get_langue()
    return await speak_aside(derive_reponse(outils.settings, jeton), voix, derive_graine(outils.settings, jeton))


@post("/rdv/{service_id:int}/captcha", status_code=200, include_in_schema=False, before_request=check_coordonnees)
async def renew(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """« Changer de code »: JSON for the page's script; else the same form, with what was typed."""
    return await keep_answer(request, outils, service_id, _renew(visiteur_usager(request), outils, service_id))


async def _renew(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    await admit_acte(visiteur, outils, "renouveler")
    donnees = await visiteur.request.form()
    if wants_json(visiteur.request):
        return Response((await show(visiteur, outils, visiteur.request.url.path)).as_json(), status_code=200)
    if "cle" not in donnees:
        return Redirect(Parcours.read(service_id, donnees).url("coordonnees"), status_code=303)
    lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
    return await redo(visiteur, outils, vue, parcours, lue, None, defi_neuf=True)


@get("/rdv/{service_id:int}/captcha", include_in_schema=False)
async def reopen(request: Requete, service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the form of the hold, if it lives."""
    return Redirect(Parcours.read(service_id, request.query_params).url("coordonnees"), status_code=303)


ROUTES = [show_captcha, renew, reopen]
