"""[G 2.3.5] Both agendas show what one service receives for another; each side does what is its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from app import clock
from app.booking.agents.lectures import read_confies, read_fiche, read_histoire
from app.booking.api import lecture
from app.booking.outils import Auteur
from app.booking.vie import MODULES, act
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse, Introuvable
from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import add_fermeture, service_ordinaire, texte
from tests.booking.agents.test_agenda import en_process
from tests.booking.agents.test_droits import count_refus, find_unscoped
from tests.fixtures.donnees import MondeService

_LISTE: Final = re.compile(r'<section class="confies".*?</section>', re.S)


@dataclass(frozen=True, slots=True)
class Monde:
    """``a`` entrusts to ``b``; ``tiers`` has nothing to do with it. ``confie`` is A's at B, ``propre`` is B's own."""

    a: MondeService
    b: MondeService
    tiers: MondeService
    delegation: int
    confie: int
    propre: int


@pytest.fixture(scope="module")
async def monde(journee: Journee) -> Monde:
    a = await service_ordinaire(journee, libelle="SIP DE NEVERS")
    b = await service_ordinaire(journee, libelle="SIP DE COSNE")
    tiers = await service_ordinaire(journee, departement="89")
    delegation = await entrust(journee, a, b)
    confie = await book_for(journee, a, b, delegation, "11:00", "Confiee")
    propre = await journee.book(b, "11:40", "Propre")
    return Monde(a, b, tiers, delegation, confie, propre)


async def lire(journee: Journee, service: MondeService, chemin: str, agent: str = "agent") -> httpx.Response:
    """A page, by one of the service's people."""
    async with journee.client(service.agents[agent]) as client:
        return await client.get(chemin)


async def poster(journee: Journee, service: MondeService, chemin: str, **champs: str) -> httpx.Response:
    """A form sent by the service's agent as its page script does."""
    async with journee.client(service.agents["agent"]) as client:
        return await client.post(chemin, data=champs, headers={"Accept": "application/json"})


def liste(page: str) -> str:
    """The list under the grid, as read; "" when there is none."""
    trouvee = _LISTE.search(page)
    return texte(trouvee[0]) if trouvee else ""


def agenda(service: MondeService, suite: str = "") -> str:
    return f"/services/{service.id}/agenda?jour={JOUR}{suite}"


class TestChezQuiRecoit:
    """What B receives for A says so, discreetly, wherever B looks."""

    @pytest.mark.parametrize("suite", ["", "&vue=semaine&guichet={g}"], ids=["jour", "semaine"])
    async def test_its_agenda_says_for_whom(self, journee: Journee, monde: Monde, suite: str) -> None:
        page = (await lire(journee, monde.b, agenda(monde.b, suite.format(g=monde.b.guichets[0])))).text
        bloc = re.search(rf'<div id="a-{monde.confie}".*?</div>', page, re.S)
        assert bloc is not None
        assert "CONFIEE Justine" in texte(bloc[0])
        assert "pour SIP DE NEVERS" in texte(bloc[0])
        assert "Déclaration et calcul" in texte(bloc[0]), "the motif is A's, and named"
        assert texte(page).count("pour SIP DE NEVERS") == 1, "its own RDV are for nobody else"
        assert liste(page) == "", "B entrusts nothing"

    @pytest.mark.parametrize(
        ("qui", "chemin"),
        [
            ("orientation", "/sites/{l}/accueil"),
            ("box", "/services/{s}/box?guichet={g}"),
            ("agent", "/rendez-vous/{r}"),
        ],
        ids=["accueil", "box", "fiche"],
    )
    async def test_the_desk_the_box_and_the_fiche_too(
        self, journee: Journee, monde: Monde, qui: str, chemin: str
    ) -> None:
        b = monde.b
        url = chemin.format(l=b.site_id, s=b.id, g=b.guichets[0], r=monde.confie)
        page = await lire(journee, b, url, qui)
        assert page.status_code == 200
        assert texte(page.text).count("pour SIP DE NEVERS") == 1

    async def test_the_desks_search_too(self, journee: Journee, monde: Monde) -> None:
        async with journee.client(monde.b.agents["orientation"]) as client:
            page = await client.post(f"/sites/{monde.b.site_id}/accueil/recherche", data={"q": "confiee"})
        assert "pour SIP DE NEVERS" in texte(page.text)


class TestChezQuiConfie:
    """A sees under its own grid what is received elsewhere, and nothing of the other service's own day."""

    @pytest.mark.parametrize("suite", ["", "&guichet={g}", "&vue=semaine", "&vue=semaine&guichet={g}"])
    async def test_every_view_lists_it_with_hour_name_motif_state_and_place(
        self, journee: Journee, monde: Monde, suite: str
    ) -> None:
        page = (await lire(journee, monde.a, agenda(monde.a, suite.format(g=monde.a.guichets[0])))).text
        lu = liste(page)
        assert lu.startswith("Reçus par un autre service")
        for mot in ("11:00", "CONFIEE Justine", "Déclaration et calcul", "Prévu", "SIP DE COSNE", "NEVERS CEDEX"):
            assert mot in lu
        assert ("lun. 23 nov." in lu) is ("semaine" in suite)
        assert f'href="/rendez-vous/{monde.confie}"' in page
        assert f"a-{monde.confie}" not in page, "it takes no place of A's grid"
        assert "PROPRE" not in page, "what B receives for itself is B's"

    async def test_a_service_that_entrusts_nothing_has_no_list(self, journee: Journee, monde: Monde) -> None:
        assert 'class="confies"' not in (await lire(journee, monde.tiers, agenda(monde.tiers))).text

    async def test_another_day_has_none_and_a_cancelled_one_leaves(self, journee: Journee, monde: Monde) -> None:
        a, b = monde.a, monde.b
        rdv = await book_for(journee, a, b, monde.delegation, "14:00", "Partante")
        assert "PARTANTE" in liste((await lire(journee, a, agenda(a))).text)
        await journee.act(b, rdv, Action.ANNULER)
        assert "PARTANTE" not in liste((await lire(journee, a, agenda(a))).text)
        demain = (await lire(journee, a, f"/services/{a.id}/agenda?jour={JOUR + timedelta(days=1)}")).text
        assert "<li" not in (_LISTE.search(demain) or [""])[0]

    async def test_a_day_closed_here_does_not_claim_that_nobody_comes(self, journee: Journee, monde: Monde) -> None:
        a, b = await service_ordinaire(journee, libelle="SIP DE DECIZE"), monde.b
        delegation = await entrust(journee, a, b)
        await book_for(journee, a, b, delegation, "15:00", "Ailleurs")
        await add_fermeture(journee, a, JOUR + timedelta(days=5))
        samedi = (await lire(journee, a, f"/services/{a.id}/agenda?jour={JOUR + timedelta(days=5)}")).text
        assert "aucun rendez-vous n’y a été pris" not in texte(samedi)
        assert "AILLEURS" in liste((await lire(journee, a, agenda(a))).text)

    async def test_its_fiche_says_where_and_offers_only_to_cancel(self, journee: Journee, monde: Monde) -> None:
        page = await lire(journee, monde.a, f"/rendez-vous/{monde.confie}")
        assert page.status_code == 200
        lu = texte(page.text)
        assert "Reçu par un autre service SIP DE COSNE 19 rue Camille Baynac" in lu
        assert f'data-flux="service:{monde.a.id}"' in page.text, "an agent of A may only follow A"
        assert f"/services/{monde.a.id}/agenda?jour={JOUR}" in page.text
        assert f"/services/{monde.b.id}/" not in page.text
        assert f"/rendez-vous/{monde.confie}/annuler" in page.text
        assert "data-evenement" not in page.text

    async def test_reading_it_is_journaled(self, journee: Journee, monde: Monde) -> None:
        agent = monde.a.agents["agent"]
        compte = "SELECT count(*) FROM journal WHERE action = 'rdv.lu' AND agent_id = :a AND rdv_id = :r"
        avant = await journee.scalar(compte, a=agent, r=monde.confie)
        await lire(journee, monde.a, f"/rendez-vous/{monde.confie}")
        assert await journee.scalar(compte, a=agent, r=monde.confie) == avant + 1

    async def test_it_cancels_it_from_its_page_with_a_reason(self, journee: Journee, monde: Monde) -> None:
        rdv = await book_for(journee, monde.a, monde.b, monde.delegation, "14:20", "Annulee")
        page = await lire(journee, monde.a, f"/rendez-vous/{rdv}/annuler")
        assert page.status_code == 200
        assert "SIP DE COSNE" in texte(page.text)
        revision = str(await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv))
        sans = await poster(journee, monde.a, f"/rendez-vous/{rdv}/annulation", revision=revision, raison="")
        assert sans.status_code == 422
        fait = await poster(journee, monde.a, f"/rendez-vous/{rdv}/annulation", revision=revision, raison="Empêché")
        assert fait.status_code == 200
        qui = await journee.scalar("SELECT annule_par_agent FROM rendez_vous WHERE id = :r", r=rdv)
        assert qui == monde.a.agents["agent"]
        trames = "SELECT count(*) FROM outbox WHERE trame::jsonb->>'type' = 'rdv.annule' AND sujet = ANY(:s)"
        sujets = [f"service:{monde.a.id}", f"service:{monde.b.id}"]
        assert await journee.scalar(trames + " AND (trame::jsonb->>'rdv')::bigint = :r", s=sujets, r=rdv) == 2
        assert "Annulé" in texte((await lire(journee, monde.a, f"/rendez-vous/{rdv}")).text)


ACTES: Final = ("arrivee", "arrivee/annulation", "appel", "reception", "fin", "absence")


class TestDroits:
    """promises, « Agents »: an id of another service → 404, journaled; each side does what is its own."""

    @pytest.mark.parametrize("chemin", ACTES)
    async def test_presence_is_for_who_receives_alone(self, journee: Journee, monde: Monde, chemin: str) -> None:
        agent = monde.a.agents["agent"]
        avant = await count_refus(journee, agent)
        reponse = await poster(journee, monde.a, f"/rendez-vous/{monde.confie}/{chemin}")
        assert reponse.status_code == 404
        assert await count_refus(journee, agent) == avant + 1
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=monde.confie) == "prevu"

    @pytest.mark.parametrize("chemin", ["", "/fragment", "/annuler"])
    async def test_a_third_service_and_the_others_own_rdv_are_the_same_404(
        self, journee: Journee, monde: Monde, chemin: str
    ) -> None:
        for service, rdv in ((monde.tiers, monde.confie), (monde.a, monde.propre), (monde.tiers, monde.propre)):
            avant = await count_refus(journee, service.agents["agent"])
            reponse = await lire(journee, service, f"/rendez-vous/{rdv}{chemin}")
            assert reponse.status_code == 404
            assert "confiee" not in reponse.text.lower()
            assert "propre " not in reponse.text.lower()
            assert await count_refus(journee, service.agents["agent"]) == avant + 1

    async def test_neither_can_a_third_service_cancel_it_nor_a_the_others_own(
        self, journee: Journee, monde: Monde
    ) -> None:
        for service, rdv in ((monde.tiers, monde.confie), (monde.a, monde.propre)):
            reponse = await poster(
                journee, service, f"/rendez-vous/{rdv}/annulation", revision="1", raison="Par curiosité"
            )
            assert reponse.status_code == 404
            assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    @pytest.mark.parametrize("action", [a for a in MODULES if a is not Action.ANNULER])
    async def test_the_use_case_itself_refuses_presence_from_a(
        self, journee: Journee, monde: Monde, action: Action
    ) -> None:
        auteur = Auteur("agent", agent_id=monde.a.agents["chef"])
        with pytest.raises(Introuvable):
            await act(journee.outils, monde.confie, action, auteur, clock.now(), raison="non")

    async def test_past_the_door_each_statement_asks_again(self, journee: Journee, monde: Monde) -> None:
        async def read(agent: int) -> list[Any]:
            async with journee.outils.db.read() as conn:
                try:
                    confies = await read_confies(conn, agent, monde.a.id, JOUR, JOUR)
                except AccesRefuse:
                    confies = None
                fiche = await read_fiche(conn, agent, monde.confie)
                return [confies, fiche, await read_histoire(conn, agent, monde.confie)]

        dedans = await read(monde.a.agents["agent"])
        assert all(dedans)
        etrangers = [monde.tiers.agents["agent"], monde.a.agents["exterieur"], monde.a.agents["pilote"]]
        for agent in etrangers:
            assert not any(await read(agent))
        assert (await read(monde.b.agents["agent"]))[0] is None, "B reads no list of A"

    async def test_every_statement_of_its_screens_carries_the_right(self, journee: Journee, monde: Monde) -> None:
        async with en_process(journee, monde.a) as (client, requetes):
            for chemin in (agenda(monde.a), f"/rendez-vous/{monde.confie}", f"/rendez-vous/{monde.confie}/annuler"):
                reponse = await client.get(chemin)
                assert reponse.status_code == 200
                assert "CONFIEE" in reponse.text
        assert find_unscoped(requetes) == []

    async def test_who_belongs_to_both_sees_it_as_the_one_who_receives(self, journee: Journee, monde: Monde) -> None:
        agent = monde.b.agents["box"]
        await journee.attach(agent, monde.a)
        async with journee.client(agent) as client:
            page = (await client.get(f"/rendez-vous/{monde.confie}")).text
        assert f'data-flux="service:{monde.b.id}"' in page
        assert "data-evenement" in page

    async def test_the_api_still_reads_a_rdv_for_who_receives_alone(self, journee: Journee, monde: Monde) -> None:
        async with journee.outils.db.read() as conn:
            assert await lecture.read_fiche(conn, monde.a.agents["agent"], monde.confie) is None

    async def test_a_hostile_name_stays_text(self, journee: Journee, monde: Monde) -> None:
        usager = personne("<script>alert(1)</script>", prenoms="<b>x</b>")
        await book_for(journee, monde.a, monde.b, monde.delegation, "15:20", "", usager=usager)
        assert "<script>alert" not in (await lire(journee, monde.a, agenda(monde.a))).text.lower()
