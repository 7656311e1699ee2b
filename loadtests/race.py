"""The race: distinct usagers and agents on one créneau, over HTTP, against two web processes [promise P1].

    python -m loadtests.race [--rivaux 500] [--tours 5] [--sans-controle]

Each round opens one connection per rival, fires everything together, and counts: as many successes as there are places,
every other one a 409 with alternatives, no 5xx, no deadlock in PostgreSQL's log, p99 ≤ 1 s. By the API (one key, one
guichet then twenty); then through the pages (a visit or a session, a CSRF token and a form each; motifs of 20 and 40
minutes mixed): who holds the créneau, then who books it. Then the invariants are asked to the database. The negative
control removes the exclusion constraint and runs the same races: it must find doubles, or this program proves nothing.

Exits non-zero when an invariant breaks, when a budget is exceeded, or when the control catches nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import async_url
from loadtests import invariants
from loadtests.banc import Banc, open_banc
from loadtests.http_brut import Client, Reponse
from loadtests.manche import Manche, report
from loadtests.race_formulaire import PART_AGENTS, build_course
from tests.fixtures.donnees import MondeService, build_equipe, build_service


async def build(dsn: str) -> tuple[MondeService, MondeService]:
    """A service of one guichet and one of twenty, with an external agent's key."""
    moteur = create_async_engine(async_url(dsn))
    async with moteur.begin() as conn:
        petit = await build_service(conn, sages="5800450", guichets=1)
        grand = await build_service(conn, sages="5800451", libelle="SERVICE À VINGT GUICHETS", guichets=20)
        await build_equipe(conn, petit)
    await moteur.dispose()
    return petit, grand


def body(service: MondeService, debut: str, rang: int) -> bytes:
    """The booking of one distinct usager."""
    return json.dumps(
        {
            "service": service.id,
            "motif": service.motifs[0],
            "type": "guichet",
            "debut": debut,
            "precision": f"Question numéro {rang}",
            "usager": {
                "nature": "particulier",
                "civilite": "madame",
                "nom_usage": f"Rivale {rang}",
                "prenoms": "Camille",
                "telephones": ["0536490001"],
                "courriel": f"rivale{rang}@usagers.test",
            },
        }
    ).encode()


def headers(cle: str) -> dict[str, str]:
    """Headers of an API call by the external agent."""
    return {"Authorization": "Bearer cle-exterieur", "Content-Type": "application/json", "Idempotency-Key": cle}


async def read_debuts(port: int, service: MondeService) -> list[str]:
    """Free starts, as the API gives them."""
    client = Client(port)
    chemin = f"/api/v1/services/{service.id}/creneaux?motif={service.motifs[0]}&type=guichet"
    reponse = await client.send("GET", chemin, entetes={"Authorization": "Bearer cle-exterieur"})
    await client.close()
    if reponse.statut != 200:
        raise SystemExit(f"GET {chemin}: {reponse.statut} {reponse.corps[:500]!r}")
    return [c["debut"] for c in reponse.json()["elements"] if c["libres"] == len(service.guichets)]


async def run_round(ports: list[int], service: MondeService, debut: str, rivaux: int) -> list[Reponse]:
    """Everybody at once on one créneau."""
    clients = [Client(ports[n % len(ports)]) for n in range(rivaux)]
    for paquet in range(0, rivaux, 100):
        await asyncio.gather(*(c.open() for c in clients[paquet : paquet + 100]))
    envois = [(c, body(service, debut, n), headers(str(uuid.uuid4()))) for n, c in enumerate(clients)]
    reponses = await asyncio.gather(
        *(c.send("POST", "/api/v1/rendez-vous", corps, entetes) for c, corps, entetes in envois)
    )
    await asyncio.gather(*(c.close() for c in clients))
    return list(reponses)


async def run_manche(
    banc: Banc, nom: str, service: MondeService, rivaux: int, tours: int, acquittes: dict[str, int]
) -> Manche:
    """Several rounds, each on its own créneau; what is acknowledged goes to ``acquittes`` (code → id)."""
    manche = Manche(nom, len(service.guichets), rivaux)
    for debut in (await read_debuts(banc.ports[0], service))[:tours]:
        reponses = await run_round(banc.ports[:2], service, debut, rivaux)
        for rang in manche.record(reponses, 201, lambda r: bool(r.json().get("alternatives"))):
            corps: dict[str, Any] = reponses[rang].json()
            acquittes[corps["code"]] = corps["id"]
        await asyncio.sleep(0.3)
    return manche


async def count_doubles(dsn: str) -> int:
    """Pairs of RDV on one guichet at one time."""
    conn = await asyncpg.connect(dsn)
    try:
        return len(await conn.fetch(invariants.FAUTES["overlaps on a guichet"]))
    finally:
        await conn.close()


async def run_control(rivaux: int) -> tuple[int, int]:
    """The same races without the constraint, on servers of their own: the doubles of the API, then of the pages."""
    with open_banc(web=2, worker=False) as banc:
        petit, _ = await build(banc.dsn)
        conn = await asyncpg.connect(banc.dsn)
        await conn.execute("ALTER TABLE rendez_vous DROP CONSTRAINT ex_rendez_vous_guichet")
        await conn.close()
        debuts = await read_debuts(banc.ports[0], petit)
        for debut in debuts[:3]:
            await run_round(banc.ports[:2], petit, debut, rivaux)
        api = await count_doubles(banc.dsn)
        course = await build_course(banc.settings(), banc.ports[:2])
        await course.prepare(rivaux // 2, rivaux // 2 // PART_AGENTS)
        manche = Manche("control", 1, rivaux // 2)
        for _ in range(3):
            await course.race_forms(manche, [*course.visiteurs, *course.agents], course.next_heure())
        await course.close()
        return api, await count_doubles(banc.dsn) - api


async def run_api(banc: Banc, rivaux: int, tours: int) -> tuple[list[Manche], list[str]]:
    """One guichet, then twenty; what is wrong in the ledger."""
    petit, grand = await build(banc.dsn)
    await run_round(banc.ports[:2], petit, (await read_debuts(banc.ports[0], petit))[-1], 20)  # warm up
    acquittes: dict[str, int] = {}
    manches = [
        await run_manche(banc, "API: one guichet", petit, rivaux, tours, acquittes),
        await run_manche(banc, "API: twenty guichets", grand, rivaux, tours, acquittes),
    ]
    perdus = await invariants.check_ledger(banc.dsn, acquittes)
    return manches, [f"{len(perdus)} acknowledged by the API and absent"] if perdus else []


async def run_pages(banc: Banc, rivaux: int, tours: int) -> tuple[list[Manche], list[str]]:
    """Visitors and agents with their own cookies; what is wrong in the ledger."""
    course = await build_course(banc.settings(), banc.ports[:2])
    try:
        await course.prepare(rivaux, rivaux // PART_AGENTS)
        manches = await course.run(tours)
        return manches, await course.find_faults()
    finally:
        await course.close()


async def main() -> int:
    """Run it all; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rivaux", type=int, default=500)
    args.add_argument("--tours", type=int, default=5)
    args.add_argument("--sans-controle", action="store_true", help="leave the negative control out")
    choix = args.parse_args()
    print(
        f"{datetime.now().astimezone():%Y-%m-%d %H:%M}  two web processes, worker, durable PostgreSQL, client included"
    )
    fautes: list[str] = []
    with open_banc(web=2) as banc:
        manches: list[Manche] = []
        for run in (run_api, run_pages):
            faites, perdus = await run(banc, choix.rivaux, choix.tours)
            manches += faites
            fautes += perdus
        await asyncio.sleep(2.0)
        fautes += report(manches)
        bilan = await invariants.check(banc.dsn)
        print("\n".join(bilan.lines()))
        blocages = invariants.count_deadlocks(banc.postgres.journal)
        print(f"{'ok ' if not blocages else 'BAD'}  deadlocks in PostgreSQL's log: {blocages}")
        if not bilan.ok or blocages:
            fautes.append("an invariant is broken")
        if "incident" in banc.log():
            fautes.append(f"an accident was logged:\n{banc.log()[-2000:]}")
    if not choix.sans_controle:
        for voie, doubles in zip(("API", "pages"), await run_control(min(choix.rivaux, 200)), strict=True):
            print(f"{'ok ' if doubles else 'BAD'}  negative control, {voie} (no constraint): {doubles} doubles caught")
            if not doubles:
                fautes.append(f"{voie}: the negative control caught nothing: this race proves nothing")
    for faute in fautes:
        print(f"FAILED  {faute}", file=sys.stderr)
    return 1 if fautes else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
