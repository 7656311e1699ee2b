"""Step 2 of the journey: a month of days and the hours of one, from what is free [A1 §2].

Pure: an availability goes in, the shapes that templates/macros/creneaux.html describes come out. The words of a day
and of an hour are those that creneaux.js writes, so that a live page equals a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_date

from app.booking.disponibilites import Disponibilite
from app.domain.horaires import format_heure, from_minute, heure_locale
from app.domain.raisons import Raison
from app.langue import _, get_langue

MIDI: Final = 12
#: Reason → a word that fits in a cell of the calendar.
MOTS: Final[Mapping[Raison, str]] = {
    Raison.COMPLET: "complet",
    Raison.FERIE: "férié",
    Raison.DELAI: "délai",
    Raison.PASSE: "passé",
    Raison.HORIZON: "plus tard",
    Raison.DUREE_TROP_LONGUE: "trop court",
}
FERME: Final = "fermé"


class Tenue(NamedTuple):
    """The visitor's own hold: guichet, ``[debut, fin)`` in minutes-époque. It must not stand in its owner's way."""

    guichet: int
    debut: int
    fin: int


def en_mots(jour: date, *, annee: bool = False) -> str:
    """« jeudi 26 novembre », « mardi 1er décembre 2026 »; « Thursday 26 November » in English."""
    return _en_mots(jour, annee, get_langue())


@lru_cache(maxsize=8192)
def _en_mots(jour: date, annee: bool, langue: str) -> str:
    if langue == "en":
        return format_date(jour, "EEEE d MMMM y" if annee else "EEEE d MMMM", locale="en_GB")
    quantieme = "1er" if jour.day == 1 else str(jour.day)
    fin = format_date(jour, "MMMM y" if annee else "MMMM", locale="fr")
    return f"{format_date(jour, 'EEEE', locale='fr')} {quantieme} {fin}"


@lru_cache(maxsize=16384)
def heure_de(minute: int, zone: ZoneInfo) -> str:
    """« 08:20 », on the wall clock of the place."""
    heures, minutes = heure_locale(minute, zone)
    return format_heure(heures * 60 + minutes)


def quand_de(instant: datetime, zone: ZoneInfo) -> str:
    """« jeudi 26 novembre à 08:20 », on the wall clock of the place."""
    local = instant.astimezone(zone)
    return _("{jour} à {heure}").format(jour=en_mots(local.date()), heure=f"{local:%H:%M}")


class Calendrier:
    """What is free for one visitor, day by day. ``url(jour)`` is the address of the page that shows a day."""

    def __init__(self, dispo: Disponibilite, tenue: Tenue | None, url: Callable[[date], str]) -> None:
        self.dispo = dispo
        self.zone = dispo.contexte.zone
        self.tenue = tenue
        self.url = url
        self.libres: dict[date, tuple[int, ...]] = {
            jour: tuple(creneau.debut for creneau in journee.creneaux) for jour, journee in dispo.grille.jours.items()
        }
        if tenue is not None:
            jour = from_minute(tenue.debut).astimezone(self.zone).date()
            if jour in self.libres:
                self.libres[jour] = self._recompute(jour)

    def _occupations(self, guichet: int) -> list[tuple[int, int]]:
        """What occupies a guichet, less the visitor's own hold."""
        tenue = self.tenue
        return [
            (debut, fin)
            for debut, fin in self.dispo.occupations.get(guichet, ())
            if tenue is None or (guichet, debut, fin) != tenue
        ]

    def _recompute(self, jour: date) -> tuple[int, ...]:
        duree = self.dispo.demande.duree
        return tuple(
            depart
            for depart, guichets in self.dispo.grille.jours[jour].candidats
            if any(
                all(fin <= depart or debut >= depart + duree for debut, fin in self._occupations(guichet))
                for guichet in guichets
            )
        )

    @property
    def premier(self) -> tuple[date, int] | None:
        """The first free start, with its day."""
        return next(((jour, libres[0]) for jour, libres in self.libres.items() if libres), None)

    def choose_jour(self, demande: date | None) -> date:
        """The day to show: the one asked for when the calendar knows it, else the first free, else the first open."""
        if demande is not None and demande in self.libres:
            return demande
        return self.premier[0] if self.premier else self.dispo.fenetre.du

    def choose_mois(self, demande: date | None, jour: date) -> date:
        """The first day of the month to show: the one asked for when it can be reached, else that of ``jour``."""
        premier, dernier = self._bornes()
        voulu = (demande or jour).replace(day=1)
        return min(max(voulu, premier), dernier)

    def _bornes(self) -> tuple[date, date]:
        jours = list(self.libres) or [self.dispo.fenetre.du]
        return jours[0].replace(day=1), max(jours[-1], self.dispo.fenetre.au).replace(day=1)

    def raison(self, jour: date) -> Raison | None:
        """Why the day has no free créneau; None when it has some."""
        if self.libres.get(jour):
            return None
        dehors = self.dispo.fenetre.refuse_jour(jour)
        if dehors is not None:
            return dehors
        journee = self.dispo.grille.jours.get(jour)
        return journee.raison if journee is not None and journee.raison is not None else Raison.COMPLET

    def mois(self, premier: date, choisi: date) -> dict[str, Any]:
        """The context of ``calendrier_mois`` for the month that begins on ``premier``, weeks from Monday."""
        suivant = (premier + timedelta(days=31)).replace(day=1)
        precedent = (premier - timedelta(days=1)).replace(day=1)
        bas, haut = self._bornes()
        semaines: list[list[dict[str, Any]]] = []
        jour = premier - timedelta(days=premier.weekday())
        while jour < suivant:
            semaines.append([self._jour(jour + timedelta(days=rang), premier, choisi) for rang in range(7)])
            jour += timedelta(days=7)
        return {
            "titre": format_date(premier, "MMMM y", locale="en_GB" if get_langue() == "en" else "fr"),
            "precedent": f"{self.url(choisi)}&mois={precedent:%Y-%m}#contenu" if precedent >= bas else "",
            "suivant": f"{self.url(choisi)}&mois={suivant:%Y-%m}#contenu" if suivant <= haut else "",
            "semaines": semaines,
        }

    def _jour(self, jour: date, mois: date, choisi: date) -> dict[str, Any]:
        libres = self.dispo.count_libres(jour, len(self.libres.get(jour, ())))
        raison = self.raison(jour)
        return {
            "date": jour.isoformat(),
            "numero": jour.day,
            "titre": en_mots(jour),
            "url": self.url(jour),
            "libres": libres,
            "raison": "" if raison is None else _(MOTS.get(raison, FERME)),
            "choisi": jour == choisi,
            "autre_mois": jour.month != mois.month,
        }

    def raisons_du_mois(self, premier: date) -> frozenset[Raison]:
        """The reasons that the cells of a month show: what its legend explains."""
        suivant = (premier + timedelta(days=31)).replace(day=1)
        jours = (premier + timedelta(days=rang) for rang in range((suivant - premier).days))
        return frozenset(raison for raison in map(self.raison, jours) if raison is not None)

    def heures(self, jour: date) -> dict[str, Any]:
        """The context of ``heures_du_jour``: every start of the day, free or not, matin then après-midi."""
        journee = self.dispo.grille.jours.get(jour)
        libres = frozenset(self.libres.get(jour, ()))
        matin: list[dict[str, Any]] = []
        apres_midi: list[dict[str, Any]] = []
        for depart, _guichets in journee.candidats if journee is not None else ():
            local = from_minute(depart).astimezone(self.zone)
            (matin if local.hour < MIDI else apres_midi).append(
                {
                    "m": depart,
                    "debut": local.isoformat(),
                    "heure": heure_de(depart, self.zone),
                    "libre": depart in libres,
                }
            )
        return {
            "date": jour.isoformat(),
            "titre": en_mots(jour, annee=True),
            "duree": self.dispo.demande.duree,
            "demi_journees": [{"titre": _("Matin"), "heures": matin}, {"titre": _("Après-midi"), "heures": apres_midi}],
        }

    def premier_libre(self) -> dict[str, str] | None:
        """The context of ``premier_libre``."""
        if self.premier is None:
            return None
        jour, depart = self.premier
        return {"url": f"{self.url(jour)}#c{depart}", "texte": self.quand(depart)}

    def quand(self, depart: int) -> str:
        """« jeudi 26 novembre à 08:20 »."""
        return quand_de(from_minute(depart), self.zone)

    def proches(self, debut: int, nombre: int = 100) -> list[dict[str, Any]]:
        """The free starts of the days nearest to ``debut``, whole days until there are ``nombre``, as a list's options.

        (instant, « 08:20 ») by day, in order. Hundreds would weigh on a page that five hundred people get together.
        """
        cible = from_minute(debut).astimezone(self.zone).date()
        jours: set[date] = set()
        reste = nombre
        for jour in sorted((j for j, departs in self.libres.items() if departs), key=lambda j: abs((j - cible).days)):
            if reste <= 0:
                break
            jours.add(jour)
            reste -= len(self.libres[jour])
        return [
            {
                "groupe": en_mots(jour),
                "options": [
                    (from_minute(depart).astimezone(self.zone).isoformat(), heure_de(depart, self.zone))
                    for depart in departs
                ],
            }
            for jour, departs in self.libres.items()
            if jour in jours
        ]

    def donnees(self) -> dict[str, Any]:
        """What the live page computes with: candidate starts, their guichets, what occupies those."""
        jours: dict[str, Any] = {}
        vus: set[int] = set()
        for jour, journee in self.dispo.grille.jours.items():
            if not journee.candidats:
                continue
            jours[jour.isoformat()] = {
                "titre": en_mots(jour),
                "url": self.url(jour),
                "candidats": [[depart, list(guichets)] for depart, guichets in journee.candidats],
            }
            vus.update(guichet for _depart, guichets in journee.candidats for guichet in guichets)
        return {
            "zone": self.zone.key,
            "duree": self.dispo.demande.duree,
            "jours": jours,
            "occupations": {str(guichet): [list(o) for o in self._occupations(guichet)] for guichet in sorted(vus)},
            "option": self.tenue._asdict() if self.tenue is not None else None,
        }
