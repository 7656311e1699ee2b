"""``accueil seed-demo``: fill an empty database with the demo, or bring it to the present. Safe to run again."""

from __future__ import annotations

import time
from typing import Final

import structlog
from sqlalchemy import func, select, text

from app import clock
from app.booking.outils import Outils
from app.config import ConfigurationInvalide, Settings
from app.db import Database, UnitOfWork, create_engine
from app.demo.attente import seed_attente
from app.demo.boite_locale import find_boite
from app.demo.installation import install
from app.demo.monde import MOT_DE_PASSE, NEVERS
from app.demo.remplissage import refresh
from app.identite.sessions import hash_mot_de_passe
from app.journaux import configure_logs
from app.tables import ServiceFiscal

log = structlog.get_logger("accueil.demo")
_VERROU: Final = 0x64656D6F


async def seed(settings: Settings) -> None:
    """Services, agents, keys and agendas, the first time; afterwards only what the clock asks for.

    Raises ConfigurationInvalide outside the demo, and on a database that holds services of its own: it never mixes
    imaginary people with real ones.
    """
    if not settings.demo:
        raise ConfigurationInvalide("seed-demo runs in the demo only: set ACCUEIL_DEMO=1")
    configure_logs()
    db = Database(create_engine(settings, nom="demo"))
    depart = time.monotonic()

    async def travail(uow: UnitOfWork) -> tuple[bool, int]:
        await uow.conn.execute(text("SELECT pg_advisory_xact_lock(:cle)"), {"cle": _VERROU})
        vide = (await uow.conn.execute(select(func.count()).select_from(ServiceFiscal))).scalar_one() == 0
        if vide:
            await install(
                uow.conn, hash_mot_de_passe(MOT_DE_PASSE), clock.now(), boite=find_boite(settings) is not None
            )
        elif not await is_installed(uow):
            raise ConfigurationInvalide("this database already holds services that are not the demo's")
        return vide, await refresh(uow, settings, clock.now(), rattraper=True)

    try:
        vide, services = await db.transaction(travail)
        attentes = await seed_attente(Outils(db, settings), clock.now())
    finally:
        await db.close()
    duree = round(time.monotonic() - depart, 1)
    log.info("demo.prete", installee=vide, services_rafraichis=services, attentes=attentes, secondes=duree)


async def is_installed(uow: UnitOfWork) -> bool:
    """True when the services of this database are the demo's."""
    lu = await uow.conn.execute(
        select(ServiceFiscal.id).where(ServiceFiscal.sages == NEVERS, ServiceFiscal.courriel.endswith(".test"))
    )
    return lu.scalar() is not None


async def refresh_now(outils: Outils) -> None:
    """Open around now and fill it, while the site runs: a visitor comes in at an hour when nothing was open."""

    async def travail(uow: UnitOfWork) -> None:
        await uow.conn.execute(text("SELECT pg_advisory_xact_lock(:cle)"), {"cle": _VERROU})
        if await is_installed(uow):
            await refresh(uow, outils.settings, clock.now(), rattraper=False)

    await outils.db.transaction(travail)
