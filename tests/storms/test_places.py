"""P1, P15 under a crowd: one place is one person's, offers and holds agree, and nobody waits for who waits for him."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from app.booking import attente_libres, attente_store, deplacer, store, vie
from app.booking.outils import Outils
from app.db import Database, create_engine
from loadtests import invariants
from tests.storms.places import Foule

pytestmark = pytest.mark.storm
#: Seconds, and the seed: others are told by the environment, to look for longer.
DUREE_S = float(os.environ.get("STORM_S", "15"))
GRAINE = int(os.environ.get("STORM_SEED", "6"))
#: What each run must have done; « move to the offer » is too rare for that (tests/booking/test_verrous.py has it).
ACTES = ("book", "offers", "take", "exchange", "move by an agent", "cancel by link")


@pytest.fixture
async def processus(outils: Outils, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Outils]]:
    """Four processes; more is offered at one time than there should be, so that answers cross."""
    monkeypatch.setattr(attente_libres, "compute_offres_max", lambda places: 6)
    monkeypatch.setattr(attente_libres, "ESSAIS_PAR_PLACE", 10**6)
    for module, nom in ((deplacer, "_read"), (attente_store, "delete_tenue"), (vie, "_record"), (store, "delete_gels")):
        monkeypatch.setattr(module, nom, slow(getattr(module, nom)))
    autres = [Outils(Database(create_engine(outils.settings, nom=f"foule{n}")), outils.settings) for n in range(3)]
    yield [outils, *autres]
    for autre in autres:
        await autre.db.close()


def slow(vrai: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same on a base that takes its time, where locks are held."""

    async def lente(*args: Any, **plus: Any) -> Any:
        issue = await vrai(*args, **plus)
        await asyncio.sleep(0.03)
        return issue

    return lente


def print_faits(foule: Foule) -> None:
    """For who reads the run."""
    sys.stdout.write(f"\n    {dict(foule.faits)}\n    refused {dict(foule.refus)}\n    {dict(foule.fautes)}\n")


class TestFoule:
    """Bookings, holds, moves, exchanges, cancellations, offers and their answers, all over one morning of places."""

    @pytest.mark.timeout(180)
    async def test_nothing_breaks_nothing_overlaps_and_no_two_wait_for_each_other(
        self, processus: list[Outils]
    ) -> None:
        foule = Foule(processus, DUREE_S, GRAINE, ACTES)
        await foule.run()
        print_faits(foule)
        assert foule.fautes == {}
        assert foule.ruptures == 0
        bilan = await invariants.check(processus[0].settings.database_url)
        assert bilan.ok, "\n".join(bilan.lines())
        assert [acte for acte in ACTES if not foule.faits[acte]] == [], "the storm says nothing of them"

    @pytest.mark.timeout(180)
    async def test_the_control_a_move_that_takes_its_row_first_waits_for_who_waits_for_it(
        self, processus: list[Outils], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vrai = store.lock_echange

        async def lock_echange(conn: Any, *services: int) -> None:
            if len(services) == 1:  # who moves takes that of where it leaves and that of where it goes
                await vrai(conn, *services)

        monkeypatch.setattr(store, "lock_echange", lock_echange)
        foule = Foule(processus, 2 * DUREE_S, GRAINE, ("deadlock",), jusqu_a_une_rupture=True)
        await foule.run()
        print_faits(foule)
        assert foule.ruptures
        assert foule.fautes["two rows on a guichet at one time"] == 0, "the constraint holds whatever the locks"
