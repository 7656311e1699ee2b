"""The page's only WebSocket: order, gaps, silence, cuts, rights. The state line never lies."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from playwright.async_api import Page

from tests.front.conftest import Ouvrir, attendre, axe, jusqua
from tests.front.monde import EPOQUE, minute
from tests.front.site import Site
from tests.front.test_etats import a_la_version, egale_au_frais

pytestmark = pytest.mark.e2e


async def etat(page: Page, voulu: str, delai: float = 5.0) -> None:
    await jusqua(page, "e => document.getElementById('direct').dataset.direct === e", voulu, delai)


async def ligne(page: Page) -> str:
    return (await page.locator("#direct").inner_text()).strip()


class TestOrdreDesVersions:
    async def test_a_gap_takes_the_fragment_and_converges(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.direct.noter(site.monde.changer("rdv.arrive", 104))
        await site.direct.publier(site.monde.changer("rdv.appele", 105))
        await a_la_version(page, site.monde.version)
        assert site.fragments == ["agenda"]
        await egale_au_frais(page, "agenda")

    async def test_frames_out_of_order_converge(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        trames = [site.monde.changer(g, 107) for g in ("rdv.arrive", "rdv.appele", "rdv.recu")]
        await site.direct.publier(*reversed(trames))
        await a_la_version(page, site.monde.version)
        await egale_au_frais(page, "accueil")

    async def test_a_frame_already_known_is_ignored(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        arrivee = site.monde.changer("rdv.arrive", 104)
        retour = site.monde.changer("rdv.arrivee_annulee", 104)
        await site.direct.publier(arrivee, retour)
        await a_la_version(page, site.monde.version)
        await site.direct.envoyer(arrivee, retour, arrivee)
        await asyncio.sleep(0.2)
        assert await page.locator("#l-104").get_attribute("data-etat") == "prevu"
        assert site.fragments == []

    async def test_frames_received_during_a_refresh_wait_for_it(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.lenteur = 0.4
        await site.direct.publier(site.monde.creer(2, "11:40"))
        await attendre(lambda: site.fragments == ["agenda"])
        await site.direct.publier(site.monde.changer("rdv.arrive", 104), site.monde.changer("rdv.annule", 111))
        await a_la_version(page, site.monde.version)
        assert site.fragments == ["agenda"]
        await egale_au_frais(page, "agenda")

    async def test_what_comes_in_the_place_of_what_is_fading_is_shown_and_stays(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda")
        parti = site.monde.rdv[site.monde.ajouter(2, "11:40")]
        await site.direct.publier(site.monde.trame("rdv.cree", parti, site.monde.maintenant))
        await a_la_version(page, site.monde.version)
        depart = site.monde.changer("rdv.annule", parti["id"])
        await site.direct.publier(depart)
        await page.wait_for_selector(".part")
        nouveau = site.monde.ajouter(2, "11:40")
        await site.direct.publier(site.monde.trame("rdv.cree", site.monde.rdv[nouveau], site.monde.maintenant))
        await a_la_version(page, site.monde.version)
        await asyncio.sleep(0.6)
        assert await page.locator(f"#a-{nouveau}").count() == 1
        await egale_au_frais(page, "agenda")

    async def test_a_burst_of_new_rendez_vous_costs_few_fragments(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        for _ in range(3):
            for _ in range(4):
                await site.direct.publier(site.monde.creer(2, "11:40"))
            await asyncio.sleep(0.02)
        await a_la_version(page, site.monde.version)
        assert len(site.fragments) <= 3
        await egale_au_frais(page, "agenda")

    async def test_two_regions_of_one_subject_share_the_socket_and_both_converge(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda+accueil")
        assert len(site.direct.connexions) == 1
        await site.direct.publier(site.monde.changer("rdv.arrive", 104), site.monde.creer(1, "10:40"))
        await a_la_version(page, site.monde.version)
        for vue in ("agenda", "accueil"):
            await egale_au_frais(page, vue)
        assert site.direct.recus == []


class TestPlusieursSujets:
    """[G 2.1.1] several services share one reception: one region follows each of them at its own version."""

    async def test_each_subject_has_its_own_versions(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("site")
        assert parse_qs(site.direct.connexions[0])["sujet"] == ["service:12@345", "service:13@7"]
        await site.direct.publier(site.monde.changer("rdv.arrive", 104))
        await jusqua(page, "document.getElementById('site').dataset.version === '346 7'")
        voisine = {**site.monde.trame("rdv.cree", site.monde.rdv[104], site.monde.maintenant), "sujet": "service:13"}
        site.monde.version -= 1
        site.version_voisine = 8
        assert site.fragments == []
        await site.direct.publier({**voisine, "version": 8, "rdv": 999})
        await jusqua(page, "document.getElementById('site').dataset.version === '346 8'")
        assert site.fragments == ["site"]
        await egale_au_frais(page, "site")
        await etat(page, "direct")

    async def test_when_its_day_is_over_a_region_asks_for_the_next(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("site")
        demain = site.expire
        site.expire += 24 * 60
        site.monde.maintenant += timedelta(minutes=demain - minute("10:05") + 1)
        await jusqua(page, "e => document.getElementById('site').dataset.expire == e", site.expire, 12)
        assert len(site.fragments) == 1

    async def test_a_picture_of_the_whole_needs_no_predecessor_and_never_goes_back(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda")
        await page.evaluate(
            """async () => {
                const { register } = await import("/static/js/registre.js");
                window.images = [];
                register("compteurs", (trame) => { window.images.push(trame.prevu); return true; });
            }"""
        )
        for version, prevu in ((400, 3), (390, 9), (401, 4)):
            await site.direct.envoyer({"type": "compteurs", "sujet": "service:12", "version": version, "prevu": prevu})
        await jusqua(page, "document.getElementById('agenda').dataset.version === '401'")
        assert await page.evaluate("window.images") == [3, 4]
        assert site.fragments == []


class TestResynchronisation:
    async def test_resync_takes_the_fragment(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("box")
        site.direct.noter(site.monde.changer("rdv.arrive", 104))
        position = {"sujet": "service:12", "epoque": EPOQUE, "version": site.monde.version}
        await site.direct.envoyer({"type": "resync", **position})
        await a_la_version(page, site.monde.version)
        await egale_au_frais(page, "box")
        await etat(page, "direct")

    async def test_an_unknown_epoch_takes_the_fragment_whatever_the_versions_say(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda")
        site.monde.epoque = site.direct.epoque = "9d3e0d0e-1111-4222-8333-444455556666"
        site.monde.version = 12
        site.direct.versions["service:12"] = 12
        site.direct.histoire.clear()
        site.monde.rdv[104]["etat"] = "non_honore"
        await site.direct.fermer(1012)
        await jusqua(page, "e => document.getElementById('agenda').dataset.epoque === e", site.monde.epoque, 8)
        await etat(page, "direct")
        await egale_au_frais(page, "agenda")

    async def test_a_fragment_older_than_what_is_known_is_asked_again(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.monde.version += 3
        site.direct.versions["service:12"] = site.monde.version
        position = {"sujet": "service:12", "epoque": EPOQUE, "version": site.monde.version + 2}
        await site.direct.envoyer({"type": "resync", **position})
        await attendre(lambda: len(site.fragments) >= 2)
        site.monde.version += 2
        await a_la_version(page, site.monde.version)


class TestHonnetete:
    """P5: « Connexion perdue – données de HH:MM » within 5 s of the cut, in the hour of the service."""

    async def test_silence_is_said_with_the_hour_of_the_service_then_the_feed_is_live_again(
        self, site: Site, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir("agenda")
        site.direct.muet = True
        debut = time.monotonic()
        await etat(page, "perdu", 6)
        assert 3.5 < time.monotonic() - debut < 5.2
        assert await ligne(page) == "Connexion perdue – données de 10:05"
        site.direct.muet = False
        await etat(page, "direct", 6)
        assert await ligne(page) == "En direct"

    async def test_a_deploy_is_survived_by_the_missed_events_alone(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.direct.noter(site.monde.changer("rdv.arrive", 104))
        await site.direct.fermer(1012)
        await etat(page, "perdu", 1)
        debut = time.monotonic()
        await etat(page, "direct", 5)
        assert time.monotonic() - debut < 3.5
        assert parse_qs(site.direct.connexions[-1]) == {"sujet": ["service:12@345"], "epoque": [EPOQUE]}
        assert site.fragments == []
        await egale_au_frais(page, "agenda")

    async def test_live_again_means_caught_up(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.direct.noter(site.monde.changer("rdv.arrive", 104))
        site.direct.oubli = True
        site.panne = 503
        await site.direct.fermer(1012)
        await attendre(lambda: len(site.fragments) >= 2, 6)
        assert (await ligne(page)).startswith("Connexion perdue")
        site.panne = None
        await etat(page, "direct", 8)
        await egale_au_frais(page, "agenda")

    async def test_a_region_that_cannot_be_refreshed_is_said(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.panne = 503
        await site.direct.publier(site.monde.creer(2, "11:40"))
        await etat(page, "perdu", 6)
        site.panne = None
        await etat(page, "direct", 8)
        await egale_au_frais(page, "agenda")

    async def test_without_the_gateway_http_still_keeps_the_page_fresh(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.direct.refuse = True
        await site.direct.fermer(1011)
        site.monde.changer("rdv.arrive", 104)
        site.monde.maintenant += timedelta(minutes=3)
        await a_la_version(page, site.monde.version)
        assert re.fullmatch(r"Connexion perdue – données de 10:0\d", await ligne(page))
        await egale_au_frais(page, "agenda")


class TestReconnexion:
    async def test_waits_are_spread_and_bounded(self, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda", seule=True)
        tirages = await page.evaluate(
            """async () => {
                const { flux } = await import("/static/js/flux.js");
                const tirer = (essais, code, depuis) => {
                    flux.essais = essais;
                    flux.perduDepuis = performance.now() - depuis;
                    return Array.from({ length: 400 }, () => flux.delai(code));
                };
                return {
                    premier: tirer(1, 1006, 0), deploiement: tirer(1, 1012, 0), suivant: tirer(4, 1006, 10_000),
                    ancien: tirer(9, 1006, 600_000), refuse: tirer(6, 1008, 0),
                };
            }"""
        )
        bornes = {"premier": (200, 1000), "deploiement": (200, 3000), "suivant": (500, 3000), "ancien": (2000, 10_000)}
        for nom, (bas, haut) in bornes.items():
            assert bas <= min(tirages[nom]), nom
            assert max(tirages[nom]) <= haut, nom
            assert max(tirages[nom]) - min(tirages[nom]) > (haut - bas) / 3, f"{nom} is not spread"
        assert min(tirages["refuse"]) >= 4000

    async def test_coming_back_to_the_page_tries_at_once(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await page.evaluate("import('/static/js/flux.js').then((m) => { m.flux.delai = () => 600000; })")
        await site.direct.fermer(1011)
        await etat(page, "perdu")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await etat(page, "direct")


class TestFinDesDroits:
    """P13: a lost right or an ended session closes the feed; the sentence says what to do."""

    async def test_lost_rights_stop_the_feed_for_good(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        await site.direct.fermer(4403)
        await etat(page, "arret")
        assert await ligne(page) == "Accès retiré"
        assert await page.locator("#agenda [data-masque]").get_by_role("link").get_attribute("href") == "/agent"
        assert await page.locator("[data-rdv]").count() == 0
        vues = len(site.direct.connexions)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await asyncio.sleep(1.2)
        assert len(site.direct.connexions) == vues

    async def test_an_ended_session_offers_to_sign_in_again(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda")
        site.panne = 401
        await site.direct.publier(site.monde.creer(2, "11:40"))
        await etat(page, "arret")
        lien = page.locator("#direct a")
        assert await lien.get_attribute("href") == "/connexion?suite=%2Fpage%2Fagenda"
        assert (await ligne(page)).startswith("Session terminée.")

    @pytest.mark.parametrize(("vue", "par"), [("box", "socket"), ("accueil", "action")])
    async def test_when_the_session_ends_in_another_tab_no_name_stays_on_the_screen(
        self, site: Site, ouvrir: Ouvrir, vue: str, par: str
    ) -> None:
        page = await ouvrir(vue)
        nom = "LE GOFF-KERVADEC"
        assert nom in await page.locator("main").inner_text()
        assert (await page.title()).startswith("(") is (vue == "box")
        if par == "socket":
            await site.direct.fermer(4401)
        else:
            site.refus = (401, {"detail": "Votre session est terminée."})
            await page.locator("#accueil button:visible").first.click()
        alerte = page.locator("[data-masque]")
        await alerte.wait_for()
        assert await alerte.get_by_role("heading").inner_text() == "Votre session est terminée"
        lien = alerte.get_by_role("link", name="Se reconnecter")
        assert await lien.get_attribute("href") == "/connexion?suite=%2Fpage%2F" + vue
        assert await page.locator("[data-rdv]").count() == 0
        assert nom not in await page.content()
        assert await page.title() == "Votre session est terminée – Accueil personnalisé sur rendez-vous"
        vus, sonne = len(site.fragments), await page.evaluate("document.documentElement.dataset.sonne ?? '0'")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await asyncio.sleep(3.3)  # a beat of the page's clock
        assert len(site.fragments) == vus
        assert await page.evaluate("document.documentElement.dataset.sonne ?? '0'") == sonne
        assert await page.locator("[data-masque]").count() == 1
        assert await axe(page) == []

    async def test_a_fragment_on_its_way_when_the_session_ends_is_not_shown(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        site.lenteur = 0.6
        await site.direct.publier(site.monde.creer(2, "11:40"))
        await attendre(lambda: len(site.fragments) == 1)
        await site.direct.fermer(4401)
        await page.locator("[data-masque]").wait_for()
        await asyncio.sleep(0.9)
        assert await page.locator("[data-rdv]").count() == 0


class TestLaPageResteEnPlace:
    """A refresh changes what changed, and nothing under the person's hands."""

    async def test_focus_scroll_and_open_details_survive_a_fragment(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("box", viewport={"width": 900, "height": 500})
        await page.locator("#b-105 summary").click()
        await page.locator("#b-107 [data-nom]").focus()
        avant = await page.evaluate("scrollY")
        await site.direct.publier(site.monde.creer(2, "11:40"))
        await a_la_version(page, site.monde.version)
        assert await page.locator("#b-112").count() == 1
        assert await page.locator("#b-105 details").evaluate("e => e.open")
        assert await page.evaluate("document.activeElement.closest('[data-rdv]').dataset.rdv") == "107"
        assert abs(await page.evaluate("scrollY") - avant) <= 2

    async def test_the_grid_keeps_its_scroll_and_its_tab_stop(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("agenda", viewport={"width": 700, "height": 500})
        cadre = page.locator(".agenda__cadre")
        await page.locator('[data-rdv="109"] a').focus()
        await cadre.evaluate("e => { e.scrollLeft = 120; }")
        position = await cadre.evaluate("e => [e.scrollLeft, e.scrollTop]")
        await site.direct.publier(site.monde.creer(1, "10:40"))
        await a_la_version(page, site.monde.version)
        assert await cadre.evaluate("e => [e.scrollLeft, e.scrollTop]") == position
        assert await page.locator('.agenda [tabindex="0"]').count() == 1
        assert await page.evaluate("document.activeElement.closest('[data-rdv]').dataset.rdv") == "109"

    async def test_time_moves_a_late_rendez_vous_without_any_frame(self, site: Site, ouvrir: Ouvrir) -> None:
        page = await ouvrir("accueil")
        assert await page.locator('[data-groupe="maintenant"] #l-109').count() == 1
        site.monde.maintenant += timedelta(minutes=minute("10:26") - minute("10:05"))
        await jusqua(page, "document.querySelector('[data-groupe=\"retard\"] #l-109') !== null", delai=8)
        assert await page.locator("#l-109 [data-attente]").inner_text() == "en retard de 6 min"
        assert await page.locator("time[data-horloge]").inner_text() == "lundi 23 novembre 2026, 10:26"
