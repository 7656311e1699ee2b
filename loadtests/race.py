"""The race: distinct usagers on one créneau, over HTTP, against two web processes [promise P1].

    python -m loadtests.race [--rivaux 500] [--tours 5] [--sans-controle]

Each round opens one connection per rival, fires every booking together, and counts: as many 201 as there are free
guichets (1, then 20), every other one a 409 with alternatives, no 5xx, no deadlock in PostgreSQL's log, p99 ≤ 1 s.
Then the invariants are asked to the database. The negative control removes the exclusion constraint and runs the same
race: it must find doubles, or this program proves nothing.

Exits non-zero when an invariant breaks, when a budget is exceeded, or when the control catches nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import async_url
from loadtests import invariants
from loadtests.banc import Banc, open_banc
from loadtests.http_brut import Client, Reponse, percentile
from tests.fixtures.donnees import MondeService, build_equipe, build_service

BUDGET_P99_S = 1.0


@dataclass
class Manche:
    """One series of rounds on a service."""

    nom: str
    guichets: int
    durees: list[float] = field(default_factory=list)
    statuts: Counter[int] = field(default_factory=Counter)
    gagnants: list[int] = field(default_factory=list)
    sans_alternative: int = 0
    exemples: list[str] = field(default_factory=list)
    acquittes: dict[str, int] = field(default_factory=dict)


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


async def run_manche(banc: Banc, nom: str, service: MondeService, debuts: list[str], rivaux: int, tours: int) -> Manche:
    """Several rounds, each on its own créneau."""
    manche = Manche(nom, len(service.guichets))
    for debut in debuts[:tours]:
        reponses = await run_round(banc.ports[:2], service, debut, rivaux)
        manche.durees += [r.duree_s for r in reponses]
        manche.statuts.update(r.statut for r in reponses)
        manche.gagnants.append(sum(r.statut == 201 for r in reponses))
        manche.sans_alternative += sum(r.statut == 409 and not r.json().get("alternatives") for r in reponses)
        manche.exemples += [r.corps[:400].decode() for r in reponses if r.statut not in (201, 409)][:1]
        for r in reponses:
            if r.statut == 201:
                corps: dict[str, Any] = r.json()
                manche.acquittes[corps["code"]] = corps["id"]
        await asyncio.sleep(0.3)
    return manche


async def count_doubles(dsn: str) -> int:
    """Pairs of RDV on one guichet at one time."""
    conn = await asyncpg.connect(dsn)
    try:
        return len(await conn.fetch(invariants.FAUTES["overlaps on a guichet"]))
    finally:
        await conn.close()


async def run_control(rivaux: int) -> int:
    """The same race without the constraint, on servers of its own: the number of doubles it produced."""
    with open_banc(web=2, worker=False) as banc:
        petit, _ = await build(banc.dsn)
        conn = await asyncpg.connect(banc.dsn)
        await conn.execute("ALTER TABLE rendez_vous DROP CONSTRAINT ex_rendez_vous_guichet")
        await conn.close()
        debuts = await read_debuts(banc.ports[0], petit)
        for debut in debuts[:3]:
            await run_round(banc.ports[:2], petit, debut, rivaux)
        return await count_doubles(banc.dsn)


def report(manches: list[Manche], rivaux: int) -> list[str]:
    """Print the table; the list of what is wrong."""
    fautes: list[str] = []
    print(
        f"{'race':<22}{'rounds':>7}{'rivals':>8}{'201':>6}{'409':>8}{'5xx':>5}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}"
    )
    for m in manches:
        cinq = sum(n for statut, n in m.statuts.items() if statut >= 500 or statut == 0)
        p99 = percentile(m.durees, 0.99)
        print(
            f"{m.nom:<22}{len(m.gagnants):>7}{rivaux:>8}{m.statuts[201]:>6}{m.statuts[409]:>8}{cinq:>5}"
            f"{percentile(m.durees, 0.5) * 1000:>9.0f}{p99 * 1000:>9.0f}{max(m.durees) * 1000:>9.0f}"
        )
        if any(n != m.guichets for n in m.gagnants):
            fautes.append(f"{m.nom}: {m.guichets} success(es) a round expected, got {m.gagnants}")
        if set(m.statuts) - {201, 409}:
            fautes.append(f"{m.nom}: unexpected statuses {dict(m.statuts)}: {m.exemples[:1]}")
        if m.sans_alternative:
            fautes.append(f"{m.nom}: {m.sans_alternative} losers without an alternative")
        if p99 > BUDGET_P99_S:
            fautes.append(f"{m.nom}: p99 {p99:.3f} s is over {BUDGET_P99_S} s")
    return fautes


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
    with open_banc(web=2) as banc:
        petit, grand = await build(banc.dsn)
        await run_round(banc.ports[:2], petit, (await read_debuts(banc.ports[0], petit))[-1], 20)  # warm up
        manches = [
            await run_manche(
                banc, "one guichet", petit, await read_debuts(banc.ports[0], petit), choix.rivaux, choix.tours
            ),
            await run_manche(
                banc, "twenty guichets", grand, await read_debuts(banc.ports[0], grand), choix.rivaux, choix.tours
            ),
        ]
        await asyncio.sleep(2.0)
        fautes = report(manches, choix.rivaux)
        bilan = await invariants.check(banc.dsn)
        print("\n".join(bilan.lines()))
        perdus = [c for m in manches for c in await invariants.check_ledger(banc.dsn, m.acquittes)]
        blocages = invariants.count_deadlocks(banc.postgres.journal)
        print(f"{'ok ' if not perdus else 'BAD'}  acknowledged and absent: {len(perdus)}")
        print(f"{'ok ' if not blocages else 'BAD'}  deadlocks in PostgreSQL's log: {blocages}")
        if not bilan.ok or perdus or blocages:
            fautes.append("an invariant is broken")
        if "incident" in banc.log():
            fautes.append(f"an accident was logged:\n{banc.log()[-2000:]}")
    if not choix.sans_controle:
        doubles = await run_control(min(choix.rivaux, 200))
        print(f"{'ok ' if doubles else 'BAD'}  negative control (no constraint): {doubles} doubles caught")
        if not doubles:
            fautes.append("the negative control caught nothing: this race proves nothing")
    for faute in fautes:
        print(f"FAILED  {faute}", file=sys.stderr)
    return 1 if fautes else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
