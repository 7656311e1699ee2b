"""Answer and expiry at the same instant: one or the other, never both. And a worker killed between offer and mail."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app import clock
from app.booking import attente_store
from app.booking.attente_reponses import take_offre
from app.booking.attente_suivi import settle_offres
from app.booking.outils import Outils
from app.booking.reserver import book
from app.db import Database, create_engine
from app.domain.horaires import from_minute
from app.embedded.boite import list_messages
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.errors import Conflit
from app.tables import Attente, OffreAttente
from tests.booking.attente import LUNDI_9H, MINUTE, File, build_file
from tests.booking.outillage import USAGER, creneaux_libres, demande
from tests.fixtures.base import free_port, run_site, until

VISITE = "v" * 43
LIMITE = LUNDI_9H + timedelta(hours=2)


@pytest.fixture
async def autre(outils: Outils) -> AsyncIterator[Outils]:
    """Another process's tools."""
    autre = Outils(Database(create_engine(outils.settings, nom="autre")), outils.settings)
    yield autre
    await autre.db.close()


async def clash(file: File, autre: Outils, manches: int) -> tuple[int, int, int]:
    """(taken, expired, broken) over that many rounds of an answer against the expiry of the same offer."""
    prises = expirees = ruptures = 0
    for manche in range(manches):
        nom = f"Ada{manche}"
        jeton = await file.wait(nom)
        await file.look()
        assert (await file.offres())[-1][:2] == (nom, "ouverte")

        async def answer(jeton: str = jeton) -> bool:
            try:
                await take_offre(file.outils, jeton, VISITE, USAGER, LIMITE - MINUTE)
            except Conflit:
                return False
            return True

        prise, soldees = await asyncio.gather(answer(), settle_offres(autre, LIMITE))
        etat = (await file.offres())[-1][1]
        tenues = (
            await file.sql("SELECT count(*) FROM rendez_vous WHERE etat = 'option' AND option_empreinte IS NOT NULL")
        )[0][0]
        if (prise, etat, tenues) == (True, "prise", 1):
            prises += 1
        elif (prise, soldees, etat, tenues) == (False, 1, "expiree", 0):
            expirees += 1
        else:
            ruptures += 1
        async with file.outils.db.engine.begin() as conn:  # the place is free again, nobody waits
            for ordre in ("DELETE FROM rendez_vous WHERE etat = 'option'", "DELETE FROM attente"):
                await conn.exec_driver_sql(ordre)
            await conn.exec_driver_sql("UPDATE agenda SET version_creneaux = version_creneaux + 1")
    return prises, expirees, ruptures


class TestReponseOuExpiration:
    async def test_an_answer_and_the_expiry_are_one_or_the_other(self, outils: Outils, autre: Outils) -> None:
        file = await build_file(outils)
        await file.cancel((9, 20))
        prises, expirees, ruptures = await clash(file, autre, 15)
        assert (prises + expirees, ruptures) == (15, 0)
        assert await file.overlaps() == 0

    async def test_without_the_locks_the_same_rounds_catch_both(
        self, outils: Outils, autre: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Negative control."""

        async def slow(conn: Any, requete: Any) -> dict[str, Any] | None:
            ligne = (await conn.execute(requete)).mappings().one_or_none()
            await asyncio.sleep(0.05)
            return None if ligne is None else dict(ligne)

        def by_lien(conn: Any, empreinte: bytes) -> Any:
            return slow(conn, select(*Attente.__table__.c).where(Attente.lien_empreinte == empreinte))

        def by_id(conn: Any, attente_id: int) -> Any:
            return slow(conn, select(*Attente.__table__.c).where(Attente.id == attente_id))

        def offre(conn: Any, attente_id: int) -> Any:
            vivante = OffreAttente.etat.in_(("ouverte", "prise"))
            return slow(conn, select(*OffreAttente.__table__.c).where(OffreAttente.attente_id == attente_id, vivante))

        async def etat(conn: Any, rdv_id: int) -> dict[str, Any]:
            return {"etat": "option", "expire_a": LIMITE, "option_empreinte": b"sienne"}

        file = await build_file(outils)
        await file.cancel((9, 20))
        for nom, faux in (
            ("lock_by_lien", by_lien),
            ("lock_by_id", by_id),
            ("lock_offre", offre),
            ("read_etat_rdv", etat),
        ):
            monkeypatch.setattr(attente_store, nom, faux)
        _, _, ruptures = await clash(file, autre, 12)
        assert ruptures > 0


def find_zone_de_jour(a: datetime) -> ZoneInfo:
    """A French zone where the day is far from its end."""
    zones = map(ZoneInfo, ("Europe/Paris", "America/Cayenne", "Pacific/Tahiti", "Pacific/Noumea"))
    return next(zone for zone in zones if 8 <= a.astimezone(zone).hour < 18)


class TestOuvrierTue:
    """« It survives a worker killed between offer and mail. »"""

    async def test_the_mail_of_an_offer_leaves_after_the_worker_was_killed(
        self, outils: Outils, base_url: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path
    ) -> None:
        file = await build_file(outils, pleine=False)
        aujourdhui = clock.now()
        zone = find_zone_de_jour(aujourdhui)  # by night nothing is offered
        async with outils.db.engine.begin() as conn:
            for table in ("site", "service_fiscal"):
                await conn.exec_driver_sql(f"UPDATE {table} SET fuseau = '{zone.key}'")
        libres = await creneaux_libres(outils, file.service)
        jour = from_minute(libres[0].debut).astimezone(zone).date()
        await book(outils, demande(file.service, libres[0].debut), USAGER, aujourdhui)  # two left: places are rare
        await file.wait("Tuee", aujourdhui, du=jour, au=jour)
        with run_site(base_url, redis_server.url, smtp_server.url, tmp_path) as site:
            # A worker that can offer but reach no mail server.
            sourd = site.start("worker", SMTP_URL=f"smtp://127.0.0.1:{free_port()}")

            async def offered() -> bool:
                return bool(await file.sql("SELECT 1 FROM offre_attente"))

            await until(offered, delai_s=30)
            os.kill(sourd.pid, signal.SIGKILL)
            assert await file.sql("SELECT envoye_a FROM courrier WHERE evenement = 'offre'") == [(None,)]
            site.start("worker")

            def received() -> int:
                return sum(
                    "Un créneau se libère" in m.sujet and "tuee@" in m.a for m in list_messages(smtp_server.dossier)
                )

            await until(received, delai_s=40)
            await asyncio.sleep(2)
            assert received() == 1
