"""Half-open intervals on the booking grid, and the local time of a place.

Throughout the domain an instant is an int: **whole minutes since the Unix epoch, UTC** (« minute-époque »).
Local time is a ``date`` and a minute of the wall clock, 0..1440. Two nights a year the wall clock skips an
hour or shows one twice; what that means is decided here, once:

- a wall time that does not exist stands for the first instant that exists after it;
- a wall time that happens twice stands for its first occurrence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

MINUTES_PAR_JOUR: Final = 1440
_EPOQUE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)


def floor_minute(instant: datetime) -> int:
    """The minute-époque in which ``instant`` falls. Raises ValueError when it is naive."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError("a naive datetime is not an instant")
    return (instant - _EPOQUE) // _MINUTE


def to_minute(instant: datetime) -> int:
    """The minute-époque of an aware ``instant``. Raises ValueError when it is naive or not a whole minute."""
    minute = floor_minute(instant)
    if _EPOQUE + minute * _MINUTE != instant:
        raise ValueError("an instant of the booking grid is a whole minute")
    return minute


def from_minute(minute: int) -> datetime:
    """The aware UTC datetime of a minute-époque."""
    return _EPOQUE + minute * _MINUTE


def compute_decalage(minute: int, zone: ZoneInfo) -> int:
    """What the wall clock of ``zone`` adds to UTC at that instant, in minutes."""
    decalage = from_minute(minute).astimezone(zone).utcoffset()
    assert decalage is not None
    return decalage // _MINUTE


def find_transition(debut: int, fin: int, zone: ZoneInfo) -> int | None:
    """The first minute in ]debut, fin] whose offset differs from that of ``debut``, or None.

    Expects at most one change of the clock between the two, which holds for any interval shorter than months.
    """
    depart = compute_decalage(debut, zone)
    if compute_decalage(fin, zone) == depart:
        return None
    bas, haut = debut, fin
    while haut - bas > 1:
        milieu = (bas + haut) // 2
        if compute_decalage(milieu, zone) == depart:
            bas = milieu
        else:
            haut = milieu
    return haut


def local_minute_to_epoch(jour: date, minute: int, zone: ZoneInfo) -> int:
    """The minute-époque at which the wall clock of ``zone`` shows ``minute`` (0..1440) of ``jour``.

    Gaps and repeated hours: see the module. Raises ValueError when ``minute`` is out of range.
    """
    if not 0 <= minute <= MINUTES_PAR_JOUR:
        raise ValueError(f"minute {minute} is not within a day (0..1440)")
    mural = datetime.combine(jour, time(), tzinfo=UTC) + minute * _MINUTE
    naif = mural.replace(tzinfo=zone, fold=0)
    avant, apres = naif.utcoffset(), naif.replace(fold=1).utcoffset()
    assert avant is not None
    assert apres is not None
    instant = (mural - avant - _EPOQUE) // _MINUTE
    if apres > avant:  # the wall time falls in a gap: PEP 495 orders the offsets this way only there
        saut = find_transition((mural - apres - _EPOQUE) // _MINUTE, instant, zone)
        assert saut is not None
        return saut
    return instant


def jour_local(minute: int, zone: ZoneInfo) -> date:
    """The local date at that instant."""
    return from_minute(minute).astimezone(zone).date()


def heure_locale(minute: int, zone: ZoneInfo) -> tuple[int, int]:
    """Hours and minutes shown by the wall clock at that instant."""
    local = from_minute(minute).astimezone(zone)
    return local.hour, local.minute


def format_heure(minute: int) -> str:
    """``HH:MM`` of a local minute 0..1440."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def iter_jours(du: date, au: date) -> Iterator[date]:
    """Every date from ``du`` to ``au``, both included; nothing when ``au`` is before ``du``."""
    for ordinal in range(du.toordinal(), au.toordinal() + 1):
        yield date.fromordinal(ordinal)


@dataclass(frozen=True, slots=True)
class Cadran:
    """One local day as instants: ``[debut, fin)`` is 1380, 1440 or 1500 minutes long."""

    jour: date
    zone: ZoneInfo
    debut: int
    fin: int

    @property
    def uniforme(self) -> bool:
        """True when the clock does not change that day."""
        return self.fin - self.debut == MINUTES_PAR_JOUR

    def to_epoch(self, minute: int) -> int:
        """``local_minute_to_epoch`` of that day, without its cost on the 363 ordinary ones."""
        if self.uniforme and 0 <= minute <= MINUTES_PAR_JOUR:
            return self.debut + minute
        return local_minute_to_epoch(self.jour, minute, self.zone)


@lru_cache(maxsize=16384)
def get_cadran(jour: date, zone: ZoneInfo) -> Cadran:
    """The dial of ``jour`` in ``zone``, remembered: it depends on nothing else."""
    debut = local_minute_to_epoch(jour, 0, zone)
    return Cadran(jour, zone, debut, local_minute_to_epoch(jour, MINUTES_PAR_JOUR, zone))


@dataclass(frozen=True, slots=True, order=True)
class Intervalle:
    """``[debut, fin)`` in minutes-époque. Raises ValueError unless debut < fin."""

    debut: int
    fin: int

    def __post_init__(self) -> None:
        if self.debut >= self.fin:
            raise ValueError(f"an interval must begin before it ends ({self.debut} >= {self.fin})")

    @property
    def duree(self) -> int:
        """Elapsed minutes."""
        return self.fin - self.debut

    def overlaps(self, autre: Intervalle) -> bool:
        """True when they share at least one minute: two that only touch do not overlap."""
        return self.debut < autre.fin and autre.debut < self.fin

    def contains(self, autre: Intervalle | int) -> bool:
        """True when the instant, or the whole other interval, is inside."""
        if isinstance(autre, int):
            return self.debut <= autre < self.fin
        return self.debut <= autre.debut and autre.fin <= self.fin


def overlaps(un: Intervalle, autre: Intervalle) -> bool:
    """``un.overlaps(autre)``, as a function."""
    return un.overlaps(autre)


def contains(un: Intervalle, autre: Intervalle | int) -> bool:
    """``un.contains(autre)``, as a function."""
    return un.contains(autre)


def merge(intervalles: Iterable[Intervalle]) -> tuple[Intervalle, ...]:
    """The same minutes as the fewest intervals, in order: those that overlap or touch become one."""
    fusion: list[Intervalle] = []
    for suivant in sorted(intervalles):
        if fusion and suivant.debut <= fusion[-1].fin:
            if suivant.fin > fusion[-1].fin:
                fusion[-1] = Intervalle(fusion[-1].debut, suivant.fin)
        else:
            fusion.append(suivant)
    return tuple(fusion)


def subtract(intervalles: Iterable[Intervalle], retires: Iterable[Intervalle]) -> tuple[Intervalle, ...]:
    """What is left of each interval once ``retires`` are taken away, in order. Pieces are never joined."""
    trous = merge(retires)
    restes: list[Intervalle] = []
    for intervalle in sorted(intervalles):
        debut = intervalle.debut
        for trou in trous:
            if trou.fin <= debut:
                continue
            if trou.debut >= intervalle.fin:
                break
            if trou.debut > debut:
                restes.append(Intervalle(debut, trou.debut))
            debut = trou.fin
            if debut >= intervalle.fin:
                break
        if debut < intervalle.fin:
            restes.append(Intervalle(debut, intervalle.fin))
    return tuple(restes)
