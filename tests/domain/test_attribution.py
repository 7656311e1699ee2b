"""Who may give what: every cell of profile × perimeter, and what nobody may do [G 2.3.2; C §4]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.attribution import (
    NATION,
    Accorde,
    AConfirmer,
    Droit,
    Genre,
    Lieu,
    RaisonAttribution,
    Refuse,
    decide_compte,
    decide_detachement,
    decide_don,
    decide_rattachement,
    decide_retrait,
    decide_suspension,
)
from app.domain.habilitations import Profil

NEVERS = Lieu(Genre.SERVICE, "1", "58", "7")
DECIZE = Lieu(Genre.SERVICE, "2", "58", "7")
LYON = Lieu(Genre.SERVICE, "3", "69", "8")
NIEVRE = Lieu(Genre.DEPARTEMENT, "58", "", "7")
RHONE = Lieu(Genre.DEPARTEMENT, "69", "", "8")
CENTRE = Lieu(Genre.INTERREGION, "7")
RHONE_ALPES = Lieu(Genre.INTERREGION, "8")
LIEUX = {
    "nevers": NEVERS,
    "decize": DECIZE,
    "lyon": LYON,
    "nievre": NIEVRE,
    "rhone": RHONE,
    "centre": CENTRE,
    "rhone-alpes": RHONE_ALPES,
    "nation": NATION,
}
#: Perimeter administered → the perimeters it contains.
CONTIENT = {
    "nevers": {"nevers"},
    "nievre": {"nevers", "decize", "nievre"},
    "centre": {"nevers", "decize", "nievre", "centre"},
    "nation": set(LIEUX),
}
NATIONAUX = {Profil.AGENT_NATIONAL, Profil.ADMIN_NATIONAL}


def droit(profil: Profil, lieu: str) -> Droit:
    return Droit(profil, LIEUX[lieu])


class TestDonner:
    """An administrator can only give what his own perimeter and profile contain."""

    @pytest.mark.parametrize("profil", list(Profil))
    @pytest.mark.parametrize("lieu", list(LIEUX))
    @pytest.mark.parametrize("administre", list(CONTIENT))
    def test_a_local_administrator_gives_local_profiles_within_his_perimeter(
        self, administre: str, lieu: str, profil: Profil
    ) -> None:
        reponse = decide_don([droit(Profil.ADMIN_LOCAL, administre)], droit(profil, lieu), soi=False)
        permis = profil not in NATIONAUX and lieu in CONTIENT[administre]
        assert isinstance(reponse, Accorde) is permis

    @pytest.mark.parametrize("profil", list(Profil))
    @pytest.mark.parametrize("lieu", list(LIEUX))
    def test_a_national_administrator_gives_everything(self, lieu: str, profil: Profil) -> None:
        reponse = decide_don([droit(Profil.ADMIN_NATIONAL, "nation")], droit(profil, lieu), soi=False)
        if profil is Profil.ADMIN_NATIONAL and lieu != "nation":
            assert isinstance(reponse, Refuse)
            assert reponse.raison is RaisonAttribution.ADMIN_NATIONAL_PARTOUT
        else:
            assert isinstance(reponse, Accorde)

    @pytest.mark.parametrize("profil", [Profil.AGENT_LOCAL, Profil.AGENT_NATIONAL, Profil.PILOTAGE])
    @pytest.mark.parametrize("lieu", list(LIEUX))
    def test_whoever_is_no_administrator_gives_nothing(self, profil: Profil, lieu: str) -> None:
        for donne in Profil:
            assert isinstance(decide_don([droit(profil, "nation")], droit(donne, lieu), soi=False), Refuse)

    @pytest.mark.parametrize("profil", list(Profil))
    def test_nobody_raises_himself_not_even_the_nation(self, profil: Profil) -> None:
        for donneur in ([droit(Profil.ADMIN_NATIONAL, "nation")], [droit(Profil.ADMIN_LOCAL, "nevers")]):
            reponse = decide_don(donneur, droit(profil, "nevers"), soi=True)
            assert isinstance(reponse, Refuse)
            assert reponse.raison is RaisonAttribution.SOI_MEME

    def test_each_refusal_has_its_own_sentence(self) -> None:
        chef = [droit(Profil.ADMIN_LOCAL, "nevers")]
        ailleurs = decide_don(chef, droit(Profil.AGENT_LOCAL, "lyon"), soi=False)
        national = decide_don(chef, droit(Profil.AGENT_NATIONAL, "nevers"), soi=False)
        assert isinstance(ailleurs, Refuse)
        assert isinstance(national, Refuse)
        assert (ailleurs.raison, national.raison) == (
            RaisonAttribution.HORS_PERIMETRE,
            RaisonAttribution.PROFIL_NATIONAL,
        )
        assert ailleurs.phrase != national.phrase


class TestRattacher:
    """A1 §3.1: the zone de compétence is given by whoever administers the service."""

    @pytest.mark.parametrize("administre", list(CONTIENT))
    @pytest.mark.parametrize("service", ["nevers", "decize", "lyon"])
    def test_within_the_perimeter_only(self, administre: str, service: str) -> None:
        donneur = [droit(Profil.ADMIN_LOCAL, administre)]
        permis = service in CONTIENT[administre]
        assert isinstance(decide_rattachement(donneur, LIEUX[service], soi=False), Accorde) is permis
        assert isinstance(decide_detachement(donneur, LIEUX[service]), Accorde) is permis

    def test_nobody_attaches_himself(self) -> None:
        assert isinstance(decide_rattachement([droit(Profil.ADMIN_NATIONAL, "nation")], NEVERS, soi=True), Refuse)


class TestRetirer:
    """The last administrator of a service, or of the nation, is not removed in silence."""

    def test_what_may_be_given_may_be_taken_back(self) -> None:
        for administre, contenus in CONTIENT.items():
            for lieu in LIEUX:
                reponse = decide_retrait(
                    [droit(Profil.ADMIN_LOCAL, administre)],
                    droit(Profil.AGENT_LOCAL, lieu),
                    soi=False,
                    dernier_national=False,
                    orphelins=(),
                )
                assert isinstance(reponse, Accorde) is (lieu in contenus)

    def test_the_last_national_administrator_stays(self) -> None:
        national = droit(Profil.ADMIN_NATIONAL, "nation")
        for soi in (True, False):
            reponse = decide_retrait([national], national, soi=soi, dernier_national=True, orphelins=())
            assert isinstance(reponse, Refuse)
            assert "dernier administrateur national" in reponse.phrase

    def test_the_last_one_of_a_service_leaves_after_a_sentence_that_names_it(self) -> None:
        national = [droit(Profil.ADMIN_NATIONAL, "nation")]
        chef = droit(Profil.ADMIN_LOCAL, "nevers")
        reponse = decide_retrait(national, chef, soi=False, dernier_national=False, orphelins=("SIP de Nevers",))
        assert isinstance(reponse, AConfirmer)
        assert "SIP de Nevers" in reponse.phrase

    def test_he_cannot_leave_by_himself(self) -> None:
        chef = droit(Profil.ADMIN_LOCAL, "nevers")
        reponse = decide_retrait([chef], chef, soi=True, dernier_national=False, orphelins=("SIP de Nevers",))
        assert isinstance(reponse, Refuse)
        assert "successeur" in reponse.phrase

    @pytest.mark.parametrize("administre", list(CONTIENT))
    def test_his_own_right_asks_a_confirmation_even_when_another_remains(self, administre: str) -> None:
        sien = droit(Profil.ADMIN_LOCAL, administre)
        reponse = decide_retrait([sien], sien, soi=True, dernier_national=False, orphelins=())
        assert isinstance(reponse, AConfirmer)
        assert reponse.raison is RaisonAttribution.PERTE
        assert "vous ne pourrez pas vous la rendre vous-même" in reponse.phrase

    def test_many_services_are_counted_not_listed(self) -> None:
        noms = tuple(f"SIP {n}" for n in range(14))
        reponse = decide_retrait(
            [droit(Profil.ADMIN_NATIONAL, "nation")],
            droit(Profil.ADMIN_LOCAL, "nievre"),
            soi=False,
            dernier_national=False,
            orphelins=noms,
        )
        assert isinstance(reponse, AConfirmer)
        assert "SIP 0, SIP 1 et 12 autres services" in reponse.phrase


class TestAgirSurUnCompte:
    """Whoever changes an address and sends a new link becomes that agent: all its rights must be covered."""

    def test_a_chef_acts_on_the_accounts_of_his_service_only(self) -> None:
        chef = [droit(Profil.ADMIN_LOCAL, "nevers")]
        siens = [droit(Profil.AGENT_LOCAL, "nevers"), droit(Profil.PILOTAGE, "nevers")]
        assert isinstance(decide_compte(chef, siens), Accorde)
        assert isinstance(decide_compte(chef, [*siens, droit(Profil.AGENT_LOCAL, "decize")]), Refuse)
        assert isinstance(decide_compte(chef, [droit(Profil.ADMIN_NATIONAL, "nation")]), Refuse)

    def test_nobody_suspends_himself(self) -> None:
        national = [droit(Profil.ADMIN_NATIONAL, "nation")]
        reponse = decide_suspension(national, national, soi=True, dernier_national=False, orphelins=())
        assert isinstance(reponse, Refuse)
        assert reponse.raison is RaisonAttribution.SOI_MEME

    def test_a_suspension_asks_what_a_removal_asks(self) -> None:
        national = [droit(Profil.ADMIN_NATIONAL, "nation")]
        chef = [droit(Profil.ADMIN_LOCAL, "nevers")]
        options = {"soi": False, "dernier_national": False}
        assert isinstance(decide_suspension(national, chef, orphelins=(), **options), Accorde)
        assert isinstance(decide_suspension(national, chef, orphelins=("SIP",), **options), AConfirmer)
        assert isinstance(decide_suspension(chef, national, orphelins=(), **options), Refuse)


droits = st.builds(Droit, st.sampled_from(list(Profil)), st.sampled_from(list(LIEUX.values())))


@given(st.lists(droits, max_size=4), droits, droits)
def test_no_chain_of_gifts_raises_anybody_above_the_first_giver(
    donneur: list[Droit], premier: Droit, second: Droit
) -> None:
    """What a freshly made administrator may give, its maker could have given himself."""
    if isinstance(decide_don(donneur, premier, soi=False), Accorde) and isinstance(
        decide_don([premier], second, soi=False), Accorde
    ):
        assert isinstance(decide_don(donneur, second, soi=False), Accorde)
