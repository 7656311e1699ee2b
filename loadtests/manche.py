"""Rounds of a race: what was answered, how fast, and the table that says whether it is right [promise P1]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from loadtests.http_brut import Reponse, percentile

BUDGET_P99_S: Final = 1.0
_COLONNES: Final = (
    f"{'race':<34}{'rounds':>7}{'rivals':>8}{'won':>6}{'409':>8}{'5xx':>5}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}"
)


@dataclass
class Manche:
    """One series of rounds. ``places``: successes that each round must have."""

    nom: str
    places: int
    rivaux: int
    durees: list[float] = field(default_factory=list)
    statuts: Counter[int] = field(default_factory=Counter)
    gagnants: list[int] = field(default_factory=list)
    sans_alternative: int = 0
    exemples: list[str] = field(default_factory=list)

    def record(self, reponses: Sequence[Reponse], gagne: int, propose: Callable[[Reponse], bool]) -> list[int]:
        """Count a round; ``gagne`` is the status of a success, ``propose`` says that a 409 offers alternatives.

        The ranks of the winners.
        """
        gagnants = [rang for rang, r in enumerate(reponses) if r.statut == gagne]
        self.durees += [r.duree_s for r in reponses]
        self.statuts.update(r.statut for r in reponses)
        self.gagnants.append(len(gagnants))
        self.sans_alternative += sum(r.statut == 409 and not propose(r) for r in reponses)
        self.exemples += [
            f"{r.statut} {r.corps[:400].decode(errors='replace')}" for r in reponses if r.statut not in (gagne, 409)
        ][:1]
        return gagnants

    def line(self) -> str:
        """Its line in the table."""
        cinq = sum(n for statut, n in self.statuts.items() if statut >= 500 or statut == 0)
        p50, p99, pire = (percentile(self.durees, part) * 1000 for part in (0.5, 0.99, 1.0))
        return (
            f"{self.nom:<34}{len(self.gagnants):>7}{self.rivaux:>8}{sum(self.gagnants):>6}{self.statuts[409]:>8}"
            f"{cinq:>5}{p50:>9.0f}{p99:>9.0f}{pire:>9.0f}"
        )

    def find_faults(self) -> list[str]:
        """What is wrong, one sentence each."""
        fautes: list[str] = []
        if any(n != self.places for n in self.gagnants):
            fautes.append(f"{self.nom}: {self.places} success(es) a round expected, got {self.gagnants}")
        if self.exemples:
            fautes.append(f"{self.nom}: unexpected statuses {dict(self.statuts)}: {self.exemples[0]}")
        if self.sans_alternative:
            fautes.append(f"{self.nom}: {self.sans_alternative} losers without an alternative")
        p99 = percentile(self.durees, 0.99)
        if p99 > BUDGET_P99_S:
            fautes.append(f"{self.nom}: p99 {p99:.3f} s is over {BUDGET_P99_S} s")
        return fautes


def report(manches: Iterable[Manche]) -> list[str]:
    """Print the table; the list of what is wrong."""
    manches = list(manches)
    print("\n".join([_COLONNES, *(m.line() for m in manches)]), flush=True)
    return [faute for m in manches for faute in m.find_faults()]
