"""« Un rendez-vous plus tôt ? »: give up one's créneau for an earlier one, a POST away [G 2.3.1].

Same motif, same type, same place. The list follows the public subject of the service: what is freed comes, what is
taken goes.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from markupsafe import Markup

from app.booking.outils import Outils
from app.booking.usager.calendrier import heure_de
from app.booking.usager.mon_rdv import Mien, Requete, answer_impossible, open_mien
from app.booking.usager.mon_rdv_attente import find_attente
from app.booking.usager.mon_rdv_grille import Grille, read_grille
from app.courrier.texte import jour_en_mots
from app.domain.horaires import floor_minute, from_minute, get_cadran
from app.domain.libre_service import PHRASES
from app.langue import _, get_langue, tr
from app.web.dates import heure
from app.web.pages import render

#: Créneaux offered, the earliest first.
_NOMBRE: Final = 8


@get("/mon-rendez-vous/{jeton:str}/plus-tot", include_in_schema=False)
async def show_plus_tot(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """The page."""
    return await answer_plus_tot(await open_mien(request, outils, jeton, lecture=True), outils)


@get("/mon-rendez-vous/{jeton:str}/plus-tot/fragment", include_in_schema=False)
async def show_fragment(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Its live region alone."""
    return await answer_fragment(await open_mien(request, outils, jeton), outils)


async def answer_plus_tot(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title; why it may not be moved, when it may not."""
    titre = _("Un rendez-vous plus tôt ?")
    if mien.obstacle is not None:
        return answer_impossible(mien, titre)
    donnees = {
        **mien.present(),
        "region": await _render(mien, outils),
        "heure_donnees": heure(mien.maintenant, mien.contexte.zone),
    }
    return mien.page("mon_rdv_plus_tot", titre, donnees)


async def answer_fragment(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title."""
    return Response((await _render(mien, outils)).encode(), media_type="text/html")


async def _render(mien: Mien, outils: Outils) -> Markup:
    async with outils.db.read() as conn:
        grille = await read_grille(mien, outils, conn, {})
    obstacle, zone = mien.obstacle, grille.offre.contexte.zone
    fermee = obstacle is not None or not mien.en_ligne
    jours = [] if fermee else list_plus_tot(grille)
    contexte = {
        "sujet": f"creneaux:{mien.contexte.id}",
        "version": grille.offre.versions.creneaux,
        "epoque": grille.epoque,
        "zone": zone.key,
        "expire": get_cadran(mien.maintenant.astimezone(zone).date(), zone).fin,
        "fragment": f"{mien.base}/plus-tot/fragment",
        "action": f"{mien.base}/deplacer",
        "parcours": grille.parcours,
        "revision": mien.rdv["revision"],
        "jours": jours,
        "raison": _find_raison(mien, grille) if not jours else "",
        "attente": find_attente(mien),
        "base_rdv": mien.base,
    }
    html = render(mien.request, "booking/usager/_mon_rdv_plus_tot.html", contexte)
    return Markup(html)  # noqa: S704 (a template's own output, escaped there)


def list_plus_tot(grille: Grille) -> list[dict[str, Any]]:
    """The first free créneaux before the RDV's own, under their days."""
    limite, zone = floor_minute(grille.mien.rdv["debut"]), grille.offre.contexte.zone
    jours: list[dict[str, Any]] = []
    reste = _NOMBRE
    for libres in grille.calendrier.libres.values():
        departs = [depart for depart in libres if depart < limite][:reste]
        reste -= len(departs)
        if departs:
            jours.append(
                {
                    "titre": jour_en_mots(from_minute(departs[0]), zone.key, get_langue()),
                    "heures": [
                        (from_minute(depart).astimezone(zone).isoformat(), heure_de(depart, zone)) for depart in departs
                    ],
                }
            )
        if not reste:
            break
    return jours


def _find_raison(mien: Mien, grille: Grille) -> str:
    """Why there is none, in a sentence."""
    if mien.obstacle is not None:
        return tr(PHRASES[mien.obstacle])
    if not mien.en_ligne:
        return _("Ce service ne prend plus de rendez-vous en ligne pour le moment : joignez-le.")
    premier = from_minute(floor_minute(mien.rdv["debut"])).astimezone(grille.offre.contexte.zone).date()
    if premier <= grille.dispo.fenetre.du:
        return _(
            "Votre rendez-vous est déjà à la première date possible : le service a besoin de ce délai pour le préparer."
        )
    return _("Aucun créneau n’est libre avant le vôtre pour le moment.")


ROUTES = [show_plus_tot, show_fragment]
