"""Every column says what it holds; nothing personal enters by accident (promise « personal data »)."""

from __future__ import annotations

import pytest

from app.tables import Base
from app.tables.classement import CLASSEMENT, RESTE, Classe, get_classe

COLONNES = [(table.name, colonne.name) for table in Base.metadata.tables.values() for colonne in table.columns]
#: Tables that hold people: there, each column is named, so that a new one is thought about.
PERSONNES = ("rdv_usager", "usager", "rendez_vous", "agent", "demande_oidc", "attente")


@pytest.mark.parametrize(("table", "colonne"), COLONNES)
def test_every_column_is_classified(table: str, colonne: str) -> None:
    assert isinstance(get_classe(table, colonne), Classe)


def test_nothing_is_classified_that_does_not_exist() -> None:
    connues = set(COLONNES)
    assert {
        (table, colonne) for table, colonnes in CLASSEMENT.items() for colonne in colonnes if colonne != RESTE
    } <= connues
    assert set(CLASSEMENT) == set(Base.metadata.tables)


@pytest.mark.parametrize("table", PERSONNES)
def test_a_table_of_people_has_no_default_class(table: str) -> None:
    assert RESTE not in CLASSEMENT[table]


@pytest.mark.parametrize(
    ("table", "colonne"),
    [
        (table, colonne)
        for table, colonne in COLONNES
        if any(mot in colonne for mot in ("empreinte", "sel", "mot_de_passe", "nonce", "verificateur"))
    ],
)
def test_what_looks_like_a_secret_is_classified_as_one(table: str, colonne: str) -> None:
    assert get_classe(table, colonne) is Classe.SECRET


@pytest.mark.parametrize(
    ("table", "colonne"),
    [
        (table, colonne)
        for table, colonne in COLONNES
        if colonne in ("numero_fiscal", "siren", "date_naissance", "telephones", "nom_usage", "prenoms", "destinataire")
    ],
)
def test_what_identifies_somebody_is_classified_as_such(table: str, colonne: str) -> None:
    assert get_classe(table, colonne) is Classe.USAGER
