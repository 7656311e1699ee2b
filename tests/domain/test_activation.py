"""What a service needs before usagers may come (circulaire §5, §6; annexe 1, summary table)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.activation import Etat, Faits, explain_activation, list_avertissements, list_manques
from app.domain.codique import Structure

SIP = Structure("SIP", True, "5800450", "058123", False, frozenset({"assiette", "recouvrement"}))
PRET = Faits(
    structure=SIP,
    guichets_internet=2,
    premiere_plage=date(2026, 11, 26),
    motifs_reservables=12,
    natures_possibles=frozenset({"assiette", "recouvrement"}),
    natures_ouvertes=frozenset({"assiette", "recouvrement"}),
    agents=3,
    premier_creneau="jeudi 26 novembre à 08:20 (Première déclaration)",
)


def etats(faits: Faits) -> dict[str, str]:
    return {point.cle: point.etat.value for point in explain_activation(faits)}


def test_a_service_that_has_everything_may_open() -> None:
    points = explain_activation(PRET)
    assert list_manques(points) == ()
    assert list_avertissements(points) == ()
    assert "jeudi 26 novembre à 08:20" in next(p.phrase for p in points if p.cle == "creneau")


@pytest.mark.parametrize(
    ("change", "cle"),
    [
        ({"structure": replace(SIP, sages=None)}, "sages-absent"),
        ({"guichets_internet": 0}, "guichets"),
        ({"premiere_plage": None}, "plages"),
        ({"motifs_reservables": 0}, "motifs"),
        ({"adresse": False}, "adresse"),
        ({"telephone": False, "courriel": False}, "contact"),
        ({"agents": 0}, "agents"),
        ({"ferme": True}, "service"),
    ],
)
def test_what_is_missing_blocks_and_says_where_to_set_it_right(change: dict[str, Any], cle: str) -> None:
    points = explain_activation(replace(PRET, **change))
    manques = {point.cle: point for point in list_manques(points)}
    assert cle in manques
    assert manques[cle].partie
    assert manques[cle].phrase.endswith(".")
    assert manques[cle].pourquoi.endswith(".")


@pytest.mark.parametrize(
    ("change", "cle"),
    [
        ({"structure": replace(SIP, codique=None)}, "codique-absent"),
        ({"homonymes": ("SIP de Cosne",)}, "codique-en-double"),
        ({"telephone": False}, "contact"),
        ({"motifs_sans_guichet": 2}, "motifs-sans-guichet"),
        ({"premier_creneau": ""}, "creneau"),
    ],
)
def test_what_deserves_thought_warns_without_blocking(change: dict[str, Any], cle: str) -> None:
    points = explain_activation(replace(PRET, **change))
    assert list_manques(points) == ()
    assert [point.cle for point in list_avertissements(points)] == [cle]


class TestLaCouverture:
    """Circulaire §6: every motif of assiette and of recouvrement."""

    def test_a_sip_comptable_without_recouvrement_is_warned_once(self) -> None:
        assiette = frozenset({"assiette"})
        faits = replace(PRET, structure=replace(SIP, natures=assiette), natures_ouvertes=assiette)
        assert [p.cle for p in list_avertissements(explain_activation(faits))] == ["recouvrement-non-couvert"]

    def test_another_service_is_warned_when_its_catalogue_has_some(self) -> None:
        assiette = frozenset({"assiette"})
        sie = replace(SIP, famille="SIE", natures=assiette)
        faits = replace(PRET, structure=sie, natures_ouvertes=assiette)
        assert [p.cle for p in list_avertissements(explain_activation(faits))] == ["sans-recouvrement"]

    def test_a_cdif_whose_catalogue_is_all_assiette_is_not(self) -> None:
        assiette = frozenset({"assiette"})
        cdif = Structure("CDIF", False, "5800451", None, False, assiette)
        faits = replace(PRET, structure=cdif, natures_ouvertes=assiette, natures_possibles=assiette)
        assert list_avertissements(explain_activation(faits)) == ()

    def test_a_mixed_motif_covers_both(self) -> None:
        mixte = frozenset({"mixte"})
        faits = replace(PRET, structure=replace(SIP, natures=mixte), natures_ouvertes=mixte)
        assert list_avertissements(explain_activation(faits)) == ()


def test_what_is_missing_is_not_said_twice() -> None:
    """Without motif or plage there is no créneau: the reason is enough."""
    assert "creneau" not in etats(replace(PRET, motifs_reservables=0, premier_creneau=""))
    assert "creneau" not in etats(replace(PRET, premiere_plage=None, premier_creneau=""))


@given(
    st.builds(
        Faits,
        structure=st.builds(
            Structure,
            st.sampled_from(["SIP", "SIE", "CDIF", "TRESORERIE"]),
            st.booleans(),
            st.none() | st.just("5800450"),
            st.none() | st.just("058123"),
            st.booleans(),
            st.frozensets(st.sampled_from(["assiette", "recouvrement", "mixte"])),
        ),
        homonymes=st.lists(st.just("SIP DE COSNE"), max_size=5),
        ferme=st.booleans(),
        guichets_internet=st.integers(0, 3),
        premiere_plage=st.none() | st.dates(),
        motifs_reservables=st.integers(0, 60),
        motifs_sans_guichet=st.integers(0, 3),
        natures_possibles=st.frozensets(st.sampled_from(["assiette", "recouvrement", "mixte"])),
        natures_ouvertes=st.frozensets(st.sampled_from(["assiette", "recouvrement", "mixte"])),
        adresse=st.booleans(),
        telephone=st.booleans(),
        courriel=st.booleans(),
        agents=st.integers(0, 2),
        premier_creneau=st.sampled_from(["", "demain"]),
    )
)
def test_every_point_has_its_own_key_and_speaks(faits: Faits) -> None:
    points = explain_activation(faits)
    assert len({p.cle for p in points}) == len(points)
    assert all(p.phrase and p.pourquoi for p in points)
    possible = (
        faits.structure.sages
        and not faits.ferme
        and faits.guichets_internet
        and faits.premiere_plage
        and faits.motifs_reservables
        and faits.adresse
        and (faits.telephone or faits.courriel)
        and faits.agents
    )
    assert (not [p for p in points if p.etat is Etat.MANQUE]) is bool(possible)
