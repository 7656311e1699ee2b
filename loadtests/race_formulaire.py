"""The race through the pages: visitors with their own cookies, agents with their own sessions, on one créneau [P1].

Durations of 20 and 40 minutes are mixed: whoever wants forty asks for the contested hour, or for the one before it. A
round takes an hour of its own (three steps of twenty minutes): all that is asked overlaps its middle, so one may win.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import asyncpg
from sqlalchemy import update

from app import clock
from app.config import Settings
from app.db import Database, create_engine
from app.identite.sessions import open_session
from app.tables import MotifService
from loadtests.formulaires import read_code
from loadtests.http_brut import Reponse
from loadtests.manche import Manche
from loadtests.personnes import Personne
from loadtests.reservations import Ecart
from loadtests.rivaux import Guichetier, Onglet, Rival, Visiteur, offers_alternatives
from tests.fixtures.donnees import MondeService, build_agent, build_service

#: Minutes of a step, and of the longer motif.
PAS = 20
LONG = 40
#: One rival in so many is an agent.
PART_AGENTS = 5
#: Hours kept for the preparation of forms; as many rivals prepare themselves at the same time.
_DE_FRONT = 16
#: Rest between two rounds, in seconds.
_REPOS_S = 0.3


@dataclass
class Course:
    """One guichet, those who want it, the hours not yet fought for, and what was acknowledged.

    ``settings`` are those of the site, ``ports`` those of its web processes: rivals are spread over them.
    """

    settings: Settings
    ports: Sequence[int]
    service: MondeService
    visiteurs: list[Visiteur] = field(default_factory=list)
    agents: list[Guichetier] = field(default_factory=list)
    disputees: list[datetime] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    _heures: list[datetime] = field(default_factory=list)
    _calmes: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    # --- Before the race ----------------------------------------------------------------------------------------------

    async def prepare(self, visiteurs: int, agents: int) -> None:
        """Everybody opens the pages and has a form ready to be sent. Raises Ecart."""
        db = Database(create_engine(self.settings, nom="course"))
        try:
            jetons = [await self._sign_in(db, rang) for rang in range(agents)]
        finally:
            await db.close()
        self.visiteurs = [self._visiteur(rang) for rang in range(visiteurs)]
        self.agents = [self._agent(rang, jeton) for rang, jeton in enumerate(jetons)]
        await self._read_heures()
        await self._gather([v.arrive for v in self.visiteurs] + [a.arrive for a in self.agents])
        await self.renew(self.visiteurs)

    def _onglet(self, rang: int, **biscuits: str) -> Onglet:
        return Onglet(self.ports[rang % len(self.ports)], self.settings.origine, dict(biscuits))

    def _visiteur(self, rang: int) -> Visiteur:
        motif = self.service.motifs[rang // 2 % 2]
        return Visiteur(self._onglet(rang), self.service, motif, Personne(30_000 + rang))

    def _agent(self, rang: int, jeton: str) -> Guichetier:
        motif = self.service.motifs[rang // 2 % 2]
        return Guichetier(self._onglet(rang, accueil_session=jeton), self.service, motif, Personne(40_000 + rang))

    async def _sign_in(self, db: Database, rang: int) -> str:
        async with db.engine.begin() as conn:
            agent = await build_agent(conn, f"rival-{rang}", service_id=self.service.id, zone=[self.service.id])
        return await open_session(db, agent, ancien_jeton=None, adresse=None, a=clock.now())

    async def _read_heures(self) -> None:
        """Whole free hours, as the page of a newcomer offers them; the last ones serve to prepare forms."""
        curieux = self._visiteur(0)
        chemin = f"/rdv/{self.service.id}/creneau?motif={curieux.motif}&type=guichet&nature=particulier"
        accueil = await curieux.onglet.read(chemin)
        jours = {li["href"]: None for li in accueil.liens if int(li.get("data-libres") or 0) > 0 and li.get("href")}
        mois = accueil.find_hrefs(r"/creneau\?.*mois=")
        for adresse in mois:
            suivant = await curieux.onglet.read(adresse)
            jours |= {
                li["href"]: None for li in suivant.liens if int(li.get("data-libres") or 0) > 0 and li.get("href")
            }
        for adresse in jours:
            page = await curieux.onglet.read(adresse)
            boutons = page.formulaires["choix-creneau"].find_buttons("debut")
            instants = [datetime.fromisoformat(b.valeur) for b in boutons]
            self._heures += [i for i in instants if i.minute == 0 and i + timedelta(minutes=LONG) in instants]
        await curieux.onglet.close()
        self._heures = sorted(set(self._heures))
        if len(self._heures) <= 2 * _DE_FRONT:
            raise Ecart(f"the service offers {len(self._heures)} whole hours only")
        for heure in self._heures[-_DE_FRONT:]:
            self._calmes.put_nowait(heure.isoformat())
        del self._heures[-_DE_FRONT:]

    async def renew(self, rivaux: Sequence[Rival]) -> None:
        """Give each a form that has not served. Raises Ecart."""

        def renewing(rival: Rival) -> Callable[[], Awaitable[None]]:
            async def work() -> None:
                heure = await self._calmes.get()
                try:
                    await rival.renew(heure)
                finally:
                    self._calmes.put_nowait(heure)

            return work

        await self._gather([renewing(rival) for rival in rivaux])

    async def _gather(self, travaux: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Run them all, a few at a time."""
        places = asyncio.Semaphore(_DE_FRONT)

        async def one(travail: Callable[[], Awaitable[None]]) -> None:
            async with places:
                await travail()

        await asyncio.gather(*(one(travail) for travail in travaux))

    # --- The race -----------------------------------------------------------------------------------------------------

    def next_heure(self) -> datetime:
        """The middle of an hour that nobody has fought for. Raises Ecart when there is none left."""
        if not self._heures:
            raise Ecart("no hour is left to fight for: fewer rounds, please")
        self.disputees.append(self._heures.pop(0) + timedelta(minutes=PAS))
        return self.disputees[-1]

    def ask(self, motif: int, rang: int, heure: datetime) -> str:
        """The start to ask for: short ones the contested hour, long ones that or the step before."""
        avant = motif == self.service.motifs[1] and rang % 2
        return (heure - timedelta(minutes=PAS) if avant else heure).isoformat()

    async def fire(self, rivaux: Sequence[Rival], envois: Sequence[Callable[[], Awaitable[Reponse]]]) -> list[Reponse]:
        """Everybody at once, connections opened beforehand."""
        for paquet in range(0, len(rivaux), 100):
            await asyncio.gather(*(r.onglet.open() for r in rivaux[paquet : paquet + 100]))
        return list(await asyncio.gather(*(envoi() for envoi in envois)))

    async def race_holds(self, manche: Manche) -> tuple[datetime, int, Reponse]:
        """All visitors press the same hour. The hour, the rank of who holds it, and the answer he got. Raises Ecart."""
        heure = self.next_heure()
        demandes = [self.ask(v.motif, rang, heure) for rang, v in enumerate(self.visiteurs)]
        reponses = await self.fire(
            self.visiteurs,
            [partial(v.hold, d) for v, d in zip(self.visiteurs, demandes, strict=True)],
        )
        gagnants = manche.record(reponses, 303, offers_alternatives)
        if len(gagnants) != 1:
            raise Ecart(f"{manche.nom}: {len(gagnants)} holds on one créneau")
        return heure, gagnants[0], reponses[gagnants[0]]

    async def race_forms(self, manche: Manche, rivaux: Sequence[Rival], heure: datetime) -> list[Rival]:
        """All these people send their last form for the same hour. The winners, their rendez-vous noted."""
        demandes = [self.ask(r.motif, rang, heure) for rang, r in enumerate(rivaux)]
        reponses = await self.fire(
            rivaux,
            [partial(r.confirm, d) for r, d in zip(rivaux, demandes, strict=True)],
        )
        gagnants = manche.record(reponses, 303, offers_alternatives)
        for rang in gagnants:
            suite = reponses[rang].headers("location")[0]
            if suite.startswith("/rendez-vous/"):
                self.ids.append(int(suite.removeprefix("/rendez-vous/").partition("?")[0]))
            else:
                page = await rivaux[rang].onglet.send("GET", suite)
                self.codes.append(read_code(page.corps.decode()) or f"no code at {suite}")
        vainqueurs = [rivaux[rang] for rang in gagnants]
        await self.renew(vainqueurs)
        return vainqueurs

    async def run(self, tours: int) -> list[Manche]:
        """Rounds of each kind: holds, then the forms of holder and losers; forms without any hold."""
        visiteurs, foule = len(self.visiteurs), len(self.visiteurs) - len(self.agents)
        tenir = Manche("pages: hold one créneau", 1, visiteurs)
        tenue = Manche("pages: forms, one holds it", 1, visiteurs)
        libre = Manche("pages: forms, nobody holds it", 1, visiteurs)
        for _ in range(tours):
            heure, rang, reponse = await self.race_holds(tenir)
            titulaire = self.visiteurs[rang]
            await titulaire.fill_in(reponse)
            # The holder keeps its rank: what it asks for is what it holds.
            rivaux: list[Rival] = [*self.visiteurs]
            perdants = [n for n in range(visiteurs) if n != rang][: len(self.agents)]
            for n, agent in zip(perdants, self.agents, strict=True):
                rivaux[n] = agent
            vainqueurs = await self.race_forms(tenue, rivaux, heure)
            if vainqueurs != [titulaire]:
                tenue.exemples.append("somebody else than the holder won")
            await asyncio.sleep(_REPOS_S)
            await self.race_forms(libre, [*self.visiteurs[:foule], *self.agents], self.next_heure())
            await asyncio.sleep(_REPOS_S)
        return [tenir, tenue, libre]

    async def close(self) -> None:
        """Hang up."""
        tous: list[Rival] = [*self.visiteurs, *self.agents]
        for rival in tous:
            await rival.onglet.close()

    async def find_faults(self) -> list[str]:
        """What the database says otherwise than the clients' own ledger."""
        conn = await asyncpg.connect(self.settings.database_url)
        try:
            prises = await conn.fetch(
                "SELECT h, count(r.id) AS n FROM unnest($1::timestamptz[]) h LEFT JOIN rendez_vous r"
                " ON r.service_id = $2 AND r.etat = 'prevu' AND r.debut < h + interval '20 minutes' AND r.fin > h"
                " GROUP BY h HAVING count(r.id) <> 1",
                self.disputees,
                self.service.id,
            )
            codes = await conn.fetch("SELECT code FROM rendez_vous WHERE code = ANY($1::text[])", self.codes)
            ids = await conn.fetch("SELECT id FROM rendez_vous WHERE id = ANY($1::bigint[])", self.ids)
        finally:
            await conn.close()
        fautes = [f"{ligne['h']}: {ligne['n']} rendez-vous at a contested hour" for ligne in prises]
        perdus = len(self.codes) + len(self.ids) - len(codes) - len(ids)
        return fautes + ([f"{perdus} acknowledged by the pages and absent"] if perdus else [])


async def build_course(settings: Settings, ports: Sequence[int], sages: str = "5800459") -> Course:
    """A service of one guichet, open all day, with a motif of 20 minutes and one of 40."""
    db = Database(create_engine(settings, nom="course"))
    try:
        async with db.engine.begin() as conn:
            service = await build_service(
                conn,
                sages=sages,
                libelle="SERVICE TRÈS DEMANDÉ",
                guichets=1,
                plages=((360, 1260),),
                jours_semaine=range(1, 8),
            )
            await conn.execute(
                update(MotifService)
                .where(MotifService.service_id == service.id, MotifService.motif_id == service.motifs[1])
                .values(duree_minutes=LONG)
            )
    finally:
        await db.close()
    return Course(settings, ports, service)
