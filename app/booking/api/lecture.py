"""What the API reads of rendez-vous: one fiche, one day. The rights are in each query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import Versions
from app.booking.droits import has_acces, permis, scoped
from app.errors import AccesRefuse
from app.tables import Agenda, Epoque, Passage, RdvUsager, RendezVous

_HORS_ZONE = "Ce service n’existe pas parmi ceux auxquels vous êtes rattaché."
_FICHE = (
    RendezVous.id,
    RendezVous.code,
    RendezVous.service_id,
    RendezVous.guichet_id,
    RendezVous.motif_id,
    RendezVous.type_rdv,
    RendezVous.debut,
    RendezVous.fin,
    RendezVous.etat,
    RendezVous.revision,
    RendezVous.canal,
    RendezVous.origine,
    RendezVous.precision,
    RendezVous.note_interne,
    RendezVous.message_usager,
    RendezVous.visio_lien,
    RendezVous.forcages,
    RendezVous.cree_a,
    RendezVous.modifie_a,
    RendezVous.annule_a,
    RendezVous.annule_par,
    RendezVous.annule_raison,
)
_PRESENCE = (Passage.arrivee_a, Passage.appel_a, Passage.reception_a, Passage.fin_a.label("passage_fin_a"))


async def read_fiche(conn: AsyncConnection, agent_id: int, rdv_id: int) -> dict[str, Any] | None:
    """A RDV of a service whose agenda the agent holds, with its person and presence; None when absent or not his.

    Columns of the person are prefixed ``usager_``; ``usager_nature`` is None when there is no snapshot.
    """
    requete = (
        select(*_FICHE, *_PRESENCE, *(c.label(f"usager_{c.name}") for c in RdvUsager.__table__.columns))
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .outerjoin(Passage, Passage.rdv_id == RendezVous.id)
        .where(RendezVous.id == rdv_id, RendezVous.etat != "option")
    )
    ligne = (await conn.execute(scoped(requete, agent_id, "agenda"))).mappings().one_or_none()
    return None if ligne is None else dict(ligne)


@dataclass(frozen=True, slots=True)
class Vue:
    """Where the service's screens are, for an agent who may see them."""

    versions: Versions
    epoque: str


async def read_vue(conn: AsyncConnection, agent_id: int, service_id: int) -> Vue:
    """The versions of a service whose agenda the agent holds, read before the rows. Raises AccesRefuse."""
    requete = (
        select(
            Agenda.version,
            Agenda.version_creneaux,
            Agenda.version_affichage,
            Agenda.version_planning,
            Epoque.valeur,
        )
        .join(Epoque, Epoque.seul == 1)
        .where(Agenda.service_id == service_id, has_acces(agent_id, "agenda", service_id))
    )
    ligne = (await conn.execute(requete)).one_or_none()
    if ligne is None:
        raise AccesRefuse(_HORS_ZONE)
    return Vue(Versions(*ligne[:4]), ligne[4])


async def read_jour(
    conn: AsyncConnection, agent_id: int, service_id: int, jour: date, maintenant: datetime
) -> Sequence[Any]:
    """RDV that are not cancelled and live holds of that local day, in the order of the screen. Raises AccesRefuse."""
    droit = permis(agent_id, "agenda", service_id)
    requete = (
        select(
            RendezVous.id,
            RendezVous.code,
            RendezVous.guichet_id,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.etat,
            RendezVous.revision,
            RendezVous.canal,
            RendezVous.expire_a,
            RdvUsager.nature,
            RdvUsager.civilite,
            RdvUsager.nom_usage,
            RdvUsager.raison_sociale,
            Passage.arrivee_a,
            Passage.appel_a,
        )
        .select_from(droit)
        .outerjoin(
            RendezVous,
            and_(RendezVous.service_id == droit.c.service_id, RendezVous.jour == jour, RendezVous.etat != "annule"),
        )
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .outerjoin(Passage, Passage.rdv_id == RendezVous.id)
        .order_by(RendezVous.debut, RendezVous.guichet_id, RendezVous.id)
    )
    lignes = (await conn.execute(requete)).mappings().all()
    if not lignes:
        raise AccesRefuse(_HORS_ZONE)
    return [
        ligne
        for ligne in lignes
        if ligne["id"] is not None and (ligne["expire_a"] is None or ligne["expire_a"] > maintenant)
    ]
