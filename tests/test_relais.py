"""The outbox, its fast path and its safety net: nothing committed is lost, Redis dead or frozen, worker killed."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text

from app import clock, envelope, outbox
from app.booking.outils import Outils
from app.db import Database, UnitOfWork
from app.embedded.redis import RedisServer, start_redis
from app.embedded.smtp import Smtp
from app.outbox import Publication
from app.publication import Diffuseur, create_redis
from app.tables import Outbox
from tests.booking.outillage import reserve
from tests.fixtures.base import run_site, until
from tests.fixtures.donnees import MondeService, build_service


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_service(conn)


@pytest.fixture
def redis_propre(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own: it will be ill-treated."""
    serveur = start_redis(tmp_path / "redis")
    yield serveur
    serveur.stop()


@asynccontextmanager
async def ecoute(redis_url: str, sujet: str, cle: bytes) -> AsyncIterator[list[dict[str, object]]]:
    """The verified frames received on a subject during a ``with``."""
    recues: list[dict[str, object]] = []
    client = Redis.from_url(redis_url)
    abonnement = client.pubsub()
    await abonnement.subscribe(envelope.canal(sujet))

    async def lire() -> None:
        async for message in abonnement.listen():
            if message["type"] == "message":
                trame = envelope.verify(message["data"], cle)
                assert trame is not None
                recues.append(json.loads(trame))

    tache = asyncio.create_task(lire())
    await asyncio.sleep(0.1)
    try:
        yield recues
    finally:
        tache.cancel()
        await asyncio.gather(tache, return_exceptions=True)
        await client.aclose()


async def non_publiees(outils: Outils) -> int:
    async with outils.db.read() as conn:
        return len((await conn.execute(select(Outbox.id).where(Outbox.publie_a.is_(None)))).all())


class TestVoieRapide:
    """design: after the commit web publishes at once."""

    async def test_a_committed_frame_is_published_signed_and_acknowledged(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer
    ) -> None:
        cle = outils.settings.derive_key("trames")
        diffuseur = Diffuseur(create_redis(redis_propre.url), cle)
        rapides = Outils(Database(outils.db.engine, diffuseur.publish), outils.settings, outils.dispo)
        tache = asyncio.create_task(diffuseur.run(rapides.db))
        async with ecoute(redis_propre.url, f"service:{service.id}", cle) as recues:
            await reserve(rapides, service)
            await until(lambda: recues)
        assert recues[0]["type"] == "rdv.cree"
        await until(lambda: non_publiees_nulles(outils))
        await diffuseur.stop(tache)

    async def test_a_surprise_while_publishing_delays_the_next_frames_and_does_not_end_the_publisher(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer
    ) -> None:
        cle = outils.settings.derive_key("trames")
        diffuseur = Diffuseur(create_redis(redis_propre.url), cle)
        rapides = Outils(Database(outils.db.engine, diffuseur.publish), outils.settings, outils.dispo)
        tache = asyncio.create_task(diffuseur.run(rapides.db))
        async with ecoute(redis_propre.url, f"service:{service.id}", cle) as recues:
            sans_texte: Any = None  # no outage at all: a defect of whoever wrote it
            diffuseur.publish([Publication(0, f"service:{service.id}", 2, sans_texte)])
            await until(lambda: diffuseur.en_panne)
            await reserve(rapides, service)
            await until(lambda: recues)
            assert not tache.done()
            await until(lambda: not diffuseur.en_panne)
            await until(lambda: non_publiees_nulles(outils))
        await diffuseur.stop(tache)

    async def test_a_surprise_while_acknowledging_is_tried_again(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer
    ) -> None:
        cle = outils.settings.derive_key("trames")
        diffuseur = Diffuseur(create_redis(redis_propre.url), cle)
        rapides = Outils(Database(outils.db.engine, diffuseur.publish), outils.settings, outils.dispo)
        tache = asyncio.create_task(diffuseur.run(rapides.db))
        async with ecoute(redis_propre.url, f"service:{service.id}", cle) as recues:
            async with outils.db.engine.begin() as conn:
                await conn.execute(text("ALTER TABLE outbox RENAME publie_a TO parti_a"))
            await reserve(rapides, service)
            await until(lambda: recues)
            await asyncio.sleep(0.6)  # twice the pace of acknowledgements: refused by the database both times
            assert not tache.done()
            async with outils.db.engine.begin() as conn:
                await conn.execute(text("ALTER TABLE outbox RENAME parti_a TO publie_a"))
            await until(lambda: non_publiees_nulles(outils))
        await diffuseur.stop(tache)

    async def test_a_frozen_redis_delays_no_booking(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer
    ) -> None:
        diffuseur = Diffuseur(create_redis(redis_propre.url), outils.settings.derive_key("trames"))
        rapides = Outils(Database(outils.db.engine, diffuseur.publish), outils.settings, outils.dispo)
        tache = asyncio.create_task(diffuseur.run(rapides.db))
        redis_propre.freeze()
        try:
            async with asyncio.timeout(5):
                for rang in range(5):
                    await reserve(rapides, service, rang)
        finally:
            redis_propre.thaw()
        assert await non_publiees(outils) > 0  # left to the relay
        await diffuseur.stop(tache)


async def non_publiees_nulles(outils: Outils) -> bool:
    return await non_publiees(outils) == 0


class TestRelais:
    """promises: what was not published is published by the worker; receivers deduplicate by version."""

    async def test_the_worker_publishes_what_web_did_not(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer, smtp_server: Smtp, tmp_path: Path
    ) -> None:
        cle = outils.settings.derive_key("trames")
        await reserve(outils, service)  # these tools have no publisher
        async with ecoute(redis_propre.url, f"service:{service.id}", cle) as recues:
            with run_site(outils.settings.database_url, redis_propre.url, smtp_server.url, tmp_path, worker=True):
                await until(lambda: recues, delai_s=15)
        assert recues[0]["version"] == 2

    async def test_a_worker_killed_is_replaced_and_nothing_is_lost(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer, smtp_server: Smtp, tmp_path: Path
    ) -> None:
        cle = outils.settings.derive_key("trames")
        async with ecoute(redis_propre.url, f"service:{service.id}", cle) as recues:
            with run_site(
                outils.settings.database_url, redis_propre.url, smtp_server.url, tmp_path, worker=True
            ) as site:
                second = site.start("worker")
                await until(lambda: "elu" in site.journal.read_text(), delai_s=15)
                for rang in range(4):
                    await reserve(outils, service, rang)
                    if rang == 1:
                        site.processus[1].send_signal(signal.SIGKILL)
                await until(lambda: len({t["version"] for t in recues}) == 4, delai_s=20)
                assert second.poll() is None

    async def test_redis_dead_then_back_gets_every_frame(
        self, outils: Outils, service: MondeService, redis_propre: RedisServer, smtp_server: Smtp, tmp_path: Path
    ) -> None:
        with run_site(outils.settings.database_url, redis_propre.url, smtp_server.url, tmp_path, worker=True):
            redis_propre.kill()
            for rang in range(3):
                await reserve(outils, service, rang)
            await asyncio.sleep(1.5)
            assert await non_publiees(outils) > 0
            redis_propre.restart()
            await until(lambda: non_publiees_nulles(outils), delai_s=15)


class TestOutbox:
    """pitfall 10: numbered by a counter locked in the transaction, claimed with SKIP LOCKED."""

    async def test_versions_have_no_gap_whatever_commits_first(self, outils: Outils, service: MondeService) -> None:
        await asyncio.gather(*(reserve(outils, service, n) for n in range(12)), return_exceptions=True)
        async with outils.db.read() as conn:
            versions = (
                (await conn.execute(select(Outbox.version).where(Outbox.sujet == f"service:{service.id}")))
                .scalars()
                .all()
            )
        assert sorted(versions) == list(range(2, 2 + len(versions)))
        assert len(versions) >= 2

    async def test_two_relays_never_take_the_same_frame(self, outils: Outils, service: MondeService) -> None:
        await reserve(outils, service)
        async with outils.db.engine.begin() as un, outils.db.engine.begin() as deux:
            premier = await outbox.claim(un, avant=clock.now())
            second = await outbox.claim(deux, avant=clock.now())
        assert len(premier) == 2
        assert second == []

    async def test_a_rolled_back_transaction_announces_nothing(self, outils: Outils, service: MondeService) -> None:
        vues: list[Publication] = []
        db = Database(outils.db.engine, vues.extend)

        async def travail(uow: UnitOfWork) -> None:
            uow.annonces.planning(service.id)
            raise RuntimeError("changed my mind")

        with pytest.raises(RuntimeError):
            await db.transaction(travail)
        assert vues == []
        async with outils.db.read() as conn:
            assert (await conn.execute(text("SELECT version FROM agenda"))).scalar_one() == 1

    def test_a_type_outside_the_vocabulary_is_refused(self) -> None:
        with pytest.raises(ValueError, match="unknown frame type"):
            outbox.Annonces().add(1, "service", {"type": "rdv.invente"})
        with pytest.raises(ValueError, match="unknown kind"):
            outbox.Annonces().add(1, "usager", {"type": "rdv.cree"})
