"""A day at full speed on a throw-away site: usagers and agents by locust, then the invariants.

    python -m loadtests.journee [--personnes 50] [--duree 60] [--services 3]

Opens servers and a site of its own (web, gateway and worker; durable PostgreSQL), builds services open all day long
and runs ``locustfile.py`` on them as anybody would by hand. Exits non-zero on a failure, a broken invariant, a
deadlock in PostgreSQL's log or an accident in the site's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys

from sqlalchemy import insert, select

from app.config import RACINE
from app.tables import Habilitation, Rattachement
from loadtests import invariants
from loadtests.banc import Banc, open_banc
from loadtests.monde import Monde, build_monde


async def build(banc: Banc, services: int, guichets: int) -> str:
    """The services, all in the zone of one agent; his login."""
    monde = await build_monde(banc, services=services, guichets=guichets)
    try:
        await _attach_everywhere(monde)
    finally:
        await monde.db.close()
    return "agent-0"


async def _attach_everywhere(monde: Monde) -> None:
    agent = monde.services[0].agents["agent"]
    async with monde.db.engine.begin() as conn:
        siens = set(
            (await conn.execute(select(Rattachement.service_id).where(Rattachement.agent_id == agent))).scalars()
        )
        for service in monde.services:
            if service.id not in siens:
                await conn.execute(
                    insert(Habilitation).values(
                        agent_id=agent, profil="agent_local", perimetre="service", service_id=service.id
                    )
                )
                await conn.execute(insert(Rattachement).values(agent_id=agent, service_id=service.id))


def run_locust(banc: Banc, agent: str, *, personnes: int, duree_s: int) -> int:
    """Run locust on the site; its exit code."""
    env = {**os.environ, "DATABASE_URL": banc.dsn, "AGENT": agent, "MOT_DE_PASSE": "demo", "CLE_API": f"cle-{agent}"}
    commande = [
        *(sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary"),
        *("-u", str(personnes), "-r", str(max(1, personnes // 5)), "-t", f"{duree_s}s", "--stop-timeout", "10"),
        *("--host", f"http://127.0.0.1:{banc.ports[0]}", "--loglevel", "WARNING"),
    ]
    return subprocess.run(commande, cwd=RACINE, env=env, check=False, timeout=duree_s + 120).returncode


def main() -> int:
    """Parse, run, judge; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--personnes", type=int, default=50, help="people at the same time")
    args.add_argument("--duree", type=int, default=60, help="seconds")
    args.add_argument("--services", type=int, default=3)
    args.add_argument("--guichets", type=int, default=8, help="of each service")
    choix = args.parse_args()
    fautes: list[str] = []
    with open_banc() as banc:
        agent = asyncio.run(build(banc, choix.services, choix.guichets))
        if run_locust(banc, agent, personnes=choix.personnes, duree_s=choix.duree):
            fautes.append("see above")
        if invariants.count_deadlocks(banc.postgres.journal):
            fautes.append("PostgreSQL's log tells of a deadlock")
        if "incident" in banc.log():
            fautes.append(f"the site's log tells of an accident:\n{banc.log()[-3000:]}")
    for faute in fautes:
        print(f"FAILED  {faute}", file=sys.stderr)
    return 1 if fautes else 0


if __name__ == "__main__":
    sys.exit(main())
