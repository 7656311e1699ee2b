"""Invented people must pass the site's own checks, and be nobody."""

from __future__ import annotations

from datetime import date

import pytest

from app.booking.forms import parse_usager
from loadtests.personnes import Personne, make_numero_fiscal, make_siren

RANGS = (*range(60), 675, 676, 702, 9_999, 10_000, 123_456, 2_000_000)


@pytest.mark.parametrize("nature", ["particulier", "professionnel"])
def test_every_person_is_accepted_by_the_form(nature: str) -> None:
    for rang in RANGS:
        _, erreurs = parse_usager(
            {**Personne(rang).as_form(), "nature": nature}, departement="58", aujourdhui=date(2026, 11, 23)
        )
        assert erreurs == {}, rang


def test_every_person_is_accepted_by_the_api() -> None:
    for rang in RANGS:
        _, erreurs = parse_usager(Personne(rang).as_json(), departement="58", aujourdhui=date(2026, 11, 23))
        assert erreurs == {}, rang


def test_two_ranks_are_two_people() -> None:
    noms = {(Personne(rang).nom, Personne(rang).prenom) for rang in range(20_000)}
    assert len(noms) == 20_000
    courriels = [Personne(rang).courriel for rang in range(20_000)]
    assert len(set(courriels) - {""}) == 17_500


def test_nobody_real_is_ever_written_to_or_called() -> None:
    for rang in RANGS:
        assert Personne(rang).telephone.startswith("053649")
        assert Personne(rang).courriel.endswith("@usagers.test") or not Personne(rang).courriel


def test_numbers_differ_from_one_rank_to_the_next() -> None:
    assert make_siren(1) != make_siren(2)
    assert make_numero_fiscal(1) != make_numero_fiscal(2)
