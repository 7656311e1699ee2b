from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendrier import Parametres, fenetre
from app.domain.droits import (
    PHRASES_ALERTES,
    Acces,
    AConfirmer,
    Alerte,
    Autorise,
    ContexteReservation,
    Decision,
    Module,
    Profil,
    Refuse,
    Statut,
    build_contexte,
    decide_acces_service,
    decide_modification,
    decide_reservation,
    has_module,
    sees_agenda,
)
from app.domain.guichets import GuichetRegle
from app.domain.horaires import local_minute_to_epoch
from app.domain.plages import ExceptionPlanning
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal
from tests.domain.fabrique import HORAIRES_DU_TEXTE, PARIS, ask, hm, open_days

INTERNET, EXTERIEUR, RATTACHE = Canal
SOUMIS = (INTERNET, EXTERIEUR)
RIEN_N_Y_FAIT = ContexteReservation()


def decide(canal: str, **faits: Any) -> Decision:
    return decide_reservation(canal, replace(RIEN_N_Y_FAIT, **faits))


def refused(decision: Decision) -> Refuse:
    assert isinstance(decision, Refuse)
    assert decision.phrase.endswith(".")
    return decision


class TestAnnexe1TableauReservation:
    """Annexe 1, summary table, cell by cell: what each of the three may force."""

    @pytest.mark.parametrize("canal", Canal)
    def test_a_booking_within_the_rules_is_allowed_to_everybody(self, canal: Canal) -> None:
        assert decide(canal) == Autorise()

    @pytest.mark.parametrize("canal", Canal)
    @pytest.mark.parametrize(
        ("faits", "raison"),
        [
            ({"guichet_ouvert": False}, Raison.GUICHET_FERME),
            ({"interdit": Raison.FERMETURE}, Raison.FERMETURE),
            ({"interdit": Raison.FERIE}, Raison.FERIE),
            ({"chevauchement": True}, Raison.CHEVAUCHEMENT),
            ({"canal_accepte": False}, Raison.CANAL_FERME),
            ({"dehors": Raison.PASSE}, Raison.PASSE),
            ({"dehors": Raison.HORIZON}, Raison.HORIZON),
            ({"duree_valide": False}, Raison.DUREE_INVALIDE),
        ],
    )
    def test_what_nobody_can_force_even_with_every_warning_acknowledged(
        self, canal: Canal, faits: dict[str, Any], raison: Raison
    ) -> None:
        assert refused(decide(canal, **faits, acquittees=frozenset(Alerte))).raison is raison

    @pytest.mark.parametrize("canal", SOUMIS)
    @pytest.mark.parametrize(
        ("faits", "raison", "champ"),
        [
            ({"dans_plage": False}, Raison.HORS_PLAGE, "debut"),
            ({"motif_propose": False}, Raison.MOTIF_NON_PROPOSE, "motif"),
            ({"type_propose": False}, Raison.TYPE_NON_PROPOSE, "type"),
            ({"sur_grille": False}, Raison.HORS_GRILLE, "debut"),
            ({"dehors": Raison.DELAI}, Raison.DELAI, "debut"),
        ],
    )
    def test_what_the_internet_and_agents_exterieurs_cannot_force(
        self, canal: Canal, faits: dict[str, Any], raison: Raison, champ: str
    ) -> None:
        refus = refused(decide(canal, **faits, acquittees=frozenset(Alerte)))
        assert (refus.raison, refus.champ, refus.statut) == (raison, champ, "regle")

    @pytest.mark.parametrize("canal", SOUMIS)
    def test_forcing_a_duration_is_forbidden_to_them_rather_than_wrong(self, canal: Canal) -> None:
        refus = refused(decide(canal, duree_conforme=False, acquittees=frozenset(Alerte)))
        assert (refus.raison, refus.statut) == (Raison.DUREE_NON_MODIFIABLE, "interdit")

    @pytest.mark.parametrize(
        ("faits", "alerte"),
        [
            ({"dans_plage": False}, Alerte.HORS_PLAGE),
            ({"duree_conforme": False}, Alerte.DUREE_MODIFIEE),
            ({"motif_propose": False}, Alerte.MOTIF_NON_PROPOSE),
            ({"type_propose": False}, Alerte.TYPE_NON_PROPOSE),
        ],
    )
    def test_an_attached_agent_is_warned_and_passes_once_the_warning_is_acknowledged(
        self, faits: dict[str, Any], alerte: Alerte
    ) -> None:
        assert decide(RATTACHE, **faits) == AConfirmer((alerte,))
        autres = frozenset(Alerte) - {alerte}
        assert decide(RATTACHE, **faits, acquittees=autres) == AConfirmer((alerte,))
        assert decide(RATTACHE, **faits, acquittees=frozenset({alerte})) == Autorise((alerte,))

    def test_an_attached_agent_chooses_freely_the_hour_inside_a_plage(self) -> None:
        assert decide(RATTACHE, sur_grille=False) == Autorise()

    def test_all_the_warnings_come_together_even_those_already_acknowledged(self) -> None:
        tout = {"dans_plage": False, "duree_conforme": False, "motif_propose": False, "type_propose": False}
        decision = decide(RATTACHE, **tout, acquittees=frozenset({Alerte.HORS_PLAGE}))
        assert isinstance(decision, AConfirmer)
        assert set(decision.alertes) == set(Alerte)
        assert decision.phrases == tuple(PHRASES_ALERTES[alerte] for alerte in decision.alertes)

    @pytest.mark.parametrize("canal", Canal)
    def test_a_move_that_keeps_its_motif_is_not_held_back_by_the_motif(self, canal: Canal) -> None:
        assert decide(canal, motif_propose=False, motif_initial=True) == Autorise()

    def test_an_overlap_is_a_conflict_and_comes_after_every_rule(self) -> None:
        assert refused(decide(INTERNET, chevauchement=True)).statut == "conflit"
        assert refused(decide(INTERNET, chevauchement=True, dans_plage=False)).raison is Raison.HORS_PLAGE
        assert refused(decide(RATTACHE, chevauchement=True, dans_plage=False)).raison is Raison.CHEVAUCHEMENT

    def test_an_online_service_that_is_not_open_refuses(self) -> None:
        assert refused(decide(INTERNET, service_ouvert=False)).raison is Raison.SERVICE_FERME

    def test_the_refusal_of_a_date_says_by_how_much(self) -> None:
        refus = refused(decide(INTERNET, dehors=Raison.DELAI, dehors_phrase="délai de 2\u00a0jours ouvrés"))
        assert refus.phrase == "Cette date est trop proche (délai de 2\u00a0jours ouvrés)."

    def test_an_unknown_channel_is_an_error_not_a_right(self) -> None:
        with pytest.raises(ValueError, match="pigeon"):
            decide("pigeon")

    @given(st.data())
    def test_nothing_that_cannot_be_forced_is_ever_allowed(self, data: st.DataObject) -> None:
        booleens = ("guichet_ouvert", "canal_accepte", "service_ouvert", "duree_valide", "duree_conforme")
        faits = {nom: data.draw(st.booleans(), nom) for nom in (*booleens, "dans_plage", "chevauchement")}
        interdit = data.draw(st.sampled_from((None, Raison.FERIE, Raison.FERMETURE)))
        decision = decide(data.draw(st.sampled_from(Canal)), **faits, interdit=interdit, acquittees=frozenset(Alerte))
        infranchissables = ("guichet_ouvert", "canal_accepte", "service_ouvert", "duree_valide")
        if interdit or faits["chevauchement"] or not all(faits[nom] for nom in infranchissables):
            assert isinstance(decision, Refuse)
        assert not isinstance(decision, AConfirmer), "everything was acknowledged"


class TestContexte:
    """The facts, looked at where they are: planning, closures, neighbours."""

    JOUR = date(2026, 9, 14)
    GUICHET = GuichetRegle(1, "g", motifs=frozenset({1}), types=frozenset({"guichet"}))

    def at(self, heures: int, minutes: int = 0) -> int:
        return local_minute_to_epoch(self.JOUR, hm(heures, minutes), PARIS)

    def look(
        self,
        debut: int,
        fin: int,
        *,
        canal: str = "rattache",
        occupations: tuple[tuple[int, int], ...] = (),
        exceptions: tuple[ExceptionPlanning, ...] = (),
        acquittees: tuple[str, ...] = (),
        motif: int = 1,
    ) -> Decision:
        lundi_precedent = local_minute_to_epoch(self.JOUR - timedelta(days=7), hm(9), PARIS)
        ouverte = fenetre(canal, lundi_precedent, PARIS, Parametres(), ())
        ouvertures = open_days(self.JOUR, self.JOUR, *HORAIRES_DU_TEXTE, exceptions=exceptions)
        demande = ask(canal=canal, motif=motif)
        contexte = build_contexte(
            demande, debut, fin, self.GUICHET, ouvertures, occupations, ouverte, PARIS, acquittees=acquittees
        )
        return decide_reservation(canal, contexte)

    @pytest.mark.parametrize("canal", Canal)
    def test_a_creneau_of_the_grid_is_allowed_to_all(self, canal: Canal) -> None:
        assert self.look(self.at(8, 20), self.at(8, 40), canal=canal) == Autorise()

    def test_a_forged_minute_is_refused_online_and_free_to_an_attached_agent(self) -> None:
        assert refused(self.look(self.at(10, 7), self.at(10, 27), canal="internet")).raison is Raison.HORS_GRILLE
        assert self.look(self.at(10, 7), self.at(10, 27)) == Autorise()

    def test_lunch_time_is_outside_the_plages_and_half_outside_counts(self) -> None:
        for debut, fin in ((self.at(12, 30), self.at(12, 50)), (self.at(11, 50), self.at(12, 10))):
            assert self.look(debut, fin) == AConfirmer((Alerte.HORS_PLAGE,))
            assert self.look(debut, fin, acquittees=("hors_plage",)) == Autorise((Alerte.HORS_PLAGE,))
            assert refused(self.look(debut, fin, canal="exterieur")).raison is Raison.HORS_PLAGE

    def test_another_duration_is_a_warning_to_one_and_forbidden_to_the_other(self) -> None:
        assert self.look(self.at(9), self.at(9, 40)) == AConfirmer((Alerte.DUREE_MODIFIEE,))
        assert refused(self.look(self.at(9), self.at(9, 40), canal="exterieur")).statut == "interdit"

    def test_a_partial_closure_cannot_be_forced(self) -> None:
        reunion = ExceptionPlanning(1, "fermeture", None, self.JOUR, self.JOUR, hm(9), hm(10), "réunion")
        tout = tuple(Alerte)
        refus = refused(self.look(self.at(8, 50), self.at(9, 10), exceptions=(reunion,), acquittees=tout))
        assert refus.raison is Raison.FERMETURE

    def test_touching_a_neighbour_is_not_overlapping_it(self) -> None:
        voisin = (self.at(9), self.at(9, 20))
        assert self.look(self.at(9, 20), self.at(9, 40), occupations=(voisin,)) == Autorise()
        assert refused(self.look(self.at(8, 50), self.at(9, 10), occupations=(voisin,))).raison is Raison.CHEVAUCHEMENT

    def test_a_rendez_vous_that_ends_before_it_begins_or_crosses_midnight_is_impossible(self) -> None:
        for debut, fin in ((self.at(9), self.at(9)), (self.at(9), self.at(8)), (self.at(23, 50), self.at(24) + 10)):
            assert refused(self.look(debut, fin, acquittees=tuple(Alerte))).raison is Raison.DUREE_INVALIDE

    def test_a_date_outside_the_window_needs_no_planning(self) -> None:
        loin = self.at(9) + 90 * 1440
        assert refused(self.look(loin, loin + 20)).raison is Raison.HORIZON

    def test_a_motif_that_the_guichet_does_not_offer(self) -> None:
        assert self.look(self.at(9), self.at(9, 20), motif=2) == AConfirmer((Alerte.MOTIF_NON_PROPOSE,))

    def test_an_unknown_warning_cannot_be_acknowledged(self) -> None:
        with pytest.raises(ValueError, match="tout"):
            self.look(self.at(9), self.at(9, 20), acquittees=("tout",))


class TestAnnexe1AccesAuService:
    """Annexe 1, row « accès à la prise de RDV », and the circular §5."""

    RESERVES = (GuichetRegle(1, "agents", canaux=frozenset({"rattache", "exterieur"})),)

    def decide(
        self, canal: str, guichets: tuple[GuichetRegle, ...], national: bool = True, local: bool = True
    ) -> Decision:
        return decide_acces_service(canal, guichets, ouverture_nationale=national, ouverture_service=local)

    def test_the_internet_needs_a_guichet_open_to_it(self) -> None:
        assert self.decide("internet", (GuichetRegle(1, "tous"),)) == Autorise()
        assert isinstance(self.decide("internet", self.RESERVES), Refuse)

    @pytest.mark.parametrize(("national", "local"), [(True, False), (False, True), (False, False)])
    def test_the_internet_needs_the_national_opening_and_the_service_s_activation(
        self, national: bool, local: bool
    ) -> None:
        assert isinstance(self.decide("internet", (GuichetRegle(1, "tous"),), national, local), Refuse)
        assert self.decide("rattache", (GuichetRegle(1, "tous"),), national, local) == Autorise()

    @pytest.mark.parametrize("canal", ["exterieur", "rattache"])
    def test_agents_need_one_open_guichet_that_takes_them(self, canal: str) -> None:
        assert self.decide(canal, self.RESERVES) == Autorise()
        assert isinstance(self.decide(canal, (replace(self.RESERVES[0], ouvert=False),)), Refuse)
        assert isinstance(self.decide(canal, (GuichetRegle(1, "net", canaux=frozenset({"internet"})),)), Refuse)
        assert isinstance(self.decide(canal, ()), Refuse)

    def test_only_attached_agents_see_the_agenda(self) -> None:
        assert [sees_agenda(canal) for canal in (INTERNET, EXTERIEUR, RATTACHE)] == [False, False, True]


class TestAnnexe1Modification:
    """Annexe 1, rows « modification », « replanification », « annulation », with the article's link [G 2.3.1]."""

    @pytest.mark.parametrize(
        ("canal", "acces", "permis"),
        [
            (INTERNET, Acces.LIEN, True),
            (INTERNET, Acces.CODE_ET_NOM, True),
            (INTERNET, Acces.COMPTE, True),
            (INTERNET, Acces.AGENDA, False),
            (EXTERIEUR, Acces.LIEN, False),
            (EXTERIEUR, Acces.CODE_ET_NOM, True),
            (EXTERIEUR, Acces.COMPTE, False),
            (EXTERIEUR, Acces.AGENDA, False),
            (RATTACHE, Acces.LIEN, True),
            (RATTACHE, Acces.CODE_ET_NOM, True),
            (RATTACHE, Acces.AGENDA, True),
        ],
    )
    def test_who_reaches_a_rendez_vous_and_how(self, canal: Canal, acces: Acces, permis: bool) -> None:
        decision = decide_modification(canal, acces, Parametres())
        assert isinstance(decision, Autorise) is permis
        if not permis:
            assert refused(decision).statut == "introuvable"

    def test_the_national_parameter_takes_it_away_from_usagers_alone(self) -> None:
        sans = Parametres(modification_usager=False)
        assert refused(decide_modification(INTERNET, Acces.LIEN, sans)).statut == "interdit"
        assert decide_modification(EXTERIEUR, Acces.CODE_ET_NOM, sans) == Autorise()
        assert decide_modification(RATTACHE, Acces.AGENDA, sans) == Autorise()


class TestArticle232Habilitations:
    """Article §2.3.2: profiles × modules."""

    @pytest.mark.parametrize(
        ("module", "profils"),
        [
            ("parametres_nationaux", {"admin_national"}),
            ("organiser", {"admin_local", "admin_national"}),
            ("rendez_vous", {"agent_local", "agent_national", "admin_local", "admin_national"}),
            ("accueil", {"agent_local", "agent_national", "admin_local"}),
            ("pilotage", {"admin_local", "admin_national", "pilotage"}),
            ("donnees_personnelles", {"admin_national"}),
        ],
    )
    def test_each_line_of_the_table(self, module: str, profils: set[str]) -> None:
        assert {profil.value for profil in Profil if has_module(profil, module)} == profils

    def test_every_module_belongs_to_somebody_and_unknown_words_open_nothing(self) -> None:
        assert all(any(has_module(profil, module) for profil in Profil) for module in Module)
        with pytest.raises(ValueError, match="racine"):
            has_module("racine", "organiser")
        with pytest.raises(ValueError, match="tout"):
            has_module("admin_national", "tout")


def test_every_warning_has_its_sentence() -> None:
    assert set(PHRASES_ALERTES) == set(Alerte)
    assert set(get_args(Statut)) == {"regle", "interdit", "conflit", "introuvable"}
