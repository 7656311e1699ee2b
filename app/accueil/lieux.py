"""Where the day is seen from: a site's reception or one guichet, with the versions that its screen shows.

The rights are in these queries (view ``acces``, module *accueil*), and the versions are read here, before any row: a
screen rendered from them misses nothing, it may only learn the same thing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.horaires import get_cadran
from app.errors import AccesRefuse, Introuvable
from app.tables import Agenda, Epoque, Guichet, GuichetAgent, ServiceFiscal, Site
from app.tables.vues import acces

_IDENT_MAX: Final = 2**63
_PHRASE_SITE: Final = "Cet accueil n’existe pas parmi les services auxquels vous êtes rattaché."
_epoque = select(Epoque.valeur).scalar_subquery()


@dataclass(frozen=True, slots=True)
class ServiceJour:
    """A service on its own local day, at one version of its agenda."""

    id: int
    libelle: str
    zone: ZoneInfo
    jour: date
    version: int

    @property
    def bornes(self) -> tuple[int, int]:
        """The day, in minutes since the Unix epoch, half-open: 23 or 25 hours long twice a year."""
        cadran = get_cadran(self.jour, self.zone)
        return cadran.debut, cadran.fin


@dataclass(frozen=True, slots=True)
class SiteJour:
    """The reception of a site today: those of its services for which the agent receives [G 2.1.1]."""

    id: int
    nom: str
    services: tuple[ServiceJour, ...]
    epoque: str

    @property
    def sujets(self) -> str:
        """The subjects that its board follows."""
        return " ".join(f"service:{s.id}" for s in self.services)

    @property
    def versions(self) -> str:
        """The version of each subject, in the same order."""
        return " ".join(str(s.version) for s in self.services)

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the services of one place share."""
        return self.services[0].zone

    @property
    def bornes(self) -> tuple[int, int]:
        """The day shown, in minutes since the Unix epoch."""
        toutes = [s.bornes for s in self.services]
        return min(debut for debut, _ in toutes), max(fin for _, fin in toutes)

    @property
    def expire(self) -> int:
        """When the board must be drawn again for another day, in minutes since the Unix epoch."""
        return min(s.bornes[1] for s in self.services)


@dataclass(frozen=True, slots=True)
class GuichetChoix:
    """A guichet that an agent may sit at. ``mien``: assigned to it [G 2.3.3]."""

    id: int
    nom: str
    ouvert: bool
    mien: bool


@dataclass(frozen=True, slots=True)
class BoxJour:
    """One service seen from its guichets."""

    site_id: int
    service: ServiceJour
    departement: str
    epoque: str
    guichets: tuple[GuichetChoix, ...]

    def find(self, guichet_id: int) -> GuichetChoix:
        """The guichet. Raises Introuvable when it is not of this service."""
        for guichet in self.guichets:
            if guichet.id == guichet_id:
                return guichet
        raise Introuvable("Ce guichet n’existe pas dans ce service.", remede="Choisissez un guichet dans la liste.")


def _today(maintenant: datetime, zone: ZoneInfo) -> date:
    return maintenant.astimezone(zone).date()


async def read_sites(conn: AsyncConnection, agent_id: int, maintenant: datetime) -> tuple[SiteJour, ...]:
    """Every reception where this agent receives, by name. Raises AccesRefuse when there is none."""
    return await _read_sites(conn, agent_id, maintenant, None)


async def read_site(conn: AsyncConnection, agent_id: int, site_id: int, maintenant: datetime) -> SiteJour:
    """The site as this agent's reception desk sees it. Raises AccesRefuse: absent, or nothing there is his."""
    if not 0 < site_id < _IDENT_MAX:
        raise AccesRefuse(_PHRASE_SITE)
    return (await _read_sites(conn, agent_id, maintenant, site_id))[0]


async def _read_sites(
    conn: AsyncConnection, agent_id: int, maintenant: datetime, site_id: int | None
) -> tuple[SiteJour, ...]:
    requete = (
        select(
            Site.id,
            Site.nom,
            ServiceFiscal.id.label("service_id"),
            ServiceFiscal.libelle,
            ServiceFiscal.fuseau,
            Agenda.version,
            _epoque.label("epoque"),
        )
        .join(ServiceFiscal, ServiceFiscal.site_id == Site.id)
        .join(Agenda, Agenda.service_id == ServiceFiscal.id)
        .join(acces, acces.c.service_id == ServiceFiscal.id)
        .where(acces.c.agent_id == agent_id, acces.c.module == "accueil")
        .order_by(Site.nom, Site.id, ServiceFiscal.libelle, ServiceFiscal.id)
    )
    if site_id is not None:
        requete = requete.where(Site.id == site_id)
    lignes = (await conn.execute(requete)).all()
    if not lignes:
        raise AccesRefuse(_PHRASE_SITE)
    sites = []
    for ident, siennes in groupby(lignes, key=attrgetter("id")):
        rangs = list(siennes)
        services = []
        for rang in rangs:
            zone = ZoneInfo(rang.fuseau)
            services.append(ServiceJour(rang.service_id, rang.libelle, zone, _today(maintenant, zone), rang.version))
        sites.append(SiteJour(ident, rangs[0].nom, tuple(services), rangs[0].epoque))
    return tuple(sites)


async def read_box(conn: AsyncConnection, agent_id: int, service_id: int, maintenant: datetime) -> BoxJour:
    """The service and its guichets, the agent's own first, then the open ones. Raises AccesRefuse."""
    mien = (
        select(GuichetAgent.guichet_id)
        .where(GuichetAgent.guichet_id == Guichet.id, GuichetAgent.agent_id == agent_id)
        .exists()
    )
    lignes = (
        (
            await conn.execute(
                select(
                    ServiceFiscal.site_id,
                    ServiceFiscal.libelle,
                    ServiceFiscal.fuseau,
                    ServiceFiscal.departement,
                    Agenda.version,
                    _epoque.label("epoque"),
                    Guichet.id,
                    Guichet.nom,
                    Guichet.ouvert,
                    mien.label("mien"),
                )
                .join(Agenda, Agenda.service_id == ServiceFiscal.id)
                .join(acces, acces.c.service_id == ServiceFiscal.id)
                .outerjoin(Guichet, Guichet.service_id == ServiceFiscal.id)
                .where(ServiceFiscal.id == service_id, acces.c.agent_id == agent_id, acces.c.module == "accueil")
                .order_by(mien.desc(), Guichet.ouvert.desc(), Guichet.ordre, Guichet.id)
            )
        ).all()
        if 0 < service_id < _IDENT_MAX
        else []
    )
    if not lignes:
        raise AccesRefuse("Ce service n’existe pas parmi ceux auxquels vous êtes rattaché.")
    site_id, libelle, fuseau, departement, version, epoque = lignes[0][:6]
    zone = ZoneInfo(fuseau)
    service = ServiceJour(service_id, libelle, zone, _today(maintenant, zone), version)
    guichets = tuple(GuichetChoix(*ligne[6:]) for ligne in lignes if ligne[6] is not None)
    return BoxJour(site_id, service, departement, epoque, guichets)
