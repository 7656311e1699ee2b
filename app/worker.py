"""The worker: relay of the outbox, holds, closing of days, counters, summaries (one elected process), mail (all).

The election is a PostgreSQL advisory lock held by one connection: when that process or its connection dies, another
worker takes over within a second. Each chore runs in its own loop: one that fails waits and tries again, alone.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock, envelope, outbox
from app.admin.replacement.situation import read_situation
from app.booking.anonymisation import anonymise_anciens
from app.booking.attente import purge_attentes
from app.booking.attente_liens import url_attente
from app.booking.attente_offres import Guetteur
from app.booking.attente_suivi import settle_offres
from app.booking.avis import purge_avis
from app.booking.contexte import read_versions
from app.booking.liens import url_lien
from app.booking.options import expire_options
from app.booking.outils import Outils
from app.booking.resumes import purge_resumes, write_resumes
from app.booking.vie import close_jours
from app.config import Settings
from app.courrier.envoi import Facteur
from app.courrier.envoi_sms import FacteurSms
from app.courrier.intentions import purge_envoyes
from app.courrier.operateurs import create_operateur
from app.db import Database, UnitOfWork, create_engine, describe
from app.identite.essais import purge_essais
from app.journaux import configure_logs
from app.outbox import Publication
from app.pilotage.compteurs import perimetres_of, read_compteurs
from app.protection.defis import purge_defis
from app.protection.limites import purge_comptages
from app.publication import create_redis, publish_all
from app.tables import Agenda, Outbox

log = structlog.get_logger("accueil.worker")

_VERROU: Final = 0x72656C61
#: Frames younger than this are still in the hands of the process that committed them.
_AGE_RELAIS: Final = timedelta(seconds=1)
_RETENTION_OUTBOX: Final = timedelta(hours=6)
_RETENTION_COURRIER: Final = timedelta(days=30)


class Chores:
    """What the elected worker does, one method per loop."""

    def __init__(self, outils: Outils, redis: Redis) -> None:
        self._outils = outils
        self._redis = redis
        self._cle = outils.settings.derive_key("trames")
        self._vues: dict[int, int] = {}
        self._guetteur = Guetteur(outils)

    async def relay(self) -> None:
        """Publish what no web process has; a frame published twice is dropped by its version."""

        async def travail(uow: UnitOfWork) -> int:
            lot = await outbox.claim(uow.conn, avant=clock.now() - _AGE_RELAIS)
            if lot:
                await publish_all(self._redis, self._cle, lot)
                await outbox.acknowledge(uow.conn, [p.id for p in lot], clock.now())
                log.info("relais", trames=len(lot))
            return len(lot)

        while await self._outils.db.transaction(travail) >= 500:
            pass

    async def expire(self) -> None:
        """Give back the créneaux of forgotten forms."""
        while await expire_options(self._outils, clock.now()) >= 500:
            pass

    async def offer(self) -> None:
        """Offer the créneaux that are free to who waits for them."""
        faites = await self._guetteur.run_once(clock.now())
        if faites:
            log.info("attente.offres", offres=faites)

    async def settle(self) -> None:
        """End the offers that are over, and give their places back."""
        while await settle_offres(self._outils, clock.now()) >= 500:
            pass

    async def close(self) -> None:
        """Close the days that are over."""
        fermes = await close_jours(self._outils, clock.now())
        if fermes:
            log.info("journee.close", rendez_vous=fermes)

    async def summarise(self) -> None:
        """Write the daily summaries that are due."""
        ecrits = await write_resumes(self._outils, clock.now(), self._count_a_replacer)
        if ecrits:
            log.info("resumes.ecrits", courriers=ecrits)

    async def _count_a_replacer(self, conn: AsyncConnection, agent_id: int, service_id: int, a: datetime) -> int:
        versions = await read_versions(conn, service_id)
        contexte = await self._outils.dispo.contextes.get(conn, service_id, versions.planning)
        return len((await read_situation(self._outils, conn, agent_id, contexte, a)).a_replacer)

    async def anonymise(self) -> None:
        """Erase the people of rendez-vous whose retention is over."""
        anonymises = await anonymise_anciens(self._outils, clock.now())
        if anonymises:
            log.info("donnees.anonymisees", rendez_vous=anonymises)

    async def count(self) -> None:
        """Publish the counters of every perimeter in which something happened since the last look."""
        async with self._outils.db.read() as conn:
            lignes = await conn.execute(select(Agenda.service_id, Agenda.version))
            lues = {ligne.service_id: ligne.version for ligne in lignes}
            changes = [s for s, v in lues.items() if self._vues.get(s, v if not self._vues else 0) != v]
            maintenant = clock.now()
            trames = []
            for perimetre in sorted(await perimetres_of(conn, changes)) if changes else ():
                compteurs = await read_compteurs(conn, perimetre, maintenant)
                trame = envelope.encode(compteurs.to_frame(maintenant))
                trames.append(Publication(0, f"pilotage:{perimetre}", compteurs.version, trame))
        if trames:
            await publish_all(self._redis, self._cle, trames)
        self._vues = lues

    async def purge(self) -> None:
        """Forget frames long published and messages long sent."""

        async def travail(uow: UnitOfWork) -> None:
            await uow.conn.execute(delete(Outbox).where(Outbox.publie_a < clock.now() - _RETENTION_OUTBOX))
            await purge_envoyes(uow.conn, clock.now() - _RETENTION_COURRIER)
            await purge_essais(uow.conn, clock.now())
            await purge_comptages(uow.conn, clock.now())
            await purge_defis(uow.conn, clock.now())
            await purge_avis(uow.conn, clock.now())
            await purge_resumes(uow.conn, clock.now())

        await self._outils.db.transaction(travail)
        await purge_attentes(self._outils, clock.now())


async def _repeat(nom: str, tache: Callable[[], Awaitable[None]], chaque_s: float) -> None:
    """Run a chore for ever; an outage of PostgreSQL or Redis delays it, a defect is logged and it goes on."""
    panne = False
    while True:
        try:
            await tache()
            if panne:
                log.info("reprise", tache=nom)
            panne = False
            await asyncio.sleep(chaque_s)
        except (RedisError, OSError, TimeoutError) as erreur:
            if not panne:
                log.warning("panne", tache=nom, erreur=type(erreur).__name__)
            panne = True
            await asyncio.sleep(1.0)
        except Exception as erreur:
            if not panne:
                log.error("defaut", tache=nom, **describe(erreur))
            panne = True
            await asyncio.sleep(2.0)


async def _is_elected(conn: AsyncConnection) -> bool:
    return bool((await conn.execute(text("SELECT pg_try_advisory_lock(:cle)"), {"cle": _VERROU})).scalar_one())


async def _lead(outils: Outils, redis: Redis) -> None:
    """Try to be the elected one, for ever; while elected, run the chores."""
    chores = Chores(outils, redis)
    while True:
        try:
            async with outils.db.engine.connect() as brute:
                conn = await brute.execution_options(isolation_level="AUTOCOMMIT")
                if await _is_elected(conn):
                    log.info("elu")
                    try:
                        await _work(chores, conn)
                    finally:
                        await conn.invalidate()  # the lock ends with its connection, never goes back to the pool
        except Exception as erreur:
            log.warning("election.perdue", **describe(erreur))
        await asyncio.sleep(1.0)


async def _work(chores: Chores, conn: AsyncConnection) -> None:
    """Run every chore until the lock's connection fails."""
    async with asyncio.TaskGroup() as groupe:
        groupe.create_task(_repeat("relais", chores.relay, 0.5))
        groupe.create_task(_repeat("options", chores.expire, 1.0))
        groupe.create_task(_repeat("attente", chores.offer, 2.0))
        groupe.create_task(_repeat("attente.fin", chores.settle, 1.0))
        groupe.create_task(_repeat("cloture", chores.close, 30.0))
        groupe.create_task(_repeat("compteurs", chores.count, 0.5))
        groupe.create_task(_repeat("resumes", chores.summarise, 15.0))
        groupe.create_task(_repeat("purge", chores.purge, 600.0))
        groupe.create_task(_repeat("anonymisation", chores.anonymise, 3600.0))
        groupe.create_task(_hold(conn))


async def _hold(conn: AsyncConnection) -> None:
    """Check each second that the lock's connection lives; its end ends the whole group."""
    while True:
        await conn.execute(text("SELECT 1"))
        await asyncio.sleep(1.0)


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; messages under way are finished. Raises ConfigurationInvalide."""
    configure_logs()
    stop = asyncio.Event()
    boucle = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        boucle.add_signal_handler(signum, stop.set)
    redis = create_redis(settings.redis_url)
    db = Database(create_engine(settings, nom="worker"))
    outils = Outils(db, settings)
    lien, lien_attente = partial(url_lien, settings), partial(url_attente, settings)
    facteur = Facteur(
        db,
        settings.smtp_url,
        settings.courriel_expediteur,
        demonstration=settings.demo,
        lien=lien,
        lien_attente=lien_attente,
    )
    taches = [asyncio.create_task(_lead(outils, redis)), asyncio.create_task(facteur.run(stop))]
    operateur = create_operateur(settings.sms_url, settings.sms_cle, settings.sms_expediteur)
    if operateur is not None:
        cle = settings.derive_key("sms-par-jour")
        sms = FacteurSms(db, operateur, cle=cle, demonstration=settings.demo, lien=lien, lien_attente=lien_attente)
        taches.append(asyncio.create_task(sms.run(stop)))
    log.info("pret")
    await stop.wait()
    await asyncio.wait(taches[1:], timeout=6.0)
    for tache in taches:
        tache.cancel()
    await asyncio.gather(*taches, return_exceptions=True)
    await redis.aclose()
    await db.close()
