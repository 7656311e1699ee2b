"""Parameters: what each one accepts, which value applies, from where (G 2.3.4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.contexte import build_parametres
from app.domain.calendrier import Parametres, earliest_jour, latest_jour
from app.domain.definitions import DEFINITIONS, LOCALES, NATIONALES, REGISTRE, Genre, Local
from app.domain.parametres import (
    Source,
    count_jours_du_delai,
    from_json,
    refuse,
    refuse_ensemble,
    refuse_local,
    resolve,
    to_json,
)

DEFAUTS = {cle: resolue.valeur for cle, resolue in resolve({}).items()}
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda enfants: st.lists(enfants, max_size=3),
    max_leaves=5,
)


class TestLeRegistre:
    def test_keys_are_unique_and_every_parameter_says_what_it_does(self) -> None:
        assert len(REGISTRE) == len(DEFINITIONS)
        for definition in DEFINITIONS:
            effet = definition.effet(definition.defaut)
            assert effet.endswith("."), definition.cle
            assert effet[0].isupper(), definition.cle

    def test_a_default_is_a_value_that_could_be_kept(self) -> None:
        assert [d.cle for d in DEFINITIONS if refuse(d, d.defaut)] == []

    def test_every_value_of_the_rules_of_booking_is_in_the_registry(self) -> None:
        ailleurs = {"duree_rdv_minutes", "pas_minutes"}  # columns of the service
        assert set(Parametres.__dataclass_fields__) - ailleurs <= set(REGISTRE)

    def test_the_software_s_own_values_are_those_of_the_reference_texts(self) -> None:
        """Annexe 1, summary table: 30, 30 and 60 days, two working days."""
        parametres = build_parametres(resolve({}))
        assert parametres == Parametres()
        assert (parametres.horizon("internet"), parametres.horizon("exterieur"), parametres.horizon("rattache")) == (
            30,
            30,
            60,
        )

    def test_each_parameter_is_set_by_somebody(self) -> None:
        assert {d.cle for d in NATIONALES} | {d.cle for d in LOCALES} == set(REGISTRE)


class TestUneValeur:
    @pytest.mark.parametrize(
        ("cle", "valeur"),
        [
            ("horizon_internet", -1),
            ("horizon_internet", 0),
            ("horizon_internet", 10**9),
            ("horizon_internet", True),
            ("horizon_internet", 3.5),
            ("horizon_internet", "30"),
            ("delai_ouvre", -1),
            ("delai_ouvre", 16),
            ("rappel_jours", 15),
            ("duree_option_max_minutes", 11),
            ("conservation_jours", 29),
            ("modification_usager", 1),
            ("modification_usager", "oui"),
            ("ouverture_nationale", "2027-01-16"),
            ("message_accueil", "x" * 501),
            ("horizon_internet", None),
        ],
    )
    def test_what_cannot_be_kept_is_refused_in_a_sentence(self, cle: str, valeur: Any) -> None:
        phrase = refuse(REGISTRE[cle], valeur)
        assert phrase.endswith(".")

    def test_a_hold_never_lasts_more_than_ten_minutes(self) -> None:
        """P15: holds ≤ 10 min."""
        assert REGISTRE["duree_option_max_minutes"].maximum == 10

    def test_dates_and_units_are_written_as_people_read_them(self) -> None:
        assert REGISTRE["ouverture_nationale"].mot(date(2027, 1, 16)) == "16/01/2027"
        assert REGISTRE["delai_ouvre"].mot(1) == "1\u00a0jour ouvré"
        assert REGISTRE["delai_ouvre"].mot(3) == "3\u00a0jours ouvrés"
        assert REGISTRE["duree_option_minutes"].mot(2) == "2\u00a0minutes"

    @given(st.sampled_from(DEFINITIONS), JSON)
    def test_any_json_is_read_as_a_value_or_as_nothing(self, definition: Any, brut: Any) -> None:
        lue, valeur = from_json(definition, brut)
        if lue and valeur is not None:
            assert refuse(definition, valeur) == ""
            assert from_json(definition, to_json(valeur)) == (True, valeur)


class TestLeChoixDUnService:
    def test_the_delay_can_only_be_longer(self) -> None:
        assert refuse_local(REGISTRE["delai_ouvre"], 1, DEFAUTS).startswith("Le délai du service ne peut qu’être plus")
        assert refuse_local(REGISTRE["delai_ouvre"], 2, DEFAUTS) == ""
        assert refuse_local(REGISTRE["delai_ouvre"], 5, DEFAUTS) == ""

    def test_the_agenda_cannot_open_beyond_the_national_horizon(self) -> None:
        assert "30\u00a0jours" in refuse_local(REGISTRE["ouverture_agenda_jours"], 31, DEFAUTS)
        assert refuse_local(REGISTRE["ouverture_agenda_jours"], 30, DEFAUTS) == ""

    @pytest.mark.parametrize("definition", [d for d in DEFINITIONS if d.local is Local.JAMAIS], ids=lambda d: d.cle)
    def test_what_the_nation_keeps_is_never_a_service_s(self, definition: Any) -> None:
        assert refuse_local(definition, definition.defaut, DEFAUTS) != ""
        brut = {definition.cle: to_json(date(2027, 1, 1) if definition.genre is Genre.DATE else definition.minimum)}
        assert resolve({}, brut)[definition.cle].source is not Source.LOCALE

    def test_a_delay_that_leaves_no_day_is_refused(self) -> None:
        assert "au moins" in refuse_ensemble({**DEFAUTS, "ouverture_agenda_jours": 4})["ouverture_agenda_jours"]
        assert refuse_ensemble({**DEFAUTS, "ouverture_agenda_jours": 5}) == {}
        assert set(refuse_ensemble({**DEFAUTS, "delai_ouvre": 15, "horizon_internet": 20})) == {"horizon_internet"}

    @given(st.integers(0, 15), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
    def test_the_days_a_delay_takes_are_counted_right(self, delai: int, jour: date) -> None:
        assert (earliest_jour(jour, delai, ()) - jour).days <= count_jours_du_delai(delai)

    def test_durations_that_go_together_stay_in_order(self) -> None:
        valeurs = {**DEFAUTS, "duree_option_minutes": 8, "duree_option_max_minutes": 5}
        assert set(refuse_ensemble(valeurs)) == {"duree_option_max_minutes"}


class TestCeQuiSApplique:
    def test_the_nearest_choice_wins_and_says_where_it_comes_from(self) -> None:
        assert resolve({})["delai_ouvre"].source is Source.LOGICIEL
        nationale = resolve({"delai_ouvre": 3})["delai_ouvre"]
        assert (nationale.valeur, nationale.source) == (3, Source.NATIONALE)
        locale = resolve({"delai_ouvre": 3}, {"delai_ouvre": 5})["delai_ouvre"]
        assert (locale.valeur, locale.source, locale.nationale) == (5, Source.LOCALE, 3)

    def test_a_choice_that_the_nation_overtook_gives_way_and_is_told(self) -> None:
        resolue = resolve({"delai_ouvre": 6}, {"delai_ouvre": 5})["delai_ouvre"]
        assert (resolue.valeur, resolue.ecartee, resolue.locale) == (6, 5, True)

    def test_unknown_keys_and_impossible_values_are_as_if_absent(self) -> None:
        nationaux = {"demo.simulation": {"active": True}, "delai_ouvre": "deux", "horizon_internet": None}
        assert {c: r.valeur for c, r in resolve(nationaux).items()} == DEFAUTS

    def test_the_agenda_opens_n_days_ahead_to_who_is_outside_only(self) -> None:
        parametres = build_parametres(resolve({}, {"ouverture_agenda_jours": 10}))
        assert (parametres.horizon("internet"), parametres.horizon("exterieur"), parametres.horizon("rattache")) == (
            10,
            10,
            60,
        )
        assert latest_jour(date(2026, 11, 23), parametres.horizon("internet")) == date(2026, 12, 3)

    @given(
        st.dictionaries(st.sampled_from(sorted(REGISTRE)), JSON, max_size=6),
        st.dictionaries(st.sampled_from(sorted(REGISTRE)), JSON, max_size=6),
    )
    def test_whatever_the_table_holds_the_rules_can_be_built(
        self, nationaux: dict[str, Any], locaux: dict[str, Any]
    ) -> None:
        resolues = resolve(nationaux, locaux)
        assert set(resolues) == set(REGISTRE)
        parametres = build_parametres(resolues)
        delai = resolues["delai_ouvre"]
        assert parametres.delai_ouvre == delai.valeur
        assert isinstance(delai.valeur, int)
        assert isinstance(delai.nationale, int)
        assert delai.valeur >= delai.nationale
        assert parametres.horizon("internet") <= parametres.horizon_internet
