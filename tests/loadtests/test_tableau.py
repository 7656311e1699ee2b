"""A bench that hides an exceeded budget is worse than none."""

from __future__ import annotations

import math

from loadtests.passerelle import read_table
from loadtests.tableau import Chiffre, find_over, render

SORTIE = """\
sockets, opened in                                     5000, 21.3 s
event frames received (gateway says sent)              200000 (200000)
publish → a client, p50 / p99                          41.2 / 77.0 ms
publish → last client, p50 / p99                       60.0 / 90.5 ms
CPU s per 100,000 frames, all included (≤ 2.0)         0.85
memory per socket (≤ 30 KB)                            25.1 KB
lost, repeated or out of order                         0
"""


class TestBudgets:
    def test_a_figure_at_its_budget_holds_it_and_just_above_does_not(self) -> None:
        assert Chiffre("a", 25.0, "ms", 25.0).tenu
        assert not Chiffre("a", 25.01, "ms", 25.0).tenu

    def test_a_figure_without_budget_is_only_told(self) -> None:
        assert find_over([Chiffre("a", 1e9, "ms")]) == []

    def test_a_figure_that_could_not_be_measured_holds_no_budget(self) -> None:
        assert find_over([Chiffre("a", math.nan, "ms", 25.0)]) == ["a: – ms, budget 25 ms"]

    def test_a_budget_of_zero_is_exceeded_by_one(self) -> None:
        assert find_over([Chiffre("faults", 0, "", 0), Chiffre("losses", 1, "", 0)]) == ["losses: 1 , budget 0 "]

    def test_the_table_says_over_on_the_line_that_is_over_and_only_there(self) -> None:
        lignes = render("titre", [Chiffre("bon", 12.5, "ms", 25.0), Chiffre("mauvais", 50.0, "ms", 25.0)]).splitlines()
        assert "12.5 ms" in lignes[1]
        assert "50%" in lignes[1]
        assert lignes[1].endswith("ok")
        assert "200%" in lignes[2]
        assert lignes[2].endswith("OVER")


class TestGatewayTable:
    def test_its_figures_are_read_with_their_budgets(self) -> None:
        lus = {c.nom: (c.valeur, c.budget) for c in read_table(SORTIE)}
        assert lus["CPU for 100,000 frames delivered, all included"] == (0.85, 2.0)
        assert lus["memory of a socket"] == (25.1, 30.0)
        assert lus["publish → the last client, p50"] == (60.0, None)
        assert find_over(read_table(SORTIE)) == []

    def test_one_lost_frame_is_over_budget(self) -> None:
        perdue = SORTIE.replace("out of order                         0", "out of order                         1")
        assert find_over(read_table(perdue)) == ["frames lost, repeated, out of order; other faults: 1 , budget 0 "]

    def test_a_run_that_printed_nothing_is_over_every_budget(self) -> None:
        assert len(find_over(read_table("Traceback (most recent call last)"))) == 3
