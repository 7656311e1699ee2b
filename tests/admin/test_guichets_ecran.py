"""Guichets and rendez-vous to place again, in a browser: keyboard alone, live, nothing for axe, nothing too wide."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from tests.accueil.ecran import overflow, settle, tab_to, until
from tests.accueil.monde import Journee, axe, personne
from tests.admin.guichets import guichet
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e
MARDI = date(2026, 11, 24)
ETROIT = {"width": 390, "height": 844}


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=(1, 2, 3, 4, 5))


class TestGuichets:
    """Created, restricted, ordered and closed by the keyboard; another chef's page follows."""

    async def test_by_the_keyboard_alone_and_seen_live(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["chef"])
        autre = await journee.context(browser, nevers.agents["national"], viewport=ETROIT)
        try:
            temoin = await journee.open(autre, f"/services/{nevers.id}/organiser/guichets")
            page = await journee.open(contexte, f"/services/{nevers.id}/organiser/guichets")
            assert await axe(page) == []
            assert await axe(temoin) == []
            assert await overflow(temoin) <= 0
            await tab_to(page, "Créer un guichet")
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/guichets/nouveau")
            assert await page.evaluate("document.querySelector('#champ-nom').value") == "Guichet 3"
            await page.focus("#champ-nom")
            await page.keyboard.press("ControlOrMeta+a")
            await page.keyboard.type("Box des impayés")
            # Only one motif, found by its word.
            await page.focus("#motifs-tous")
            await page.keyboard.press("ArrowDown")
            assert await page.evaluate("document.activeElement.id") == "motifs-choix"
            await page.focus("#recherche-motif")
            await page.keyboard.type("PAIEMENT")
            await until(page, "document.querySelectorAll('.arbre li:not([hidden])').length === 1")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Space")
            assert "1 trouvé, 1 coché" in await page.inner_text(".arbre__compte")
            assert await axe(page) == []
            await page.focus("#champ-nom")
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/guichets?fait=cree")
            assert await page.evaluate("document.activeElement.textContent.trim()") == "Le guichet est créé."
            await until(temoin, "document.querySelectorAll('.guichet').length === 3")
            cree = await journee.scalar("SELECT max(id) FROM guichet WHERE service_id = :s", s=nevers.id)
            assert (await guichet(journee, cree))["motifs"] == [nevers.motifs[1]]
            # Up, and the focus stays on the button that was pressed.
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
            await page.focus(f"#monter-{cree}")
            await page.keyboard.press("Enter")
            rang = f"[...document.querySelectorAll('.guichet')].findIndex((e) => e.id === 'guichet-{cree}')"
            await until(page, f"{rang} === 1")
            assert await page.evaluate("document.activeElement.id") == f"monter-{cree}"
            await until(temoin, f"{rang} === 1")
            await settle(page, "guichets")
            await settle(temoin, "guichets")
        finally:
            await contexte.close()
            await autre.close()

    async def test_every_page_within_320_pixels(self, journee: Journee, nevers: MondeService, browser: Browser) -> None:
        await journee.book(nevers, "14:00", "Merville-Montmorency-Bouteville")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE plage SET fin_minute = 850 WHERE fin_minute = 960"))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        contexte = await journee.context(browser, nevers.agents["chef"], viewport={"width": 320, "height": 800})
        organiser, g = f"/services/{nevers.id}/organiser", nevers.guichets[0]
        try:
            for chemin in ("", f"/{g}", "/nouveau", f"/{g}/fermeture", f"/{g}/suppression", "/../a-replacer"):
                page = await journee.open(contexte, f"{organiser}/guichets{chemin}", direct=False)
                assert await axe(page) == [], chemin
                assert await overflow(page) <= 0, chemin
            assert await page.locator(".hors__ligne").count() == 1
        finally:
            await contexte.close()


class TestRestreindre:
    """What a restriction leaves is read before it is saved, on any screen."""

    async def test_the_list_of_what_it_would_not_take_reads_well(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        g = nevers.guichets[0]
        await journee.book(nevers, "14:00", "Merville")
        contexte = await journee.context(browser, nevers.agents["chef"], viewport=ETROIT)
        try:
            page = await journee.open(contexte, f"/services/{nevers.id}/organiser/guichets/{g}")
            await page.check("#types-choix", force=True)
            await page.check("#type-telephone", force=True)
            await page.click("button:has-text('Enregistrer')")
            await page.wait_for_selector("text=MERVILLE Justine")
            assert await axe(page) == []
            assert await overflow(page) <= 0
            await page.click("button:has-text('Enregistrer quand même')")
            await page.wait_for_url("**/guichets?fait=enregistre_rdv")
        finally:
            await contexte.close()


class TestReplacer:
    """The chef closes, ticks, chooses, confirms; what he ticked survives what others do meanwhile."""

    async def test_by_the_keyboard_while_others_book(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        un = await journee.book(nevers, "14:00", usager=personne("Merville", courriel="m@usagers.test"), jour=MARDI)
        deux = await journee.book(nevers, "14:20", "Sansadresse", jour=MARDI)
        trois = await journee.book(nevers, "14:40", "Laissée", jour=MARDI)
        contexte = await journee.context(browser, nevers.agents["chef"], viewport=ETROIT)
        try:
            page = await journee.open(
                contexte, f"/services/{nevers.id}/organiser/guichets/{nevers.guichets[0]}/fermeture", direct=False
            )
            await tab_to(page, "Fermer, puis replacer")
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/a-replacer?fait=ferme")
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
            assert await axe(page) == []
            assert await overflow(page) <= 0
            await page.focus(f"#rdv-{un}")
            await page.keyboard.press("Space")
            await page.focus(f"#rdv-{deux}")
            await page.keyboard.press("Space")
            # Another créneau for the first, by the keyboard: choosing it ticks it.
            await page.focus(f"#creneau-{un}")
            await page.keyboard.press("End")
            choisi = await page.evaluate(f"document.querySelector('#creneau-{un}').value")
            await until(page, "document.querySelector('[data-compte-coches]').textContent.startsWith('2 cochés')")
            # Somebody books a place that nobody was offered: all stays as it was.
            version = await page.get_attribute("#a-replacer", "data-version")
            await journee.book(nevers, "08:00", "Ailleurs", guichet=1, jour=date(2026, 12, 11))
            await until(page, f"document.querySelector('#a-replacer').dataset.version !== '{version}'")
            assert await page.evaluate(f"document.querySelector('#creneau-{un}').value") == choisi
            assert await page.is_checked(f"#rdv-{un}")
            assert await page.is_checked(f"#rdv-{deux}")
            # Somebody books the very place ticked for the second: it is unticked, another is proposed.
            await journee.book(nevers, "14:20", "Rapide", guichet=1, jour=MARDI)
            await until(page, f"!document.querySelector('#rdv-{deux}').checked")
            assert await page.is_checked(f"#rdv-{un}")
            await page.focus(f"#rdv-{deux}")
            await page.keyboard.press("Space")
            await tab_to(page, "Déplacer les rendez-vous cochés")
            await page.keyboard.press("Enter")
            await page.wait_for_selector(".bilan")
            titre = await page.inner_text("#bilan-titre")
            assert titre == "2 rendez-vous déplacés, 1 usager sans adresse à appeler"
            assert await page.evaluate("document.activeElement.classList.contains('bilan')")
            assert await axe(page) == []
            assert await overflow(page) <= 0
            debut = await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=un)
            assert str(int(debut.timestamp()) // 60) == choisi.partition(".")[0]
            # The third is kept as it is; reversible.
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
            await page.focus(f"#garder-{trois}")
            await page.keyboard.press("Enter")
            await until(page, "document.querySelector('#hors-gardes') !== null")
            assert await page.evaluate("document.querySelectorAll('[data-hors]').length") == 0
            await settle(page, "a-replacer")
            # Cancelled elsewhere, it leaves the page by itself.
            await journee.lead(nevers, trois, "annule")
            await until(page, "document.querySelector('#hors-gardes') === null")
        finally:
            await contexte.close()
