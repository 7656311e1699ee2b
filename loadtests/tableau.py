"""Figures with their budgets, and the one table that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chiffre:
    """One measure. ``budget`` is the most that ``valeur`` may be, in the same unit; None for what is only told."""

    nom: str
    valeur: float
    unite: str
    budget: float | None = None
    note: str = ""

    @property
    def tenu(self) -> bool:
        """True without a budget, or within it. A measure that could not be made (NaN) holds no budget."""
        return self.budget is None or self.valeur <= self.budget

    @property
    def part(self) -> float | None:
        """The share of the budget that is used: 1.0 is all of it."""
        return self.valeur / self.budget if self.budget else None


def _number(valeur: float) -> str:
    if valeur != valeur:
        return "–"
    if valeur == int(valeur) and abs(valeur) < 1e9:
        return str(int(valeur))
    return f"{valeur:.2f}" if abs(valeur) < 10 else f"{valeur:.1f}"


def render(titre: str, chiffres: Iterable[Chiffre]) -> str:
    """One section of the table; columns have fixed places, so that sections printed one by one line up."""
    lignes = [f"{titre:<58}{'measured':>12}{'budget':>12}{'used':>7}"]
    for c in chiffres:
        budget = "" if c.budget is None else f"≤ {_number(c.budget)} {c.unite}"
        part = "" if c.part is None or c.part != c.part else f"{c.part:.0%}"
        verdict = "" if c.budget is None else "  ok" if c.tenu else "  OVER"
        ligne = f"  {c.nom:<56}{f'{_number(c.valeur)} {c.unite}':>12}{budget:>12}{part:>7}{verdict:<6}"
        lignes.append(f"{ligne} {c.note}".rstrip())
    return "\n".join(lignes)


def find_over(chiffres: Iterable[Chiffre]) -> list[str]:
    """One sentence for each budget that is exceeded, or could not be measured."""
    return [
        f"{c.nom}: {_number(c.valeur)} {c.unite}, budget {_number(c.budget)} {c.unite}"
        for c in chiffres
        if c.budget is not None and not c.tenu
    ]
