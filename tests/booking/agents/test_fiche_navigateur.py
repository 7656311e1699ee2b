"""The fiche in a real browser: its keys, what happens in place, two agents on the same RDV [A1 §3.2]."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.accueil.ecran import overflow
from tests.accueil.monde import Journee, axe, personne
from tests.booking.agents.outillage import DEMAIN, service_ordinaire

pytestmark = pytest.mark.e2e


class TestDeuxAgents:
    """« same RDV »: one edits while the other cancels."""

    async def test_who_edits_is_told_live_that_it_is_cancelled_and_keeps_his_words(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        usager = personne("Valenton", telephones=("+33612345678",))
        rdv = await journee.book(service, "09:00", jour=DEMAIN, usager=usager)
        un = await journee.context(browser, service.agents["agent"])
        deux = await journee.context(browser, service.agents["chef"])
        edite = await journee.open(un, f"/rendez-vous/{rdv}/modifier")
        await edite.fill("#champ-precision", "Des mots que personne ne doit perdre")
        annule = await journee.open(deux, f"/rendez-vous/{rdv}/annuler")
        await annule.fill("#champ-raison", "Réunion de service")
        await annule.get_by_role("button", name="Annuler ce rendez-vous").click()
        await expect(annule.get_by_text("prévenez-le")).to_be_visible()
        alerte = edite.locator("#changements [role=status]")
        await expect(alerte).to_contain_text("Ce rendez-vous a changé depuis l’ouverture de cette page")
        await expect(alerte).to_contain_text(re.compile(r"Rendez-vous annulé, par Chef"))
        await expect(edite.locator("#champ-precision")).to_have_value("Des mots que personne ne doit perdre")
        assert await axe(edite) == []
        await edite.get_by_role("button", name="Enregistrer").last.click()
        await expect(edite.get_by_role("alert")).to_contain_text("irréversible")
        await expect(edite.locator("#champ-precision")).to_have_value("Des mots que personne ne doit perdre")
        assert await axe(edite) == []
        assert await journee.scalar("SELECT etat || precision FROM rendez_vous WHERE id = :r", r=rdv) == (
            "annuleQuestion sur mon avis"
        )
        await un.close()
        await deux.close()

    async def test_of_two_who_edit_the_second_reads_what_the_first_wrote_then_decides(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        usager = personne("Valenton", telephones=("+33612345678",))
        rdv = await journee.book(service, "09:20", jour=DEMAIN, usager=usager)
        pages = []
        for qui in ("agent", "chef"):
            contexte = await journee.context(browser, service.agents[qui])
            pages.append(await journee.open(contexte, f"/rendez-vous/{rdv}/modifier"))
        un, deux = pages
        await deux.fill("#champ-precision", "Mots du chef")
        await un.fill("#champ-precision", "Mots de l’agent")
        await un.get_by_role("button", name="Enregistrer").last.click()
        await expect(un.get_by_text("Modifications enregistrées")).to_be_visible()
        await deux.get_by_role("button", name="Enregistrer").last.click()
        alerte = deux.get_by_role("alert")
        await expect(alerte).to_be_focused()
        await expect(alerte).to_contain_text("Mots de l’agent")
        await expect(deux.locator("#champ-precision")).to_have_value("Mots du chef")
        assert await axe(deux) == []
        await deux.get_by_role("button", name="Enregistrer").last.click()
        await expect(deux.get_by_text("Mots du chef")).to_be_visible()
        for page in pages:
            await page.context.close()


class TestClavier:
    """A whole act without the mouse."""

    async def test_each_key_opens_what_it_says_and_the_help_lists_it(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"/rendez-vous/{rdv}")
        await page.keyboard.press("?")
        aide = page.get_by_role("dialog")
        for texte in ("Déplacer le rendez-vous", "Modifier le rendez-vous", "Noter un contre-appel"):
            await expect(aide).to_contain_text(texte)
        await page.keyboard.press("Escape")
        await expect(aide).to_have_count(0)
        for touche, chemin in (
            ("d", "deplacer"),
            ("x", "echanger"),
            ("e", "modifier"),
            ("c", "contre-appel"),
            ("g", "affectation"),
        ):
            async with page.expect_navigation(url=f"**/rendez-vous/{rdv}/{chemin}"):
                await page.keyboard.press(touche)
            await page.goto(f"{journee.site.url}/rendez-vous/{rdv}")
            await page.wait_for_selector('#direct[data-direct="direct"]')
        await page.keyboard.press("a")
        await expect(page.get_by_role("button", name="Annuler l’arrivée")).to_be_visible()
        await page.keyboard.press("a")
        await expect(page.get_by_role("button", name="Arrivé", exact=False).first).to_be_visible()
        await contexte.close()

    async def test_moving_by_a_proposal_takes_one_press(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "09:40", jour=DEMAIN)
        contexte = await journee.context(browser, service.agents["agent"], viewport={"width": 390, "height": 844})
        page = await journee.open(contexte, f"/rendez-vous/{rdv}/deplacer")
        assert await overflow(page) <= 0
        await page.get_by_role("button", name=re.compile("mardi 24 novembre, 10:00 – 10:20")).first.click()
        await expect(page.get_by_text("Rendez-vous déplacé", exact=True)).to_be_visible()
        await expect(page.locator("#fiche")).to_contain_text("10:00 – 10:20")
        assert await axe(page) == []
        await contexte.close()


class TestSurPlace:
    """What is done without leaving the fiche is seen there."""

    async def test_the_confirmation_sent_again_is_said_and_enters_the_story(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "10:00", jour=DEMAIN, usager=personne(courriel="encore@usagers.test"))
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"/rendez-vous/{rdv}")
        bouton = page.get_by_role("button", name="Renvoyer la confirmation")
        await bouton.dblclick()
        await expect(page.locator("#fiche-fait")).to_be_visible()
        await expect(page.locator("#fiche")).to_contain_text("Confirmation envoyée de nouveau, par Agent")
        assert await axe(page) == []
        mails = "SELECT count(*) FROM courrier WHERE rdv_id = :r AND evenement = 'confirmation'"
        assert await journee.scalar(mails, r=rdv) == 2
        await contexte.close()

    async def test_a_rdv_taken_next_door_for_the_same_person_appears(self, journee: Journee, browser: Browser) -> None:
        service, voisin = await service_ordinaire(journee), await service_ordinaire(journee)
        await journee.attach(service.agents["agent"], voisin)
        lui = personne("Valenton", numero_fiscal="3023217600053")
        rdv = await journee.book(service, "10:20", jour=DEMAIN, usager=lui)
        contexte = await journee.context(browser, service.agents["agent"])
        page = await journee.open(contexte, f"/rendez-vous/{rdv}")
        autre = await journee.book(voisin, "15:00", jour=DEMAIN, usager=lui)
        await expect(page.locator(f'#fiche a[href="/rendez-vous/{autre}"]')).to_be_visible()
        await contexte.close()
