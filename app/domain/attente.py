"""The waiting list: who is next, what suits him, how long an offer is his.

Nobody is offered anything twice in a row while others wait: whoever lets an offer go, or refuses it, goes behind those
who were already there. A start that somebody was offered once is not offered to him again, unless that offer was
withdrawn: its hold was taken away, or its message never left.

A place is held for who waits only where places are rare: whoever could take another one himself is told so, once, and
nothing is held for him. What is held at one time is a small share of a day, by day only, and no place goes round the
line for ever: a crowd of mailboxes keeps the public from next to nothing [P15].
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
#: An offer that would leave less than this before the evening is not made: it waits for the morning.
MINIMUM: Final = timedelta(hours=1)
#: Places free to everybody, among those that suit somebody, above which he needs no offer.
RARES: Final = 2
#: Places of one service held for offers at one time: that many, or the hundredth parts of the day that has more.
OFFRES_MIN: Final = 2
OFFRES_POUR_CENT: Final = 5
#: Offers in vain of a service at one time of one day, after which the place is the public's for ``REPOS``.
ESSAIS_PAR_PLACE: Final = 3
REPOS: Final = timedelta(hours=24)
#: How long the hold of an offer outlives it: its place is given back by the line, not by its expiry.
SURSIS: Final = timedelta(minutes=10)
#: How long a place that an offer gives back is kept for the next person, where the service delays nothing.
RELAIS: Final = timedelta(seconds=30)
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
    """What one person waits for.

    ``deja``: starts (minutes-époque) that he was offered before and let go; ``prevenu``: told once that plenty is free.
    ``avant``: the present start of the rendez-vous that he has and wants earlier, None when he has none.
    """

    id: int
    motif_id: int
    type_rdv: str
    du: date
    au: date
    demi_journee: str
    rang_a: datetime
    origine: bytes | None = None
    prevenu: bool = False
    deja: frozenset[int] = frozenset()
    avant: int | None = None

    def is_plus_tot(self, debut: int) -> bool:
        """True when ``debut`` is earlier than the rendez-vous that he has; always true when he has none."""
        return self.avant is None or debut < self.avant

    def suits(self, debut: int, zone: ZoneInfo) -> bool:
        """True when a rendez-vous that starts at ``debut`` is one he asked for."""
        local = from_minute(debut).astimezone(zone)
        if debut in self.deja or not self.is_plus_tot(debut) or not self.du <= local.date() <= self.au:
            return False
        if not self.demi_journee:
            return True
        return self.demi_journee == name_demi_journee(debut, zone)


@dataclass(frozen=True, slots=True)
class Libre:
    """A start that may be offered, and where. ``public``: how many guichets have it free for everybody."""

    debut: int
    jour: date
    demi_journee: str
    guichets: tuple[int, ...]
    public: int


def name_demi_journee(debut: int, zone: ZoneInfo) -> str:
    """« matin » or « apres-midi », by the clock of the place."""
    return "matin" if from_minute(debut).astimezone(zone).time() < _MIDI else "apres-midi"


def is_rare(convient: Iterable[Libre], duree: int) -> bool:
    """True when no more than ``RARES`` distinct places of ``convient`` (in order) are free to everybody."""
    places, fin, ici = 0, -1, 0
    for libre in convient:
        if not libre.public:
            continue
        if libre.debut >= fin:
            places, ici, fin = places + libre.public, libre.public, libre.debut + duree
        elif libre.public > ici:  # the same time, on more guichets
            places, ici = places + libre.public - ici, libre.public
        if places > RARES:
            return False
    return True


def count_places(candidats: Iterable[tuple[int, Sequence[int]]], duree: int) -> int:
    """How many rendez-vous of that length the guichets of a day could serve, were they all free."""
    fins: dict[int, int] = {}
    places = 0
    for depart, guichets in sorted(candidats):
        for guichet in guichets:
            if depart >= fins.get(guichet, depart):
                fins[guichet] = depart + duree
                places += 1
    return places


def compute_offres_max(places: int) -> int:
    """Offers that a service may hold at one time, on a day of that many places."""
    return max(OFFRES_MIN, places * OFFRES_POUR_CENT // 100)


def compute_depart_envoi(maintenant: datetime, zone: ZoneInfo) -> datetime:
    """When the time to answer an offer made now begins to run: at once by day, at 8:00 otherwise."""
    local = maintenant.astimezone(zone)
    if local.time() < OUVRE:
        return _at(local.date(), OUVRE, zone)
    return maintenant if local.time() < FERME else _at(local.date() + timedelta(days=1), OUVRE, zone)


def compute_limite(maintenant: datetime, minutes: int, zone: ZoneInfo) -> datetime | None:
    """Until when an offer made now is its owner's: that many minutes, or this evening; None when it must wait for day.

    Nothing is held overnight: what cannot be answered today goes to the public, and is offered in the morning if it is
    still there.
    """
    if not is_ouvert(maintenant, zone):
        return None
    soir = _at(maintenant.astimezone(zone).date(), FERME, zone)
    limite = min(maintenant + timedelta(minutes=minutes), soir)
    return limite if limite - maintenant >= min(MINIMUM, timedelta(minutes=minutes)) else None


def is_ouvert(maintenant: datetime, zone: ZoneInfo) -> bool:
    """True during the hours at which people are written to."""
    return OUVRE <= maintenant.astimezone(zone).time() < FERME


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
