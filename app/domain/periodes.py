"""What is valid when: the plannings that a guichet follows over time, as periods that touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.plannings import Planning, select_plannings

_UN_JOUR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Periode:
    """Days ``du``..``au`` (included) during which the same plannings are in force; none opens nothing.

    ``propre``: they are the guichet's own, which replace the service's.
    """

    du: date
    au: date
    plannings: tuple[Planning, ...]
    propre: bool

    @property
    def nom(self) -> str:
        """Their names, or an empty text."""
        return " + ".join(planning.nom for planning in self.plannings)


def find_periodes(plannings: Sequence[Planning], guichet_id: int | None, du: date, au: date) -> tuple[Periode, ...]:
    """The periods of a guichet (None: of the service) from ``du`` to ``au``, in order, covering every day."""
    coupures = {du}
    for planning in plannings:
        if planning.guichet_id in (None, guichet_id):
            coupures |= {jour for jour in (planning.du, _lendemain(planning)) if jour is not None and du < jour <= au}
    debuts = sorted(coupures)
    periodes: list[Periode] = []
    for rang, debut in enumerate(debuts):
        fin = debuts[rang + 1] - _UN_JOUR if rang + 1 < len(debuts) else au
        choisis = select_plannings(plannings, guichet_id, debut)
        if periodes and periodes[-1].plannings == choisis:
            periodes[-1] = Periode(periodes[-1].du, fin, choisis, periodes[-1].propre)
        else:
            propre = any(planning.guichet_id is not None for planning in choisis)
            periodes.append(Periode(debut, fin, choisis, propre))
    return tuple(periodes)


def _lendemain(planning: Planning) -> date | None:
    return None if planning.au is None or planning.au == date.max else planning.au + _UN_JOUR
