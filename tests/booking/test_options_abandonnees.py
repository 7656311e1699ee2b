"""A thousand forms left open and forgotten: every créneau is back within ten minutes [P15]."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import func, select

from app import clock
from app.booking.options import extend_option, place_option
from app.booking.outils import Outils
from app.domain.horaires import from_minute
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.publication import create_redis
from app.tables import RendezVous
from app.worker import Chores
from loadtests import invariants
from tests.booking.outillage import creneaux_libres
from tests.booking.usager.navigateur import Navigateur, creneaux
from tests.fixtures.base import Site, run_site
from tests.fixtures.donnees import MondeService, build_service

OPTIONS = 1000
GUICHETS = 20


@contextmanager
def clock_at(instant: datetime) -> Iterator[None]:
    """It is ``instant`` in this process, for the time of a ``with``."""
    delta = instant - clock.now()
    clock.shift(delta)
    try:
        yield
    finally:
        clock.shift(-delta)


@asynccontextmanager
async def running_chores(outils: Outils) -> AsyncIterator[Chores]:
    """What the elected worker does, one call at a time."""
    redis = create_redis(outils.settings.redis_url)
    try:
        yield Chores(outils, redis)
    finally:
        await redis.aclose()


async def count_options(outils: Outils) -> int:
    """Holds in the database, live or dead."""
    async with outils.db.read() as conn:
        requete = select(func.count()).select_from(RendezVous).where(RendezVous.etat == "option")
        return int((await conn.execute(requete)).scalar_one())


async def read_heures(site: Site, service: MondeService, jours: list[str]) -> list[list[str]]:
    """The free hours that a newcomer's page shows on these days."""
    async with httpx.AsyncClient(base_url=site.url, timeout=20) as client:
        visiteur = Navigateur(client, service.id, {"motif": service.motifs[0], "type": "guichet"})
        pages = [await visiteur.page_creneaux(jour=jour) for jour in jours]
    assert [page.status_code for page in pages] == [200] * len(jours)
    return [creneaux(page.text) for page in pages]


async def hold(outils: Outils, service: MondeService, debut: int, visiteurs: range, a: datetime) -> None:
    """That many visitors choose one hour together, each on a guichet of its own."""
    await asyncio.gather(
        *(
            place_option(
                outils,
                service_id=service.id,
                motif_id=service.motifs[0],
                type_rdv="guichet",
                debut=debut,
                visite=f"{rang:043d}",
                maintenant=a,
            )
            for rang in visiteurs
        )
    )


class TestMilleFormulairesOublies:
    """bad inputs, public form: « 1,000 abandoned holds → all released ≤ 10 min »."""

    async def test_none_is_lost_early_all_are_back_after_ten_minutes_and_on_the_page(
        self, outils: Outils, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path
    ) -> None:
        async with outils.db.engine.begin() as conn:
            service = await build_service(conn, guichets=GUICHETS, plages=((480, 1200),))
        depart = clock.now()
        libres = [c.debut for c in await creneaux_libres(outils, service)][: OPTIONS // GUICHETS]
        jours = sorted({from_minute(debut).date().isoformat() for debut in libres})
        with run_site(outils.settings.database_url, redis_server.url, smtp_server.url, tmp_path) as site:
            avant = await read_heures(site, service, jours)
            for rang, debut in enumerate(libres):
                await hold(outils, service, debut, range(rang * GUICHETS, (rang + 1) * GUICHETS), depart)
            assert await count_options(outils) == OPTIONS
            pendant = await read_heures(site, service, jours)
            tenues = [set(a) - set(p) for a, p in zip(avant, pendant, strict=True)]
            assert sum(map(len, tenues)) == len(libres), "the page shows none of the held hours"
            for rang in range(0, OPTIONS, 2):  # one in two asks for the most there is, then forgets
                await extend_option(outils, service.id, f"{rang:043d}", depart + timedelta(minutes=4))

            async with running_chores(outils) as chores:
                restantes: list[int] = []
                for minutes in (5 - 0.05, 5, 10 - 0.05, 10):
                    with clock_at(depart + timedelta(minutes=minutes)):
                        await chores.expire()
                    restantes.append(await count_options(outils))
            assert restantes == [OPTIONS, OPTIONS // 2, OPTIONS // 2, 0]
            assert await read_heures(site, service, jours) == avant, "every créneau is back on a fresh page"
        bilan = await invariants.check(outils.settings.database_url)
        assert bilan.ok, bilan.lines()
