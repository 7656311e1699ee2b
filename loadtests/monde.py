"""The services that a throw-away site is loaded with: open now, today, whatever the hour and the day of the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update

from app import clock
from app.config import Settings
from app.db import Database, create_engine
from app.feries import nom_ferie
from app.identite.sessions import hash_mot_de_passe, open_session
from app.tables import Agent, JourOuvert
from loadtests.banc import SECRET, Banc
from tests.fixtures.donnees import MOT_DE_PASSE, MondeService, build_equipe, build_service

#: Somewhere on French soil it is always office hours.
ZONES = ("Europe/Paris", "America/Miquelon", "Pacific/Noumea")
#: From 06:00 to 21:00, every day of the week: a run of some minutes ends the day it began.
PLAGES = ((360, 1260),)


def choose_zone(maintenant: datetime) -> str:
    """The zone where it is nearest to 11:00: arrivals are noted on the day itself, and never in the night."""
    return min(ZONES, key=lambda zone: abs(maintenant.astimezone(ZoneInfo(zone)).hour - 11))


@dataclass
class Monde:
    """Services open all day today, each with its team: agents ``agent-<n>`` with the key ``cle-agent-<n>``."""

    db: Database
    services: list[MondeService]
    aujourdhui: date

    def key_of(self, rang: int) -> str:
        """The API key of the attached agent of that service."""
        return f"cle-agent-{rang}"

    async def open_session(self, agent_id: int) -> str:
        """The session cookie of an agent."""
        return await open_session(self.db, agent_id, ancien_jeton=None, adresse=None, a=clock.now())


async def build_monde(banc: Banc, *, services: int, guichets: int, pas: int = 20) -> Monde:
    """Insert the services and their teams. The caller closes ``db``."""
    settings = Settings(banc.dsn, banc.redis.url, banc.smtp.url, "http://127.0.0.1:1", SECRET, demo=True)
    db = Database(create_engine(settings, nom="charge"))
    maintenant = clock.now().astimezone(UTC)
    zone = choose_zone(maintenant)
    aujourdhui = maintenant.astimezone(ZoneInfo(zone)).date()
    faits: list[MondeService] = []
    mot_de_passe = hash_mot_de_passe(MOT_DE_PASSE)
    async with db.engine.begin() as conn:
        for rang in range(services):
            service = await build_service(
                conn,
                sages=f"{5_800_450 + rang}",
                libelle=f"SERVICE DES ESSAIS N° {rang + 1}",
                fuseau=zone,
                guichets=guichets,
                duree=pas,
                pas=pas,
                plages=PLAGES,
                jours_semaine=range(1, 8),
            )
            faits.append(await build_equipe(conn, service, f"-{rang}"))
            if nom_ferie(service.departement, aujourdhui):
                await conn.execute(insert(JourOuvert).values(service_id=service.id, jour=aujourdhui))
        await conn.execute(update(Agent).values(mot_de_passe=mot_de_passe))
    return Monde(db, faits, aujourdhui)
