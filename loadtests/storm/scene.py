"""What every storm stands on: a site, a stream of bookings, open screens; and the judgement that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from loadtests import invariants
from loadtests.banc import Banc, open_banc
from loadtests.monde import Monde, build_monde
from loadtests.storm.ecran import Ecran, Veille
from loadtests.storm.flux import Flux
from loadtests.tableau import Chiffre

#: Services among which bookings are spread, and guichets of each: some 20,000 places.
_SERVICES: Final = 4
_GUICHETS: Final = 12
#: Promise P4: seconds from the heal to every screen equal to the database.
BUDGET_ECRANS_S: Final = 5.0


@dataclass
class Scene:
    """A site under a stream of bookings, and its screens."""

    banc: Banc
    monde: Monde
    flux: Flux
    veille: Veille

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Screens follow and bookings leave, for the time of a ``with``."""
        async with self.veille.running():
            await self.veille.converge()
            async with self.flux.running():
                yield
            self._repos_s = await self.veille.converge()

    _repos_s: float = float("inf")

    async def judge(self) -> list[Chiffre]:
        """The figures that every storm ends with: all the invariants, asked by SQL and to the clients' own ledger."""
        bilan = await self._check()
        perdus = await self.flux.find_lost(self.banc.dsn)
        abandonnees = len(self.flux.reservations) - len(self.flux.acquittees)
        faux = [*perdus, *self.flux.anomalies]
        return [
            Chiffre("bookings asked", len(self.flux.reservations), ""),
            Chiffre("given up by their client", abandonnees, "", 0),
            Chiffre("acknowledged and lost, or made twice", len(perdus), "", 0, note="; ".join(faux[:3])),
            Chiffre("answers that should not be", len(self.flux.anomalies), "", 0),
            Chiffre("screens equal to the database, after the last booking", self._repos_s, "s", BUDGET_ECRANS_S),
            Chiffre("holes in the versions that screens received", sum(e.sauts for e in self.veille.ecrans), "", 0),
            Chiffre(
                "invariants broken",
                sum(bool(n) for n in bilan.fautes.values()),
                "",
                0,
                note="; ".join(nom for nom, n in bilan.fautes.items() if n),
            ),
            Chiffre("deadlocks in PostgreSQL's log", invariants.count_deadlocks(self.banc.postgres.journal), "", 0),
            Chiffre("accidents in the site's log", self.banc.log().count("incident"), "", 0),
        ]

    async def _check(self) -> invariants.Bilan:
        """The invariants, once nothing is under way: the worker still sends mail, one short transaction each."""
        for _ in range(100):
            bilan = await invariants.check(self.banc.dsn)
            if bilan.ok:
                break
            await asyncio.sleep(0.2)
        return bilan


@asynccontextmanager
async def open_scene(*, web: int, cadence: float, ecrans: int = 4) -> AsyncIterator[Scene]:
    """A durable site with ``web`` processes, ``cadence`` bookings a second, and ``ecrans`` screens a service."""
    with open_banc(web=web) as banc:
        monde = await build_monde(banc, services=_SERVICES, guichets=_GUICHETS)
        try:
            origine = f"http://127.0.0.1:{banc.ports[0]}"
            places = [(s, n) for s in monde.services for n in range(ecrans)]
            ouverts = [
                Ecran(banc.ports[n % web], origine, s.id, await monde.open_session(s.agents["agent"]))
                for s, n in places
            ]
            flux = Flux(monde, banc.ports, cadence)
            await flux.prepare()
            yield Scene(banc, monde, flux, Veille(banc.dsn, ouverts))
            await flux.close()
        finally:
            await monde.db.close()
