"""Jours ouvrés, the delay before the first possible day and the horizon after the last one [A1, summary table]."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from app.domain.definitions import DELEGUE, RESPONSABLE
from app.domain.horaires import jour_local
from app.domain.raisons import Raison
from app.domain.raisons import phrase as phrase_raison
from app.domain.vocabulaire import Canal

_SAMEDI = 5


def is_jour_ouvre(jour: date, feries: Collection[date]) -> bool:
    """Monday to Friday, less the holidays of the service's département."""
    return jour.weekday() < _SAMEDI and jour not in feries


def earliest_jour(jour_demande: date, delai_ouvre: int, feries: Collection[date]) -> date:
    """The first day that respects a delay of ``delai_ouvre`` working days, day of booking excluded.

    A delay of 2 leaves two whole working days, so it is the third working day after ``jour_demande``: Thursday →
    Tuesday of next week [A1 §2]. A delay of 0 is the next working day. Raises ValueError on a negative delay.
    """
    if delai_ouvre < 0:
        raise ValueError("a delay cannot be negative")
    jour, restants = jour_demande, delai_ouvre + 1
    while restants:
        jour += timedelta(days=1)
        if is_jour_ouvre(jour, feries):
            restants -= 1
    return jour


def latest_jour(jour_demande: date, horizon_jours: int) -> date:
    """The last bookable day: with 30 sliding days, day 30 is allowed and day 31 is not."""
    if horizon_jours < 0:
        raise ValueError("a horizon cannot be negative")
    return jour_demande + timedelta(days=horizon_jours)


@dataclass(frozen=True, slots=True)
class Parametres:
    """National parameters, with the local override already applied where the article grants one [G 2.3.4].

    Horizons are sliding days, ``delai_ouvre`` working days (internet and agents extérieurs; agents rattachés have
    none), ``rappel_jours`` days before the RDV, durations minutes. Raises ValueError on a value out of range.
    """

    horizon_internet: int = 30
    horizon_exterieur: int = 30
    horizon_rattache: int = 60
    delai_ouvre: int = 2
    rappel_jours: int = 2
    duree_rdv_minutes: int = 20
    pas_minutes: int = 20
    duree_option_minutes: int = 5
    duree_option_max_minutes: int = 10
    modification_usager: bool = True
    #: A change made by an usager himself is told to the service's mailbox.
    prevenir_service: bool = True
    #: Sliding days that the service opens ahead to the internet and to agents extérieurs; None: the whole horizon.
    ouverture_agenda_jours: int | None = None
    #: A cancelled créneau comes back online after a random wait between these bounds, in minutes.
    liberation_differee: bool = False
    liberation_min_minutes: int = 5
    liberation_max_minutes: int = 60
    #: Who finds nothing may ask to be told; a créneau offered to him is his for that long, at hours when people answer.
    liste_attente: bool = True
    attente_minutes: int = 120
    #: When an unknown usager copies a code: ``si_doute``, ``toujours``, ``jamais``.
    captcha: str = "si_doute"
    #: Online, in the whole nation: beyond, everybody copies one; 0 never.
    reservations_par_minute: int = 600
    message_accueil: str = ""
    message_confirmation: str = ""
    #: Who is responsible for the data of usagers, and to whom they write about them.
    responsable_traitement: str = RESPONSABLE
    delegue_donnees: str = DELEGUE

    def __post_init__(self) -> None:
        if min(self.horizon_internet, self.horizon_exterieur, self.horizon_rattache) < 1:
            raise ValueError("a horizon is at least one day")
        if self.delai_ouvre < 0 or self.rappel_jours < 0:
            raise ValueError("a delay cannot be negative")
        if min(self.duree_rdv_minutes, self.pas_minutes, self.duree_option_minutes) < 1:
            raise ValueError("a duration is at least one minute")
        if self.duree_option_max_minutes < self.duree_option_minutes:
            raise ValueError("a hold cannot last longer than its maximum")
        if self.attente_minutes < 1:
            raise ValueError("an offer lasts at least one minute")
        if self.ouverture_agenda_jours is not None and self.ouverture_agenda_jours < 1:
            raise ValueError("an agenda opens at least one day ahead")
        if not 0 < self.liberation_min_minutes <= self.liberation_max_minutes:
            raise ValueError("a wait has a shortest and a longest duration")

    def horizon(self, canal: str) -> int:
        """Sliding days open to ``canal``. Raises ValueError on an unknown channel."""
        match Canal(canal):
            case Canal.INTERNET:
                return self._open_ahead(self.horizon_internet)
            case Canal.EXTERIEUR:
                return self._open_ahead(self.horizon_exterieur)
            case Canal.RATTACHE:
                return self.horizon_rattache

    def _open_ahead(self, horizon: int) -> int:
        """The automatic opening of the agenda may shorten a national horizon, never lengthen it [G 2.3.4]."""
        return horizon if self.ouverture_agenda_jours is None else min(horizon, self.ouverture_agenda_jours)

    def delai(self, canal: str) -> int | None:
        """Working days imposed on ``canal``; None means immediate. Raises ValueError on an unknown channel."""
        return None if Canal(canal) is Canal.RATTACHE else self.delai_ouvre


@dataclass(frozen=True, slots=True)
class Fenetre:
    """When a request made now may be honoured: days ``du``..``au`` included, never before ``pas_avant``.

    Empty when ``au`` is before ``du``. The last three fields only serve to say why a day is outside.
    """

    du: date
    au: date
    pas_avant: int | None
    aujourdhui: date | None = None
    delai_ouvre: int | None = None
    horizon_jours: int | None = None

    def refuse_jour(self, jour: date) -> Raison | None:
        """PASSE, DELAI or HORIZON when no instant of ``jour`` is allowed, else None."""
        if jour > self.au:
            return Raison.HORIZON
        if jour >= self.du:
            return None
        premier = self.aujourdhui or self.du
        if jour < premier or self.delai_ouvre is None:
            return Raison.PASSE
        return Raison.DELAI

    def refuse(self, jour: date, debut: int) -> Raison | None:
        """The same for one start, ``debut`` in minutes-époque, whose local day is ``jour``."""
        raison = self.refuse_jour(jour)
        if raison is None and self.pas_avant is not None and debut < self.pas_avant:
            return Raison.PASSE
        return raison

    def phrase(self, raison: Raison) -> str:
        """The words of ``raison`` with the figures of this window: « délai de 2 jours ouvrés »."""
        return phrase_raison(raison, delai_ouvre=self.delai_ouvre, horizon_jours=self.horizon_jours)


def fenetre(
    canal: str, maintenant_minute: int, zone: ZoneInfo, parametres: Parametres, feries: Collection[date]
) -> Fenetre:
    """The window of a request made at ``maintenant_minute`` through ``canal``, in the service's own zone.

    An attached agent may book from now on (« immédiat »); the others from ``earliest_jour``. ``feries`` must cover
    the days after today. Raises ValueError on an unknown channel.
    """
    aujourdhui = jour_local(maintenant_minute, zone)
    horizon, delai = parametres.horizon(canal), parametres.delai(canal)
    au = latest_jour(aujourdhui, horizon)
    if delai is None:
        return Fenetre(aujourdhui, au, maintenant_minute, aujourdhui, None, horizon)
    return Fenetre(earliest_jour(aujourdhui, delai, feries), au, None, aujourdhui, delai, horizon)
