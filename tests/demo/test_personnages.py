"""Invented people: accepted by the form, reachable by nobody."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from random import Random

import pytest

from app.booking.forms import parse_usager
from app.demo.personnages import imagine_usager


@pytest.mark.parametrize("public", ["particulier", "professionnel", "tous"])
def test_the_form_accepts_them_as_they_are(public: str) -> None:
    hasard = Random(20261122)
    for _ in range(300):
        usager = imagine_usager(hasard, public)
        brut = {k: v for k, v in asdict(usager).items() if v is not None}
        brut["telephones"] = list(usager.telephones)
        if usager.date_naissance:
            brut["date_naissance"] = usager.date_naissance.isoformat()
        lu, erreurs = parse_usager(brut, departement="58", aujourdhui=date(2026, 11, 22))
        assert not erreurs
        assert lu == usager


def test_no_message_nor_call_can_reach_anybody() -> None:
    hasard = Random(1)
    for _ in range(500):
        usager = imagine_usager(hasard, "tous")
        assert usager.courriel is None or usager.courriel.endswith("@usagers.test")
        assert usager.telephones[0][:8] in {"+3319900", "+3326191", "+3335301", "+3346571", "+3353649"}


def test_without_a_mailbox_nobody_gives_an_address() -> None:
    hasard = Random(2)
    assert all(imagine_usager(hasard, "tous", courriel=False).courriel is None for _ in range(50))
