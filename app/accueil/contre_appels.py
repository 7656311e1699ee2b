"""The contre-appels that an agent makes when nobody waits: those of his guichet, over the next working days [screens].

In the shape that ``macros/box.html`` takes. A count, and a few rows: the worklist has the others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncConnection

from app.accueil.lieux import BoxJour, GuichetChoix
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.rappels import tell_essai
from app.booking.agents.saisie import national
from app.booking.chances import Chances
from app.booking.rappels import Recherche, ServiceAppels, count_rappels, place_service, read_rappels
from app.domain.contre_appel import JOURS_A_RAPPELER
from app.web.dates import jour_court

LIGNES: Final = 5


def place_box(box: BoxJour, maintenant: datetime) -> ServiceAppels:
    """The box's service with the days that its contre-appels cover."""
    service = box.service
    lieu = (service.id, service.libelle, service.zone, service.version, box.departement)
    return place_service(*lieu, maintenant, JOURS_A_RAPPELER)


async def read_contre_appels(
    conn: AsyncConnection,
    agent_id: int,
    service: ServiceAppels,
    choisi: GuichetChoix,
    chances: Chances,
) -> dict[str, Any]:
    """``contre_appels`` (the most useful first), ``contre_appels_total`` and where the rest is."""
    recherche = Recherche(agent_id, [service], guichet_id=choisi.id)
    comptes = await count_rappels(conn, recherche)
    connues = await chances.read(conn, comptes, service.aujourdhui)
    lignes = await read_rappels(conn, recherche, connues, LIGNES)
    retour = quote(f"/services/{service.id}/box?guichet={choisi.id}", safe="")
    return {
        "contre_appels": [
            {
                "nom": nom_agenda(ligne) or "Usager anonymisé",
                "telephone": national(ligne["telephones"][0]),
                "jour": jour_court(ligne["jour"]),
                "motif": ligne["motif"],
                "essai": tell_essai(ligne, service),
                "url": f"/rendez-vous/{ligne['id']}/contre-appel?retour={retour}",
            }
            for ligne in lignes
        ],
        "contre_appels_total": sum(comptes.values()),
        "contre_appels_url": f"/agent/a-rappeler?jours={JOURS_A_RAPPELER}&service={service.id}",
    }
