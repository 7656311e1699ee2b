"""``accueil simulate``: imaginary usagers and agents live the day, through the public use cases only.

Its pace is read every second from the database, where the door of the demo sets it. A database or a Redis that is away
is waited for; SIGTERM ends everything within a second. What a visitor books is never touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from app.booking.outils import Outils
from app.config import ConfigurationInvalide, Settings
from app.db import Database, create_engine
from app.demo.donnees import refresh_now
from app.demo.idees import Inspiration
from app.demo.presence import Salle
from app.demo.reglages import ReglageSimulation, Rythme, read_simulation
from app.demo.remplissage import Acteurs, read_acteurs
from app.journaux import configure_logs
from app.publication import Diffuseur, create_redis

log = structlog.get_logger("accueil.simulation")

#: Seconds between two ideas, and steps of visits done at each look at the waiting rooms.
INTERVALLES: Final[dict[Rythme, float]] = {"lent": 20.0, "normal": 6.0, "vif": 0.8}
ETAPES: Final[dict[Rythme, int]] = {"lent": 1, "normal": 3, "vif": 10}
_REFRESH_S: Final = 600.0
_BILAN_S: Final = 300.0


class Arret(Exception):
    """The process is asked to stop."""


class Pause:
    """Sleep that ends at once, raising Arret, when the process is asked to stop.

    What is under way is finished rather than cancelled: a cancelled query makes its connection close slowly.
    """

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask everything to end."""
        self._stop.set()

    async def __call__(self, secondes: float) -> None:
        """Wait. Raises Arret."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(secondes):
                await self._stop.wait()
        if self._stop.is_set():
            raise Arret


class Simulation:
    """One process's loops around its shared setting."""

    def __init__(self, outils: Outils, acteurs: Acteurs, pause: Pause) -> None:
        self.outils = outils
        self.inspiration = Inspiration(outils, acteurs, pause)
        self.salle = Salle(outils, acteurs)
        self.reglage = ReglageSimulation(active=False)
        self._pause = pause

    async def watch(self) -> None:
        """Read the setting that the door writes."""
        async with self.outils.db.read() as conn:
            lu = await read_simulation(conn)
        if lu != self.reglage:
            log.info("reglage", active=lu.active, rythme=lu.rythme)
            self.reglage = lu
        await self._pause(1.0)

    async def think(self) -> None:
        """One idea, then a rest; a change of pace is taken up within a second."""
        await self._wait_active()
        await self.inspiration.have_one(min(3.0, INTERVALLES[self.reglage.rythme]))
        reste = INTERVALLES[self.reglage.rythme] * self.inspiration.hasard.uniform(0.5, 1.5)
        while reste > 0:
            await self._pause(min(1.0, reste))
            reste = min(reste - 1.0, INTERVALLES[self.reglage.rythme])

    async def receive(self) -> None:
        """Carry today's visits on."""
        await self._wait_active()
        await self.salle.advance(ETAPES[self.reglage.rythme])
        await self._pause(2.0 if self.reglage.rythme != "vif" else 1.0)

    async def refresh(self) -> None:
        """Keep the agendas open around now, as the hours go by."""
        await self._pause(_REFRESH_S)
        await refresh_now(self.outils)

    async def report(self) -> None:
        """Say in the log what was done, now and then."""
        await self._pause(_BILAN_S)
        comptes = self.inspiration.comptes + self.salle.comptes
        if comptes:
            log.info("bilan", **{mot.replace(" ", "_"): nombre for mot, nombre in comptes.items()})
        self.inspiration.comptes.clear()
        self.salle.comptes.clear()

    async def _wait_active(self) -> None:
        while not self.reglage.active:
            await self._pause(0.5)


async def _repeat(nom: str, tache: Callable[[], Awaitable[None]], pause: Pause) -> None:
    """Until the stop; an outage or a defect is logged once, and tried again a second later."""
    panne = ""
    with contextlib.suppress(Arret):
        while True:
            try:
                await tache()
                panne = ""
            except Arret:
                raise
            except Exception as erreur:
                if panne != type(erreur).__name__:
                    panne = type(erreur).__name__
                    log.warning("panne", tache=nom, erreur=panne, detail=str(erreur)[:200])
                await pause(1.0)


async def _find_acteurs(outils: Outils, pause: Pause) -> Acteurs:
    """Wait for a database that holds the demo. Raises Arret."""
    dit = False
    while True:
        try:
            async with outils.db.read() as conn:
                return await read_acteurs(conn)
        except Exception as erreur:
            if not dit:
                log.warning("attente", erreur=type(erreur).__name__)
            dit = True
        await pause(1.0)


async def _live(outils: Outils, pause: Pause) -> None:
    try:
        simulation = Simulation(outils, await _find_acteurs(outils, pause), pause)
    except Arret:
        return
    taches = {
        "reglage": simulation.watch,
        "idees": simulation.think,
        "presence": simulation.receive,
        "horaires": simulation.refresh,
        "bilan": simulation.report,
    }
    log.info("pret")
    await asyncio.gather(*(_repeat(nom, tache, pause) for nom, tache in taches.items()))


async def run(settings: Settings) -> None:
    """Live until SIGTERM or SIGINT. Raises ConfigurationInvalide outside the demo."""
    if not settings.demo:
        raise ConfigurationInvalide("simulate runs in the demo only: set ACCUEIL_DEMO=1")
    configure_logs()
    pause = Pause()
    boucle = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        boucle.add_signal_handler(signum, pause.stop)
    redis = create_redis(settings.redis_url)
    diffuseur = Diffuseur(redis, settings.derive_key("trames"))
    db = Database(create_engine(replace(settings, pool_size=4), nom="simulation"), diffuseur.publish)
    diffusion = asyncio.create_task(diffuseur.run(db))
    await _live(Outils(db, settings), pause)
    diffusion.cancel()
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(0.5):
            await asyncio.gather(diffusion, return_exceptions=True)
            await redis.aclose()
            await db.close()
