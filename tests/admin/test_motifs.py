"""Motifs: the national tree, and what each service opens of it (G 2.3.1, 2.3.3; circulaire §6)."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app import clock
from app.admin.motifs.arbre import build_arbre, find_double, list_branche, list_parents, shift
from app.admin.motifs.couverture import count_natures, explain_couverture
from app.admin.motifs.retrait import Portee, RetraitAConfirmer, read_portee
from app.booking.contexte import MotifOffert
from app.domain.guichets import GuichetRegle
from tests.accueil.monde import Journee
from tests.admin.formulaires import submit
from tests.fixtures.donnees import MondeService

CATALOGUE = "/administration/motifs"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def planning(journee: Journee, service: MondeService) -> int:
    lue = await journee.scalar("SELECT version_planning FROM agenda WHERE service_id = :s", s=service.id)
    return int(lue)


async def offert(journee: Journee, service: MondeService, motif_id: int) -> MotifOffert:
    async with journee.outils.db.read() as conn:
        contexte = await journee.outils.dispo.contextes.get(conn, service.id, await planning(journee, service))
    return contexte.motifs[motif_id]


class TestLArbre:
    """G 2.3.1: up to three levels."""

    NOEUDS = build_arbre(
        [(1, None, "Payer", True), (2, 1, "Un impôt", True), (3, 2, "En retard", True), (4, None, "Déclarer", True)]
    )

    def test_nodes_are_read_in_the_order_of_the_tree(self) -> None:
        assert [(n.id, n.niveau) for n in self.NOEUDS.values()] == [(1, 1), (2, 2), (3, 3), (4, 1)]
        assert list_branche(self.NOEUDS, 1) == (1, 2, 3)

    def test_a_new_one_goes_under_the_first_two_levels(self) -> None:
        assert [n.id for n in list_parents(self.NOEUDS, None)] == [1, 2, 4]

    def test_a_branch_of_two_levels_goes_under_the_first_only_and_never_below_itself(self) -> None:
        assert [n.id for n in list_parents(self.NOEUDS, 2)] == [1, 4]
        assert [n.id for n in list_parents(self.NOEUDS, 1)] == []

    def test_the_same_words_are_refused_at_the_same_place_only(self) -> None:
        assert find_double(self.NOEUDS, None, 1, "UN IMPÔT")
        assert not find_double(self.NOEUDS, 2, 1, "Un impôt")
        assert not find_double(self.NOEUDS, None, 4, "Un impôt")

    def test_siblings_shift_by_one_and_stop_at_the_ends(self) -> None:
        assert shift([1, 2, 3], 2, "haut") == [2, 1, 3]
        assert shift([1, 2, 3], 2, "bas") == [1, 3, 2]
        assert shift([1, 2, 3], 1, "haut") == [1, 2, 3]
        assert shift([1, 2, 3], 3, "bas") == [1, 2, 3]

    def test_an_orphan_stands_at_the_top(self) -> None:
        assert build_arbre([(5, 99, "Seul", True)])[5].niveau == 1


class TestLaCouverture:
    """Circulaire §6: an open motif that nobody can book is said, and why."""

    def test_a_motif_that_no_open_guichet_takes(self) -> None:
        guichets = [GuichetRegle(1, "A", motifs=frozenset({2})), GuichetRegle(2, "B", ouvert=False)]
        couverture = explain_couverture(1, 20, 20, guichets, {1: 240, 2: 240})
        assert couverture.guichets == ()
        assert "aucun guichet ouvert" in couverture.avertissement
        assert explain_couverture(1, 20, 20, guichets, {}, ouvert=False).avertissement == ""

    def test_a_guichet_that_lets_nobody_in(self) -> None:
        couverture = explain_couverture(1, 20, 20, [GuichetRegle(1, "A", canaux=frozenset())], {1: 240})
        assert (couverture.guichets, couverture.canaux) == (("A",), ())
        assert "n’acceptent aucune origine" in couverture.avertissement

    def test_a_visio_without_an_address_is_booked_by_nobody(self) -> None:
        visio = [GuichetRegle(1, "A", types=frozenset({"visio"}))]
        assert explain_couverture(1, 20, 20, visio, {1: 240}, visio=False).canaux == ()
        assert explain_couverture(1, 20, 20, visio, {1: 240}).avertissement == ""

    def test_a_duration_longer_than_every_plage(self) -> None:
        assert "90\u00a0minutes" in explain_couverture(1, 90, 20, [GuichetRegle(1, "A")], {1: 60}).avertissement
        assert explain_couverture(1, 60, 20, [GuichetRegle(1, "A")], {1: 60}).avertissement == ""

    def test_a_mixed_motif_counts_for_both(self) -> None:
        assert count_natures(["assiette", "mixte", "mixte"]) == {"assiette": 3, "recouvrement": 2}


async def cree(client: AsyncClient, **plus: str) -> int:
    """A motif added to the catalogue; its id."""
    valeurs = {
        "type": "SIP",
        "libelle": "Demande de délai",
        "parent": "",
        "nature": "recouvrement",
        "public": "tous",
        "documents": "Avis d’imposition\nRelevé d’identité bancaire",
        "faq_url": "",
        "demarche_url": "https://www.impots.gouv.fr/delai",
    }
    reponse = await client.post(CATALOGUE, data={**valeurs, **plus})
    assert reponse.status_code == 303, reponse.text
    trouve = re.search(r"vers=(\d+)", reponse.headers["location"])
    assert trouve
    return int(trouve[1])


class TestLeCatalogueNational:
    """G 2.3.2: the administrators of the nation keep it; everybody else does not see it."""

    @pytest.mark.parametrize(("qui", "statut"), [("national", 200), ("chef", 404), ("agent", 404)])
    async def test_it_is_the_national_administrators(
        self, journee: Journee, nevers: MondeService, qui: str, statut: int
    ) -> None:
        motif = nevers.motifs[0]
        async with journee.client(nevers.agents[qui]) as client:
            for adresse in ("", "/nouveau", f"/{motif}"):
                assert (await client.get(CATALOGUE + adresse)).status_code == statut, adresse
            if statut == 404:
                for adresse in ("", f"/{motif}", f"/{motif}/retrait", f"/{motif}/haut"):
                    assert (await client.post(CATALOGUE + adresse)).status_code == 404, adresse
        assert await journee.scalar("SELECT actif FROM motif WHERE id = :m", m=motif) is True

    async def test_a_new_motif_reaches_every_service_closed(self, journee: Journee, nevers: MondeService) -> None:
        avant = await planning(journee, nevers)
        async with journee.client(nevers.agents["national"]) as client:
            parent = await cree(client, libelle="Paiement", nature="mixte", documents="")
            motif = await cree(client, parent=str(parent))
            page = unescape((await client.get(CATALOGUE, params={"type": "SIP"})).text)
            assert "arbre__motif--2" in page
            fiche = unescape((await client.get(f"{CATALOGUE}/{motif}")).text)
        assert await planning(journee, nevers) == avant + 2
        assert "Catalogue national : créé" in fiche or "Demande de délai" in fiche
        lu = await offert(journee, nevers, motif)
        assert (lu.ouvert, lu.parent_id, lu.documents) == (
            False,
            parent,
            ("Avis d’imposition", "Relevé d’identité bancaire"),
        )

    @pytest.mark.parametrize(
        ("champ", "valeur", "mots"),
        [
            ("libelle", "", "Indiquez le libellé"),
            ("libelle", "x" * 201, "200 caractères"),
            ("libelle", "a\x00b", "invisible"),
            ("nature", "autre", "assiette, recouvrement ou mixte"),
            ("public", "", "à qui ce motif"),
            ("demarche_url", "javascript:alert(1)", "adresse complète"),
            ("faq_url", "www.impots.gouv.fr", "adresse complète"),
            ("faq_url", "https://user:pw@x.fr", "sans identifiant ni mot de passe"),
            ("demarche_url", "https://www.impots.gouv.fr@x.fr/delai", "sans identifiant ni mot de passe"),
            ("documents", "x" * 401, "400 caractères"),
            ("documents", "\n".join(f"pièce {n}" for n in range(21)), "20 documents au plus"),
            ("parent", "999999999", "trois niveaux"),
            ("parent", "-1", "nombre entier"),
            ("type", "INCONNU", "Choisissez un type"),
            ("code", "X1", "champ inconnu"),
        ],
    )
    async def test_what_cannot_be_kept_is_refused_and_what_was_typed_stays(
        self, journee: Journee, nevers: MondeService, champ: str, valeur: str, mots: str
    ) -> None:
        saisie = {
            "type": "SIP",
            "libelle": "Question sur un avis",
            "parent": "",
            "nature": "assiette",
            "public": "tous",
            "documents": "Avis d’imposition",
            champ: valeur,
        }
        async with journee.client(nevers.agents["national"]) as client:
            reponse = await client.post(CATALOGUE, data=saisie)
        assert reponse.status_code == 422
        assert mots in unescape(reponse.text)
        if champ != "documents":
            assert "Avis d’imposition" in unescape(reponse.text)
        assert await journee.scalar("SELECT count(*) FROM motif WHERE libelle = 'Question sur un avis'") == 0

    async def test_two_administrators_at_once(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            motif = await cree(client, libelle="Mensualisation")
            base = {"parent": "", "nature": "recouvrement", "public": "tous", "revision": "1"}
            adresse = f"{CATALOGUE}/{motif}"
            assert (await client.post(adresse, data={**base, "libelle": "Mensualiser"})).status_code == 303
            refus = await client.post(adresse, data={**base, "libelle": "Changer de mensualité"})
            assert refus.status_code == 409
            assert "Mensualiser" in refus.text
            assert "Changer de mensualité" in refus.text
            assert 'name="revision" value="2"' in refus.text
            decide = {**base, "libelle": "Changer de mensualité", "revision": "2"}
            assert (await client.post(adresse, data=decide)).status_code == 303
        assert await journee.scalar("SELECT libelle FROM motif WHERE id = :m", m=motif) == "Changer de mensualité"

    async def test_order_changes_by_one_place(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            parent = await cree(client, libelle="Ordre", documents="")
            ids = [await cree(client, libelle=f"Rang {n}", parent=str(parent)) for n in range(3)]
            assert (await client.post(f"{CATALOGUE}/{ids[2]}/haut")).status_code == 303
            assert (await client.post(f"{CATALOGUE}/{ids[0]}/haut")).status_code == 303
            assert (await client.post(f"{CATALOGUE}/{ids[0]}/ailleurs")).status_code == 404
        async with journee.outils.db.read() as conn:
            lus = await conn.execute(
                text("SELECT id FROM motif WHERE parent_id = :p ORDER BY ordre, id"), {"p": parent}
            )
            assert list(lus.scalars()) == [ids[0], ids[2], ids[1]]

    async def test_withdrawing_keeps_the_rendez_vous_and_says_how_many(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "15:00")
        motif = nevers.motifs[0]
        async with journee.client(nevers.agents["national"]) as client:
            fiche = unescape((await client.get(f"{CATALOGUE}/{motif}")).text)
            assert "1\u00a0rendez-vous à venir" in fiche
            assert "ouvert dans <b>1\u00a0service</b>" in fiche
            assert (await submit(client, fiche, f"{CATALOGUE}/{motif}/retrait")).status_code == 303
            assert not (await offert(journee, nevers, motif)).ouvert
            assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"
            async with journee.client(nevers.agents["chef"]) as chef:
                page = unescape((await chef.get(f"/services/{nevers.id}/organiser/motifs")).text)
            assert "Retirés du catalogue national" in page
            assert (await client.post(f"{CATALOGUE}/{motif}/retour")).status_code == 303
            assert (await offert(journee, nevers, motif)).ouvert

    async def test_nothing_that_serves_is_withdrawn_unless_what_it_reaches_was_read(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        motif = nevers.motifs[0]
        adresse = f"{CATALOGUE}/{motif}/retrait"
        async with journee.client(nevers.agents["national"]) as client:
            vide = await client.post(adresse)
            assert vide.status_code == 409
            assert "n’est pas encore fait" in vide.text
            await journee.book(nevers, "15:00")
            depasse = await submit(client, vide.text, adresse)  # one more rendez-vous than was told
            assert depasse.status_code == 409
            assert "1\u00a0rendez-vous à venir" in unescape(depasse.text)
            assert (await offert(journee, nevers, motif)).ouvert
            for forge in ("9", "a.b.c", "1.1.²"):
                assert (await client.post(adresse, data={"vus": forge})).status_code == 409
            assert (await submit(client, depasse.text, adresse)).status_code == 303
        assert not (await offert(journee, nevers, motif)).ouvert

    async def test_a_rendez_vous_whose_local_day_is_the_eve_of_utc_s_is_counted(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "15:00")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rendez_vous SET jour = jour - 1 WHERE id = :r"), {"r": rdv})
            assert (await read_portee(conn, [nevers.motifs[0]], clock.now())).rdv == 1

    def test_a_decision_stands_while_the_numbers_only_fall(self) -> None:
        lue = Portee(2, 7, 200)
        for tenue in (lue, Portee(2, 7, 199), Portee(2, 6, 150), Portee(1, 7, 200)):
            tenue.check(lue.vus)
        for autre in (Portee(2, 7, 201), Portee(2, 8, 0), Portee(3, 7, 200)):
            with pytest.raises(RetraitAConfirmer):
                autre.check(lue.vus)

    async def test_one_more_rendez_vous_among_many_is_told_and_one_less_is_not(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        motif = nevers.motifs[1]
        adresse = f"{CATALOGUE}/{motif}/retrait"
        pris = [
            await journee.book(nevers, f"{heure}:{minute:02}", motif_id=motif)
            for heure in range(11, 18)
            for minute in (0, 20, 40)
        ]
        async with journee.client(nevers.agents["national"]) as client:
            fiche = (await client.get(f"{CATALOGUE}/{motif}")).text
            assert "21\u00a0rendez-vous à venir" in unescape(fiche)
            de_trop = await journee.book(nevers, "18:00", motif_id=motif)
            refus = await submit(client, fiche, adresse)
            assert refus.status_code == 409, "a twentieth more is more"
            assert "22\u00a0rendez-vous à venir" in unescape(refus.text)
            assert (await offert(journee, nevers, motif)).ouvert
            await journee.lead(nevers, de_trop, "annule")
            await journee.lead(nevers, pris[0], "annule")
            assert (await submit(client, refus.text, adresse)).status_code == 303
        assert not (await offert(journee, nevers, motif)).ouvert

    async def test_what_serves_nowhere_is_withdrawn_at_once(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            motif = await cree(client, libelle="Sans emploi")
            assert (await client.post(f"{CATALOGUE}/{motif}/retrait")).status_code == 303
        assert not await journee.scalar("SELECT actif FROM motif WHERE id = :m", m=motif)


async def formulaire(client: AsyncClient, adresse: str) -> dict[str, Any]:
    """What the form of the service's page would send as it is."""
    page = (await client.get(adresse)).text
    return lit(page)


def lit(page: str) -> dict[str, Any]:
    champs: dict[str, Any] = {
        nom: unescape(valeur)
        for nom, valeur in re.findall(r'<input[^>]*name="(pas|duree|vu|[dm]\d+)"[^>]*?value="([^"]*)"', page)
    }
    champs["ouvert"] = re.findall(r'name="ouvert" value="(\d+)" id="[^"]*" checked', page)
    return champs


class TestCeQueLeServiceOuvre:
    """G 2.3.3: the service chooses its motifs, and the duration of each."""

    @pytest.mark.parametrize(("qui", "statut"), [("chef", 200), ("national", 200), ("agent", 404), ("pilote", 404)])
    async def test_who_organises(self, journee: Journee, nevers: MondeService, qui: str, statut: int) -> None:
        adresse = f"/services/{nevers.id}/organiser/motifs"
        async with journee.client(nevers.agents[qui]) as client:
            assert (await client.get(adresse)).status_code == statut
            assert (await client.get(f"{adresse}/fragment")).status_code == statut
            if statut == 404:
                assert (await client.post(adresse, data={"vu": "{}"})).status_code == 404

    async def test_one_save_opens_closes_and_sets_durations(self, journee: Journee, nevers: MondeService) -> None:
        adresse = f"/services/{nevers.id}/organiser/motifs"
        a, r, f = nevers.motifs
        async with journee.client(nevers.agents["chef"]) as client:
            saisie = await formulaire(client, adresse)
            assert set(saisie["ouvert"]) == {str(a), str(r)}
            saisie |= {
                "ouvert": [str(a), str(f)],
                f"d{a}": "40",
                f"m{f}": "Apportez le bail",
                "pas": "10",
                "duree": "30",
            }
            assert (await client.post(adresse, data=saisie)).status_code == 303
            histoire = unescape((await client.get(f"/services/{nevers.id}/organiser/historique")).text)
        assert [(m.ouvert, m.duree) for m in [await offert(journee, nevers, i) for i in (a, r, f)]] == [
            (True, 40),
            (False, 30),
            (True, 30),
        ]
        assert (await offert(journee, nevers, f)).message == "Apportez le bail"
        assert await journee.scalar("SELECT pas_minutes FROM service_fiscal WHERE id = :s", s=nevers.id) == 10
        assert "Apportez le bail" in histoire
        async with journee.client() as usager:
            page = unescape(
                (await usager.get(f"/rdv/{nevers.id}/motif", params={"nature": "particulier", "m1": f})).text
            )
        assert "Apportez le bail" in page

    @pytest.mark.parametrize(
        ("champ", "valeur", "mots"),
        [
            ("pas", "0", "nombre entier"),
            ("pas", "1000000000", "nombre entier"),
            ("duree", "vingt", "nombre entier"),
            ("duree", "", "Indiquez la durée"),
            ("d", "-20", "nombre entier"),
            ("d", "481", "nombre entier"),
            ("m", "x" * 301, "300 caractères"),
            ("ouvert", "999999", "valeurs proposées"),
            ("service_id", "1", "champ inconnu"),
            ("vu", "null", "incomplet"),
        ],
    )
    async def test_what_cannot_be_kept_is_refused_and_nothing_is_written(
        self, journee: Journee, nevers: MondeService, champ: str, valeur: str, mots: str
    ) -> None:
        adresse = f"/services/{nevers.id}/organiser/motifs"
        a, r, _ = nevers.motifs
        async with journee.client(nevers.agents["chef"]) as client:
            nom = f"{champ}{a}" if champ in ("d", "m") else champ
            saisie = {**await formulaire(client, adresse), f"m{r}": "Gardé", nom: valeur}
            reponse = await client.post(adresse, data=saisie)
        assert reponse.status_code == 422
        assert mots in unescape(reponse.text)
        assert "Gardé" in reponse.text
        assert (await offert(journee, nevers, r)).message == ""

    async def test_closing_a_motif_with_rendez_vous_is_told_first_and_cancels_none(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "15:20")
        adresse = f"/services/{nevers.id}/organiser/motifs"
        async with journee.client(nevers.agents["chef"]) as client:
            saisie = {**await formulaire(client, adresse), "ouvert": [str(nevers.motifs[1])]}
            refus = await client.post(adresse, data=saisie)
            assert refus.status_code == 409
            assert "1\u00a0rendez-vous à venir" in unescape(refus.text)
            assert (await offert(journee, nevers, nevers.motifs[0])).ouvert
            confirme = re.findall(r'name="confirme" value="(\d+)"', refus.text)
            assert confirme == [str(nevers.motifs[0])]
            assert (await client.post(adresse, data={**lit(refus.text), "confirme": confirme})).status_code == 303
        assert not (await offert(journee, nevers, nevers.motifs[0])).ouvert
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    async def test_two_administrators_conflict_on_the_same_motif_only(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        adresse = f"/services/{nevers.id}/organiser/motifs"
        a, r, _ = nevers.motifs
        async with journee.client(nevers.agents["chef"]) as chef, journee.client(nevers.agents["national"]) as autre:
            premiere, seconde = await formulaire(chef, adresse), await formulaire(autre, adresse)
            assert (await autre.post(adresse, data={**seconde, f"d{a}": "40"})).status_code == 303
            assert (await chef.post(adresse, data={**premiere, f"d{r}": "50"})).status_code == 303
            assert [(await offert(journee, nevers, i)).duree for i in (a, r)] == [40, 50]
            refus = await chef.post(adresse, data={**premiere, f"d{a}": "60", f"d{r}": "50"})
            assert refus.status_code == 409
            assert "40\u00a0minutes" in unescape(refus.text)
            assert json.loads(lit(refus.text)["vu"])[f"d{a}"] == 40
            assert (await chef.post(adresse, data=lit(refus.text))).status_code == 303
        assert (await offert(journee, nevers, a)).duree == 60

    async def test_ticking_all_saves_nothing_yet(self, journee: Journee, nevers: MondeService) -> None:
        adresse = f"/services/{nevers.id}/organiser/motifs"
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await client.post(adresse, data={**await formulaire(client, adresse), "faire": "tout"})
            assert reponse.status_code == 200
            assert str(nevers.motifs[2]) in lit(reponse.text)["ouvert"]
        assert not (await offert(journee, nevers, nevers.motifs[2])).ouvert

    async def test_the_page_warns_of_a_motif_that_nobody_can_book(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE guichet SET motifs = ARRAY[:m]::bigint[] WHERE service_id = :s"),
                {"m": nevers.motifs[0], "s": nevers.id},
            )
            await conn.execute(
                text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"),
                {"s": nevers.id},
            )
        async with journee.client(nevers.agents["chef"]) as client:
            page = unescape((await client.get(f"/services/{nevers.id}/organiser/motifs/fragment")).text)
        assert "Problème de paiement d'un impôt" in page
        assert "aucun guichet ouvert ne le prend" in page
