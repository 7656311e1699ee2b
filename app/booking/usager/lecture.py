"""The one read with which each page of the journey begins: versions, epoch, and the visitor's own hold.

One statement, so that the hold shown belongs to the version shown. With it, a page of créneaux costs at most three
queries: this one, the service's context when it has changed (with those of the services that receive for it), what
occupies its guichets when that has changed; one more when another service receives for it, for what occupies theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, DateTime, LargeBinary, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, Versions
from app.booking.disponibilites import Disponibilite
from app.booking.liens import empreinte
from app.booking.outils import Outils
from app.booking.usager.calendrier import Tenue
from app.booking.usager.demande import Parcours
from app.booking.usager.motifs import Voisin
from app.domain.horaires import floor_minute
from app.domain.vocabulaire import Canal
from app.errors import Introuvable

_VUE = text(
    """
    SELECT a.version, a.version_creneaux, a.version_affichage, a.version_planning, e.valeur AS epoque,
           (SELECT json_object_agg(b.service_id, json_build_array(b.version, b.version_creneaux, b.version_affichage,
                                                                  b.version_planning))
              FROM agenda b
             WHERE b.service_id IN (SELECT d.service_delegue_id FROM delegation d
                                     WHERE d.service_id = a.service_id AND d.etat = 'acceptee' AND d.au >= :hier)
           ) AS voisins,
           o.id, o.motif_id, o.type_rdv, o.guichet_id, o.debut, o.fin, o.expire_a, o.cree_a, o.service_id,
           o.delegation_id
      FROM agenda a
     CROSS JOIN epoque e
      LEFT JOIN LATERAL (
           SELECT * FROM rendez_vous r
            WHERE r.option_empreinte = :empreinte AND r.etat = 'option'
              AND coalesce(r.service_origine_id, r.service_id) = a.service_id
              AND r.expire_a > :maintenant
            ORDER BY r.id DESC LIMIT 1) o ON TRUE
     WHERE a.service_id = :service
    """
).bindparams(
    bindparam("empreinte", type_=LargeBinary),
    bindparam("maintenant", type_=DateTime(timezone=True)),
    bindparam("hier", type_=Date),
)


@dataclass(frozen=True, slots=True)
class Option:
    """The visitor's live hold. ``cree_a`` bounds how long it may be kept.

    ``service_id`` is who would receive: another service when ``delegation_id`` is set.
    """

    id: int
    motif_id: int
    type_rdv: str
    guichet_id: int
    debut: datetime
    fin: datetime
    expire_a: datetime
    cree_a: datetime
    service_id: int
    delegation_id: int | None = None

    @property
    def lieu(self) -> int:
        """Its place, as the journey's addresses say it."""
        return self.delegation_id or 0

    @property
    def tenue(self) -> Tenue:
        """The place it holds, in minutes-époque."""
        return Tenue(self.guichet_id, floor_minute(self.debut), floor_minute(self.fin))


@dataclass(frozen=True, slots=True)
class Vue:
    """A service as one visitor sees it at one instant.

    ``voisins``: the delegations that it gives, alive today, each with who receives; ``versions_voisins`` by service.
    ``canal``: by whose rules the visitor books.
    """

    versions: Versions
    epoque: str
    contexte: ServiceContexte
    option: Option | None
    maintenant: datetime
    voisins: tuple[Voisin, ...] = ()
    versions_voisins: Mapping[int, Versions] = field(default_factory=dict)
    canal: str = Canal.INTERNET.value

    @property
    def aujourdhui(self) -> date:
        """The day where the service is."""
        return self.maintenant.astimezone(self.contexte.zone).date()

    @property
    def en_ligne(self) -> bool:
        """True when the visitor may book there today, in its own zone: online, or as an agent extérieur."""
        if self.canal == Canal.INTERNET:
            return self.contexte.prend_en_ligne(self.aujourdhui)
        receveurs = (voisin for delegation, voisin in self.voisins if delegation.motifs)
        return not self.contexte.ferme and any(c.prend_exterieurs() for c in (self.contexte, *receveurs))


async def read_vue(
    outils: Outils,
    conn: AsyncConnection,
    service_id: int,
    visite: str,
    maintenant: datetime,
    *,
    canal: str = Canal.INTERNET.value,
) -> Vue:
    """Read it. Raises Introuvable when there is no such service."""
    hier = maintenant.date() - timedelta(days=1)  # a day before ours somewhere
    parametres = {"service": service_id, "empreinte": empreinte(visite), "maintenant": maintenant, "hier": hier}
    ligne = (await conn.execute(_VUE, parametres)).one_or_none()
    if ligne is None:
        raise Introuvable("Ce service n’existe pas.")
    versions = Versions(*ligne[:4])
    siens = {int(service): Versions(*lues) for service, lues in (_json(ligne.voisins) or {}).items()}
    plannings = {service: lues.planning for service, lues in siens.items()}
    contextes = await outils.dispo.contextes.get_many(conn, {service_id: versions.planning, **plannings})
    contexte = contextes[service_id]
    option = Option(*ligne[6:]) if ligne.id is not None else None
    voisins = list_voisins(contexte, contextes, maintenant)
    return Vue(versions, ligne.epoque, contexte, option, maintenant, voisins, siens, canal)


def list_voisins(
    contexte: ServiceContexte, contextes: Mapping[int, ServiceContexte], maintenant: datetime
) -> tuple[Voisin, ...]:
    """The delegations of the service that are not over, each with who receives, when that is known."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    return tuple(
        (delegation, contextes[delegation.service_delegue_id])
        for delegation in contexte.confiees
        if delegation.is_vivante(aujourdhui) and delegation.service_delegue_id in contextes
    )


def _json(valeur: Any) -> Any:
    return json.loads(valeur) if isinstance(valeur, str) else valeur


async def read_dispo(outils: Outils, conn: AsyncConnection, vue: Vue, parcours: Parcours) -> Disponibilite:
    """What is free in the service itself, at the version of ``vue``. Raises Introuvable for a foreign motif."""
    return await outils.dispo.read(
        conn,
        vue.contexte.id,
        motif_id=parcours.motif,
        type_rdv=parcours.type_rdv,
        canal=vue.canal,
        maintenant=vue.maintenant,
        versions=vue.versions,
    )
