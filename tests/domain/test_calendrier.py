from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendrier import Fenetre, Parametres, earliest_jour, fenetre, is_jour_ouvre, latest_jour
from app.domain.horaires import local_minute_to_epoch
from app.domain.raisons import PHRASES, Raison, phrase
from tests.domain.fabrique import MIQUELON, PARIS, REUNION, hm, utc

LUNDI_DE_PAQUES = date(2026, 4, 6)
VENDREDI_SAINT = date(2026, 4, 3)
NIEVRE = frozenset({LUNDI_DE_PAQUES})
MOSELLE = frozenset({LUNDI_DE_PAQUES, VENDREDI_SAINT})


class TestAnnexe1Delai:
    """Annexe 1 §2: « un délai de 2 jours ouvrés (journée courante non comprise), soit au plus tôt à J+3 »."""

    def test_thursday_s_usager_gets_tuesday_of_next_week_at_the_earliest(self) -> None:
        jeudi = date(2016, 9, 8)
        assert earliest_jour(jeudi, 2, ()) == date(2016, 9, 13)

    def test_wednesday_1_april_2026_gives_tuesday_7_in_the_nievre(self) -> None:
        assert earliest_jour(date(2026, 4, 1), 2, NIEVRE) == date(2026, 4, 7)

    def test_wednesday_1_april_2026_gives_wednesday_8_in_moselle_where_good_friday_is_a_holiday(self) -> None:
        assert earliest_jour(date(2026, 4, 1), 2, MOSELLE) == date(2026, 4, 8)

    @pytest.mark.parametrize(
        ("jour", "attendu"),
        [(7, 10), (8, 11), (9, 14), (10, 15), (11, 16), (12, 16), (13, 16)],  # September 2026: Monday 7 … Sunday 13
    )
    def test_j_plus_3_from_each_day_of_an_ordinary_week(self, jour: int, attendu: int) -> None:
        assert earliest_jour(date(2026, 9, jour), 2, ()) == date(2026, 9, attendu)

    def test_without_delay_the_earliest_is_the_next_working_day(self) -> None:
        assert earliest_jour(date(2026, 9, 11), 0, ()) == date(2026, 9, 14)

    def test_a_negative_delay_is_refused(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            earliest_jour(date(2026, 9, 11), -1, ())

    @given(
        st.dates(date(2020, 1, 1), date(2035, 1, 1)),
        st.integers(0, 10),
        st.sets(st.integers(0, 40)),
    )
    def test_exactly_the_delay_in_working_days_lies_between_the_booking_and_the_earliest_day(
        self, jour: date, delai: int, decalages: set[int]
    ) -> None:
        feries = {jour + timedelta(days=n) for n in decalages}
        premier = earliest_jour(jour, delai, feries)
        entre = [jour + timedelta(days=n) for n in range(1, (premier - jour).days)]
        assert is_jour_ouvre(premier, feries)
        assert sum(is_jour_ouvre(autre, feries) for autre in entre) == delai

    def test_saturday_sunday_and_holidays_are_not_working_days(self) -> None:
        semaine = [date(2026, 4, 6) + timedelta(days=n) for n in range(7)]
        assert [is_jour_ouvre(jour, NIEVRE) for jour in semaine] == [False, True, True, True, True, False, False]


class TestAnnexe1Horizon:
    """Annexe 1, summary table: 30 sliding days, 60 for attached agents."""

    def at(self, canal: str) -> Fenetre:
        return fenetre(canal, utc(date(2026, 9, 1), 8), PARIS, Parametres(), ())

    @pytest.mark.parametrize("canal", ["internet", "exterieur"])
    def test_day_30_is_allowed_and_day_31_is_not(self, canal: str) -> None:
        ouverte = self.at(canal)
        assert ouverte.refuse_jour(date(2026, 9, 1) + timedelta(days=30)) is None
        assert ouverte.refuse_jour(date(2026, 9, 1) + timedelta(days=31)) is Raison.HORIZON

    def test_an_attached_agent_has_day_60_and_not_day_61(self) -> None:
        ouverte = self.at("rattache")
        assert ouverte.refuse_jour(date(2026, 9, 1) + timedelta(days=60)) is None
        assert ouverte.refuse_jour(date(2026, 9, 1) + timedelta(days=61)) is Raison.HORIZON

    @given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(0, 400))
    def test_the_last_day_is_exactly_the_horizon_away(self, jour: date, horizon: int) -> None:
        assert (latest_jour(jour, horizon) - jour).days == horizon

    def test_a_negative_horizon_is_refused(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            latest_jour(date(2026, 9, 1), -1)


class TestFenetre:
    def test_an_attached_agent_may_book_at_once_but_not_in_the_past(self) -> None:
        maintenant = local_minute_to_epoch(date(2026, 9, 1), hm(9, 5), PARIS)
        ouverte = fenetre("rattache", maintenant, PARIS, Parametres(), ())
        assert ouverte.du == date(2026, 9, 1)
        assert ouverte.refuse(date(2026, 9, 1), maintenant) is None
        assert ouverte.refuse(date(2026, 9, 1), maintenant - 1) is Raison.PASSE
        assert ouverte.refuse_jour(date(2026, 8, 31)) is Raison.PASSE

    @pytest.mark.parametrize("canal", ["internet", "exterieur"])
    def test_days_inside_the_delay_say_delay_and_days_gone_say_past(self, canal: str) -> None:
        jeudi = date(2016, 9, 8)
        ouverte = fenetre(canal, utc(jeudi, 10), PARIS, Parametres(), ())
        raisons = [ouverte.refuse_jour(jeudi + timedelta(days=n)) for n in range(-1, 6)]
        assert raisons == [Raison.PASSE, *[Raison.DELAI] * 5, None]

    def test_the_day_of_booking_is_that_of_the_service_not_of_paris(self) -> None:
        # 23:30 UTC on Wednesday 1 April is already Thursday in La Réunion, still Wednesday in Miquelon.
        maintenant = utc(date(2026, 4, 1), 23, 30)
        assert fenetre("internet", maintenant, REUNION, Parametres(), NIEVRE).du == date(2026, 4, 8)
        assert fenetre("internet", maintenant, MIQUELON, Parametres(), NIEVRE).du == date(2026, 4, 7)

    def test_the_sentence_has_the_figures_of_the_service(self) -> None:
        ouverte = fenetre(
            "internet", utc(date(2026, 9, 1), 8), PARIS, Parametres(horizon_internet=45, delai_ouvre=1), ()
        )
        assert ouverte.phrase(Raison.DELAI) == "délai de 1\u00a0jour ouvré"
        assert ouverte.phrase(Raison.HORIZON) == "au-delà de 45\u00a0jours"
        assert ouverte.phrase(Raison.COMPLET) == "complet"

    def test_a_delay_longer_than_the_horizon_leaves_nothing_and_says_so_for_every_day(self) -> None:
        vide = fenetre("internet", utc(date(2026, 9, 1), 8), PARIS, Parametres(horizon_internet=2, delai_ouvre=5), ())
        assert all(vide.refuse_jour(date(2026, 9, 1) + timedelta(days=n)) is not None for n in range(40))

    def test_an_unknown_channel_is_refused(self) -> None:
        with pytest.raises(ValueError, match="fax"):
            fenetre("fax", 0, PARIS, Parametres(), ())


class TestParametres:
    def test_the_national_defaults_are_those_of_the_text(self) -> None:
        defauts = Parametres()
        assert (defauts.horizon_internet, defauts.horizon_exterieur, defauts.horizon_rattache) == (30, 30, 60)
        assert (defauts.delai_ouvre, defauts.rappel_jours, defauts.duree_rdv_minutes) == (2, 2, 20)
        assert defauts.delai("rattache") is None

    @pytest.mark.parametrize(
        "mauvais",
        [{"horizon_internet": 0}, {"delai_ouvre": -1}, {"duree_rdv_minutes": 0}, {"duree_option_minutes": 11}],
    )
    def test_values_out_of_range_are_refused(self, mauvais: dict[str, Any]) -> None:
        with pytest.raises(ValueError):
            replace(Parametres(), **mauvais)


class TestPhrases:
    def test_every_reason_has_its_words(self) -> None:
        assert set(PHRASES) == set(Raison)

    @pytest.mark.parametrize(
        ("raison", "mots"),
        [
            (Raison.COMPLET, "complet"),
            (Raison.GUICHET_FERME, "guichet fermé"),
            (Raison.DELAI, "délai de 2\u00a0jours ouvrés"),
            (Raison.MOTIF_NON_PROPOSE, "motif non proposé"),
        ],
    )
    def test_the_words_of_the_domain_are_used_as_they_are(self, raison: Raison, mots: str) -> None:
        assert phrase(raison) == mots
