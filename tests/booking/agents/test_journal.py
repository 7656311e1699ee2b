"""domain « Everything is journaled »: reads of personal data, a line a screen; who was looked up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app import clock
from app.booking.outils import Auteur
from app.booking.traces import Lectures, Trace
from app.identite.empreintes import print_critere
from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.outillage import DEMAIN, NUMERO_FISCAL, SIREN, formulaire, post_rdv, service_ordinaire
from tests.fixtures.donnees import MondeService


async def open_each(journee: Journee, agent: int, *chemins: str) -> None:
    async with journee.client(agent) as client:
        for chemin in chemins:
            assert (await client.get(chemin)).status_code == 200, chemin


async def count(journee: Journee, service: MondeService, action: str, agent: str = "agent") -> int:
    return int(
        await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = :x AND service_id = :s AND agent_id = :a",
            x=action,
            s=service.id,
            a=service.agents[agent],
        )
    )


def fragments(service: MondeService, rdv: int) -> Mapping[str, tuple[str, str]]:
    """Action of the journal → the page and its live region."""
    base = f"/services/{service.id}"
    return {
        "agenda.lu": (f"{base}/agenda", f"{base}/agenda/fragment"),
        "rdv.lu": (f"/rendez-vous/{rdv}", f"/rendez-vous/{rdv}/fragment"),
        "box.lu": (f"{base}/box?guichet={service.guichets[0]}", f"{base}/box/fragment?guichet={service.guichets[0]}"),
        "accueil.lu": (f"/sites/{service.site_id}/accueil", f"/sites/{service.site_id}/accueil/fragment"),
    }


ACTIONS = ("agenda.lu", "rdv.lu", "box.lu", "accueil.lu")


class TestFragments:
    """A live page reads again and again; the journal says it once."""

    @pytest.mark.parametrize("action", ACTIONS)
    async def test_the_refreshes_of_a_page_belong_to_its_opening(self, journee: Journee, action: str) -> None:
        service = await service_ordinaire(journee)
        page, region = fragments(service, await journee.book(service, "11:00"))[action]
        await open_each(journee, service.agents["agent"], page, region, region, region)
        assert await count(journee, service, action) == 1

    @pytest.mark.parametrize("action", ACTIONS)
    async def test_a_region_asked_without_its_page_leaves_one_line(self, journee: Journee, action: str) -> None:
        service = await service_ordinaire(journee)
        _, region = fragments(service, await journee.book(service, "11:00"))[action]
        await open_each(journee, service.agents["agent"], region, region, region)
        assert await count(journee, service, action) == 1

    async def test_each_opening_of_a_page_leaves_a_line(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        page, region = fragments(service, await journee.book(service, "11:00"))["rdv.lu"]
        await open_each(journee, service.agents["agent"], page, region, page)
        assert await count(journee, service, "rdv.lu") == 2

    async def test_other_days_are_another_reading(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        region = f"/services/{service.id}/agenda/fragment?jour="
        await open_each(journee, service.agents["agent"], f"{region}{JOUR}", f"{region}{DEMAIN}", f"{region}{JOUR}")
        assert await count(journee, service, "agenda.lu") == 2
        jours = await journee.scalar(
            "SELECT array_agg(apres->>'du' ORDER BY id) FROM journal WHERE action = 'agenda.lu' AND service_id = :s",
            s=service.id,
        )
        assert jours == [JOUR.isoformat(), DEMAIN.isoformat()]

    async def test_each_agent_answers_for_himself(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        _, region = fragments(service, await journee.book(service, "11:00"))["rdv.lu"]
        for nom in ("agent", "box"):
            await open_each(journee, service.agents[nom], region, region)
            assert await count(journee, service, "rdv.lu", nom) == 1


class TestLectures:
    """What a process remembers, and what it asks."""

    async def test_another_process_finds_the_line_of_the_first(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        auteur, a = Auteur("agent", agent_id=service.agents["agent"], adresse="192.0.2.1"), clock.now()
        trace = Trace("agenda.lu", service.id, apres={"du": "2026-11-23", "au": "2026-11-23"})
        for processus in (Lectures(), Lectures()):
            await processus.note(journee.outils, auteur, a, trace)
        assert await count(journee, service, "agenda.lu") == 1

    @pytest.mark.parametrize(("action", "minutes"), [("rdv.lu", 15), ("agenda.lu", 60)])
    async def test_a_line_stands_for_a_while_only(self, journee: Journee, action: str, minutes: int) -> None:
        service = await service_ordinaire(journee)
        auteur, a, lectures = Auteur("agent", agent_id=service.agents["agent"]), clock.now(), Lectures()
        trace = Trace(action, service.id)
        for ecart, attendu in ((0, 1), (minutes - 1, 1), (minutes, 2), (2 * minutes - 1, 2)):
            await lectures.note(journee.outils, auteur, a + timedelta(minutes=ecart), trace)
            assert await count(journee, service, action) == attendu

    async def test_another_address_is_another_reading(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        lectures = Lectures()
        for adresse in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
            auteur = Auteur("agent", agent_id=service.agents["agent"], adresse=adresse)
            await lectures.note(journee.outils, auteur, clock.now(), Trace("box.lu", service.id))
        assert await count(journee, service, "box.lu") == 2

    async def test_the_memory_is_bounded_and_forgetting_costs_a_question_only(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        auteur, lectures = Auteur("agent", agent_id=service.agents["agent"]), Lectures(taille=1)
        for guichet in (1, 2, 1, 2):
            trace = Trace("box.lu", service.id, apres={"guichet": guichet})
            await lectures.note(journee.outils, auteur, clock.now(), trace)
        assert await count(journee, service, "box.lu") == 2


class TestRecherche:
    """Who was looked up, without the number: its keyed print, and the RDV that were shown."""

    async def last(self, journee: Journee, service: MondeService) -> Any:
        return await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'usager.recherche' AND service_id = :s ORDER BY id DESC LIMIT 1",
            s=service.id,
        )

    async def test_a_number_that_is_known_here(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "15:00", jour=DEMAIN, usager=personne(numero_fiscal=NUMERO_FISCAL))
        await post_rdv(journee, service, formulaire(service, faire="rechercher", numero_fiscal=NUMERO_FISCAL))
        marque = print_critere(journee.outils.settings, "numero_fiscal", NUMERO_FISCAL)
        apres = await self.last(journee, service)
        assert apres == {"criteres": {"numero_fiscal": marque}, "rdv": [rdv], "registre": False}
        assert NUMERO_FISCAL not in str(apres)

    async def test_a_number_that_is_not(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        donnees = formulaire(service, faire="rechercher", nature="professionnel", siren=SIREN, raison_sociale="X")
        await post_rdv(journee, service, donnees)
        marque = print_critere(journee.outils.settings, "siren", SIREN)
        assert await self.last(journee, service) == {"criteres": {"siren": marque}, "rdv": [], "registre": False}

    async def test_saving_that_announces_a_rdv_is_a_search_too(self, journee: Journee) -> None:
        """Otherwise « Enregistrer » would be the way to look somebody up unseen."""
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "15:00", jour=DEMAIN, usager=personne(numero_fiscal=NUMERO_FISCAL))
        refus = await post_rdv(journee, service, formulaire(service, numero_fiscal=NUMERO_FISCAL))
        assert refus.status_code == 409
        assert (await self.last(journee, service))["rdv"] == [rdv]
