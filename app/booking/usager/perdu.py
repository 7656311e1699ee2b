"""What is proposed when the créneau of a form is lost: the nearest ones and every other, the same for all losers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from markupsafe import Markup

from app.booking.fragments import Fragments
from app.booking.usager.calendrier import Calendrier
from app.booking.usager.cartes import carte_de
from app.booking.usager.demande import Parcours
from app.booking.usager.etape_creneau import find_tenue, present_alternatives, url_jour
from app.booking.usager.lecture import Vue
from app.booking.usager.lieux import Choix, list_voisins
from app.langue import get_langue
from app.web.pages import render

_choix = Fragments()


@dataclass(frozen=True, slots=True)
class Perdu:
    """There is no créneau any more: why, and the choice of another one, as HTML."""

    phrase: str
    choix: Markup


def build_perdu(
    request: Request[Any, Any, Any], vue: Vue, choix: Choix, parcours: Parcours, phrase: str, debut: int
) -> Perdu:
    """Rendered once per version of the créneaux for who holds nothing, however many lost the same one."""
    dispo, tenue = choix.dispo, find_tenue(vue, choix.lieu)
    nomme = choix.perdu or choix.lieu.delegation is not None or bool(list_voisins(vue, parcours.motif))
    versions = vue.epoque, dispo.contexte.id, dispo.versions.creneaux, dispo.versions.planning, dispo.valable_jusqu_a
    cle = (get_langue(), *versions, dispo.delegation, nomme, dispo.demande, dispo.fenetre, debut)
    html = _choix.get(cle) if tenue is None else None
    if html is None:
        calendrier = Calendrier(dispo, tenue, url_jour(parcours))
        contexte = {
            "alternatives": present_alternatives(calendrier, dispo.alternatives(debut)),
            "tous": calendrier.proches(debut),
            "carte": carte_de(dispo.contexte),
            "lieu": f"{dispo.contexte.libelle}, {dispo.contexte.ville}" if nomme else "",
        }
        html = render(request, "booking/usager/_perdu.html", contexte)
        if tenue is None:
            _choix.put(cle, html)
    return Perdu(phrase, Markup(html))  # noqa: S704 (a template's own output, escaped there)
