"""« No reminder for a cancelled or past RDV » [P8], and what a person expects of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.courrier import opportunite
from app.courrier.message import EVENEMENTS
from app.courrier.opportunite import Situation, obstacle
from tests.courrier.exemples import AUJOURD_HUI, CAEN_NORD

PREVU = Situation("prevu", CAEN_NORD.debut, CAEN_NORD.fin, remplace=False)


def _obstacle(evenement: str, a: datetime = AUJOURD_HUI, **change: object) -> str | None:
    return obstacle(evenement, CAEN_NORD, replace(PREVU, **change), a)  # type: ignore[arg-type]  # names of Situation


class TestP8Opportunite:
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_everything_leaves_while_the_rendez_vous_stands(self, evenement: str) -> None:
        assert _obstacle(evenement) is None

    @pytest.mark.parametrize("evenement", ["confirmation", "deplacement", "rappel"])
    def test_nothing_but_the_cancellation_leaves_for_a_cancelled_one(self, evenement: str) -> None:
        assert _obstacle(evenement, etat="annule") == opportunite.RDV_ANNULE
        assert _obstacle("annulation", etat="annule", remplace=False) is None

    @pytest.mark.parametrize("evenement", ["confirmation", "deplacement", "rappel"])
    def test_what_a_later_message_replaces_does_not_leave(self, evenement: str) -> None:
        assert _obstacle(evenement, remplace=True) == opportunite.REMPLACE

    def test_an_hour_that_is_no_longer_true_is_not_told(self) -> None:
        assert _obstacle("rappel", debut=CAEN_NORD.debut + timedelta(hours=1)) == opportunite.RDV_DEPLACE

    def test_no_reminder_once_it_has_begun_and_no_confirmation_once_it_has_ended(self) -> None:
        assert _obstacle("rappel", a=CAEN_NORD.debut) == opportunite.RDV_PASSE
        assert _obstacle("rappel", a=CAEN_NORD.debut - timedelta(seconds=1)) is None
        assert _obstacle("confirmation", a=CAEN_NORD.debut) is None
        assert _obstacle("confirmation", a=CAEN_NORD.fin) == opportunite.RDV_PASSE

    def test_no_reminder_to_somebody_who_is_here(self) -> None:
        assert _obstacle("rappel", etat="arrive") == opportunite.RDV_COMMENCE
