"""A Monday morning on a real site whose clock says so: services, people, rendez-vous in every state."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
from playwright.async_api import Browser, BrowserContext, Page
from sqlalchemy import insert, text

from app import clock
from app.booking.forms import UsagerSaisi
from app.booking.jugement import Reservation
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.booking.vie import act
from app.config import RACINE
from app.db import Database, create_engine
from app.domain.rendez_vous import Action
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.identite.sessions import open_session
from app.publication import Diffuseur, create_redis
from app.tables import Habilitation, Rattachement
from app.web.securite import csrf_token
from tests.fixtures.base import Site, run_site
from tests.fixtures.donnees import MondeService, build_equipe, build_service

JOUR: Final = date(2026, 11, 23)
HORLOGE: Final = "2026-11-23T10:05:00+01:00"
VEILLE: Final = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
#: Open every day of the week, all day long: the tests choose the hour.
PLAGES: Final = ((360, 1260),)
_AXE: Final = RACINE / "node_modules" / "axe-core" / "axe.min.js"
_numeros = count(1)

#: What leads from the booking to each state.
CHEMINS: Final[dict[str, tuple[Action, ...]]] = {
    "prevu": (),
    "arrive": (Action.MARQUER_ARRIVEE,),
    "appele": (Action.MARQUER_ARRIVEE, Action.APPELER),
    "recu": (Action.MARQUER_ARRIVEE, Action.APPELER, Action.RECEVOIR),
    "termine": (Action.MARQUER_ARRIVEE, Action.APPELER, Action.RECEVOIR, Action.TERMINER),
    "non_honore": (Action.MARQUER_NON_VENU,),
    "annule": (Action.ANNULER,),
}


def epoch_minute(heure: str, zone: str = "Europe/Paris", jour: date = JOUR) -> int:
    """Minutes since the Unix epoch of a local hour."""
    h, m = heure.split(":")
    local = datetime(jour.year, jour.month, jour.day, int(h), int(m), tzinfo=ZoneInfo(zone))
    return int(local.timestamp()) // 60


@dataclass
class Journee:
    """The site, the tools of a process on its database, and what the tests put there."""

    site: Site
    outils: Outils
    jetons: dict[int, str] = field(default_factory=dict)

    async def service(self, **options: Any) -> MondeService:
        """A new service with its team (agents named after it)."""
        n = next(_numeros)
        options = {"sages": f"{5_800_000 + n}", "plages": PLAGES, "jours_semaine": range(1, 8), **options}
        async with self.outils.db.engine.begin() as conn:
            return await build_equipe(conn, await build_service(conn, **options), f"-{n}")

    async def attach(self, agent_id: int, service: MondeService) -> None:
        """Let an agent receive in one more service."""
        async with self.outils.db.engine.begin() as conn:
            await conn.execute(
                insert(Habilitation).values(
                    agent_id=agent_id, profil="agent_local", perimetre="service", service_id=service.id
                )
            )
            await conn.execute(insert(Rattachement).values(agent_id=agent_id, service_id=service.id))

    async def book(
        self,
        service: MondeService,
        heure: str,
        nom: str = "Merville",
        guichet: int = 0,
        etat: str = "prevu",
        **plus: Any,
    ) -> int:
        """Book at that hour of the Monday (the Friday before) and lead the rendez-vous to ``etat``. Its id."""
        auteur = Auteur("agent", agent_id=service.agents["agent"])
        debut = epoch_minute(heure, service.zone, plus.pop("jour", JOUR))
        valeurs = {
            "service_id": service.id,
            "motif_id": service.motifs[0],
            "type_rdv": "guichet",
            "debut": debut,
            "canal": "rattache",
            "origine": "telephone",
            "usager": personne(nom),
            "precision": "Question sur mon avis",
            "cle": str(uuid.uuid4()),
            "guichet_id": service.guichets[guichet],
            **plus,
        }
        rdv = await book(self.outils, Reservation(**valeurs), auteur, VEILLE)
        await self.lead(service, rdv.id, etat)
        return rdv.id

    async def lead(self, service: MondeService, rdv_id: int, etat: str, a: datetime | None = None) -> None:
        """Perform every action from ``prevu`` to ``etat``, now; an absence, at its hour when that is to come."""
        for action in CHEMINS[etat]:
            if action is Action.MARQUER_NON_VENU and a is None:
                debut = await self.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv_id)
                a = max(clock.now(), debut)
            await self.act(service, rdv_id, action, a)

    async def act(self, service: MondeService, rdv_id: int, action: Action, a: datetime | None = None) -> None:
        """One action by the service's agent."""
        auteur = Auteur("agent", agent_id=service.agents["agent"])
        await act(self.outils, rdv_id, action, auteur, a or clock.now(), raison="empêchement")

    async def sign_in(self, agent_id: int) -> str:
        """The token of a session of that agent."""
        if agent_id not in self.jetons:
            self.jetons[agent_id] = await open_session(
                self.outils.db, agent_id, ancien_jeton=None, adresse=None, a=clock.now()
            )
        return self.jetons[agent_id]

    @asynccontextmanager
    async def client(self, agent_id: int | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A browser without JavaScript, signed in, with its CSRF token in ``X-CSRF-Token``."""
        entetes, biscuits = {"Origin": self.site.url}, {}
        if agent_id is not None:
            biscuits["accueil_session"] = await self.sign_in(agent_id)
            entetes["X-CSRF-Token"] = csrf_token(self.site.settings, biscuits["accueil_session"])
        async with httpx.AsyncClient(
            base_url=self.site.url, headers=entetes, cookies=biscuits, timeout=10, follow_redirects=False
        ) as client:
            yield client

    async def context(self, browser: Browser, agent_id: int, **options: Any) -> BrowserContext:
        """A browser context signed in as that agent."""
        reglages = {"viewport": {"width": 1440, "height": 900}, "locale": "fr-FR", **options}
        contexte = await browser.new_context(timezone_id="America/New_York", **reglages)
        await contexte.add_cookies(
            [{"name": "accueil_session", "value": await self.sign_in(agent_id), "url": self.site.url}]
        )
        return contexte

    async def open(self, contexte: BrowserContext, chemin: str, *, direct: bool = True) -> Page:
        """A page of the site, once its feed is live."""
        page = await contexte.new_page()
        await page.goto(self.site.url + chemin)
        if direct:
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
        return page

    async def scalar(self, requete: str, **parametres: Any) -> Any:
        """One value read by plain SQL."""
        async with self.outils.db.read() as conn:
            return (await conn.execute(text(requete), parametres)).scalar()


def personne(nom: str = "Merville", prenoms: str = "Justine", **plus: Any) -> UsagerSaisi:
    """An invented person, reached by phone only."""
    valeurs = {
        "nature": "particulier",
        "civilite": "madame",
        "nom_usage": nom,
        "prenoms": prenoms,
        "telephones": ("+33639980001",),
    }
    return UsagerSaisi(**{**valeurs, **plus})


async def axe(page: Page) -> list[str]:
    """The violations that axe finds, as sentences. Run through the debugger: the page's policy stays on."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Runtime.evaluate", {"expression": _AXE.read_text(encoding="utf-8")})
    resultat = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']} {v['nodes'][0]['html'][:200]}" for v in resultat["violations"]]


@asynccontextmanager
async def run_journee(
    postgres: Postgres,
    modele: str,
    redis: RedisServer,
    smtp: Smtp,
    var: Path,
    horloge: str = HORLOGE,
    **environnement: str,
) -> AsyncIterator[Journee]:
    """A real site on its own database, where it is Monday 10:05; this process's clock says the same meanwhile."""
    nom = f"journee_{next(_numeros)}"
    url = postgres.create_database(nom, modele=modele)
    decalage: timedelta = datetime.fromisoformat(horloge) - clock.now()
    clock.shift(decalage)
    try:
        with run_site(url, redis.url, smtp.url, var, worker=True, ACCUEIL_HORLOGE=horloge, **environnement) as site:
            # What a test does itself is published at once, as by a web process: a frame that the relay brings half a
            # second after its commit may find that the gateway has told its readers to take a fresh page instead.
            diffuseur = Diffuseur(create_redis(site.settings.redis_url), site.settings.derive_key("trames"))
            db = Database(create_engine(site.settings, nom="tests"), diffuseur.publish)
            diffusion = asyncio.create_task(diffuseur.run(db))
            try:
                yield Journee(site, Outils(db, site.settings))
            finally:
                await diffuseur.stop(diffusion)
                await db.close()
    finally:
        clock.shift(-decalage)
        postgres.drop_database(nom)
