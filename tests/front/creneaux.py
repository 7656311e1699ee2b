"""A month of public créneaux for the browser tests, in the shape that the public page receives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tests.front.monde import heure, iso, minute

MOIS: Final = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
)
JOURS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
AUJOURDHUI: Final = date(2026, 11, 23)


def en_mots(jour: date) -> str:
    """« jeudi 26 novembre »."""
    mois = (*MOIS, "décembre")[jour.month - 1]
    return f"{JOURS[jour.weekday()]} {'1er' if jour.day == 1 else jour.day} {mois}"


class Grille:
    """Two guichets, bookable from Thursday 26 November 2026; occupations are half-open epoch minutes."""

    def __init__(self, choisi: str = "2026-11-26") -> None:
        self.choisi = choisi
        self.version = 10
        self.duree = 20
        self.option: dict[str, int] | None = None
        self.occupations: dict[str, list[list[int]]] = {"1": [], "2": []}
        for k, libelle in enumerate(("08:00", "08:20", "09:00", "10:40", "14:00", "15:20")):
            m = self.minute("2026-11-26", libelle)
            self.occupations["1"].append([m, m + 20])
            if k % 2 == 0:
                self.occupations["2"].append([m, m + 20])
        fin_27 = self.minute("2026-11-27", "16:00")
        for g in ("1", "2"):
            self.occupations[g].append([self.minute("2026-11-27", "08:20"), fin_27])
        self.occupations["1"].append([self.minute("2026-11-27", "08:00"), self.minute("2026-11-27", "08:20")])

    @staticmethod
    def minute(jour: str, libelle: str) -> int:
        """Epoch minutes of a local hour."""
        return minute(libelle, datetime.fromisoformat(jour).replace(tzinfo=ZoneInfo("Europe/Paris")))

    def candidats(self, jour: str) -> list[tuple[int, list[int]]]:
        """Every start of the day with its eligible guichets."""
        matin = [(h, m) for h in range(8, 12) for m in (0, 20, 40)]
        apres_midi = [(h, m) for h in (14, 15) for m in (0, 20, 40)]
        return [(self.minute(jour, f"{h:02}:{m:02}"), [1, 2] if h < 12 else [1]) for h, m in matin + apres_midi]

    def libre(self, m: int, guichets: list[int]) -> bool:
        """True when one of the guichets has nothing in the way."""
        return any(
            all(fin <= m or debut >= m + self.duree for debut, fin in self.occupations[str(g)]) for g in guichets
        )

    def libres(self, jour: str) -> list[int]:
        """The free starts of a day."""
        return [m for m, guichets in self.candidats(jour) if self.libre(m, guichets)]

    def ouverts(self) -> list[str]:
        """The days that may be booked."""
        jours = [AUJOURDHUI + timedelta(days=k) for k in range(3, 31)]
        return [j.isoformat() for j in jours if j.weekday() < 5]

    def mois(self) -> dict[str, Any]:
        """The context of ``calendrier_mois`` for November 2026."""
        semaines: list[list[dict[str, Any]]] = []
        jour = date(2026, 10, 26)
        while jour <= date(2026, 11, 30):
            semaines.append([self._jour(jour + timedelta(days=k)) for k in range(7)])
            jour += timedelta(days=7)
        return {"titre": "novembre 2026", "precedent": "", "suivant": "?mois=2026-12", "semaines": semaines}

    def _jour(self, jour: date) -> dict[str, Any]:
        iso_jour = jour.isoformat()
        ouvert = iso_jour in self.ouverts()
        libres = len(self.libres(iso_jour)) if ouvert else 0
        raison = "complet"
        if not ouvert:
            raison = "passé" if jour < AUJOURDHUI else "fermé" if jour.weekday() > 4 else "délai"
        if jour == date(2026, 11, 11):
            raison = "férié"
        return {
            "date": iso_jour,
            "numero": jour.day,
            "titre": en_mots(jour),
            "url": f"?jour={iso_jour}",
            "libres": libres,
            "raison": "" if libres else raison,
            "choisi": iso_jour == self.choisi,
            "autre_mois": jour.month != 11,
        }

    def heures(self) -> dict[str, Any]:
        """The context of ``heures_du_jour`` for the chosen day."""
        demi: dict[str, list[dict[str, Any]]] = {"Matin": [], "Après-midi": []}
        for m, guichets in self.candidats(self.choisi):
            libelle = heure(m)
            demi["Matin" if libelle < "12:00" else "Après-midi"].append(
                {
                    "m": m,
                    "debut": iso(datetime.fromtimestamp(m * 60, UTC)),
                    "heure": libelle,
                    "libre": self.libre(m, guichets),
                }
            )
        return {
            "date": self.choisi,
            "titre": en_mots(date.fromisoformat(self.choisi)) + " 2026",
            "duree": self.duree,
            "demi_journees": [{"titre": t, "heures": h} for t, h in demi.items()],
        }

    def premier(self) -> dict[str, str] | None:
        """The first free start of all."""
        for jour in self.ouverts():
            for m in self.libres(jour):
                texte = f"{en_mots(date.fromisoformat(jour))} à {heure(m)}"
                return {"url": f"?jour={jour}#c{m}", "texte": texte}
        return None

    def donnees(self) -> dict[str, Any]:
        """The JSON block of the page."""
        return {
            "zone": "Europe/Paris",
            "duree": self.duree,
            "jours": {
                jour: {
                    "titre": en_mots(date.fromisoformat(jour)),
                    "url": f"?jour={jour}",
                    "candidats": [[m, g] for m, g in self.candidats(jour)],
                }
                for jour in self.ouverts()
            },
            "occupations": self.occupations,
            "option": self.option,
        }

    def changer(self, genre: str, guichet: int, debut: int, fin: int) -> dict[str, Any]:
        """Take or free an interval; returns its frame."""
        if genre == "creneau.pris":
            self.occupations[str(guichet)].append([debut, fin])
        else:
            self.occupations[str(guichet)].remove([debut, fin])
        self.version += 1
        return {
            "type": genre,
            "sujet": "creneaux:12",
            "version": self.version,
            "guichet": guichet,
            "debut": iso(datetime.fromtimestamp(debut * 60, UTC)),
            "fin": iso(datetime.fromtimestamp(fin * 60, UTC)),
        }
