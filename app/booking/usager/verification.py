"""Between steps 2 and 3, for who asks for many créneaux or for a service in great demand: a code to copy first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar.response import Response

from app import clock
from app.booking.outils import Outils
from app.booking.usager.calendrier import quand_de
from app.booking.usager.cartes import carte_de
from app.booking.usager.demande import Parcours, read_debut
from app.booking.usager.garde import CHAMP, DefiRequis, has_demande, show
from app.booking.usager.visiteur import Visiteur
from app.domain.horaires import from_minute
from app.errors import SaisieInvalide
from app.langue import _
from app.web.erreurs import wants_json


async def render_verification(
    visiteur: Visiteur,
    outils: Outils,
    parcours: Parcours,
    donnees: Mapping[str, Any],
    refus: DefiRequis | None = None,
) -> Response[Any]:
    """The page (422 when something has to be answered), or another challenge as JSON for its script.

    Raises Introuvable for an unknown service, SaisieInvalide for what is no hour.
    """
    action = parcours.action("option")
    # A page that nobody expected is read from its top; a code that was asked for is at hand.
    defi = await show(visiteur, outils, action, focus=has_demande(donnees))
    if wants_json(visiteur.request):
        return Response(defi.as_json(), status_code=200)
    debut = read_debut(donnees.get("debut"))
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, parcours.service_id, clock.now())
    essaye = bool(donnees.get(CHAMP))
    contexte = {
        "titre": _("Vérification"),
        "etape": 2,
        "action": action,
        "retour": parcours.url("creneau"),
        "adresse": parcours.url("creneau"),
        "parcours": parcours,
        "debut": from_minute(debut).astimezone(vue.contexte.zone).isoformat(),
        "quand": quand_de(from_minute(debut), vue.contexte.zone),
        "defi": defi,
        "erreurs": refus.champs if refus is not None and essaye else {},
        "carte": carte_de(vue.contexte),
    }
    statut = SaisieInvalide.statut if refus is not None else 200
    return visiteur.page("verification", vue.contexte, contexte, vue.maintenant, statut=statut)
