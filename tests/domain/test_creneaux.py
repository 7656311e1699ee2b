from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.domain.calendrier import Fenetre, Parametres, fenetre
from app.domain.creneaux import Creneau, Grille, GuichetRegle, Raison, compute_grille, find_creneau, is_creneau, nearest
from app.domain.horaires import get_cadran, heure_locale, local_minute_to_epoch
from app.domain.plages import ExceptionPlanning, OuverturesParJour, PlageType
from tests.domain.fabrique import (
    HORAIRES_DU_TEXTE,
    MIQUELON,
    PARIS,
    ask,
    guichets,
    hm,
    open_days,
    open_fenetre,
    utc,
)

JOUR = date(2016, 8, 30)
TOUT = open_fenetre(date(2016, 1, 1), date(2030, 1, 1))


def at(heures: int, minutes: int = 0, jour: date = JOUR) -> int:
    return local_minute_to_epoch(jour, hm(heures, minutes), PARIS)


def rdv(heures: int, minutes: int = 0, duree: int = 20) -> tuple[int, int]:
    return at(heures, minutes), at(heures, minutes) + duree


def hours(grille: Grille, jour: date = JOUR) -> list[str]:
    return ["{:02d}:{:02d}".format(*heure_locale(c.debut, PARIS)) for c in grille.jours[jour].creneaux]


class TestAnnexe1Grille:
    """Annexe 1 §2, step 2: the grid of 20 minutes of Tuesday 30 August 2016."""

    def test_the_grid_of_the_reference_text_comes_out_as_printed(self) -> None:
        ouvertures = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE)
        matin = "08:00 08:20 08:40 09:00 09:20 09:40 10:00 10:20 10:40 11:00 11:20 11:40"
        apres_midi = "14:00 14:20 14:40 15:00 15:20 15:40"
        grille = compute_grille(ask(), guichets(1), ouvertures, {}, TOUT, PARIS)
        assert hours(grille) == f"{matin} {apres_midi}".split()

    def test_each_one_lasts_20_minutes_and_names_the_free_guichets(self) -> None:
        ouvertures = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, guichet_ids=(1, 2))
        premier = compute_grille(ask(), guichets(1, 2), ouvertures, {}, TOUT, PARIS).find_premier()
        assert premier == Creneau(at(8), at(8, 20), (1, 2))

    def test_a_longer_motif_only_starts_where_it_can_end(self) -> None:
        ouvertures = open_days(JOUR, JOUR, PlageType(hm(8), hm(9, 10)))
        assert hours(compute_grille(ask(duree=40), guichets(1), ouvertures, {}, TOUT, PARIS)) == ["08:00", "08:20"]

    def test_the_step_of_the_grid_is_not_the_duration(self) -> None:
        ouvertures = open_days(JOUR, JOUR, PlageType(hm(8), hm(9)))
        grille = compute_grille(ask(duree=20, pas=15), guichets(1), ouvertures, {}, TOUT, PARIS)
        assert hours(grille) == ["08:00", "08:15", "08:30"]

    def test_when_an_exception_cuts_the_plage_the_grid_still_counts_from_its_start(self) -> None:
        coupure = ExceptionPlanning(1, "fermeture", None, JOUR, JOUR, hm(8, 30), hm(9, 10), "réunion")
        ouvertures = open_days(JOUR, JOUR, PlageType(hm(8), hm(10)), exceptions=(coupure,))
        assert hours(compute_grille(ask(), guichets(1), ouvertures, {}, TOUT, PARIS)) == ["08:00", "09:20", "09:40"]

    def test_a_creneau_never_runs_from_one_plage_into_the_next_though_they_touch(self) -> None:
        ouvertures = open_days(JOUR, JOUR, PlageType(hm(8), hm(9)), PlageType(hm(9), hm(10)))
        assert hours(compute_grille(ask(duree=40), guichets(1), ouvertures, {}, TOUT, PARIS)) == [
            "08:00",
            "08:20",
            "09:00",
            "09:20",
        ]


class TestOccupations:
    OUVERTURES = open_days(JOUR, JOUR, PlageType(hm(8), hm(10)), guichet_ids=(1, 2))

    def test_a_rendez_vous_takes_its_guichet_and_leaves_the_other(self) -> None:
        grille = compute_grille(ask(), guichets(1, 2), self.OUVERTURES, {1: [rdv(8, 20)]}, TOUT, PARIS)
        libres = {heure_locale(c.debut, PARIS): c.guichets for c in grille.jours[JOUR].creneaux}
        assert libres[8, 0] == (1, 2)
        assert libres[8, 20] == (2,)
        assert libres[8, 40] == (1, 2)

    def test_a_rendez_vous_off_the_grid_takes_every_start_it_meets(self) -> None:
        seul = guichets(1)
        assert hours(compute_grille(ask(), seul, self.OUVERTURES, {1: [rdv(8, 30)]}, TOUT, PARIS)) == [
            "08:00",
            "09:00",
            "09:20",
            "09:40",
        ]

    def test_taken_starts_stay_among_the_candidates_with_their_guichets(self) -> None:
        occupations = {1: [rdv(8, duree=120)], 2: [rdv(8, duree=120)]}
        journee = compute_grille(ask(), guichets(1, 2), self.OUVERTURES, occupations, TOUT, PARIS).jours[JOUR]
        assert journee.creneaux == ()
        assert journee.raison is Raison.COMPLET
        assert journee.candidats[0] == (at(8), (1, 2))
        assert len(journee.candidats) == 6

    def test_a_rendez_vous_that_ends_at_midnight_or_crosses_it_blocks_both_days(self) -> None:
        demain = JOUR + timedelta(days=1)
        ouvertures = open_days(JOUR, demain, PlageType(0, 1440))
        occupations = {1: [(at(23, 30), at(0, 30, demain))]}
        grille = compute_grille(ask(), guichets(1), ouvertures, occupations, TOUT, PARIS)
        assert hours(grille)[-1] == "23:00"
        assert hours(grille, demain)[0] == "00:40"

    def test_guichets_come_in_the_order_given_even_when_their_hours_differ(self) -> None:
        ouvertures = open_days(JOUR, JOUR, PlageType(hm(8), hm(9)), guichet_ids=(1, 2, 3))
        jours = dict(ouvertures.par_jour[JOUR])
        jours[2] = tuple(o._replace(fin=o.fin + 60) for o in jours[2])
        mixte = OuverturesParJour(JOUR, JOUR, PARIS, {JOUR: jours}, ouvertures.fermes, ouvertures.interdits)
        premier = compute_grille(ask(), guichets(3, 2, 1), mixte, {}, TOUT, PARIS).find_premier()
        assert premier is not None
        assert premier.guichets == (3, 2, 1)


class TestRaisons:
    """Where no créneau exists it says why."""

    def explain(
        self, *regles: GuichetRegle, ouvertures: OuverturesParJour | None = None, duree: int = 20
    ) -> Raison | None:
        ouvertures = ouvertures or open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, guichet_ids=tuple(r.id for r in regles))
        demande = ask(duree, canal="internet")
        return compute_grille(demande, regles, ouvertures, {}, TOUT, PARIS).jours[JOUR].raison

    def test_service_without_guichet(self) -> None:
        assert self.explain() is Raison.SERVICE_FERME

    def test_guichet_ferme(self) -> None:
        assert self.explain(GuichetRegle(1, "a", ouvert=False)) is Raison.GUICHET_FERME

    def test_canal_ferme(self) -> None:
        assert self.explain(GuichetRegle(1, "a", canaux=frozenset({"rattache"}))) is Raison.CANAL_FERME

    def test_motif_non_propose(self) -> None:
        assert self.explain(GuichetRegle(1, "a", motifs=frozenset({2, 3}))) is Raison.MOTIF_NON_PROPOSE

    def test_type_non_propose(self) -> None:
        assert self.explain(GuichetRegle(1, "a", types=frozenset({"visio"}))) is Raison.TYPE_NON_PROPOSE

    def test_two_guichets_that_each_miss_one_condition_serve_nobody(self) -> None:
        regles = (GuichetRegle(1, "a", motifs=frozenset({2})), GuichetRegle(2, "b", types=frozenset({"visio"})))
        assert self.explain(*regles) is Raison.TYPE_NON_PROPOSE

    def test_a_reason_for_the_whole_service_is_on_the_grid_too(self) -> None:
        ouvertures = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE)
        assert compute_grille(ask(), (), ouvertures, {}, TOUT, PARIS).raison is Raison.SERVICE_FERME
        assert compute_grille(ask(), guichets(1), ouvertures, {}, TOUT, PARIS).raison is None

    def test_no_plage_that_day(self) -> None:
        assert self.explain(*guichets(1), ouvertures=open_days(JOUR, JOUR)) is Raison.HORS_PLAGE

    def test_holiday(self) -> None:
        ferie = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, feries=frozenset({JOUR}))
        assert self.explain(*guichets(1), ouvertures=ferie) is Raison.FERIE

    def test_closure(self) -> None:
        travaux = ExceptionPlanning(1, "fermeture", None, JOUR, JOUR, None, None, "travaux")
        ferme = open_days(JOUR, JOUR, *HORAIRES_DU_TEXTE, exceptions=(travaux,))
        assert self.explain(*guichets(1), ouvertures=ferme) is Raison.FERMETURE

    def test_no_plage_is_long_enough(self) -> None:
        assert self.explain(*guichets(1), duree=300) is Raison.DUREE_TROP_LONGUE

    def test_every_day_outside_the_window_says_delay_or_horizon_and_the_sentence_has_the_figures(self) -> None:
        jeudi = date(2016, 9, 8)
        ouverte = fenetre("internet", utc(jeudi, 10), PARIS, Parametres(), ())
        fin = jeudi + timedelta(days=31)
        grille = compute_grille(ask(), guichets(1), open_days(jeudi, fin, *HORAIRES_DU_TEXTE), {}, ouverte, PARIS)
        premier = grille.find_premier()
        assert premier is not None
        assert premier.debut == at(8, jour=date(2016, 9, 13))
        assert grille.explain(jeudi + timedelta(days=1)) == "délai de 2\u00a0jours ouvrés"
        assert grille.jours[jeudi + timedelta(days=30)].creneaux
        assert grille.jours[fin].raison is Raison.HORIZON
        assert grille.explain(fin) == "au-delà de 30\u00a0jours"
        assert grille.explain(date(2016, 9, 13)) is None

    def test_today_s_gone_hours_are_not_offered_and_when_all_are_gone_the_day_is_past(self) -> None:
        ouvertures = open_days(JOUR, JOUR, PlageType(hm(8), hm(9)))
        milieu, soir = Fenetre(JOUR, JOUR, at(8, 20)), Fenetre(JOUR, JOUR, at(18))
        assert hours(compute_grille(ask(), guichets(1), ouvertures, {}, milieu, PARIS)) == ["08:20", "08:40"]
        journee = compute_grille(ask(), guichets(1), ouvertures, {}, soir, PARIS).jours[JOUR]
        assert (journee.creneaux, journee.raison, journee.candidats) == ((), Raison.PASSE, ())


class TestReservation:
    """One computation serves display and booking."""

    OUVERTURES = open_days(JOUR, JOUR, PlageType(hm(8), hm(9)))

    def find(self, debut: int, occupations: dict[int, list[tuple[int, int]]] | None = None) -> Creneau | Raison:
        return find_creneau(ask(), debut, guichets(1), self.OUVERTURES, occupations or {}, TOUT, PARIS)

    def test_a_displayed_start_is_found(self) -> None:
        assert self.find(at(8, 20)) == Creneau(at(8, 20), at(8, 40), (1,))
        assert is_creneau(ask(), at(8, 20), guichets(1), self.OUVERTURES, {}, TOUT, PARIS)

    def test_a_forged_start_is_not_on_the_grid(self) -> None:
        assert self.find(at(8, 7)) is Raison.HORS_GRILLE
        assert self.find(at(10)) is Raison.HORS_GRILLE
        assert not is_creneau(ask(), at(8, 7), guichets(1), self.OUVERTURES, {}, TOUT, PARIS)

    def test_a_start_that_is_taken_is_complet(self) -> None:
        assert self.find(at(8, 20), {1: [rdv(8, 20)]}) is Raison.COMPLET
        assert self.find(at(8, 20), {1: [rdv(8, duree=60)]}) is Raison.COMPLET
        assert self.find(at(8, 7), {1: [rdv(8, duree=60)]}) is Raison.HORS_GRILLE

    def test_a_start_outside_the_window_says_which_side_without_needing_its_day(self) -> None:
        etroite = Fenetre(JOUR, JOUR, at(8, 40), JOUR)
        for debut, raison in ((at(8, 20), Raison.PASSE), (at(8, jour=JOUR + timedelta(days=1)), Raison.HORIZON)):
            assert find_creneau(ask(), debut, guichets(1), self.OUVERTURES, {}, etroite, PARIS) is raison

    def test_no_guichet_for_it_says_why(self) -> None:
        demande = ask(type_rdv="visio")
        sans_visio = (GuichetRegle(1, "a", types=frozenset({"guichet"})),)
        assert find_creneau(demande, at(8), sans_visio, self.OUVERTURES, {}, TOUT, PARIS) is Raison.TYPE_NON_PROPOSE


class TestAlternatives:
    def grille(self) -> Grille:
        demain = JOUR + timedelta(days=1)
        return compute_grille(
            ask(), guichets(1), open_days(JOUR, demain, PlageType(hm(8), hm(9))), {1: [rdv(8, 20)]}, TOUT, PARIS
        )

    def test_the_nearest_come_first_and_the_earlier_of_two_equally_near(self) -> None:
        trouves = nearest(self.grille(), at(8, 20), 3)
        assert [c.debut for c in trouves] == [at(8), at(8, 40), at(8, jour=JOUR + timedelta(days=1))]

    @pytest.mark.parametrize(("n", "combien"), [(0, 0), (-1, 0), (99, 5)])
    def test_never_more_than_asked_nor_than_there_are(self, n: int, combien: int) -> None:
        assert len(nearest(self.grille(), at(8, 20), n)) == combien


class TestPromesseP12:
    """The grid is in local time, on the nights of 23 and of 25 hours too."""

    def test_the_missing_hour_is_skipped_on_28_march_2027(self) -> None:
        jour = date(2027, 3, 28)
        ouvertures = open_days(jour, jour, PlageType(hm(1), hm(4)))
        grille = compute_grille(ask(), guichets(1), ouvertures, {}, TOUT, PARIS)
        assert hours(grille, jour) == ["01:00", "01:20", "01:40", "03:00", "03:20", "03:40"]

    def test_both_half_past_two_are_offered_on_31_october_2027(self) -> None:
        jour = date(2027, 10, 31)
        ouvertures = open_days(jour, jour, PlageType(hm(2), hm(3, 30)))
        assert hours(compute_grille(ask(30, 30), guichets(1), ouvertures, {}, TOUT, PARIS), jour) == [
            *("02:00", "02:30"),
            *("02:00", "02:30"),
            "03:00",
        ]

    def test_after_the_change_the_grid_still_counts_wall_minutes_from_the_start_of_the_plage(self) -> None:
        # 45-minute step from 00:00: 00:00 00:45 01:30 [02:15] 03:00; an elapsed-time grid would give 03:15.
        jour = date(2027, 3, 28)
        ouvertures = open_days(jour, jour, PlageType(0, hm(5)))
        assert hours(compute_grille(ask(15, 45), guichets(1), ouvertures, {}, TOUT, PARIS), jour) == [
            *("00:00", "00:45", "01:30"),
            *("03:00", "03:45", "04:30"),
        ]

    def test_ordinary_morning_hours_are_the_same_on_both_sides_of_the_change_in_miquelon(self) -> None:
        du, au = date(2027, 11, 6), date(2027, 11, 8)
        ouvertures = open_days(du, au, *HORAIRES_DU_TEXTE, zone=MIQUELON)
        grille = compute_grille(ask(), guichets(1), ouvertures, {}, TOUT, MIQUELON)
        for jour, journee in grille.jours.items():
            assert heure_locale(journee.creneaux[0].debut, MIQUELON) == (8, 0), jour
            assert heure_locale(journee.creneaux[-1].debut, MIQUELON) == (15, 40), jour
        assert get_cadran(date(2027, 11, 7), MIQUELON).fin - get_cadran(date(2027, 11, 7), MIQUELON).debut == 1500


def test_asking_for_some_days_gives_the_same_as_the_whole_month() -> None:
    fin = JOUR + timedelta(days=30)
    ouvertures = open_days(JOUR, fin, *HORAIRES_DU_TEXTE)
    occupations = {1: [(at(8, 20, JOUR + timedelta(days=n)), at(9, 0, JOUR + timedelta(days=n))) for n in range(31)]}
    tout = compute_grille(ask(), guichets(1), ouvertures, occupations, TOUT, PARIS)
    choisis = [JOUR + timedelta(days=n) for n in (29, 3, 17)]
    partie = compute_grille(ask(), guichets(1), ouvertures, occupations, TOUT, PARIS, jours=choisis)
    assert dict(partie.jours) == {jour: tout.jours[jour] for jour in choisis}
    assert list(partie.jours) == sorted(choisis)
