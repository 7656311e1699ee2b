"""The waiting list: who is next, what suits him, how long an offer is his.

Nobody is offered anything twice in a row while others wait: whoever lets an offer go, or refuses it, goes behind those
who were already there. A start that somebody was offered once is not offered to him again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.horaires import from_minute, local_minute_to_epoch

#: Offers that nobody answers, in a row, after which a person is asked whether he still waits.
SANS_REPONSE_MAX: Final = 2
#: Local hours during which the time to answer runs.
OUVRE: Final = time(8)
FERME: Final = time(20)
#: An offer that would leave less than this is not made.
MINIMUM: Final = timedelta(minutes=15)
#: Créneaux of one service held for offers at one time: a crowd of mailboxes cannot hold the others.
OFFRES_MAX: Final = 10
#: People of one service who wait from one network.
PAR_ORIGINE: Final = 10
#: Days ahead for which somebody may wait.
ATTENTE_MAX_JOURS: Final = 90
#: How long a request may be confirmed.
CONFIRMATION: Final = timedelta(hours=1)
#: Days after which a request whose dates are over is erased.
EFFACEMENT_JOURS: Final = 7
_MIDI: Final = time(12)


@dataclass(frozen=True, slots=True)
class Voeu:
    """What one person waits for. ``deja``: starts (minutes-époque) that he was offered before."""

    id: int
    motif_id: int
    type_rdv: str
    du: date
    au: date
    demi_journee: str
    rang_a: datetime
    origine: bytes | None = None
    deja: frozenset[int] = frozenset()

    def suits(self, debut: int, zone: ZoneInfo) -> bool:
        """True when a rendez-vous that starts at ``debut`` is one he asked for."""
        local = from_minute(debut).astimezone(zone)
        if debut in self.deja or not self.du <= local.date() <= self.au:
            return False
        if not self.demi_journee:
            return True
        return (self.demi_journee == "matin") == (local.time() < _MIDI)


def order_voeux(voeux: Iterable[Voeu]) -> list[Voeu]:
    """In the order in which they are served."""
    return sorted(voeux, key=lambda voeu: (voeu.rang_a, voeu.id))


def find_depart(voeu: Voeu, departs: Iterable[int], zone: ZoneInfo) -> int | None:
    """The first of these free starts that suits, the earliest first, or None."""
    return next((depart for depart in sorted(departs) if voeu.suits(depart, zone)), None)


def compute_depart_envoi(maintenant: datetime, zone: ZoneInfo) -> datetime:
    """When the time to answer an offer made now begins to run: at once by day, at 8:00 otherwise."""
    local = maintenant.astimezone(zone)
    if local.time() < OUVRE:
        return _at(local.date(), OUVRE, zone)
    return maintenant if local.time() < FERME else _at(local.date() + timedelta(days=1), OUVRE, zone)


def compute_limite(maintenant: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    """Until when an offer made now is its owner's: that many real minutes between 8:00 and 20:00 of the place."""
    depart, reste = compute_depart_envoi(maintenant, zone), timedelta(minutes=minutes)
    while True:
        jour = depart.astimezone(zone).date()
        soir = _at(jour, FERME, zone)
        if depart + reste <= soir:
            return depart + reste
        reste -= soir - depart
        depart = _at(jour + timedelta(days=1), OUVRE, zone)


def list_limites(maintenant: datetime, minutes: int, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The limits that an offer may have, the best first: the whole time, else what is left of the first day.

    A créneau that must be booked before tomorrow is offered until this evening, when that leaves the time to answer.
    """
    depart, entiere = compute_depart_envoi(maintenant, zone), compute_limite(maintenant, minutes, zone)
    soir = _at(depart.astimezone(zone).date(), FERME, zone)
    return (entiere, soir) if soir < entiere and soir - depart >= MINIMUM else (entiere,)


def _at(jour: date, heure: time, zone: ZoneInfo) -> datetime:
    return from_minute(local_minute_to_epoch(jour, heure.hour * 60 + heure.minute, zone))


def is_lasse(sans_reponse: int) -> bool:
    """True of who has let too many offers go: he is asked whether he still waits."""
    return sans_reponse >= SANS_REPONSE_MAX


def add_gels(
    candidats: Iterable[tuple[int, Sequence[int]]],
    duree: int,
    occupations: Mapping[int, Sequence[tuple[int, int]]],
    gels: Mapping[int, frozenset[tuple[int, int]]],
) -> dict[int, tuple[int, ...]]:
    """Starts that only cancelled places kept from the public stand in the way of, with the guichets that have them.

    ``occupations`` and ``gels`` by guichet, in minutes-époque; a gel is one of its guichet's occupations.
    """
    trouves: dict[int, tuple[int, ...]] = {}
    for depart, guichets in candidats:
        siens = tuple(
            guichet
            for guichet in guichets
            if gels.get(guichet) and _is_under(depart, depart + duree, occupations.get(guichet, ()), gels[guichet])
        )
        if siens:
            trouves[depart] = siens
    return trouves


def _is_under(debut: int, fin: int, occupees: Sequence[tuple[int, int]], gels: frozenset[tuple[int, int]]) -> bool:
    genes = [place for place in occupees if place[0] < fin and debut < place[1]]
    return bool(genes) and all(place in gels for place in genes)
