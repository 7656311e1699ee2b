"""The VTIMEZONE of an IANA zone, by rules where the zone follows one: what calendar programs understand best.

Onsets are written in the local time that precedes them, as RFC 5545 §3.6.5 asks; the calendar library's own
generator writes the one that follows, an hour late in spring.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_JOURS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MINUTE: Final = timedelta(minutes=1)
#: Onset of a period that has no known beginning; naive, because RFC 5545 wants local time here.
_TOUJOURS: Final = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Bascule:
    """One change of offset. ``locale`` is the naive local time at which it happens, by the offset before it."""

    locale: datetime
    avant: timedelta
    apres: timedelta
    nom: str
    ete: bool

    def rang(self, *, depuis_la_fin: bool) -> tuple[int, str, int]:
        """(month, BYDAY, minute of the day): « last Sunday of March at 02:00 », or « second Sunday » and so on."""
        derniere = monthrange(self.locale.year, self.locale.month)[1]
        jour = self.locale.day
        semaine = -((derniere - jour) // 7 + 1) if depuis_la_fin else (jour - 1) // 7 + 1
        return (
            self.locale.month,
            f"{semaine}{_JOURS[self.locale.weekday()]}",
            self.locale.hour * 60 + self.locale.minute,
        )


def bascules(zone: ZoneInfo, annee: int) -> list[Bascule]:
    """The changes of offset of a zone within one (UTC) year, to the minute."""
    trouvees: list[Bascule] = []
    instant, fin = datetime(annee, 1, 1, tzinfo=UTC), datetime(annee + 1, 1, 1, tzinfo=UTC)
    while instant < fin:
        suivant = instant + timedelta(days=1)
        avant = _offset(instant, zone)
        if _offset(suivant, zone) != avant:
            bas, haut = instant, suivant
            while haut - bas > _MINUTE:
                milieu = bas + ((haut - bas) / 2 // _MINUTE) * _MINUTE
                bas, haut = (milieu, haut) if _offset(milieu, zone) == avant else (bas, milieu)
            local = haut.astimezone(zone)
            onset = (haut + avant).replace(tzinfo=None)
            trouvees.append(Bascule(onset, avant, _offset(haut, zone), local.tzname() or "", bool(local.dst())))
        instant = suivant
    return trouvees


@lru_cache(maxsize=64)
def vtimezone(tzid: str, annee: int) -> Timezone:
    """The VTIMEZONE for events of ``annee`` (and the year after); shared by all of them: never change it."""
    zone = ZoneInfo(tzid)
    composant = Timezone()
    composant.add("tzid", tzid)
    par_annee = [bascules(zone, a) for a in range(annee - 1, annee + 4)]
    regles = _regles(par_annee)
    if regles is not None:
        for bascule, byday in regles:
            composant.add_component(_periode(bascule, byday))
        return composant
    debut = datetime(annee - 1, 1, 1, tzinfo=UTC).astimezone(zone)
    offset = _offset(debut, zone)
    composant.add_component(_periode(Bascule(_TOUJOURS, offset, offset, debut.tzname() or "", False)))
    for bascule in (b for liste in par_annee[:3] for b in liste):
        composant.add_component(_periode(bascule))
    return composant


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _regles(par_annee: list[list[Bascule]]) -> list[tuple[Bascule, str]] | None:
    """Two yearly rules that explain every change of these years, or None."""
    if any(len(annee) != 2 for annee in par_annee):
        return None
    regles: list[tuple[Bascule, str]] = []
    for rang in (0, 1):
        serie = [annee[rang] for annee in par_annee]
        for depuis_la_fin in (True, False):
            vues = {b.rang(depuis_la_fin=depuis_la_fin) for b in serie}
            if len(vues) == 1 and len({(b.avant, b.apres) for b in serie}) == 1:
                regles.append((serie[0], vues.pop()[1]))
                break
        else:
            return None
    return regles


def _periode(bascule: Bascule, byday: str | None = None) -> TimezoneStandard | TimezoneDaylight:
    periode: TimezoneStandard | TimezoneDaylight = TimezoneDaylight() if bascule.ete else TimezoneStandard()
    periode.add("dtstart", bascule.locale)
    periode.add("tzoffsetfrom", bascule.avant)
    periode.add("tzoffsetto", bascule.apres)
    if bascule.nom:
        periode.add("tzname", bascule.nom)
    if byday is not None:
        periode.add("rrule", {"freq": "yearly", "bymonth": bascule.locale.month, "byday": byday})
    return periode
