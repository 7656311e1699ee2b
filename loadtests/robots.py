"""P15: a bot with 200 addresses and 1,000 mailboxes, and people, want the créneaux of one service.

    python -m loadtests.robots [--adresses 200] [--boites 1000] [--personnes 200]

The bot goes straight to the form, as fast as it can, from all its addresses; it does not read challenges. People come
each from an address of their own and copy the code when they are asked. The same crowd then meets the same service
without any challenge (``captcha`` = ``jamais``): the negative control.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from sqlalchemy import text

from app import clock
from app.booking.outils import Outils
from app.config import Settings
from app.db import Database, create_engine
from app.domain.horaires import from_minute
from app.protection.defis import derive_reponse, read_jeton
from loadtests.banc import open_banc
from loadtests.formulaires import read_page
from loadtests.parcours import fill_coordonnees
from loadtests.personnes import Personne
from tests.fixtures.donnees import MondeService, build_service

#: Requests of the bot under way at once.
_DE_FRONT = 24
#: People are not in a hurry: seconds between two of them.
_ARRIVEES_S = 0.1
#: Hours that somebody tries before giving up: those that are taken meanwhile.
_PATIENCE = 8
#: Share of the créneaux that the bot may get at most.
PROMESSE = 0.05


@dataclass
class Bilan:
    """What each got."""

    creneaux: int = 0
    robot: Counter[str] = field(default_factory=Counter)
    gens: Counter[str] = field(default_factory=Counter)
    duree_s: float = 0.0

    @property
    def part(self) -> float:
        """The bot's share of the créneaux."""
        return self.robot["pris"] / self.creneaux

    def as_row(self, nom: str) -> list[str]:
        """A line of the table."""
        return [
            nom,
            str(self.creneaux),
            str(self.robot["essais"]),
            str(self.robot["pris"]),
            f"{self.part:.1%}",
            str(self.gens["venus"]),
            str(self.gens["servis"]),
            str(self.gens["codes"]),
            f"{self.duree_s:.0f}",
        ]


COLONNES = ["", "créneaux", "bot: tries", "got", "share", "people", "served", "asked a code", "s"]


@dataclass
class Ruee:
    """A site behind a trusted proxy (127.0.0.1), one of its services, and who wants it."""

    url: str
    settings: Settings
    service: MondeService
    hasard: random.Random
    bilan: Bilan = field(default_factory=Bilan)
    heures: list[str] = field(default_factory=list)

    async def prepare(self) -> None:
        """Count what there is to take, before anybody comes."""
        outils = Outils(Database(create_engine(self.settings, nom="robots")), self.settings)
        try:
            async with outils.db.read() as conn:
                dispo = await outils.dispo.read(
                    conn,
                    self.service.id,
                    motif_id=self.service.motifs[0],
                    type_rdv="guichet",
                    canal="internet",
                    maintenant=clock.now(),
                )
        finally:
            await outils.db.close()
        creneaux = [c for journee in dispo.grille.jours.values() for c in journee.creneaux]
        self.bilan.creneaux = sum(len(c.guichets) for c in creneaux)
        self.heures = [from_minute(c.debut).isoformat() for c in creneaux for _ in c.guichets]

    def client(self, adresse: str) -> httpx.AsyncClient:
        """A browser at that address."""
        entetes = {"Origin": self.url, "X-Forwarded-For": adresse, "Accept": "text/html"}
        # A connection idle for longer is opened anew: the server closes idle ones.
        return httpx.AsyncClient(
            base_url=self.url, headers=entetes, timeout=60, limits=httpx.Limits(keepalive_expiry=1.0)
        )

    @property
    def _etape(self) -> str:
        return f"/rdv/{self.service.id}/creneau?motif={self.service.motifs[0]}&type=guichet&nature=particulier"

    # --- The bot ------------------------------------------------------------------------------------------------------

    async def attack(self, adresses: int, boites: int) -> None:
        """One try per mailbox, from each address in turn, several at a time."""
        places = asyncio.Semaphore(_DE_FRONT)
        cibles = self.hasard.sample(self.heures, len(self.heures))

        async def one(rang: int) -> None:
            async with places, self.client(f"198.18.{rang % adresses // 250}.{rang % adresses % 250 + 1}") as client:
                await self._rob(client, Personne(700_000 + rang), cibles[rang % len(cibles)])

        await asyncio.gather(*(one(rang) for rang in range(boites)))

    async def _rob(self, client: httpx.AsyncClient, boite: Personne, debut: str) -> None:
        self.bilan.robot["essais"] += 1
        page = await client.get(self._etape)
        champs = read_page(page.text).formulaires["choix-creneau"].champs
        donnees = {
            **champs,
            **boite.as_form(),
            "courriel": f"boite{boite.rang}@robots.test",
            "telephone1": f"06{boite.rang % 100_000_000:08d}",
            "numero_fiscal": "",
            "nature": "particulier",
            "cle": str(uuid.UUID(int=self.hasard.getrandbits(128), version=4)),
            "debut": debut,
        }
        reponse = await client.post(f"/rdv/{self.service.id}/coordonnees", data=donnees)
        self.bilan.robot["pris" if reponse.status_code == 303 else str(reponse.status_code)] += 1

    # --- People -------------------------------------------------------------------------------------------------------

    async def receive(self, personnes: int) -> None:
        """One after the other, each taking the time of a page."""
        venues = []
        for rang in range(personnes):
            venues.append(asyncio.create_task(self._come(rang)))
            await asyncio.sleep(_ARRIVEES_S)
        await asyncio.gather(*venues)

    async def _come(self, rang: int) -> None:
        self.bilan.gens["venus"] += 1
        async with self.client(f"203.{rang // 250}.113.{rang % 250 + 1}") as client:
            for _ in range(_PATIENCE):
                if await self._book(client, Personne(800_000 + rang)):
                    self.bilan.gens["servis"] += 1
                    return

    async def _book(self, client: httpx.AsyncClient, personne: Personne) -> bool:
        choix = read_page((await client.get(self._etape)).text).formulaires["choix-creneau"]
        heures = choix.find_buttons("debut")
        if not heures:
            return False
        debut = self.hasard.choice(heures).valeur
        reponse = await client.post(f"/rdv/{self.service.id}/option", data={**choix.champs, "debut": debut})
        if reponse.status_code == 422:  # the code comes before the hold
            action = f"/rdv/{self.service.id}/option"
            page = read_page(reponse.text).formulaires.get(action)
            if page is None or "captcha_jeton" not in page.champs:
                return False
            reponse = await client.post(action, data=self._copy(client, page.champs))
        if reponse.status_code != 303:
            return False
        page3 = await client.get(reponse.headers["location"])
        for _ in range(3):
            formulaire = read_page(page3.text).formulaires["coordonnees"]
            page3 = await client.post(
                f"/rdv/{self.service.id}/coordonnees",
                data=self._copy(client, {**formulaire.champs, **fill_coordonnees(formulaire, personne)}),
            )
            if page3.status_code == 303:
                return True
            if page3.status_code != 422:
                return False
        return False

    def _copy(self, client: httpx.AsyncClient, champs: dict[str, str]) -> dict[str, str]:
        """The form, with the code read in the image when there is one."""
        jeton = champs.get("captcha_jeton", "")
        lu = read_jeton(self.settings, client.cookies.get("accueil_visite") or "", jeton, clock.now())
        if lu is None:
            return champs
        self.bilan.gens["codes"] += 1
        return {**champs, "captcha": derive_reponse(self.settings, lu)}


async def run_ruee(
    url: str,
    settings: Settings,
    *,
    sages: str,
    guichets: int,
    plages: Sequence[tuple[int, int]] = ((480, 720), (840, 960)),
    adresses: int,
    boites: int,
    personnes: int,
    protege: bool = True,
) -> Bilan:
    """Bot and people on a new service of that site. ``protege`` False: no challenge is ever asked."""
    db = Database(create_engine(settings, nom="robots"))
    try:
        async with db.engine.begin() as conn:
            service = await build_service(conn, sages=sages, libelle=f"SIP {sages}", guichets=guichets, plages=plages)
            await conn.execute(text("DELETE FROM parametre WHERE cle = 'captcha'"))
            if not protege:
                await conn.execute(
                    text("INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('captcha', '\"jamais\"', :a)"),
                    {"a": clock.now()},
                )
            await conn.execute(text("DELETE FROM comptage"))
    finally:
        await db.close()
    ruee = Ruee(url, settings, service, random.Random(15))
    await ruee.prepare()
    depart = time.monotonic()
    await asyncio.gather(ruee.attack(adresses, boites), ruee.receive(personnes))
    ruee.bilan.duree_s = time.monotonic() - depart
    return ruee.bilan


def main() -> int:
    """Both runs on a throw-away site; 0 when the promise is kept and the control shows that it is not for free."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for nom, defaut in (("adresses", 200), ("boites", 1000), ("personnes", 200), ("guichets", 4)):
        options.add_argument(f"--{nom}", type=int, default=defaut)
    lues = vars(options.parse_args())
    os.environ["FORWARDED_ALLOW_IPS"] = "127.0.0.1"  # of the site alone: this is the proxy
    with open_banc(durable=False) as banc:
        url, settings = f"http://127.0.0.1:{banc.ports[0]}", banc.settings()
        avec = asyncio.run(run_ruee(url, settings, sages="5800481", **lues))
        sans = asyncio.run(run_ruee(url, settings, sages="5800482", protege=False, **lues))
    for ligne in (COLONNES, avec.as_row("protected"), sans.as_row("no challenge")):
        print("".join(f"{texte:>14}" for texte in ligne))
    print("bot, answers:", dict(avec.robot), "| control:", dict(sans.robot))
    tenue = avec.part <= PROMESSE and avec.gens["servis"] >= 0.95 * avec.gens["venus"]
    return 0 if tenue and sans.part > 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
