"""The race through the pages, small: one winner a round; and its control, without which it would prove nothing [P1]."""

from __future__ import annotations

import asyncpg

from loadtests import invariants
from loadtests.http_brut import Reponse
from loadtests.manche import Manche
from loadtests.race_formulaire import build_course
from loadtests.rivaux import offers_alternatives
from tests.fixtures.base import Site

VISITEURS, AGENTS = 20, 4


async def test_visitors_and_agents_on_one_creneau_have_one_winner_a_round(site: Site) -> None:
    course = await build_course(site.settings, [site.port])
    await course.prepare(VISITEURS, AGENTS)
    manches = await course.run(2)
    await course.close()
    assert [m.gagnants for m in manches] == [[1, 1]] * 3
    assert all(m.statuts == {303: 2, 409: 2 * (VISITEURS - 1)} for m in manches), [m.statuts for m in manches]
    assert [m.sans_alternative for m in manches] == [0, 0, 0]
    assert [m.exemples for m in manches] == [[], [], []], "the holder wins"
    assert len(course.codes) + len(course.ids) == 4
    assert await course.find_faults() == []
    assert (await invariants.check(site.settings.database_url)).ok


async def test_without_the_constraint_doubles_are_caught(site: Site) -> None:
    conn = await asyncpg.connect(site.settings.database_url)
    await conn.execute("ALTER TABLE rendez_vous DROP CONSTRAINT ex_rendez_vous_guichet")
    await conn.close()
    course = await build_course(site.settings, [site.port])
    await course.prepare(VISITEURS, AGENTS)
    manche = Manche("control", 1, VISITEURS + AGENTS)
    for _ in range(3):
        await course.race_forms(manche, [*course.visiteurs, *course.agents], course.next_heure())
    await course.close()
    assert manche.find_faults() != []
    assert await course.find_faults() != []
    assert (await invariants.check(site.settings.database_url)).fautes["overlaps on a guichet"] > 0


class TestVerdict:
    """A table that could not say no would be worth nothing."""

    def test_each_fault_is_a_sentence(self) -> None:
        manche = Manche("essai", 1, 3)
        manche.record([Reponse(201, b"", 0.1), Reponse(201, b"", 0.1), Reponse(409, b"", 2.0)], 201, lambda r: False)
        manche.record([Reponse(500, b"accident", 0.1)], 201, lambda r: True)
        fautes = " | ".join(manche.find_faults())
        for morceau in ("got [2, 0]", "500 accident", "1 losers without", "over 1.0 s"):
            assert morceau in fautes

    def test_a_good_round_has_none(self) -> None:
        manche = Manche("essai", 1, 2)
        assert manche.record([Reponse(409, b"", 0.1), Reponse(201, b"", 0.1)], 201, lambda r: True) == [1]
        assert manche.find_faults() == []

    def test_a_page_offers_alternatives_by_its_buttons(self) -> None:
        bouton = (
            b'<li><button class="fr-btn fr-btn--secondary" name="debut" value="2026-11-26T08:00:00+01:00">8 h</button>'
        )
        assert offers_alternatives(Reponse(409, bouton, 0.1))
        assert not offers_alternatives(Reponse(409, b'<input type="hidden" name="debut" value="2026">', 0.1))
