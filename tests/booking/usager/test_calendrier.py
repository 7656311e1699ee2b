"""Step 2: the month and the hours, from what is free; the visitor's own hold never stands in his way [A1 §2]."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from app.booking.usager.calendrier import Calendrier, Tenue, en_mots
from app.domain.plages import ExceptionPlanning
from app.domain.raisons import Raison
from tests.booking.usager.fabrique import JEUDI, MARDI, at, contexte, disponibilite


def calendrier(*arguments: Any, tenue: Tenue | None = None) -> Calendrier:
    return Calendrier(disponibilite(*arguments), tenue, lambda jour: f"/creneau?jour={jour}")


def cellule(cal: Calendrier, jour: date) -> dict[str, Any]:
    semaines = cal.mois(jour.replace(day=1), cal.choose_jour(None))["semaines"]
    return next(c for semaine in semaines for c in semaine if c["date"] == jour.isoformat())


class TestAnnexe1Calendrier:
    """Annexe 1 §2, étape 2 : « Veuillez sélectionner une date », « une heure »."""

    def test_thursdays_usager_is_shown_tuesday_first(self) -> None:
        cal = calendrier()
        assert cal.choose_jour(None) == MARDI
        assert cal.premier_libre() == {
            "url": f"/creneau?jour=2026-11-24#c{at(MARDI, 8)}",
            "texte": "mardi 24 novembre à 08:00",
        }

    def test_the_hours_are_those_of_the_reference_text(self) -> None:
        heures = calendrier().heures(MARDI)
        matin, apres_midi = ([h["heure"] for h in demi["heures"]] for demi in heures["demi_journees"])
        assert matin[0] == "08:00"
        assert matin[-1] == "11:40"
        assert apres_midi == ["14:00", "14:20", "14:40", "15:00", "15:20", "15:40"]
        assert heures["titre"] == "mardi 24 novembre 2026"

    def test_a_month_has_whole_weeks_from_monday(self) -> None:
        mois = calendrier().mois(date(2026, 11, 1), MARDI)
        assert all(len(semaine) == 7 for semaine in mois["semaines"])
        assert mois["semaines"][0][0]["date"] == "2026-10-26"
        assert mois["semaines"][-1][-1]["date"] == "2026-12-06"
        assert mois["semaines"][0][0]["autre_mois"]

    def test_only_months_with_bookable_days_can_be_reached(self) -> None:
        cal = calendrier()
        novembre, decembre = cal.mois(date(2026, 11, 1), MARDI), cal.mois(date(2026, 12, 1), MARDI)
        assert (novembre["precedent"], decembre["suivant"]) == ("", "")
        assert "mois=2026-12" in novembre["suivant"]
        assert "mois=2026-11" in decembre["precedent"]
        assert cal.choose_mois(date(9999, 12, 1), MARDI) == date(2026, 12, 1)
        assert cal.choose_mois(date(1, 1, 1), MARDI) == date(2026, 11, 1)

    def test_a_day_without_creneau_says_why_in_a_word(self) -> None:
        fermeture = ExceptionPlanning(1, "fermeture", None, date(2026, 11, 26), date(2026, 11, 26), None, None, "")
        complet = {
            g: [
                (at(date(2026, 11, 27), 8), at(date(2026, 11, 27), 12)),
                (at(date(2026, 11, 27), 14), at(date(2026, 11, 27), 16)),
            ]
            for g in (1, 2)
        }
        cal = calendrier(None, complet, JEUDI, fermeture)
        assert cellule(cal, date(2026, 11, 18))["raison"] == "passé"
        assert cellule(cal, date(2026, 11, 23))["raison"] == "délai"
        assert cellule(cal, date(2026, 11, 26))["raison"] == "fermé"
        assert cellule(cal, date(2026, 11, 27))["raison"] == "complet"
        assert cellule(cal, date(2026, 11, 28))["raison"] == "fermé"
        assert cellule(cal, date(2026, 12, 20))["raison"] == "plus tard"
        assert cellule(cal, MARDI) | {"url": ""} == {
            "date": "2026-11-24",
            "numero": 24,
            "titre": "mardi 24 novembre",
            "url": "",
            "libres": 18,
            "raison": "",
            "choisi": True,
            "autre_mois": False,
        }
        assert Raison.HORIZON in cal.raisons_du_mois(date(2026, 12, 1))

    def test_a_holiday_says_so(self) -> None:
        cal = calendrier(None, {}, datetime(2026, 12, 10, 9, tzinfo=UTC))
        assert cellule(cal, date(2026, 12, 25))["raison"] == "férié"
        assert en_mots(date(2027, 1, 1)) == "vendredi 1er janvier"

    def test_an_unknown_day_falls_back_on_the_first_free_one(self) -> None:
        cal = calendrier()
        assert cal.choose_jour(date(2030, 1, 1)) == MARDI
        assert cal.choose_jour(date(2026, 11, 28)) == date(2026, 11, 28)

    def test_hours_are_local_where_the_service_is(self) -> None:
        reunion = contexte(zone=ZoneInfo("Indian/Reunion"), departement="974")
        heures = calendrier(reunion).heures(MARDI)
        premiere = heures["demi_journees"][0]["heures"][0]
        assert (premiere["heure"], premiere["debut"]) == ("08:00", "2026-11-24T08:00:00+04:00")

    def test_when_nothing_is_free_the_first_open_day_is_shown_with_its_reason(self) -> None:
        cal = calendrier(contexte(plannings=()))
        assert cal.premier_libre() is None
        assert cal.choose_jour(None) == MARDI
        assert cal.raison(MARDI) is Raison.HORS_PLAGE


class TestOption:
    """domain « Life of a rendez-vous » : le créneau tenu reste libre pour qui le tient, et pour lui seul."""

    HUIT = at(MARDI, 8)
    OCCUPEES: ClassVar = {1: [(HUIT, HUIT + 20)], 2: [(HUIT, HUIT + 20)]}

    def test_what_two_guichets_hold_is_not_free_for_others(self) -> None:
        assert self.HUIT not in calendrier(None, self.OCCUPEES).libres[MARDI]

    def test_the_visitors_own_hold_is_free_for_the_visitor(self) -> None:
        cal = calendrier(None, self.OCCUPEES, tenue=Tenue(2, self.HUIT, self.HUIT + 20))
        assert cal.libres[MARDI][0] == self.HUIT
        assert cal.heures(MARDI)["demi_journees"][0]["heures"][0]["libre"]
        assert cellule(cal, MARDI)["libres"] == 18

    def test_the_live_page_computes_with_the_same_facts(self) -> None:
        donnees = calendrier(None, self.OCCUPEES, tenue=Tenue(2, self.HUIT, self.HUIT + 20)).donnees()
        assert donnees["occupations"] == {"1": [[self.HUIT, self.HUIT + 20]], "2": []}
        assert donnees["option"] == {"guichet": 2, "debut": self.HUIT, "fin": self.HUIT + 20}
        assert donnees["jours"]["2026-11-24"]["candidats"][0] == [self.HUIT, [1, 2]]
        assert "2026-11-28" not in donnees["jours"]
        assert json.loads(json.dumps(donnees)) == donnees
