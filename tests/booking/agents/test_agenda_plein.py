"""Twenty guichets and three hundred RDV: at most six statements, at most 60 kB of compressed HTML."""

from __future__ import annotations

import gzip
import re

from tests.accueil.monde import JOUR, Journee
from tests.booking.agents.outillage import service_ordinaire
from tests.booking.agents.test_agenda import blocs, en_process, places
from tests.fixtures.jour_plein import GUICHETS, PLAGES, RDV, fill_jour

_OCTETS = 60_000


class TestJourPlein:
    """The budget of the agenda's day, its time apart: ``make bench`` measures it."""

    async def test_a_full_day_costs_at_most_six_statements_and_sixty_kilobytes(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=GUICHETS, plages=PLAGES)
        async with journee.outils.db.engine.begin() as conn:
            assert await fill_jour(conn, service, JOUR) == RDV
        async with en_process(journee, service) as (client, requetes):
            for suite in ("", "/fragment"):
                requetes.clear()
                page = await client.get(f"/services/{service.id}/agenda{suite}?jour={JOUR}")
                assert page.status_code == 200
                assert len(blocs(page.text)) == RDV
                assert len(places(page.text)) == GUICHETS * 24 - RDV
                assert len(places(page.text, hors=True)) == GUICHETS * 3, "the lunch hour may be forced"
                assert 0 < len(requetes) <= 6, requetes
                assert len(gzip.compress(page.content, 6)) <= _OCTETS

    async def test_arrivals_and_names_are_all_there(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=GUICHETS, plages=PLAGES)
        async with journee.outils.db.engine.begin() as conn:
            await fill_jour(conn, service, JOUR)
        async with en_process(journee, service) as (client, _):
            page = (await client.get(f"/services/{service.id}/agenda?jour={JOUR}")).text
        etats = list(blocs(page).values())
        assert len(re.findall(r'data-arrive-a="', page)) == sum(
            e in {"arrive", "appele", "recu", "termine"} for e in etats
        )
        assert len(re.findall("data-nom>[^<]+<", page)) == RDV
