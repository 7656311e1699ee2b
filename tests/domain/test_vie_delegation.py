"""The life of a delegation, said without a database: states by date, what overlaps, who can receive (G 2.3.5)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.delegation import Delegation
from app.domain.explication import Explication
from app.domain.explication_delegations import OffreAilleurs, explain_confiee, explain_recue
from app.domain.guichets import GuichetRegle
from app.domain.vie_delegation import (
    Accord,
    Etape,
    Obstacle,
    explain_dates,
    find_etape,
    find_receptions,
    find_recouvrement,
)

DU, AU = date(2026, 11, 24), date(2026, 11, 27)
UN_JOUR = timedelta(days=1)
jours = st.dates(date(2026, 1, 1), date(2026, 12, 31))


class TestEtapes:
    """« retour automatique »: nobody ends it, its last day does."""

    @pytest.mark.parametrize(
        ("etat", "aujourdhui", "etape"),
        [
            ("proposee", DU - UN_JOUR, Etape.PROPOSEE),
            ("proposee", AU, Etape.PROPOSEE),
            ("proposee", AU + UN_JOUR, Etape.SANS_REPONSE),
            ("acceptee", DU - UN_JOUR, Etape.A_VENIR),
            ("acceptee", DU, Etape.EN_COURS),
            ("acceptee", AU, Etape.EN_COURS),
            ("acceptee", AU + UN_JOUR, Etape.TERMINEE),
            ("refusee", DU, Etape.REFUSEE),
            ("retiree", DU, Etape.RETIREE),
        ],
    )
    def test_a_state_is_read_from_the_dates(self, etat: str, aujourdhui: date, etape: Etape) -> None:
        assert find_etape(etat, DU, AU, aujourdhui) is etape

    def test_one_ended_early_is_not_one_withdrawn_unanswered(self) -> None:
        assert find_etape("retiree", DU, AU, DU, arretee=True) is Etape.ARRETEE

    @given(du=jours, duree=st.integers(0, 90), aujourdhui=jours)
    def test_an_accepted_one_is_open_exactly_until_its_last_day(self, du: date, duree: int, aujourdhui: date) -> None:
        au = du + timedelta(days=duree)
        delegation = Delegation(1, 1, "A", 2, "B", {5: 20}, du, au, None)
        assert find_etape("acceptee", du, au, aujourdhui).ouverte is delegation.is_vivante(aujourdhui)


class TestDates:
    """What may be proposed today."""

    def test_the_past_and_the_reverse_are_refused(self) -> None:
        assert explain_dates(DU, AU, DU) == {}
        assert explain_dates(DU, DU, DU) == {}
        assert list(explain_dates(DU, AU, DU + UN_JOUR)) == ["du"]
        assert list(explain_dates(AU, DU, DU)) == ["au"]


class TestRecouvrements:
    """One motif is entrusted to one service once a day."""

    @given(
        st.lists(st.tuples(st.frozensets(st.integers(1, 5), min_size=1), jours, st.integers(0, 60)), max_size=6),
        st.frozensets(st.integers(1, 5), min_size=1),
        jours,
        st.integers(0, 60),
    )
    def test_it_is_found_exactly_when_a_motif_has_a_day_twice(
        self, autres: list[tuple[frozenset[int], date, int]], motifs: frozenset[int], du: date, duree: int
    ) -> None:
        au = du + timedelta(days=duree)
        accords = [Accord(i, m, d, d + timedelta(days=n)) for i, (m, d, n) in enumerate(autres)]
        miens = {(m, du + timedelta(days=n)) for m in motifs for n in range(duree + 1)}
        siens = {(m, d + timedelta(days=k)) for ms, d, n in autres for m in ms for k in range(n + 1)}
        trouve = find_recouvrement(motifs, du, au, accords)
        assert (trouve is not None) is bool(miens & siens)
        if trouve is not None:
            accord, communs = trouve
            assert communs == motifs & accord.motifs
            assert communs


class TestReceptions:
    """Who will receive, told before accepting: the conditions of the grid, in its order."""

    @pytest.mark.parametrize(
        ("guichets", "obstacle"),
        [
            ((), Obstacle.AUCUN_GUICHET),
            ((GuichetRegle(1, "G1", ouvert=False),), Obstacle.GUICHETS_FERMES),
            ((GuichetRegle(1, "G1", canaux=frozenset({"rattache"})),), Obstacle.INTERNET),
            ((GuichetRegle(1, "G1", motifs=frozenset({6})),), Obstacle.MOTIF),
            ((GuichetRegle(1, "G1", types=frozenset({"visio"})),), Obstacle.TYPE),
        ],
    )
    def test_why_none_can(self, guichets: tuple[GuichetRegle, ...], obstacle: Obstacle) -> None:
        (reception,) = find_receptions([5], guichets, visio=False)
        assert (reception.guichets, reception.obstacle) == ((), obstacle)

    def test_each_motif_has_its_guichets_in_their_order(self) -> None:
        guichets = (
            GuichetRegle(1, "Guichet 1"),
            GuichetRegle(2, "Box", motifs=frozenset({5})),
            GuichetRegle(3, "Visio", types=frozenset({"visio"})),
        )
        cinq, six = find_receptions([5, 6], guichets, visio=True)
        assert (cinq.guichets, six.guichets) == (("Guichet 1", "Box", "Visio"), ("Guichet 1", "Visio"))


class TestPourquoi:
    """« Pourquoi n’y a-t-il pas de créneau ? » names the delegation where it matters."""

    DELEGATION = Delegation(9, 1, "SIP DE NEVERS", 2, "SIP DE COSNE", {5: 20}, DU, AU, 2)

    @pytest.mark.parametrize(
        ("jour", "aujourdhui", "offre", "ouvert", "mot", "libres"),
        [
            (AU + UN_JOUR, AU + UN_JOUR, OffreAilleurs(), True, "terminée depuis le 27/11/2026", 0),
            (AU + UN_JOUR, DU, OffreAilleurs(), True, "ne couvre pas ce jour", 0),
            (DU, DU, OffreAilleurs(4), False, "n’est pas ouvert en ligne", 0),
            (DU, DU, OffreAilleurs(complet=True), True, "complète ce jour-là : les 2 rendez-vous", 0),
            (DU, DU, OffreAilleurs(raison="jour férié"), True, "jour férié", 0),
            (DU, DU, OffreAilleurs(4), True, "4 créneaux proposés à SIP DE COSNE", 4),
        ],
    )
    def test_of_one_that_is_given(
        self, jour: date, aujourdhui: date, offre: OffreAilleurs, ouvert: bool, mot: str, libres: int
    ) -> None:
        dite = explain_confiee(self.DELEGATION, jour, aujourdhui, offre, service_ouvert=ouvert)
        assert mot in dite.phrase
        assert "SIP DE COSNE" in dite.phrase
        assert dite.libres == libres

    @pytest.mark.parametrize(
        ("jour", "pris", "mot"),
        [(DU, 0, "(0 pris sur 2 ce jour-là)"), (DU, 2, "ont pris tout"), (AU + UN_JOUR, 0, "ne couvre pas ce jour")],
    )
    def test_of_one_that_is_received(self, jour: date, pris: int, mot: str) -> None:
        dite = explain_recue(self.DELEGATION, jour, DU, pris)
        assert mot in dite.phrase
        assert "SIP DE NEVERS" in dite.phrase

    def test_a_day_closed_here_and_open_there_says_both(self) -> None:
        dite = explain_confiee(self.DELEGATION, DU, DU, OffreAilleurs(1), service_ouvert=True)
        explication = Explication(DU, (), (), 0, (dite,))
        assert explication.phrase == "Aucun créneau dans ce service ; 1 créneau proposé à SIP DE COSNE, par délégation."
        assert Explication(DU, (), (), 3, (dite,)).phrase == "3 créneaux proposés ce jour-là."
