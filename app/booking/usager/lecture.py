"""The one read with which each page of the journey begins: versions, epoch, and the visitor's own hold.

One statement, so that the hold shown belongs to the version shown. With it, a page of créneaux costs at most three
queries: this one, the service's context when it has changed, what occupies its guichets when that has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import DateTime, LargeBinary, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, Versions
from app.booking.disponibilites import Disponibilite
from app.booking.liens import empreinte
from app.booking.outils import Outils
from app.booking.usager.calendrier import Tenue
from app.booking.usager.demande import Parcours
from app.domain.horaires import floor_minute
from app.domain.vocabulaire import Canal
from app.errors import Introuvable

_VUE = text(
    """
    SELECT a.version, a.version_creneaux, a.version_affichage, a.version_planning, e.valeur AS epoque,
           o.id, o.motif_id, o.type_rdv, o.guichet_id, o.debut, o.fin, o.expire_a, o.cree_a
      FROM agenda a
     CROSS JOIN epoque e
      LEFT JOIN LATERAL (
           SELECT * FROM rendez_vous r
            WHERE r.option_empreinte = :empreinte AND r.service_id = a.service_id AND r.etat = 'option'
              AND r.expire_a > :maintenant
            ORDER BY r.id DESC LIMIT 1) o ON TRUE
     WHERE a.service_id = :service
    """
).bindparams(
    bindparam("empreinte", type_=LargeBinary),
    bindparam("maintenant", type_=DateTime(timezone=True)),
)


@dataclass(frozen=True, slots=True)
class Option:
    """The visitor's live hold. ``cree_a`` bounds how long it may be kept."""

    id: int
    motif_id: int
    type_rdv: str
    guichet_id: int
    debut: datetime
    fin: datetime
    expire_a: datetime
    cree_a: datetime

    @property
    def tenue(self) -> Tenue:
        """The place it holds, in minutes-époque."""
        return Tenue(self.guichet_id, floor_minute(self.debut), floor_minute(self.fin))


@dataclass(frozen=True, slots=True)
class Vue:
    """A service as one visitor sees it at one instant."""

    versions: Versions
    epoque: str
    contexte: ServiceContexte
    option: Option | None
    maintenant: datetime

    @property
    def en_ligne(self) -> bool:
        """True when the service may be booked online today, in its own zone."""
        return self.contexte.prend_en_ligne(self.maintenant.astimezone(self.contexte.zone).date())


async def read_vue(outils: Outils, conn: AsyncConnection, service_id: int, visite: str, maintenant: datetime) -> Vue:
    """Read it. Raises Introuvable when there is no such service."""
    parametres = {"service": service_id, "empreinte": empreinte(visite), "maintenant": maintenant}
    ligne = (await conn.execute(_VUE, parametres)).one_or_none()
    if ligne is None:
        raise Introuvable("Ce service n’existe pas.")
    versions = Versions(*ligne[:4])
    contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
    option = Option(*ligne[5:]) if ligne.id is not None else None
    return Vue(versions, ligne.epoque, contexte, option, maintenant)


async def read_dispo(outils: Outils, conn: AsyncConnection, vue: Vue, parcours: Parcours) -> Disponibilite:
    """What is free for these choices at the version of ``vue``. Raises Introuvable for a motif of another catalogue."""
    return await outils.dispo.read(
        conn,
        vue.contexte.id,
        motif_id=parcours.motif,
        type_rdv=parcours.type_rdv,
        canal=Canal.INTERNET,
        maintenant=vue.maintenant,
        versions=vue.versions,
    )
