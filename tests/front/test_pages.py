"""Every prototype page: nothing for axe to find, no overflow from 320 px, a light agenda, honest paper."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.front.conftest import Ouvrir, axe, jusqua
from tests.front.monde import grand_monde
from tests.front.site import RACINE, Site, environnement

pytestmark = pytest.mark.e2e

PAGES = ("macros", "agenda", "semaine", "accueil", "box", "creneaux", "vide", "grand")
VIVES = {"agenda", "accueil", "box", "creneaux"}


@pytest.mark.parametrize("nom", PAGES)
class TestChaquePage:
    async def test_axe_finds_nothing_and_nothing_overflows_from_320_px(self, nom: str, ouvrir: Ouvrir) -> None:
        page = await ouvrir(nom, direct=nom in VIVES)
        assert await axe(page) == []
        for largeur in (320, 390, 720):
            await page.set_viewport_size({"width": largeur, "height": 700})
            assert await page.evaluate("document.documentElement.scrollWidth") <= largeur
        if nom in VIVES:
            assert await axe(page) == []


class TestPoids:
    def test_the_agenda_of_twenty_guichets_and_three_hundred_rendez_vous_is_light(self) -> None:
        monde = grand_monde()
        assert len(monde.rdv) >= 280
        gabarit = environnement().from_string(
            '{% from "macros/agenda.html" import grille_jour %}{{ grille_jour(jour) }}'
        )
        html = gabarit.render(jour=monde.jour())
        assert len(gzip.compress(html.encode(), 6)) <= 60_000

    def test_no_style_attribute_nor_inline_script_in_any_template(self) -> None:
        for gabarit in (RACINE / "templates").rglob("*.html"):
            if "mail" in gabarit.parts:
                continue
            texte = gabarit.read_text(encoding="utf-8")
            assert not re.search(r"\sstyle=|\son[a-z]+=", texte), gabarit
            for balise in re.findall(r"<script[^>]*>", texte):
                assert "src=" in balise or "application/json" in balise, gabarit

    def test_every_minute_class_that_the_macros_can_write_exists(self) -> None:
        feuille = (RACINE / "static" / "css" / "minutes.css").read_text(encoding="utf-8")
        classes = set(re.findall(r"\.([a-z]+\d+)\{", feuille))
        attendues = (
            {f"t{n}" for n in range(1, 60)} | {f"d{n}" for n in range(1, 241)} | {f"pas{n}" for n in range(5, 61)}
        )
        assert attendues | {f"d{n}" for n in range(245, 721, 5)} == classes


class TestPapier:
    async def test_the_agenda_prints_as_the_list_of_the_day_without_buttons(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await page.emulate_media(media="print")
        assert await page.locator("#a-104 [data-lieu]").is_visible()
        assert await page.locator("#a-104 .etat").is_visible()
        assert await page.locator("button:visible, .place:visible, .fr-footer:visible").count() == 0


class TestMarque:
    def test_the_brand_of_the_state_shows_only_when_asked(self, site: Site) -> None:
        gabarit = site.env.get_template("vide.html")
        neutre = gabarit.render(site.contexte())
        officiel = gabarit.render(site.contexte(marque_etat=True, demo=False))
        assert "République" not in neutre
        assert "Démonstration" in neutre
        assert "République<br>Française" in officiel
        assert "Démonstration" not in officiel
        assert "0 800 002 042" in neutre
        assert "0 800 002 031" in neutre

    @pytest.mark.parametrize("base", ["base_usager.html", "base_agent.html"])
    def test_a_refusal_is_a_page_that_says_what_to_do(self, base: str, site: Site) -> None:
        html = site.env.get_template("erreur.html").render(
            site.contexte(
                base=base, statut=409, phrase="<Ce créneau> vient d'être pris.", remede="Choisissez-en un autre."
            )
        )
        assert "&lt;Ce créneau&gt; vient d&#39;être pris." in html
        assert "Choisissez-en un autre." in html


class TestSignal:
    """[screens, box] sound with a mute that is remembered; title « (2) Box 3 »."""

    async def test_the_title_counts_who_waits_and_an_arrival_sounds_unless_muted(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("box", seule=True)
        assert (await page.title()).startswith("(1) Box 2")
        sonneries = "document.documentElement.dataset.sonne ?? '0'"
        await site.direct.publier(site.monde.changer("rdv.arrive", 104))
        await jusqua(page, "document.title.startsWith('(2) Box 2')")
        assert await page.evaluate(sonneries) == "1"
        await page.get_by_role("button", name="Son des arrivées").click()
        await page.reload()
        assert "coupé" in await page.locator("[data-son]").inner_text()
        await page.wait_for_selector('#direct[data-direct="direct"]')
        await site.direct.publier(site.monde.changer("rdv.arrive", 107))
        await jusqua(page, "document.title.startsWith('(3) Box 2')")
        assert await page.evaluate(sonneries) == "0"
