"""Circulaire §6: « l'association impérative du CODIQUE au SAGES lors du paramétrage des SIP comptables »."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.codique import Structure, explain_codique

SIP = Structure("SIP", True, "5800450", "058045", False, frozenset({"assiette", "recouvrement"}))


def codes(structure: Structure, autres: tuple[str, ...] = ()) -> set[str]:
    return {defaut.code for defaut in explain_codique(structure, autres)}


class TestUnSipComptable:
    """C §6."""

    def test_with_its_codique_and_both_natures_of_motifs_nothing_is_said(self) -> None:
        assert explain_codique(SIP) == ()

    def test_without_codique_the_recouvrement_is_said_uncovered(self) -> None:
        (defaut,) = explain_codique(replace(SIP, codique=None))
        assert defaut.code == "codique-absent"
        assert "recouvrement" in defaut.phrase
        assert not defaut.bloquant

    def test_several_sages_under_one_codique_is_the_exception_of_note_3(self) -> None:
        assert codes(replace(SIP, codique=None, codique_partage=True)) == set()
        assert codes(replace(SIP, codique_partage=True), ("SIP NEVERS SUD",)) == set()

    def test_a_codique_borne_by_two_services_must_be_declared_shared(self) -> None:
        (defaut,) = explain_codique(SIP, ("SIP NEVERS SUD",))
        assert defaut.code == "codique-en-double"
        assert "SIP NEVERS SUD" in defaut.phrase

    def test_a_codique_declared_shared_that_nobody_shares_is_doubtful(self) -> None:
        assert codes(replace(SIP, codique_partage=True)) == {"codique-seul"}

    @pytest.mark.parametrize(
        ("natures", "attendus"),
        [
            ({"assiette"}, {"recouvrement-non-couvert"}),
            ({"recouvrement"}, {"assiette-non-couverte"}),
            (set(), {"assiette-non-couverte", "recouvrement-non-couvert"}),
            ({"mixte"}, set()),
        ],
    )
    def test_both_natures_of_motifs_are_open(self, natures: set[str], attendus: set[str]) -> None:
        assert codes(replace(SIP, natures=frozenset(natures))) == attendus


def test_without_sages_nothing_opens_online() -> None:
    (defaut,) = explain_codique(replace(SIP, sages=None))
    assert defaut.code == "sages-absent"
    assert defaut.bloquant


@pytest.mark.parametrize(("famille", "comptable"), [("SIE", True), ("CDIF", False), ("TRESORERIE", True)])
def test_the_rule_is_that_of_the_sip_alone(famille: str, comptable: bool) -> None:
    assert codes(Structure(famille, comptable, "5800450", None, False, frozenset())) == set()


def test_many_others_are_counted_rather_than_listed() -> None:
    (defaut,) = explain_codique(SIP, tuple(f"SIP {n}" for n in range(6)))
    assert "et 3 autres" in defaut.phrase


@given(
    st.builds(
        Structure,
        famille=st.sampled_from(["SIP", "SIE", "CDIF"]),
        comptable=st.booleans(),
        sages=st.none() | st.just("5800450"),
        codique=st.none() | st.just("058045"),
        codique_partage=st.booleans(),
        natures=st.none() | st.frozensets(st.sampled_from(["assiette", "recouvrement", "mixte"])),
    ),
    st.lists(st.just("SIP AUTRE"), max_size=5),
)
def test_each_fault_is_said_once_and_only_the_sages_blocks(structure: Structure, autres: list[str]) -> None:
    defauts = explain_codique(structure, autres)
    assert len({d.code for d in defauts}) == len(defauts)
    assert {d.code for d in defauts if d.bloquant} == (set() if structure.sages else {"sages-absent"})
