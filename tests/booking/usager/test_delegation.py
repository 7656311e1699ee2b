"""The journey of an usager whom another service may receive: the choice of a place, kept until the end [G 2.3.5]."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.booking.outils import Outils
from app.booking.usager.demande import Parcours
from app.booking.usager.lecture import read_vue
from app.booking.usager.lieux import read_choix_lieu
from app.db import UnitOfWork
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.navigateur import SAISIE, Navigateur, alternatives, caches, creneaux
from tests.booking.usager.test_lecture import count_queries
from tests.fixtures.delegations import change_delegation, insert_delegation, rename
from tests.fixtures.donnees import MondeService, build_service

A, B = "SERVICE IMPOTS PARTICULIERS NEVERS", "SERVICE IMPOTS COSNE"
PLUS = "Le lieu choisi ne reçoit plus ce rendez-vous"


@dataclass
class Voisins:
    """A delegates its first motif, and one that it has closed, to B (Cosne); C is foreign to both."""

    monde: Monde
    b: MondeService
    ident: int
    etrangere: int

    @property
    def a(self) -> MondeService:
        """Who delegates."""
        return self.monde.service

    async def change(self, **valeurs: object) -> None:
        """Withdraw it, change its quota…"""

        async def travail(uow: UnitOfWork) -> None:
            await change_delegation(uow, self.ident, **valeurs)

        await self.monde.outils.db.transaction(travail)

    async def open_guichets(self, *, ouverts: bool) -> None:
        """All the guichets of A."""

        async def travail(uow: UnitOfWork) -> None:
            await uow.conn.execute(
                text("UPDATE guichet SET ouvert = :o WHERE service_id = :s"), {"o": ouverts, "s": self.a.id}
            )
            uow.annonces.planning(self.a.id)

        await self.monde.outils.db.transaction(travail)

    async def close_here(self, ferme: bool = True) -> None:
        """A receives the first motif itself, or no more."""

        async def travail(uow: UnitOfWork) -> None:
            requete = text("UPDATE motif_service SET ouvert = :o WHERE service_id = :s AND motif_id = :m")
            await uow.conn.execute(requete, {"o": not ferme, "s": self.a.id, "m": self.a.motifs[0]})
            uow.annonces.planning(self.a.id)

        await self.monde.outils.db.transaction(travail)


@pytest.fixture(scope="module")
async def module_voisins(monde: Monde) -> Voisins:
    """Built once."""
    async with monde.outils.db.engine.begin() as conn:
        b = await build_service(conn, sages="5800451", libelle=B, guichets=3, en_ligne=False, types=["guichet"])
        await rename(conn, b, B, "COSNE-COURS-SUR-LOIRE", "8 rue du Centre")
        c = await build_service(conn, sages="5800452", libelle="SERVICE ETRANGER", guichets=1)
        ident = await insert_delegation(
            conn, monde.service, b, motifs=[monde.service.motifs[0], monde.service.motifs[2]]
        )
        etrangere = await insert_delegation(conn, c, b)
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
    return Voisins(monde, b, ident, etrangere)


@pytest.fixture
async def voisins(module_voisins: Voisins) -> AsyncIterator[Voisins]:
    """Both places receive, at the beginning of each test and after it."""
    yield module_voisins
    await module_voisins.close_here(ferme=False)
    await module_voisins.open_guichets(ouverts=True)
    depuis = clock.now().date() - timedelta(days=1)
    await module_voisins.change(etat="acceptee", quota_jour=None, du=depuis, au=depuis + timedelta(days=90))


def lieu(visiteur: Navigateur, ident: object) -> Navigateur:
    """The same, who chose that place."""
    visiteur.choix["lieu"] = str(ident)
    return visiteur


def guichets_montres(page: str) -> set[int]:
    """The guichets of the grid shown."""
    donnees = re.search(r"data-creneaux>(.*?)</script>", page, re.S)
    assert donnees
    return {int(g) for g in re.findall(r'"(\d+)": \[', donnees[1].split('"occupations"')[1])}


def sujets(page: str) -> str:
    """What the live region follows."""
    trouve = re.search(r'id="creneaux"[^>]*data-flux="([^"]+)"', page)
    assert trouve
    return trouve[1]


class TestEtape1:
    async def test_a_motif_closed_here_is_proposed_as_long_as_another_service_receives_it(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        visiteur = arrive()

        async def propose() -> bool:
            page = await visiteur.client.get(f"/rdv/{voisins.a.id}/motif?nature=particulier")
            return "Calcul de la taxe d" in page.text

        assert await propose()
        await voisins.change(etat="retiree")
        assert not await propose()
        hier = clock.now().date() - timedelta(days=2)
        await voisins.change(etat="acceptee", du=hier, au=hier)
        assert not await propose(), "it has returned by itself"


class TestLeChoixDuLieu:
    """« the usager sees where to go »."""

    async def test_both_places_are_said_with_their_first_creneau_the_earliest_first(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        page = (await arrive().page_creneaux()).text
        assert f"À {A}, NEVERS CEDEX" in page
        assert f"À {B}, COSNE-COURS-SUR-LOIRE" in page
        assert page.count("Premier créneau libre\u00a0: <b>") == 2
        assert sujets(page) == f"creneaux:{voisins.a.id} creneaux:{voisins.b.id}"
        assert guichets_montres(page) == set(voisins.a.guichets)
        ici, ailleurs = page.index(f"À {A}, NEVERS"), page.index(f"À {B}, COSNE")
        assert ici < ailleurs, "equally early: the service itself first"
        for debut in creneaux(page)[:1]:
            for _ in voisins.a.guichets:
                assert (await arrive().choose(debut)).status_code == 303
        page = (await arrive().page_creneaux()).text
        assert page.index(f"À {A}, NEVERS") > page.index(f"À {B}, COSNE"), "the earliest first"
        assert guichets_montres(page) == set(voisins.a.guichets), "the place chosen stays the service itself"

    async def test_the_place_is_kept_by_every_link_and_the_grid_is_its_own(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        page = (await lieu(arrive(), voisins.ident).page_creneaux()).text
        assert guichets_montres(page) == set(voisins.b.guichets)
        assert sujets(page) == f"creneaux:{voisins.b.id} creneaux:{voisins.a.id}"
        jours = re.findall(r'class="jour" data-jour="[^"]+" data-libres="\d+" href="([^"]+)"', page)
        assert jours
        assert all(f"lieu={voisins.ident}" in lien for lien in jours)
        assert caches(page)["lieu"] == str(voisins.ident)

    async def test_when_only_the_other_service_receives_it_is_shown_with_why(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        await voisins.close_here()
        for visiteur in (arrive(), lieu(arrive(), voisins.ident)):
            page = (await visiteur.page_creneaux()).text
            assert f"{A} confie ce rendez-vous à ce service" in page
            assert "8 rue du Centre" in page
            assert guichets_montres(page) == set(voisins.b.guichets)
            assert PLUS not in page
        assert (await arrive().book()).status_code == 200

    async def test_a_service_that_closes_all_its_guichets_still_leads_to_who_receives_for_it(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        await voisins.open_guichets(ouverts=False)
        visiteur = arrive()
        assert "Prendre rendez-vous" in (await visiteur.client.get(f"/services/{voisins.a.id}")).text
        page = (await visiteur.page_creneaux()).text
        assert guichets_montres(page) == set(voisins.b.guichets)
        assert (await visiteur.book()).status_code == 200
        hier = clock.now().date() - timedelta(days=2)
        await voisins.change(du=hier, au=hier)
        assert f"/rdv/{voisins.a.id}/motif" not in (await visiteur.client.get(f"/services/{voisins.a.id}")).text
        assert "ne prend pas" in (await arrive().page_creneaux()).text

    async def test_a_type_that_only_one_place_offers_leaves_no_choice(self, voisins: Voisins, arrive: Arrivee) -> None:
        page = (await arrive(type_rdv="telephone").page_creneaux()).text
        assert B not in page

    @pytest.mark.parametrize("cas", ["etrangere", "retiree", "finie", "abc", "-4", "0", "9" * 25, "999999", "1e3"])
    async def test_an_id_that_is_no_place_of_the_service_is_never_a_fault(
        self, voisins: Voisins, arrive: Arrivee, cas: str
    ) -> None:
        hier = clock.now().date() - timedelta(days=2)
        if cas == "retiree":
            await voisins.change(etat="retiree")
        if cas == "finie":
            await voisins.change(du=hier, au=hier)
        ident = {"etrangere": voisins.etrangere, "retiree": voisins.ident, "finie": voisins.ident}.get(cas, cas)
        visiteur = lieu(arrive(), ident)
        page = await visiteur.page_creneaux()
        assert page.status_code == 200
        assert guichets_montres(page.text) == set(voisins.a.guichets)
        dite = cas in ("etrangere", "retiree", "finie", "999999")
        assert (PLUS in page.text) is dite
        fragment = await visiteur.client.get(f"{visiteur.base}/creneau/fragment", params=visiteur.choix)
        assert fragment.status_code == 200
        assert (PLUS in fragment.text) is dite
        donnees = {**caches(page.text), "lieu": str(ident), "debut": creneaux(page.text)[0]}
        choisi = await visiteur.client.post(f"{visiteur.base}/option", data=donnees)
        assert choisi.status_code == (422 if dite else 303)
        assert not dite or PLUS in choisi.text
        forme = await visiteur.client.get(f"{visiteur.base}/coordonnees", params={**visiteur.choix, "debut": "x"})
        assert forme.status_code in (200, 303)


class TestJusquALaFin:
    async def test_the_whole_journey_leads_to_b_for_the_account_of_a(self, voisins: Voisins, arrive: Arrivee) -> None:
        visiteur = lieu(arrive(), voisins.ident)
        choisi = await visiteur.choose()
        assert choisi.status_code == 303
        page = await visiteur.client.get(choisi.headers["location"])
        assert f"<b>{B}</b>, 8 rue du Centre, 58200 COSNE-COURS-SUR-LOIRE, pour le compte de {A}" in page.text
        formulaire = caches(page.text)
        plus = await visiteur.client.post(f"{visiteur.base}/option/prolonger", data={**formulaire, **SAISIE})
        assert plus.status_code == 200
        assert "Ce créneau vous est réservé" in plus.text
        reponse = await visiteur.send(formulaire)
        assert reponse.status_code == 303, reponse.text
        confirmation = await visiteur.client.get(reponse.headers["location"])
        assert f"<b>{B}</b> vous reçoit pour le compte de {A}" in confirmation.text
        assert "8 rue du Centre" in confirmation.text
        assert f'href="/services/{voisins.a.id}"' in confirmation.text
        agenda = await visiteur.client.get(f"{reponse.headers['location']}/agenda.ics")
        deplie = agenda.text.replace("\r\n ", "")
        assert "COSNE-COURS-SUR-LOIRE" in deplie
        assert f"pour le compte de {A}" in deplie
        retour = await visiteur.client.get(choisi.headers["location"])
        assert retour.headers["location"] == reponse.headers["location"], "the back button finds the confirmation"

    async def test_withdrawn_while_the_form_is_filled_nothing_typed_is_lost_and_a_place_remains(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        visiteur = lieu(arrive(), voisins.ident)
        formulaire = await visiteur.open_form()
        await voisins.change(etat="retiree")
        refusee = await visiteur.send(formulaire)
        assert refusee.status_code == 422
        assert f"{PLUS} pour le compte de {A}" in refusee.text
        for valeur in (SAISIE["nom_usage"], SAISIE["precision"], SAISIE["courriel"]):
            assert valeur in refusee.text
        assert f"Ces créneaux sont à\u00a0: <b>{A}, NEVERS CEDEX</b>" in refusee.text
        autres = alternatives(refusee.text)
        assert autres
        suite = await visiteur.send(caches(refusee.text), debut=autres[0])
        assert suite.status_code == 303, suite.text
        confirmation = await visiteur.client.get(suite.headers["location"])
        assert "pour le compte de" not in confirmation.text
        tenues = await voisins.monde.sql("SELECT 1 FROM rendez_vous WHERE etat = 'option'")
        assert tenues == [], "the hold at the lost place was given back"

    async def test_the_form_opened_again_after_the_withdrawal_says_so_first(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        visiteur = lieu(arrive(), voisins.ident)
        choisi = await visiteur.choose()
        await voisins.change(etat="retiree")
        page = await visiteur.client.get(choisi.headers["location"])
        assert page.status_code == 200
        assert PLUS in page.text

    async def test_a_day_complete_by_its_quota_is_told_to_the_loser_with_b_s_other_days(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        await voisins.change(quota_jour=1)
        premier, second = lieu(arrive(), voisins.ident), lieu(arrive(), voisins.ident)
        page = await second.page_creneaux()
        heures = creneaux(page.text)
        assert (await premier.choose(heures[0])).status_code == 303
        donnees = {**caches(page.text), "debut": heures[1]}
        perdu = await second.client.post(f"{second.base}/option", data=donnees)
        assert perdu.status_code == 409
        assert {a[:10] for a in alternatives(perdu.text)}.isdisjoint({heures[0][:10]})
        assert guichets_montres(perdu.text) == set(voisins.b.guichets)
        sienne = await premier.page_creneaux(jour=heures[0][:10])
        assert heures[1] in creneaux(sienne.text), "who holds the last place may still change of hour"

    async def test_the_figure_of_a_day_never_promises_more_than_the_quota_leaves(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        await voisins.change(quota_jour=2)
        page = (await lieu(arrive(), voisins.ident).page_creneaux()).text
        assert {int(n) for n in re.findall(r'data-libres="(\d+)"', page)} == {0, 2}
        assert "2 libres" in page
        visiteur = lieu(arrive(), voisins.ident)
        premier = creneaux(page)[0]
        assert (await visiteur.choose(premier)).status_code == 303
        jour = rf'data-jour="{premier[:10]}" data-libres="(\d+)"'
        for autre, reste in ((lieu(arrive(), voisins.ident), "1"), (visiteur, "2")):
            vue = (await autre.page_creneaux(jour=premier[:10])).text
            assert re.findall(jour, vue) == [reste]


class TestLaCleDAbord:
    """The same form again: the rendez-vous that it has made, whatever became of the place since."""

    @pytest.mark.parametrize("cas", ["retiree", "finie"])
    async def test_sent_again_after_the_withdrawal_it_leads_to_its_confirmation(
        self, voisins: Voisins, arrive: Arrivee, cas: str
    ) -> None:
        visiteur = lieu(arrive(), voisins.ident)
        formulaire = await visiteur.open_form()
        une = await visiteur.send(formulaire)
        assert une.status_code == 303
        hier = clock.now().date() - timedelta(days=2)
        await voisins.change(**({"etat": "retiree"} if cas == "retiree" else {"du": hier, "au": hier}))
        encore = await visiteur.send(formulaire)
        assert (encore.status_code, encore.headers["location"]) == (303, une.headers["location"])
        autrement = await visiteur.send(formulaire, precision="Autre chose")
        assert autrement.headers["location"] == f"{une.headers['location']}?deja=1"
        jamais = await visiteur.send({**formulaire, "cle": "0" * 8 + "-0000-4000-8000-" + "0" * 12})
        assert jamais.status_code == 422
        assert PLUS in jamais.text


class TestUneTenuePerdue:
    """A hold whose place in the day was given to somebody else: a clear sentence, what was typed is kept."""

    async def test_when_the_limit_is_lowered_the_form_says_so_keeps_everything_and_gives_the_creneau_back(
        self, voisins: Voisins, arrive: Arrivee
    ) -> None:
        await voisins.change(quota_jour=2)
        premier, second = lieu(arrive(), voisins.ident), lieu(arrive(), voisins.ident)
        heures = creneaux((await premier.page_creneaux()).text)
        formulaire = await premier.open_form(heures[-1])
        autre = await second.open_form(heures[-2])
        await voisins.change(quota_jour=1)
        perdu = await premier.send(formulaire)
        assert perdu.status_code == 409
        assert f"La limite de 1\u00a0rendez-vous par jour confié par {A} est atteinte ce jour-là." in perdu.text
        for valeur in (SAISIE["nom_usage"], SAISIE["precision"], SAISIE["courriel"]):
            assert valeur in perdu.text
        autres = alternatives(perdu.text)
        assert autres
        assert {a[:10] for a in autres}.isdisjoint({heures[-1][:10]})
        tenues = await voisins.monde.sql("SELECT 1 FROM rendez_vous WHERE etat = 'option'")
        assert len(tenues) == 1, "the first one's was given back: the other may finish"
        assert (await second.send(autre)).status_code == 303
        assert (await premier.send(caches(perdu.text), debut=autres[0])).status_code == 303


class TestCout:
    """At most one more query than without a delegation, whatever the number of them."""

    @pytest.mark.parametrize("nombre", [1, 3])
    async def test_a_page_with_places_costs_one_more_cold_and_none_warm(self, outils: Outils, nombre: int) -> None:
        async with outils.db.engine.begin() as conn:
            a = await build_service(conn, guichets=5)
            for rang in range(nombre):
                b = await build_service(conn, sages=f"58004{60 + rang}", libelle=f"B{rang}", guichets=5)
                await insert_delegation(conn, a, b)
        parcours = Parcours(a.id, a.motifs[0], "guichet", "particulier")
        async with outils.db.read() as conn:
            for attendu in (4, 1):
                with count_queries(outils) as requetes:
                    vue = await read_vue(outils, conn, a.id, "visite", clock.now())
                    choix = await read_choix_lieu(outils, conn, vue, parcours)
                assert len(requetes) <= attendu, requetes
        assert len(choix.offerts) == nombre + 1
        departs: list[Any] = [choix.dispos[place.id].grille.find_premier() for place in choix.offerts]
        assert [d.debut for d in departs] == sorted(d.debut for d in departs)
