"""The story of a visit: in order, inside its rendez-vous, the same each time it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.demo.visites import RETARD_VISITEUR, imagine_visite
from app.domain.rendez_vous import Action, Transition, find_heure_a_venir, transition

DEBUT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize("type_rdv", ["guichet", "telephone", "visio"])
@pytest.mark.parametrize("duree", [15, 20, 30, 60])
class TestVisite:
    """domain « Life of a rendez-vous »."""

    def test_its_steps_are_in_order_and_leave_the_guichet_before_the_next_one(self, duree: int, type_rdv: str) -> None:
        fin = DEBUT + timedelta(minutes=duree)
        for rdv_id in range(1, 400):
            pas = imagine_visite(rdv_id, DEBUT, fin, type_rdv).venue
            instants = [p.a for p in pas]
            assert instants == sorted(instants)
            assert len(set(instants)) == len(instants)
            assert all(p.a >= DEBUT for p in pas if p.action is not Action.MARQUER_ARRIVEE)
            assert instants[-1] < fin

    def test_every_step_is_one_that_the_rules_accept(self, duree: int, type_rdv: str) -> None:
        fin = DEBUT + timedelta(minutes=duree)
        for rdv_id in range(1, 100):
            etat = "prevu"
            for pas in imagine_visite(rdv_id, DEBUT, fin, type_rdv).remaining(etat):
                issue = transition(
                    etat,
                    pas.action,
                    jour_rdv=DEBUT.date(),
                    jour_local_courant=DEBUT.date(),
                    heure_a_venir=find_heure_a_venir(DEBUT, pas.a, UTC),
                    a_distance=type_rdv != "guichet",
                )
                assert isinstance(issue, Transition)
                etat = issue.etat
            assert etat in ("termine", "non_honore")

    def test_it_is_told_the_same_way_twice(self, duree: int, type_rdv: str) -> None:
        fin = DEBUT + timedelta(minutes=duree)
        assert imagine_visite(7, DEBUT, fin, type_rdv) == imagine_visite(7, DEBUT, fin, type_rdv)


class TestReste:
    """What is still to happen depends on where the visit stands, whoever brought it there."""

    def test_somebody_marked_as_arrived_by_a_person_has_come_even_when_absence_was_drawn(self) -> None:
        fin = DEBUT + timedelta(minutes=20)
        absent = next(v for i in range(1, 500) if (v := imagine_visite(i, DEBUT, fin, "guichet")).absence is not None)
        assert [p.action for p in absent.remaining("prevu")] == [Action.MARQUER_NON_VENU]
        assert [p.action for p in absent.remaining("arrive")] == [Action.APPELER, Action.RECEVOIR, Action.TERMINER]

    @pytest.mark.parametrize("etat", ["termine", "annule", "non_honore"])
    def test_nothing_happens_after_the_end(self, etat: str) -> None:
        assert imagine_visite(1, DEBUT, DEBUT + timedelta(minutes=20), "guichet").remaining(etat) == ()

    def test_at_the_guichet_left_to_the_visitor_people_come_early_and_wait(self) -> None:
        for rdv_id in range(1, 200):
            visite = imagine_visite(rdv_id, DEBUT, DEBUT + timedelta(minutes=20), "guichet", retard=RETARD_VISITEUR)
            assert visite.absence is None
            assert visite.venue[0].a < DEBUT
            assert visite.venue[1].a >= DEBUT + timedelta(minutes=RETARD_VISITEUR)

    def test_about_one_in_twelve_does_not_come(self) -> None:
        absents = sum(
            imagine_visite(i, DEBUT, DEBUT + timedelta(minutes=20), "guichet").absence is not None for i in range(4000)
        )
        assert 250 < absents < 420
