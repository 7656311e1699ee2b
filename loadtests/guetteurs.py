"""A thousand usagers watch one grid while twenty créneaux a second go.

    python -m loadtests.guetteurs [--guetteurs 1000] [--rythme 20] [--duree 60] [--sans-navigateur]

A real site, its worker, bookings through the API. Each watcher is a socket on the public subject: what is timed is from
the answer to the booking (just after its commit) to the frame at each of them. Three pages in Chromium watch too: the
grid itself, the one of a service that entrusts its motif there, and the same with so many a day, which frames alone
cannot keep. How often they ask the server for anything is counted: a thousand pages would ask a thousand times as much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
import uuid
from base64 import b64encode
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

from playwright.async_api import Page, async_playwright
from sqlalchemy import insert

from app import clock
from app.tables import Parametre
from loadtests.banc import Banc, open_banc
from loadtests.http_brut import Client, percentile
from loadtests.monde import Monde, build_monde
from loadtests.personnes import Personne
from loadtests.tableau import Chiffre, find_over, render
from outils.chromium import ARGUMENTS, find_chromium
from tests.fixtures.delegations import insert_delegation

BUDGET_TRAME_MS: Final = 200.0
#: Requests of one page in ten seconds.
BUDGET_DEMANDES: Final = 1.0
_VERSION: Final = re.compile(rb'"type":"creneau\.pris".*?"version":(\d+)|"version":(\d+).*?"type":"creneau\.pris"')
_PING, _PONG = 0x9, 0xA


class Guetteur(asyncio.Protocol):
    """One socket, as light as can be: it notes when each version came, and answers pings."""

    def __init__(self, arrivees: dict[int, list[float]], requete: bytes) -> None:
        self._arrivees, self._requete = arrivees, requete
        self._reste = b""
        self._ouvert = False
        self.pret: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ferme = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.write(self._requete)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ferme = True
        if not self.pret.done():
            self.pret.set_exception(ConnectionError("refused"))

    def data_received(self, data: bytes) -> None:
        instant = time.perf_counter()
        self._reste += data
        if not self._ouvert:
            tete, separateur, suite = self._reste.partition(b"\r\n\r\n")
            if not separateur:
                return
            if b" 101 " not in tete.split(b"\r\n", 1)[0]:
                self.pret.set_exception(ConnectionError(tete[:200].decode("latin-1")))
                return
            self._ouvert, self._reste = True, suite
            self.pret.set_result(None)
        while len(self._reste) >= 2:
            debut, taille = 2, self._reste[1] & 0x7F
            if taille == 126:
                if len(self._reste) < 4:
                    return
                debut, taille = 4, int.from_bytes(self._reste[2:4])
            if len(self._reste) < debut + taille:
                return
            code, corps = self._reste[0] & 0x0F, self._reste[debut : debut + taille]
            self._reste = self._reste[debut + taille :]
            if code == _PING:
                masque = os.urandom(4)
                charge = bytes(octet ^ masque[rang % 4] for rang, octet in enumerate(corps))
                self._transport.write(bytes((0x80 | _PONG, 0x80 | len(corps))) + masque + charge)
            elif (trouve := _VERSION.search(corps)) is not None:
                version = int(trouve.group(1) or trouve.group(2))
                self._arrivees.setdefault(version, []).append(instant)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


@dataclass
class Releve:
    """What was seen: seconds from the answer to each frame, requests of each page, watchers lost."""

    delais: list[float] = field(default_factory=list)
    demandes: dict[str, int] = field(default_factory=dict)
    perdus: int = 0
    reservations: int = 0
    manquantes: int = 0
    duree_s: float = 0.0


async def watch(port: int, sujet: str, nombre: int, arrivees: dict[int, list[float]]) -> list[Guetteur]:
    """Open the sockets, fifty at a time."""
    boucle, porte = asyncio.get_running_loop(), asyncio.Semaphore(50)

    async def open_one() -> Guetteur:
        cle = b64encode(os.urandom(16)).decode()
        requete = (
            f"GET /temps-reel?sujet={sujet} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {cle}\r\nSec-WebSocket-Version: 13\r\n"
            f"Origin: http://127.0.0.1:{port}\r\n\r\n"
        ).encode()
        async with porte:
            _transport, guetteur = await boucle.create_connection(
                lambda: Guetteur(arrivees, requete), "127.0.0.1", port
            )
            await guetteur.pret
        return guetteur

    return list(await asyncio.gather(*(open_one() for _ in range(nombre))))


async def book_steadily(port: int, monde: Monde, rythme: float, duree_s: float, reponses: list[float]) -> None:
    """So many bookings a second at the second service; when each was answered. Raises SystemExit on a refusal."""
    service = monde.services[1]
    entetes = {"Authorization": "Bearer cle-exterieur-1", "Content-Type": "application/json"}
    premier = Client(port)
    adresse = f"/api/v1/services/{service.id}/creneaux?motif={service.motifs[0]}&type=guichet"
    lus = (await premier.send("GET", adresse, entetes=entetes)).json()["elements"]
    debuts = cycle([creneau["debut"] for creneau in lus])
    clients = cycle([premier, *(Client(port) for _ in range(7))])
    verrous: dict[Client, asyncio.Lock] = {}

    async def one(client: Client, rang: int, debut: str) -> None:
        personne = Personne(rang)
        corps = json.dumps(
            {
                "service": service.id,
                "motif": service.motifs[0],
                "type": "guichet",
                "debut": debut,
                "precision": personne.precision,
                "usager": personne.as_json(),
            }
        ).encode()
        async with verrous.setdefault(client, asyncio.Lock()):
            cle = {"Idempotency-Key": str(uuid.uuid4())}
            reponse = await client.send("POST", "/api/v1/rendez-vous", corps, entetes | cle)
        if reponse.statut != 201:
            raise SystemExit(f"booking: {reponse.statut} {reponse.corps[:300]!r}")
        reponses.append(time.perf_counter())

    depart = time.perf_counter()
    async with asyncio.TaskGroup() as groupe:
        for rang in range(int(rythme * duree_s)):
            attente = depart + rang / rythme - time.perf_counter()
            if attente > 0:
                await asyncio.sleep(attente)
            groupe.create_task(one(next(clients), rang, next(debuts)))


async def open_pages(pile: AsyncExitStack, port: int, monde: Monde, releve: Releve) -> None:
    """Three pages in Chromium, counted from now on."""
    p = await pile.enter_async_context(async_playwright())
    navigateur = await p.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
    pile.push_async_callback(navigateur.close)
    vers, ici = monde.services[0], monde.services[1]
    for nom, service in (("the grid itself", ici), ("several places, so many a day", vers)):
        contexte = await navigateur.new_context(locale="fr-FR")
        page: Page = await contexte.new_page()
        choix = f"motif={service.motifs[0]}&type=guichet&nature=particulier"
        await page.goto(f"http://127.0.0.1:{port}/rdv/{service.id}/creneau?{choix}")
        await page.wait_for_selector('#direct[data-direct="direct"]', timeout=15_000)
        releve.demandes[nom] = 0

        def count(requete: Any, nom: str = nom) -> None:
            releve.demandes[nom] += 1

        page.on("request", count)


async def run(banc: Banc, monde: Monde, *, guetteurs: int, rythme: float, duree_s: float, navigateur: bool) -> Releve:
    """The storm; what was seen."""
    port, releve = banc.ports[0], Releve(duree_s=duree_s)
    arrivees: dict[int, list[float]] = {}
    reponses: list[float] = []
    sockets = await watch(port, f"creneaux:{monde.services[1].id}", guetteurs, arrivees)
    async with AsyncExitStack() as pile:
        if navigateur:
            await open_pages(pile, port, monde, releve)
        await asyncio.sleep(1.0)
        await book_steadily(port, monde, rythme, duree_s, reponses)
        await asyncio.sleep(2.0)
        releve.perdus = sum(guetteur.ferme for guetteur in sockets)
        for guetteur in sockets:
            guetteur.close()
    # Versions rise by one with each booking: the n-th version is the n-th answer, commits being in that order.
    for instants, reponse in zip((arrivees[v] for v in sorted(arrivees)), sorted(reponses), strict=False):
        releve.delais += [max(0.0, instant - reponse) for instant in instants]
        releve.manquantes += guetteurs - len(instants)
    releve.reservations = len(reponses)
    releve.manquantes += guetteurs * (len(reponses) - len(arrivees))
    return releve


def present(releve: Releve) -> list[Chiffre]:
    """The figures."""
    return [
        Chiffre("bookings answered", releve.reservations, ""),
        Chiffre("frames that never came", releve.manquantes, "", 0),
        Chiffre("watchers cut off", releve.perdus, "", 0),
        Chiffre("answer → frame, p50", percentile(releve.delais, 0.5) * 1000, "ms"),
        Chiffre("answer → frame, p99", percentile(releve.delais, 0.99) * 1000, "ms", BUDGET_TRAME_MS),
        *(
            Chiffre(f"requests in ten seconds, {nom}", nombre * 10 / releve.duree_s, "", BUDGET_DEMANDES)
            for nom, nombre in releve.demandes.items()
        ),
    ]


async def main() -> int:
    """Run alone; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--guetteurs", type=int, default=1000)
    args.add_argument("--rythme", type=float, default=20.0, help="créneaux a second")
    args.add_argument("--duree", type=float, default=60.0, help="seconds")
    args.add_argument("--sans-navigateur", action="store_true")
    choix = args.parse_args()
    with open_banc() as banc:
        monde = await build_monde(banc, services=2, guichets=20)
        async with monde.db.engine.begin() as conn:
            vers, ici = monde.services
            await insert_delegation(conn, vers, ici, quota=1000)
            valeurs = {"service_id": None, "modifie_a": clock.now()}
            await conn.execute(insert(Parametre).values(cle="delai_ouvre", valeur=0, **valeurs))
        try:
            releve = await run(
                banc,
                monde,
                guetteurs=choix.guetteurs,
                rythme=choix.rythme,
                duree_s=choix.duree,
                navigateur=not choix.sans_navigateur,
            )
        finally:
            await monde.db.close()
    chiffres = present(releve)
    print(render(f"{choix.guetteurs} usagers watch one grid, {choix.rythme:g} créneaux a second", chiffres))
    return 1 if find_over(chiffres) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
