"""« Pourquoi n'y a-t-il pas de créneau ? » names every rule that closed a day, and never contradicts the grid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendrier import Fenetre
from app.domain.explication import Explication, FaitsService, explain
from app.domain.guichets import GuichetRegle
from app.domain.plages import ExceptionPlanning, PlageType
from app.domain.raisons import Raison
from tests.domain.fabrique import HORAIRES_DU_TEXTE, PARIS, ask, open_days, open_fenetre, utc
from tests.domain.test_creneaux_proprietes import Cas, cas

JOUR = date(2026, 11, 24)
FAITS = FaitsService(aujourdhui=JOUR)


def explique(**plus: object) -> Explication:
    valeurs: dict[str, object] = {
        "demande": ask(canal="internet"),
        "faits": FAITS,
        "guichets": (GuichetRegle(1, "Guichet 1"),),
        "ouvertures": open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE),
        "occupations": {},
        "fenetre": open_fenetre(JOUR, JOUR),
    }
    v = {**valeurs, **plus}
    return explain(
        v["demande"],  # type: ignore[arg-type]
        JOUR,
        v["faits"],  # type: ignore[arg-type]
        v["guichets"],  # type: ignore[arg-type]
        v["ouvertures"],  # type: ignore[arg-type]
        v["occupations"],  # type: ignore[arg-type]
        v["fenetre"],  # type: ignore[arg-type]
        PARIS,
    )


class TestLeService:
    """Annexe 1 §2, circulaire §5: what closes a day to everybody, whatever the guichet."""

    def test_an_open_day_counts_its_creneaux(self) -> None:
        assert explique().phrase == "18 créneaux proposés ce jour-là."

    @pytest.mark.parametrize(
        ("faits", "debut"),
        [
            (replace(FAITS, ferme=True), "Le service est fermé"),
            (replace(FAITS, en_ligne=False), "Le service n’a pas ouvert la prise de rendez-vous en ligne."),
            (replace(FAITS, ouverture_nationale=date(2027, 1, 16)), "L’ouverture nationale aux usagers"),
            (replace(FAITS, motif_ouvert=False), "Le service n’a pas ouvert ce motif."),
            (replace(FAITS, motif_actif=False), "Ce motif n’est plus au catalogue national."),
        ],
    )
    def test_each_rule_of_the_service_is_named(self, faits: FaitsService, debut: str) -> None:
        explication = explique(faits=faits)
        assert explication.phrase.startswith(debut)
        assert explication.libres == 0

    def test_the_online_rules_say_nothing_to_attached_agents(self) -> None:
        fermes = replace(FAITS, en_ligne=False, ouverture_nationale=date(2027, 1, 16))
        assert explique(faits=fermes, demande=ask()).libres == 18

    def test_every_rule_is_told_not_only_the_first(self) -> None:
        faits = replace(FAITS, en_ligne=False, motif_ouvert=False)
        fenetre = Fenetre(JOUR + timedelta(days=3), JOUR + timedelta(days=30), None, JOUR, 2, 30)
        raisons = [regle.raison for regle in explique(faits=faits, fenetre=fenetre).regles]
        assert raisons == [Raison.SERVICE_FERME, Raison.MOTIF_NON_PROPOSE, Raison.DELAI]
        assert "délai de 2\u00a0jours ouvrés" in explique(fenetre=fenetre).phrase


class TestLesGuichets:
    """G 2.3.3: guichet by guichet, closed, restricted, without plage, full."""

    def test_a_guichet_tells_all_that_closes_it(self) -> None:
        guichet = GuichetRegle(
            1, "G", ouvert=False, motifs=frozenset({9}), canaux=frozenset({"rattache"}), types=frozenset({"visio"})
        )
        (ligne,) = explique(guichets=(guichet,)).guichets
        assert [regle.raison for regle in ligne.regles] == [
            Raison.GUICHET_FERME,
            Raison.CANAL_FERME,
            Raison.MOTIF_NON_PROPOSE,
            Raison.TYPE_NON_PROPOSE,
        ]

    def test_a_holiday_and_a_closure_are_told_apart(self) -> None:
        ferie = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, feries=frozenset({JOUR}))
        fermeture = ExceptionPlanning(1, "fermeture", None, JOUR, JOUR, None, None, "Formation")
        assert "férié" in explique(ouvertures=ferie).phrase
        assert (
            "fermeture"
            in explique(ouvertures=open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, exceptions=(fermeture,))).phrase
        )

    def test_a_duration_longer_than_the_plages_is_named(self) -> None:
        courte = open_days(JOUR, JOUR, PlageType(480, 500))
        assert explique(ouvertures=courte, demande=ask(30, canal="internet")).phrase == (
            "Aucune plage de ce jour ne peut contenir 30 minutes."
        )

    def test_a_full_guichet_says_that_it_is_full(self) -> None:
        toute = {1: [(utc(JOUR, 7), utc(JOUR, 15))]}
        explication = explique(occupations=toute)
        assert explication.guichets[0].regles[0].raison is Raison.COMPLET
        assert "18" in explication.phrase

    def test_what_closes_every_guichet_is_the_headline_though_each_has_more_to_say(self) -> None:
        guichets = (
            GuichetRegle(1, "A", canaux=frozenset({"rattache"})),
            GuichetRegle(2, "B", types=frozenset({"visio"})),
        )
        fermeture = ExceptionPlanning(1, "fermeture", None, JOUR, JOUR, None, None, "Formation")
        closes = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, guichet_ids=(1, 2), exceptions=(fermeture,))
        assert explique(guichets=guichets, ouvertures=closes).phrase == "Une fermeture est inscrite ce jour-là."

    def test_a_service_without_guichet_says_so(self) -> None:
        assert explique(guichets=()).phrase == "Le service n’a aucun guichet."


@given(cas(), st.booleans())
def test_it_never_contradicts_the_grid(situation: Cas, ouvert: bool) -> None:
    """What is explained as closed offers nothing; what offers something is not explained as closed."""
    faits = FaitsService(motif_ouvert=ouvert, aujourdhui=situation.du)
    grille = situation.compute()
    for jour in situation.jours:
        explication = explain(
            situation.demande,
            jour,
            faits,
            situation.guichets,
            situation.ouvertures,
            situation.occupations,
            situation.fenetre,
            situation.zone,
        )
        creneaux = grille.jours[jour].creneaux if ouvert else ()
        assert explication.libres == len(creneaux)
        servent = {guichet_id for creneau in creneaux for guichet_id in creneau.guichets}
        for ligne in explication.guichets:
            assert bool(ligne.regles) == (ligne.libres == 0)
            if ouvert:
                assert (ligne.guichet_id in servent) == (not ligne.regles)
        assert explication.phrase
