"""What the list reads: two statements, whatever the number of rendez-vous. The right is in each that names people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.lectures import nom_agenda
from app.booking.droits import has_acces, scoped
from app.booking.messages import find_canal
from app.config import Settings
from app.courrier.intentions import Canal
from app.domain.horaires import floor_minute
from app.domain.hors_organisation import RdvPlace
from app.domain.rendez_vous import Etat
from app.tables import Maintien, RdvUsager, RendezVous

#: States in which a rendez-vous can still be moved.
DEPLACABLES: Final = (Etat.PREVU, Etat.ARRIVE)


@dataclass(frozen=True, slots=True)
class RdvLu:
    """A rendez-vous of today or later. ``garde``: (revision, cause) for which the chef decided to keep it, or None.

    ``maison_id``: the service that has entrusted it, None when it is its own; ``permis_ici``, ``permis_origine``: on
    which of them the agent organises.
    """

    place: RdvPlace
    etat: str
    revision: int
    code: str
    garde: tuple[int, str] | None
    service_id: int
    maison_id: int | None
    permis_ici: bool
    permis_origine: bool

    @property
    def id(self) -> int:
        """Its id."""
        return self.place.rdv_id

    @property
    def recu(self) -> bool:
        """True when another service than its home receives it."""
        return self.maison_id is not None

    @property
    def motif_id(self) -> int:
        """Its motif."""
        return self.place.motif_id

    @property
    def type_rdv(self) -> str:
        """A value of ``TypeRdv``."""
        return self.place.type_rdv


@dataclass(frozen=True, slots=True)
class Personne:
    """Whom it is for, and how to reach them. ``canal``: by what they are written to, None when they are not."""

    nom: str
    telephones: tuple[str, ...]
    canal: Canal | None


async def read_a_venir(
    conn: AsyncConnection,
    agent_id: int,
    service_id: int,
    aujourdhui: date,
    *,
    rdv_id: int | None = None,
    confies: bool = False,
) -> list[RdvLu]:
    """Those of today and later that may be moved, by date; ``rdv_id``: that one alone. Nobody's name is read.

    ``confies``: those that the service has entrusted to others too [G 2.3.5].
    """
    siens = RendezVous.service_id == service_id
    requete = (
        select(
            RendezVous.id,
            RendezVous.guichet_id,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.forcages,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.etat,
            RendezVous.revision,
            RendezVous.code,
            RendezVous.service_id,
            RendezVous.service_origine_id,
            has_acces(agent_id, "organiser", RendezVous.service_id).label("permis_ici"),
            has_acces(agent_id, "organiser", RendezVous.service_origine_id).label("permis_origine"),
            Maintien.revision_rdv,
            Maintien.cause,
        )
        .outerjoin(Maintien, Maintien.rdv_id == RendezVous.id)
        .where(
            or_(siens, RendezVous.service_origine_id == service_id) if confies else siens,
            RendezVous.jour >= aujourdhui,
            RendezVous.etat.in_(DEPLACABLES),
        )
        .order_by(RendezVous.debut, RendezVous.id)
    )
    if rdv_id is not None:
        requete = requete.where(RendezVous.id == rdv_id)
    return [
        RdvLu(
            RdvPlace(
                ligne.id,
                ligne.guichet_id,
                floor_minute(ligne.debut),
                floor_minute(ligne.fin),
                ligne.motif_id,
                ligne.type_rdv,
                frozenset(ligne.forcages),
                ligne.service_origine_id is not None,
            ),
            ligne.etat,
            ligne.revision,
            ligne.code or "",
            None if ligne.revision_rdv is None else (ligne.revision_rdv, ligne.cause),
            ligne.service_id,
            ligne.service_origine_id,
            ligne.permis_ici,
            ligne.permis_origine,
        )
        for ligne in await conn.execute(scoped(requete, agent_id, "organiser", origine=confies))
    ]


async def read_personnes(
    conn: AsyncConnection, settings: Settings, agent_id: int, service_id: int, ids: Sequence[int]
) -> dict[int, Personne]:
    """RDV → person, for those of the service, entrusted to another or not; the others are absent."""
    requete = (
        select(
            RendezVous.id,
            RdvUsager.nature,
            RdvUsager.nom_usage,
            RdvUsager.prenoms,
            RdvUsager.raison_sociale,
            RdvUsager.telephones,
            RdvUsager.courriel,
        )
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(
            RendezVous.id.in_(ids),
            or_(RendezVous.service_id == service_id, RendezVous.service_origine_id == service_id),
            RendezVous.etat != "option",
        )
    )
    lignes = (await conn.execute(scoped(requete, agent_id, "organiser", origine=True))).mappings()
    return {
        ligne["id"]: Personne(
            nom_agenda(dict(ligne)),
            tuple(ligne["telephones"] or ()),
            find_canal(settings, ligne["courriel"], ligne["telephones"]),
        )
        for ligne in lignes
    }
