"""``/agent/preferences``: how an agent wants to be told (G 2.3.3); nothing typed is lost, nothing overwritten."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from tests.accueil.monde import Journee, axe
from tests.booking.agents.outillage import texte
from tests.fixtures.donnees import MondeService

ADRESSE = "/agent/preferences"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def read_revision(client: Any) -> str:
    page = (await client.get(ADRESSE)).text
    lue = re.search(r'name="revision" value="(\d+)"', page)
    assert lue is not None
    return lue[1]


async def saved(journee: Journee, service: MondeService) -> tuple[bool, int]:
    async with journee.outils.db.read() as conn:
        requete = text("SELECT resume_quotidien, resume_minute FROM agent WHERE id = :a")
        ligne = (await conn.execute(requete, {"a": service.agents["agent"]})).one()
    return ligne[0], ligne[1]


class TestResume:
    """On or off, and its hour; seven o'clock unless chosen otherwise."""

    async def test_it_is_off_at_seven_then_as_chosen(self, journee: Journee, nevers: MondeService) -> None:
        assert await saved(journee, nevers) == (False, 420)
        async with journee.client(nevers.agents["agent"]) as client:
            choix = {"revision": await read_revision(client), "resume": "oui", "heure": "08:30"}
            reponse = await client.post(ADRESSE, data=choix)
            assert reponse.status_code == 303
            page = (await client.get(reponse.headers["location"])).text
        assert "Vos préférences sont enregistrées." in texte(page)
        assert '<option value="08:30" selected>' in page
        assert await saved(journee, nevers) == (True, 510)
        ligne = await journee.scalar(
            "SELECT avant::text || apres::text FROM journal WHERE action = 'agent.preferences' AND agent_id = :a",
            a=nevers.agents["agent"],
        )
        assert ligne == '{"minute": 420, "resume": false}{"minute": 510, "resume": true}'

    async def test_a_stale_page_is_told_and_overwrites_nothing(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["agent"]) as client:
            vue = await read_revision(client)
            await client.post(ADRESSE, data={"revision": vue, "resume": "oui", "heure": "06:00"})
            refus = await client.post(ADRESSE, data={"revision": vue, "resume": "oui", "heure": "09:00"})
            assert refus.status_code == 409
            assert "Enregistré maintenant : résumé envoyé à 06:00" in texte(refus.text)
            assert '<option value="09:00" selected>' in refus.text  # what was chosen stays
            assert await saved(journee, nevers) == (True, 360)
            revision = re.search(r'name="revision" value="(\d+)"', refus.text)
            assert revision is not None
            encore = {"revision": revision[1], "resume": "oui", "heure": "09:00"}
            assert (await client.post(ADRESSE, data=encore)).status_code == 303
        assert await saved(journee, nevers) == (True, 540)

    async def test_the_same_choice_sent_again_changes_nothing(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["agent"]) as client:
            choix = {"revision": await read_revision(client), "resume": "oui", "heure": "08:00"}
            assert [(await client.post(ADRESSE, data=choix)).status_code for _ in range(2)] == [303, 303]
        lignes = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'agent.preferences' AND agent_id = :a",
            a=nevers.agents["agent"],
        )
        assert lignes == 1

    @pytest.mark.parametrize(
        "plus",
        [
            {"heure": "03:00"},
            {"heure": "08:31"},
            {"heure": ""},
            {"resume": "peut-être"},
            {"revision": ""},
            {"revision": "-1"},
            {"suspendu_a": "2026-11-23"},
            {"agent_id": "1"},
        ],
        ids=["trop-tot", "minute", "sans-heure", "resume", "sans-revision", "revision", "statut", "autrui"],
    )
    async def test_what_is_not_offered_is_refused(
        self, journee: Journee, nevers: MondeService, plus: dict[str, str]
    ) -> None:
        async with journee.client(nevers.agents["agent"]) as client:
            choix = {"revision": await read_revision(client), "resume": "oui", "heure": "08:00", **plus}
            assert (await client.post(ADRESSE, data=choix)).status_code == 422
        assert await saved(journee, nevers) == (False, 420)

    async def test_an_account_without_an_address_is_told_so(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE agent SET courriel = '' WHERE id = :a"), {"a": nevers.agents["agent"]})
        async with journee.client(nevers.agents["agent"]) as client:
            page = (await client.get(ADRESSE)).text
        assert "Votre compte n’a pas d’adresse de courriel" in texte(page)
        assert 'name="heure"' not in page

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_is_attached_to_nothing_has_no_calendar_to_share(
        self, journee: Journee, nevers: MondeService, qui: str
    ) -> None:
        async with journee.client(nevers.agents[qui]) as client:
            page = await client.get(ADRESSE)
        assert page.status_code == 200
        assert "il n’y a pas d’agenda à partager" in texte(page.text)

    async def test_nobody_else_comes_in(self, journee: Journee) -> None:
        async with journee.client() as client:
            reponse = await client.get(ADRESSE, headers={"Accept": "text/html"})
            assert (reponse.status_code, reponse.headers["location"][:10]) == (303, "/connexion")


class TestNavigateur:
    """By keyboard and by eye: the header leads there, the address is shown once, reload shows it no more."""

    async def test_a_calendar_is_made_and_its_address_leaves_with_the_page(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["agent"])
        try:
            page = await journee.open(contexte, "/agent")
            await page.get_by_role("link", name="Préférences").click()
            await page.get_by_label("Agenda à partager").select_option(label="Guichet 2")
            await page.get_by_role("button", name="Créer une adresse").press("Enter")
            adresse = page.locator("#adresse-agenda")
            await expect(adresse).to_contain_text(".ics")
            assert await axe(page) == []
            assert page.url == journee.site.url + ADRESSE  # a reload asks to send nothing again
            await page.reload()
            await expect(adresse).to_have_count(0)
            await expect(page.locator(".abonnement")).to_have_count(1)
            await page.get_by_role("button", name="Retirer : Guichet 2").click()
            await expect(page.locator(".abonnement")).to_have_count(0)
        finally:
            await contexte.close()

    async def test_the_keys_are_listed_from_there(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["agent"])
        try:
            page = await journee.open(contexte, ADRESSE, direct=False)
            await page.get_by_role("button", name="Afficher les raccourcis").click()
            await expect(page.get_by_role("dialog", name="Raccourcis clavier")).to_be_visible()
        finally:
            await contexte.close()
