"""Every column says what it holds; nothing personal enters by accident (promise « personal data »)."""

from __future__ import annotations

from typing import Any, cast

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


#: Words by which a column says that it is about somebody, whatever its table.
_PERSONNELS = frozenset(
    {
        *("nom", "noms", "prenom", "prenoms", "civilite", "naissance", "courriel", "courriels", "mail", "telephone"),
        *("telephones", "mobile", "contact", "adresse", "destinataire", "fiscal", "siren", "raison_sociale"),
        *("commentaire", "note", "precision", "usager", "identite"),
    }
)


def is_douteux(table: str, colonne: str) -> bool:
    """True of a column named like a personal one and classified as if it held nobody."""
    personnel = colonne in _PERSONNELS or not _PERSONNELS.isdisjoint(colonne.split("_"))
    return personnel and get_classe(table, colonne) is Classe.TECHNIQUE


@pytest.mark.parametrize(("table", "colonne"), COLONNES)
def test_nothing_named_like_a_person_is_said_to_be_technical(table: str, colonne: str) -> None:
    assert not is_douteux(table, colonne)


@pytest.mark.parametrize(
    "colonne", ["courriel", "telephone", "nom", "nom_usage", "date_naissance", "courriel_2", "usager_id"]
)
def test_a_new_table_that_says_so_is_caught(monkeypatch: pytest.MonkeyPatch, colonne: str) -> None:
    monkeypatch.setitem(cast(Any, CLASSEMENT), "nouvelle", {RESTE: Classe.TECHNIQUE})
    assert is_douteux("nouvelle", colonne)
    assert not is_douteux("nouvelle", "nombre")
