"""« Prendre RDV », the parcours simplifié: the code to read out, what to bring, where to go [A1 §3.3].

Nobody is named here. It is shown to the agent who booked, for an hour: afterwards the RDV is reached like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking.agents.acces import write_acte, write_lecture
from app.booking.agents.epeler import epeler
from app.booking.agents.prendre import open_parcours
from app.booking.contexte import read_versions
from app.booking.messages import read_canal
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.booking.usager.confirmation import present_rdv
from app.booking.usager.demande import check_service_id
from app.booking.usager.visiteur import Requete
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.tables import RdvUsager, RendezVous

_DUREE: Final = timedelta(hours=1)
_PASSEE: Final = "Cette confirmation n’est plus affichée."
#: What ``present_rdv`` reads, without anybody's number or address.
COLONNES: Final = (
    RendezVous.id,
    RendezVous.code,
    RendezVous.service_id,
    RendezVous.service_origine_id,
    RendezVous.guichet_id,
    RendezVous.motif_id,
    RendezVous.type_rdv,
    RendezVous.debut,
    RendezVous.fin,
    RendezVous.etat,
    RendezVous.jour,
    RendezVous.revision,
    RendezVous.visio_lien,
    RendezVous.message_usager,
    RendezVous.annule_par,
    case((RdvUsager.courriel.is_(None), ""), else_="oui").label("courriel"),
)


async def _find(
    conn: AsyncConnection, agent_id: int, service_id: int, rdv_id: int, maintenant: datetime
) -> Mapping[str, Any] | None:
    """The RDV that this agent has just taken for the service, here or where it is entrusted; or None."""
    requete = (
        select(*COLONNES)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(
            RendezVous.id == rdv_id,
            RendezVous.cree_par == agent_id,
            RendezVous.canal == "exterieur",
            RendezVous.etat != "option",
            RendezVous.cree_a > maintenant - _DUREE,
            func.coalesce(RendezVous.service_origine_id, RendezVous.service_id) == service_id,
        )
    )
    ligne = (await conn.execute(requete)).mappings().one_or_none()
    return None if ligne is None else {**ligne, "telephones": ()}


@get("/services/{service_id:int}/prendre/confirmation", include_in_schema=False)
async def show_confirmation(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
    rdv: FromQuery[int],
) -> Response[bytes]:
    """The page. Raises AccesRefuse (404, journaled) for any other RDV."""
    visiteur = await open_parcours(request, outils, acteur, check_service_id(service_id))
    maintenant = clock.now()
    async with outils.db.read() as conn:
        trouve = await _find(conn, acteur.agent_id, service_id, rdv, maintenant)
        if trouve is not None:
            versions = await read_versions(conn, trouve["service_id"])
            receveur = await outils.dispo.contextes.get(conn, trouve["service_id"], versions.planning)
            vue = await visiteur.read_vue(outils, conn, service_id, maintenant)
            canal = await read_canal(conn, outils.settings, rdv)
    if trouve is None:
        refus = Trace("rdv.acces_refuse", service_id, rdv, {"action": "confirmation"})
        await write_acte(outils, acteur, request, refus)
        raise AccesRefuse(_PASSEE, remede="Ouvrez le rendez-vous par son code et son nom.")
    await write_lecture(outils, acteur, request, Trace("rdv.lu", receveur.id, rdv, {"par": "confirmation"}))
    donnees = {
        "titre": f"Rendez-vous {trouve['code']}",
        "etape": 4,
        "rdv_id": rdv,
        "deja": request.query_params.get("deja") == "1",
        "encore": f"/services/{service_id}/prendre",
        "epele": epeler(trouve["code"]),
        "canal": canal,
        **present_rdv(trouve, receveur, maintenant),
    }
    return visiteur.page("confirmation", vue.contexte, donnees, maintenant)


ROUTES = [show_confirmation]
