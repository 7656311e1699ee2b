"""Keep the agendas of the demo full around now: the past fortnight, today as the clock says, the month to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, read_contexte
from app.booking.disponibilites import read_occupations
from app.config import Settings
from app.db import UnitOfWork
from app.demo.ecritures import Plume, insert_places
from app.demo.horaires import open_around
from app.demo.monde import GUICHET_DU_BOX, NEVERS, SERVICES, ServiceDecrit
from app.demo.places import Terrain, choose_places, entrust
from app.demo.rattrapage import catch_up
from app.demo.reglages import CLE_REMPLISSAGE, read_parametre, write_parametre
from app.domain.plages import OuverturesParJour
from app.tables import Agent, ServiceFiscal

PASSE: Final = timedelta(days=14)
AVENIR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Acteurs:
    """Ids that the writing needs: services by SAGES, the colleague of each, the agent from elsewhere."""

    services: Mapping[str, int]
    collegues: Mapping[str, int]
    exterieur: int


async def read_acteurs(conn: AsyncConnection) -> Acteurs:
    """Who is who in this database. Raises KeyError when the demo was not installed in it."""
    agents: dict[str, int] = {
        ligne.identifiant: ligne.id for ligne in await conn.execute(select(Agent.identifiant, Agent.id))
    }
    services: dict[str, int] = {
        ligne.sages: ligne.id for ligne in await conn.execute(select(ServiceFiscal.sages, ServiceFiscal.id))
    }
    return Acteurs(
        {decrit.sages: services[decrit.sages] for decrit in SERVICES},
        {decrit.sages: agents[f"collegue-{decrit.sages}"] for decrit in SERVICES},
        agents["exterieur"],
    )


async def refresh(uow: UnitOfWork, settings: Settings, maintenant: datetime, *, rattraper: bool) -> int:
    """Open around now and fill what is not filled yet; with ``rattraper``, live the hours when the demo was stopped.

    Services in id order, like every transaction that touches several. Each service changed is announced, so that
    screens already open reload. The number of services changed.
    """
    acteurs = await read_acteurs(uow.conn)
    marques: dict[str, str] = await read_parametre(uow.conn, CLE_REMPLISSAGE) or {}
    change = 0
    for decrit in sorted(SERVICES, key=lambda d: acteurs.services[d.sages]):
        if not rattraper and not decrit.vivant:
            continue
        service = _Service(uow, settings, decrit, acteurs, maintenant)
        rempli = date.fromisoformat(marques[decrit.sages]) if decrit.sages in marques else None
        change += await service.refresh(rempli, rattraper=rattraper)
        marques[decrit.sages] = service.jusqu_au.isoformat()
    await write_parametre(uow.conn, CLE_REMPLISSAGE, marques)
    return change


class _Service:
    """The refreshing of one service, in the caller's transaction."""

    def __init__(
        self, uow: UnitOfWork, settings: Settings, decrit: ServiceDecrit, acteurs: Acteurs, maintenant: datetime
    ) -> None:
        self._uow = uow
        self._settings = settings
        self._decrit = decrit
        self._acteurs = acteurs
        self._id = acteurs.services[decrit.sages]
        self._maintenant = maintenant
        self._hasard = Random(f"{decrit.sages} {maintenant.isoformat()}")
        self.jusqu_au = date.min

    async def refresh(self, rempli: date | None, *, rattraper: bool) -> int:
        """1 when something changed, 0 when everything was already as it should be."""
        avant = await read_contexte(self._uow.conn, self._id)
        aujourdhui = self._maintenant.astimezone(avant.zone).date()
        elargi = self._decrit.vivant and await open_around(self._uow, self._id, avant.zone, self._maintenant)
        apres = await read_contexte(self._uow.conn, self._id) if elargi else avant
        premier = aujourdhui - PASSE if rempli is None else max(rempli + timedelta(days=1), aujourdhui - PASSE)
        self.jusqu_au = max(aujourdhui + AVENIR, rempli or date.min)
        poses = 0
        if premier <= self.jusqu_au:
            poses += await self._fill(apres, premier, self.jusqu_au, aujourdhui, None)
        if elargi and rempli is not None and aujourdhui <= rempli:
            au = min(aujourdhui + timedelta(days=2), rempli)
            poses += await self._fill(apres, aujourdhui, au, aujourdhui, avant.ouvertures(aujourdhui, au))
        avances = await catch_up(self._uow, self._plume(apres)) if rattraper else 0
        if (poses or avances) and not elargi:
            self._uow.annonces.planning(self._id)
        return 1 if poses or avances or elargi else 0

    def _plume(self, contexte: ServiceContexte) -> Plume:
        agent = self._acteurs.collegues[self._decrit.sages]
        visiteur = next(
            (g.id for g in contexte.guichets.values() if self._decrit.sages == NEVERS and g.nom == GUICHET_DU_BOX), None
        )
        return Plume(self._settings, contexte, agent, self._acteurs.exterieur, self._maintenant, visiteur)

    async def _fill(
        self, contexte: ServiceContexte, du: date, au: date, aujourdhui: date, deja: OuverturesParJour | None
    ) -> int:
        lues = await read_occupations(self._uow.conn, list(contexte.guichets), du, au, self._maintenant)
        terrain = Terrain(
            contexte, contexte.ouvertures(du, au), deja, lues.par_guichet, self._decrit.densite, aujourdhui
        )
        places = list(entrust(choose_places(terrain, self._hasard), contexte.recues))
        await insert_places(self._uow, self._plume(contexte), places, self._hasard)
        return len(places)
