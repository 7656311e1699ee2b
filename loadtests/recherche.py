"""Search, list and export over two million rendez-vous, over HTTP, journal included; with the plans of PostgreSQL.

    python -m loadtests.recherche [--rdv 2000000] [--mesures 60] [--plans]

4,000 services. The searches are those of an agent attached to a département of 40 busy services (5,000 RDV each, the
worst case), to one ordinary service, and to 400. The export is of everything that the département holds; the memory of
the web process is read meanwhile, and what its other requests wait. A booking's insertion is timed with the index of
the searches and without. Exits non-zero when a budget is exceeded.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from app import clock
from app.booking.agents.recherche_rdv_lectures import compile_recherche
from app.booking.agents.recherche_rdv_saisie import understand
from app.db import Database, create_engine
from app.identite.sessions import open_session
from app.web.securite import csrf_token
from loadtests.banc import Banc, open_banc
from loadtests.http_brut import percentile
from loadtests.millions import Peuple, build
from loadtests.tableau import Chiffre, find_over, render
from tests.fixtures.donnees import build_agent, build_service

BUDGET_MS: Final = 100.0
#: What the export may add to the memory of its process, whatever the number of rows.
BUDGET_MEMOIRE_MO: Final = 32.0
_URL: Final = "/agent/rendez-vous"


@dataclass
class Terrain:
    """The site, who asks it, and people who are in it."""

    banc: Banc
    db: Database
    peuple: Peuple
    agents: dict[str, int]
    connus: list[dict[str, Any]]

    async def client(self, qui: str) -> httpx.AsyncClient:
        """A browser signed in as that agent."""
        url = f"http://127.0.0.1:{self.banc.ports[0]}"
        jeton = await open_session(self.db, self.agents[qui], ancien_jeton=None, adresse=None, a=clock.now())
        entetes = {"Origin": url, "X-CSRF-Token": csrf_token(self.banc.settings(), jeton)}
        return httpx.AsyncClient(
            base_url=url, headers=entetes, cookies={"accueil_session": jeton}, timeout=120, follow_redirects=False
        )


async def _prepare(banc: Banc, rdv: int) -> Terrain:
    db = Database(create_engine(banc.settings(), nom="bench"))
    async with db.engine.begin() as conn:
        modele = await build_service(conn, guichets=10)
    peuple = await build(banc.dsn, modele.id, modele.motifs[0], rdv=rdv)
    large = [*peuple.zone, *range(peuple.ordinaire, peuple.ordinaire + 360)]
    zones = {"departement": peuple.zone, "service": [peuple.ordinaire], "interregion": large}
    async with db.engine.begin() as conn:
        agents = {
            nom: await build_agent(conn, nom, perimetre="departement", departement="58", zone=zone)
            for nom, zone in zones.items()
        }
    conn = await asyncpg.connect(banc.dsn)
    connus = await conn.fetch(
        "SELECT r.id, r.code, u.* FROM rendez_vous r JOIN rdv_usager u ON u.rdv_id = r.id"
        " WHERE r.service_id = ANY($1) AND r.id % 7 = 1 LIMIT 2000",
        peuple.zone,
    )
    await conn.close()
    return Terrain(banc, db, peuple, agents, [dict(c) for c in connus])


def _ask(connus: Sequence[dict[str, Any]], hasard: random.Random) -> dict[str, tuple[str, Callable[[], str]]]:
    """What is searched → (who asks, what is typed)."""

    def one(champ: str) -> Callable[[], str]:
        siens = [c for c in connus if c[champ]]
        return lambda: str(hasard.choice(siens)[champ])

    def name(mots: int) -> Callable[[], str]:
        siens = [c for c in connus if c["nom_usage"]]
        return lambda: " ".join(mot[:4] if mots == 3 else mot for mot in hasard.choice(siens)["recherche"].split()[:2])

    telephones = [c["telephones"][0] for c in connus]
    return {
        "name and first name of somebody": ("departement", name(2)),
        "beginnings of both (4 letters)": ("departement", name(3)),
        "the commonest name, « martin »": ("departement", lambda: "martin"),
        "« martin marie »": ("departement", lambda: "Martin Marie"),
        "two letters, « ma »: too many": ("departement", lambda: "ma"),
        "code of 6 letters": ("departement", one("code")),
        "phone": ("departement", lambda: "0" + hasard.choice(telephones)[3:]),
        "mail address": ("departement", one("courriel")),
        "numéro fiscal": ("departement", one("numero_fiscal")),
        "SIREN": ("departement", one("siren")),
        "number FI…": ("departement", lambda: f"FI{hasard.choice(connus)['id']}"),
        "« martin », one service of 455 RDV": ("service", lambda: "martin"),
        "« martin marie », 400 services": ("interregion", lambda: "martin marie"),
    }


async def _time(mesures: int, request: Callable[[], Any]) -> list[float]:
    durees = []
    for rang in range(mesures + 5):
        depart = time.perf_counter()
        reponse = await request()
        duree = (time.perf_counter() - depart) * 1000
        if reponse.status_code != 200:
            raise SystemExit(f"{reponse.request.url}: {reponse.status_code}\n{reponse.text[:500]}")
        if rang >= 5:
            durees.append(duree)
    return durees


def _chiffre(nom: str, durees: list[float], budget: float | None = BUDGET_MS) -> Chiffre:
    return Chiffre(f"{nom}, p95", percentile(durees, 0.95), "ms", budget, note=f"p50 {percentile(durees, 0.5):.1f} ms")


async def measure_recherches(t: Terrain, mesures: int) -> list[Chiffre]:
    """Each kind of search, the whole POST."""
    chiffres = []
    for nom, (qui, saisie) in _ask(t.connus, random.Random(58)).items():
        async with await t.client(qui) as client:

            async def search(client: httpx.AsyncClient = client, saisie: Callable[[], str] = saisie) -> httpx.Response:
                return await client.post(f"{_URL}/recherche", data={"q": saisie()})

            chiffres.append(_chiffre(nom, await _time(mesures, search)))
    return chiffres


async def measure_listes(t: Terrain, mesures: int) -> list[Chiffre]:
    """The list's page, from its default to a year of the whole département."""
    jour = t.peuple.jour
    mois = f"du={jour - timedelta(15)}&au={jour + timedelta(15)}"
    annee = f"du={jour - timedelta(300)}&au={jour + timedelta(60)}&etat=tous"
    pages = {
        "the coming week": "",
        "the coming week, by name": "?tri=usager",
        "a month": f"?{mois}",
        "a month, by name, page 100": f"?{mois}&tri=usager&sens=asc&page=100",
        "a year of 200,000 RDV": f"?{annee}",
    }
    chiffres = []
    async with await t.client("departement") as client:
        for nom, suite in pages.items():

            async def read(suite: str = suite) -> httpx.Response:
                return await client.get(_URL + suite)

            combien = mesures if len(suite) < 60 else max(8, mesures // 4)
            chiffres.append(_chiffre(nom, await _time(combien, read), None))
    return chiffres


def _memory_mo(pid: int) -> float:
    """Resident memory of a process, in MB."""
    statut = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(statut.split("VmRSS:")[1].split()[0]) / 1024


async def measure_export(t: Terrain) -> list[Chiffre]:
    """Everything that the département holds, with what another request waits meanwhile."""
    pid = t.banc.processus[0].pid
    jour = t.peuple.jour
    champs = {"du": str(jour - timedelta(300)), "au": str(jour + timedelta(60)), "etat": "tous"}
    memoires, attentes = [], []
    fini = asyncio.Event()

    async def watch() -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{t.banc.ports[0]}") as autre:
            while not fini.is_set():
                depart = time.perf_counter()
                await autre.get("/sante")
                attentes.append((time.perf_counter() - depart) * 1000)
                memoires.append(_memory_mo(pid))
                await asyncio.sleep(0.05)

    avant = _memory_mo(pid)
    garde = asyncio.create_task(watch())
    lignes = octets = 0
    depart = time.perf_counter()
    async with await t.client("departement") as client, client.stream("POST", f"{_URL}/export", data=champs) as reponse:
        async for morceau in reponse.aiter_bytes():
            lignes += morceau.count(b"\r\n")
            octets += len(morceau)
    duree = time.perf_counter() - depart
    fini.set()
    await garde
    tiers = len(memoires) // 3
    return [
        Chiffre("rows", lignes - 1, "", note=f"{octets / 2**20:.0f} MB in {duree:.1f} s, {lignes / duree:.0f} rows/s"),
        Chiffre(
            "memory of the web process, added at most",
            max(memoires) - avant,
            "MB",
            BUDGET_MEMOIRE_MO,
            note=f"{avant:.0f} MB before; peak of the first third {max(memoires[:tiers]):.0f}, of the last "
            f"{max(memoires[-tiers:]):.0f}",
        ),
        Chiffre("another request meanwhile, p95", percentile(attentes, 0.95), "ms", note=f"max {max(attentes):.0f} ms"),
    ]


async def measure_insertion(t: Terrain, mesures: int = 400) -> list[Chiffre]:
    """The insertion of a person, as a booking makes it, with the index and without: what the index costs."""
    conn = await asyncpg.connect(t.banc.dsn)
    ordre = (
        "INSERT INTO rdv_usager (rdv_id, nature, nom_usage, prenoms, telephones, courriel, recherche)"
        " VALUES ($1, 'particulier', 'LEFEVRE', 'Anne Marie', ARRAY['+33612345678'], 'a.lefevre@usagers.test',"
        " ' LEFEVRE ANNE MARIE ')"
    )
    ids = [c["id"] for c in random.Random(7).choices(t.connus, k=mesures)]

    async def insert() -> float:
        durees = []
        for ident in ids:
            async with conn.transaction():
                await conn.execute("DELETE FROM rdv_usager WHERE rdv_id = $1", ident)
                depart = time.perf_counter()
                await conn.execute(ordre, ident)
                durees.append((time.perf_counter() - depart) * 1000)
        return percentile(durees, 0.5)

    avec = await insert()
    index = await conn.fetchval("SELECT pg_size_pretty(pg_relation_size('ix_rdv_usager_cles'))")
    await conn.execute("DROP INDEX ix_rdv_usager_cles")
    await conn.execute("ALTER TABLE rdv_usager DISABLE TRIGGER services_du_rdv")
    sans = await insert()
    await conn.close()
    return [
        Chiffre("a person inserted, with the index, p50", avec, "ms", note=f"the index weighs {index}"),
        Chiffre("without it nor its trigger, p50", sans, "ms"),
    ]


async def show_plans(t: Terrain) -> None:
    """EXPLAIN (ANALYZE, BUFFERS) of a common name, a phone and a numéro fiscal, as they are sent."""
    conn = await asyncpg.connect(t.banc.dsn)
    await conn.execute("SET jit = off")
    connu = next(c for c in t.connus if c["numero_fiscal"])
    for saisie in ("martin", "martin marie", "0" + connu["telephones"][0][3:], connu["numero_fiscal"]):
        lecture = understand(saisie, {"FR"})
        requete = compile_recherche(t.agents["departement"], lecture, t.peuple.zone, clock.now())
        texte = requete.compile(dialect=t.db.engine.dialect)
        valeurs = [texte.params[nom] for nom in texte.positiontup or ()]
        print(f"\n« {saisie if saisie.startswith('martin') else 'phone' if lecture.telephones else 'numéro fiscal'} »")
        for ligne in await conn.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {texte}", *valeurs):
            if len(ligne[0]) - len(ligne[0].lstrip()) < 40:  # deeper is the view of the rights
                print("  " + ligne[0][:150])
    await conn.close()


async def run(rdv: int, mesures: int, *, plans: bool) -> list[Chiffre]:
    """All sections, printed one by one; their figures."""
    tous: list[Chiffre] = []

    def show(titre: str, chiffres: list[Chiffre]) -> None:
        print(render(titre, chiffres), flush=True)
        tous.extend(chiffres)

    with open_banc(worker=False) as banc:
        depart = time.monotonic()
        t = await _prepare(banc, rdv)
        print(f"{rdv:,} RDV over 4,000 services written in {time.monotonic() - depart:.0f} s", flush=True)
        try:
            show("search, the whole POST over HTTP", await measure_recherches(t, mesures))
            show("list, a page over HTTP, 40 services", await measure_listes(t, mesures))
            show("export over HTTP, 40 services", await measure_export(t))
            if plans:
                await show_plans(t)
            show("what the index costs a booking", await measure_insertion(t))
        finally:
            await t.db.close()
    return tous


def main() -> int:
    """Parse the command line, run, judge; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rdv", type=int, default=2_000_000)
    args.add_argument("--mesures", type=int, default=60)
    args.add_argument("--plans", action="store_true", help="print what PostgreSQL does")
    choix = args.parse_args()
    trop = find_over(asyncio.run(run(choix.rdv, choix.mesures, plans=choix.plans)))
    for phrase in trop:
        print(f"over budget: {phrase}")
    return 1 if trop else 0


if __name__ == "__main__":
    sys.exit(main())
