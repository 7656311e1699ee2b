"""Small builders, zones and hypothesis strategies shared by the tests of the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from app.domain.calendrier import Fenetre
from app.domain.creneaux import Demande, GuichetRegle
from app.domain.plages import ExceptionPlanning, OuverturesParJour, PlageType, Planning, compute_ouvertures

PARIS = ZoneInfo("Europe/Paris")
REUNION = ZoneInfo("Indian/Reunion")
GUADELOUPE = ZoneInfo("America/Guadeloupe")
MIQUELON = ZoneInfo("America/Miquelon")
ZONES = (PARIS, REUNION, GUADELOUPE, MIQUELON)

#: (zone, day, hours of that day): the nights when the clock changes, and ordinary days beside them.
JOURS_REMARQUABLES = (
    (PARIS, date(2027, 3, 28), 23),
    (PARIS, date(2027, 10, 31), 25),
    (MIQUELON, date(2027, 3, 14), 23),
    (MIQUELON, date(2027, 11, 7), 25),
    (REUNION, date(2027, 3, 28), 24),
    (GUADELOUPE, date(2027, 11, 7), 24),
    (PARIS, date(2027, 3, 29), 24),
)

#: The hours of the reference text: 08:00–12:00 and 14:00–16:00.
HORAIRES_DU_TEXTE = (PlageType(480, 720, "matin"), PlageType(840, 960, "après-midi"))


def hm(heures: int, minutes: int = 0) -> int:
    """Local minute of an hour."""
    return heures * 60 + minutes


def utc(jour: date, heures: int, minutes: int = 0) -> int:
    """Minute-époque of a UTC wall time."""
    instant = datetime(jour.year, jour.month, jour.day, heures, minutes, tzinfo=UTC)
    return int(instant.timestamp()) // 60


def each_day(*plages: PlageType) -> dict[tuple[int, int], tuple[PlageType, ...]]:
    """The same plages on the seven days of a single week."""
    return {(0, iso): plages for iso in range(1, 8)}


def semaine(*plages: PlageType, guichet_id: int | None = None, id: int = 1) -> Planning:
    """A planning without end that opens the same plages from Monday to Sunday."""
    return Planning(id, f"planning {id}", guichet_id, "semaine", 1, date(2016, 1, 4), None, each_day(*plages))


def open_days(
    du: date,
    au: date,
    *plages: PlageType,
    guichet_ids: tuple[int, ...] = (1,),
    zone: ZoneInfo = PARIS,
    exceptions: tuple[ExceptionPlanning, ...] = (),
    feries: frozenset[date] = frozenset(),
) -> OuverturesParJour:
    """Ouvertures of guichets that open the same plages every day."""
    return compute_ouvertures(guichet_ids, du, au, [semaine(*plages)], exceptions, feries, frozenset(), zone)


def open_fenetre(du: date, au: date, pas_avant: int | None = None) -> Fenetre:
    """A window that excludes nothing between the two days."""
    return Fenetre(du, au, pas_avant, du)


def ask(
    duree: int = 20, pas: int = 20, *, motif: int = 1, type_rdv: str = "guichet", canal: str = "rattache"
) -> Demande:
    """A request with the usual values."""
    return Demande(motif, type_rdv, canal, duree, pas)


def guichets(*ids: int) -> tuple[GuichetRegle, ...]:
    """Open guichets without restriction."""
    return tuple(GuichetRegle(id, f"Guichet n°{id}") for id in ids)


@lru_cache(maxsize=512)
def wall_clock(jour: date, zone: ZoneInfo) -> tuple[tuple[int, int], ...]:
    """Oracle: every instant of the local day with what the wall clock shows, read minute by minute."""
    debut = datetime(jour.year, jour.month, jour.day, tzinfo=UTC) - timedelta(hours=15)
    cadran = []
    for minute in range(48 * 60):
        instant = debut + timedelta(minutes=minute)
        local = instant.astimezone(zone)
        if local.date() == jour:
            cadran.append((int(instant.timestamp()) // 60, local.hour * 60 + local.minute))
    return tuple(cadran)


@lru_cache(maxsize=16384)
def read_instant(jour: date, minute: int, zone: ZoneInfo) -> int:
    """Oracle: the first instant of the day whose wall time is ``minute`` or later; the end of the day otherwise."""
    cadran = wall_clock(jour, zone)
    return next((instant for instant, mur in cadran if mur >= minute), cadran[-1][0] + 1)


@st.composite
def plages_types(draw: st.DrawFn) -> PlageType:
    """Any plage, often around the night hours that exist twice or not at all."""
    bornes = st.one_of(st.integers(0, 1440), st.integers(60, 240), st.sampled_from([0, 120, 150, 180, 480, 720, 1440]))
    debut, fin = sorted(draw(st.lists(bornes, min_size=2, max_size=2, unique=True)))
    return PlageType(debut, fin)


@st.composite
def exceptions_du(draw: st.DrawFn, jour: date, guichet_ids: tuple[int, ...]) -> ExceptionPlanning:
    """Any exception that touches ``jour``."""
    plage = draw(st.none() | plages_types())
    return ExceptionPlanning(
        draw(st.integers(1, 99)),
        draw(st.sampled_from(("fermeture", "ouverture"))),
        draw(st.sampled_from((None, *guichet_ids))),
        jour - timedelta(days=draw(st.integers(0, 2))),
        jour + timedelta(days=draw(st.integers(0, 2))),
        plage.debut if plage else None,
        plage.fin if plage else None,
        "essai",
    )
