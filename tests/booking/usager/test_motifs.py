"""Step 1: which questions are asked, and which motifs and types lead to a rendez-vous [A1 §2, G 2.3.1]."""

from __future__ import annotations

from app.booking.usager.motifs import (
    build_arbre,
    compute_etape,
    find_chaine,
    find_natures,
    find_types,
    name_choix,
    settle_nature,
)
from app.domain.creneaux import GuichetRegle
from tests.booking.usager.fabrique import contexte, motif

IR = motif(1, libelle="Impôt sur le revenu", public="particulier", ouvert=False)
FONCIER = motif(2, parent_id=1, libelle="Revenus fonciers", public="particulier")
ETRANGER = motif(3, parent_id=1, libelle="Revenus perçus à l'étranger", public="particulier", ouvert=False)
PAIEMENT = motif(4, libelle="Problème de paiement")
TVA = motif(5, libelle="TVA", public="professionnel")
SERVICE = contexte(IR, FONCIER, ETRANGER, PAIEMENT, TVA)


class TestAnnexe1Motifs:
    """Annexe 1 §2, étape 1 : motif puis précision."""

    def test_a_level_shows_only_motifs_that_lead_to_a_rendez_vous(self) -> None:
        arbre = build_arbre(SERVICE, "particulier")
        assert [n.motif.id for n in arbre] == [1, 4]
        assert [n.motif.id for n in arbre[0].enfants] == [2]

    def test_a_closed_parent_still_leads_to_its_open_children_and_books_nothing_itself(self) -> None:
        racine = build_arbre(SERVICE, "particulier")[0]
        assert racine.types == ()
        assert racine.enfants[0].types

    def test_each_answer_reveals_the_next_question(self) -> None:
        rien = compute_etape(SERVICE, "", {}, "")
        assert (rien.groupes, rien.feuille) == ((), None)
        nature = compute_etape(SERVICE, "particulier", {}, "")
        assert [g.nom for g in nature.groupes] == ["m1"]
        niveau1 = compute_etape(SERVICE, "particulier", {"m1": 1}, "")
        assert [g.nom for g in niveau1.groupes] == ["m1", "m2"]
        assert niveau1.feuille is None
        complet = compute_etape(SERVICE, "particulier", {"m1": 1, "m2": 2}, "telephone")
        assert complet.feuille is not None
        assert (complet.feuille.motif.id, complet.type_rdv) == (2, "telephone")

    def test_a_precision_of_another_branch_is_forgotten(self) -> None:
        etape = compute_etape(SERVICE, "particulier", {"m1": 4, "m2": 2}, "guichet")
        assert etape.feuille is not None
        assert etape.feuille.motif.id == 4

    def test_the_choice_is_found_again_from_the_motif_alone(self) -> None:
        assert name_choix(find_chaine(SERVICE, 2)) == {"m1": 1, "m2": 2}
        assert find_chaine(SERVICE, 99) == ()

    def test_a_cycle_in_the_catalogue_hangs_nothing(self) -> None:
        boucle = contexte(motif(1, parent_id=2), motif(2, parent_id=1))
        assert set(find_chaine(boucle, 1)) == {1, 2}
        assert build_arbre(boucle, "particulier") == ()

    def test_a_child_whose_parent_is_in_no_catalogue_stands_at_the_top(self) -> None:
        assert [n.motif.id for n in build_arbre(contexte(motif(2, parent_id=77)), "particulier")] == [2]


class TestAnnexe1Public:
    """Annexe 1 §2 : l'usager est un particulier ou un professionnel."""

    def test_both_are_asked_only_when_both_are_received(self) -> None:
        assert find_natures(SERVICE) == ("particulier", "professionnel")
        assert find_natures(contexte(IR, FONCIER)) == ("particulier",)
        assert compute_etape(contexte(IR, FONCIER), "", {}, "").nature == "particulier"

    def test_the_motif_decides_who_books_when_it_is_for_one_of_them_only(self) -> None:
        assert settle_nature(TVA, "particulier") == "professionnel"
        assert settle_nature(PAIEMENT, "professionnel") == "professionnel"
        assert settle_nature(PAIEMENT, "") == "particulier"


class TestArticleTypes:
    """[G 2.3.3] : un type n'est proposé que si un guichet ouvert à internet l'offre pour ce motif."""

    def test_only_types_of_open_internet_guichets_of_that_motif_are_offered(self) -> None:
        service = contexte(
            PAIEMENT,
            guichets=(
                GuichetRegle(1, "A", types=frozenset({"guichet"})),
                GuichetRegle(2, "B", ouvert=False, types=frozenset({"telephone"})),
                GuichetRegle(3, "C", canaux=frozenset({"rattache"}), types=frozenset({"telephone"})),
                GuichetRegle(4, "D", motifs=frozenset({99}), types=frozenset({"telephone"})),
            ),
        )
        assert find_types(service, PAIEMENT) == ("guichet",)

    def test_a_visio_needs_the_address_of_a_video_service(self) -> None:
        assert "visio" not in find_types(contexte(PAIEMENT), PAIEMENT)
        assert "visio" in find_types(contexte(PAIEMENT, visio_base="https://visio.test"), PAIEMENT)

    def test_a_single_type_needs_no_choice(self) -> None:
        service = contexte(PAIEMENT, guichets=(GuichetRegle(1, "A", types=frozenset({"telephone"})),))
        assert compute_etape(service, "particulier", {"m1": 4}, "").type_rdv == "telephone"

    def test_a_type_that_is_no_longer_offered_is_forgotten(self) -> None:
        assert compute_etape(SERVICE, "particulier", {"m1": 4}, "visio").type_rdv == ""

    def test_a_closed_motif_offers_nothing(self) -> None:
        assert find_types(SERVICE, ETRANGER) == ()
