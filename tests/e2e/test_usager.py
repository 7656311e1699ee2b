"""The usager's journey in Chromium: wide and narrow, by keyboard alone, without JavaScript, live, with accidents."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import DateTime, bindparam, text

from app import clock
from app.booking.options import place_option, release_option
from app.booking.outils import Outils
from app.db import Database, UnitOfWork, create_engine
from app.domain.horaires import from_minute
from tests.booking.outillage import creneaux_libres, reserve
from tests.booking.usager.conftest import Monde
from tests.booking.usager.navigateur import Navigateur
from tests.e2e.outillage import Temoin, axe, find_difference, read_versions, wait_for_versions
from tests.fixtures.base import Site
from tests.fixtures.donnees import build_service

LARGE = {"width": 1440, "height": 900}
ETROIT = {"width": 390, "height": 844}

#: A hold on every guichet of the service that is still free then, announced by nobody.
PRISE_MUETTE = text(
    """
    INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe, canal, origine,
                             nature_option, expire_a, option_empreinte, cree_a, modifie_a)
    SELECT g.service_id, g.id, :motif, 'guichet', i.debut, i.debut + interval '20 minutes', i.debut::date,
           'option', TRUE, 'internet', 'internet', 'saisie', i.maintenant + interval '1 hour', 'muette', i.maintenant,
           i.maintenant
      FROM guichet g CROSS JOIN (SELECT :debut AS debut, :maintenant AS maintenant) i WHERE g.service_id = :service
        ON CONFLICT DO NOTHING
    """
).bindparams(bindparam("debut", type_=DateTime(timezone=True)), bindparam("maintenant", type_=DateTime(timezone=True)))

Ouvrir = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="module")
async def monde(site_du_module: Site, smtp_server: Any) -> AsyncIterator[Monde]:
    """Nevers, two guichets, at the guichet or by telephone."""
    outils = Outils(Database(create_engine(site_du_module.settings, nom="tests")), site_du_module.settings)
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, types=["guichet", "telephone"])
        await conn.execute(
            text("UPDATE motif SET faq_url = 'https://exemple.test/faq', demarche_url = 'https://exemple.test/ligne'")
        )
    yield Monde(site_du_module, outils, service, smtp_server.dossier)
    await outils.db.close()


@pytest.fixture
async def temoin() -> AsyncIterator[Temoin]:
    """Whatever a page reports; refusals shown on purpose (4xx of a document) are not errors."""
    vu = Temoin()
    yield vu
    assert [e for e in vu.erreurs if not re.search(r"status of (409|422|403|404)|ERR_INTERNET_DISCONNECTED", e)] == []


@pytest.fixture
async def ouvrir(browser: Browser, monde: Monde, temoin: Temoin) -> AsyncIterator[Ouvrir]:
    """``ouvrir(chemin, **options)`` is a page of a new visitor."""
    contextes: list[BrowserContext] = []

    async def nouvelle(chemin: str, **options: Any) -> Page:
        contexte = await browser.new_context(locale="fr-FR", reduced_motion="reduce", **{"viewport": LARGE, **options})
        contextes.append(contexte)
        page = await contexte.new_page()
        temoin.watch(page)
        await page.goto(monde.site.url + chemin)
        return page

    yield nouvelle
    for contexte in contextes:
        await contexte.close()


@pytest.fixture
async def rival(monde: Monde) -> AsyncIterator[Navigateur]:
    """Somebody else, who books over HTTP."""
    async with httpx.AsyncClient(base_url=monde.site.url, headers={"Origin": monde.site.url}, timeout=20) as client:
        yield Navigateur(client, monde.service.id, {"motif": monde.service.motifs[0], "type": "guichet"})


def creneau(monde: Monde, **plus: str) -> str:
    """The address of step 2."""
    suite = "".join(f"&{nom}={valeur}" for nom, valeur in plus.items())
    return f"/rdv/{monde.service.id}/creneau?motif={monde.service.motifs[0]}&type=guichet&nature=particulier{suite}"


async def check_page(page: Page, ou: str) -> None:
    """Nothing sticks out, axe finds nothing."""
    depassement = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert depassement <= 0, f"{ou} is {depassement} px too wide"
    assert await axe(page) == [], ou


async def follow(page: Page, cible: Locator) -> None:
    """Click, and be on the next page."""
    async with page.expect_navigation(wait_until="load"):
        await cible.click()


async def fill(page: Page) -> None:
    """Type the coordonnées of a particulier, another one each time: nobody has two rendez-vous for one motif."""
    await page.get_by_text("Madame", exact=True).click()
    await page.locator('[name="nom_usage"]').fill("Valenton")
    await page.locator('[name="prenoms"]').fill("Philippa")
    await page.locator('[name="telephone1"]').fill("06 12 34 56 78")
    await page.locator('[name="courriel"]').fill(f"philippa.{secrets.token_hex(4)}@usagers.test")
    await page.locator('[name="precision"]').fill("Question sur mes revenus fonciers")


async def code_of(page: Page) -> str:
    """The code shown at the end."""
    return await page.locator(".code-rdv [aria-hidden]").inner_text()


class TestParcoursEntier:
    """Annexe 1 §2 : les quatre étapes, à toutes les tailles."""

    @pytest.mark.parametrize("taille", [LARGE, ETROIT, {"width": 720, "height": 450}], ids=["1440", "390", "200 %"])
    async def test_from_the_door_to_the_code(self, monde: Monde, ouvrir: Ouvrir, taille: dict[str, int]) -> None:
        page = await ouvrir("/", viewport=taille)
        await check_page(page, "accueil")
        await page.get_by_role("searchbox").fill("nevers")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="1 service trouvé")).to_be_visible()
        await follow(page, page.get_by_role("link", name="SERVICE IMPOTS PARTICULIERS NEVERS", exact=True).first)
        await check_page(page, "service")
        await follow(page, page.get_by_role("link", name="Prendre rendez-vous"))
        await check_page(page, "motif vide")
        await follow(page, page.get_by_role("button", name="Continuer"))
        await expect(page.get_by_role("alert")).to_contain_text("Indiquez si vous êtes")
        await check_page(page, "motif en erreur")
        await page.get_by_text("Un particulier", exact=True).click()
        await page.get_by_text("Déclaration et calcul de l'impôt sur le revenu").click()
        await expect(page.get_by_text("Dernier avis d'impôt")).to_be_visible()
        await expect(page.get_by_role("link", name="Faire cette démarche en ligne")).to_be_visible()
        await page.locator("#question-type label", has_text="Au guichet").click()
        await check_page(page, "motif complet")
        await follow(page, page.get_by_role("button", name="Rechercher un créneau disponible"))
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        await check_page(page, "créneau")
        await follow(page, page.locator("a.jour[href]").nth(1))
        await expect(page.locator("[data-heures-titre]")).to_be_focused()
        await check_page(page, "créneau d’un jour")
        heure = page.locator(".creneau:not(:disabled)").nth(1)
        debut = await heure.inner_text()
        await follow(page, heure)
        await expect(page.locator(".recap__titre")).to_contain_text(f"{int(debut[:2])}\u00a0h")
        await check_page(page, "coordonnées")
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        await expect(page.locator("[data-erreurs]")).to_be_focused()
        await check_page(page, "coordonnées en erreur")
        await page.get_by_role("link", name="Indiquez le nom d’usage.").click()
        await expect(page.locator('[name="nom_usage"]')).to_be_focused()
        await fill(page)
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        assert re.fullmatch(r"[A-Z]{6}", await code_of(page))
        await expect(page.get_by_role("button", name="Imprimer")).to_be_visible()
        await check_page(page, "confirmation")
        await page.get_by_text("Pièce d'identité").click()
        await expect(page.get_by_label("Pièce d'identité")).to_be_checked()
        await page.emulate_media(media="print")
        assert not await page.locator(".confirmation__actions").is_visible()
        assert await page.locator(".code-rdv").is_visible()
        assert "Étape 4 sur 4" not in await page.locator("body").inner_text()

    @pytest.mark.parametrize("taille", [LARGE, ETROIT], ids=["1440", "390"])
    async def test_the_other_pages_hold_too(self, monde: Monde, ouvrir: Ouvrir, taille: dict[str, int]) -> None:
        page = await ouvrir("/?q=introuvable", viewport=taille)
        await check_page(page, "rien trouvé")
        for chemin in ("/accessibilite", "/donnees-personnelles", "/mentions-legales"):
            await page.goto(monde.site.url + chemin)
            await check_page(page, chemin)

    async def test_a_telephone_rendez_vous_by_its_own_way(self, monde: Monde, ouvrir: Ouvrir) -> None:
        page = await ouvrir(creneau(monde).replace("type=guichet", "type=telephone"))
        await follow(page, page.locator(".creneau:not(:disabled)").first)
        await expect(page.get_by_text("L’agent vous appellera à ce numéro à l’heure du rendez-vous.")).to_be_visible()
        await fill(page)
        await page.keyboard.press("Tab")
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        await expect(page.get_by_text("Vous serez appelé(e) au")).to_be_visible()


class TestSansSouris:
    """« the keyboard alone completes the task »."""

    async def test_the_whole_journey_by_keyboard(self, monde: Monde, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"/rdv/{monde.service.id}/motif")

        async def tab_to(selecteur: str) -> None:
            for _ in range(90):
                await page.keyboard.press("Tab")
                if await page.evaluate("(s) => document.activeElement.matches(s)", selecteur):
                    return
            raise AssertionError(f"{selecteur} is never reached by Tab")

        await tab_to('[name="nature"]')
        await page.keyboard.press("Space")
        await expect(page.locator("#question-m1")).to_be_visible()
        assert await page.evaluate("document.activeElement.name") == "nature"
        await tab_to('[name="m1"]')
        await page.keyboard.press("Space")
        await expect(page.locator("#question-type")).to_be_visible()
        await tab_to('[name="type"]')
        await page.keyboard.press("Space")
        await expect(page).to_have_url(re.compile(r"type=guichet"))
        await tab_to("button[formaction]")
        await page.keyboard.press("Enter")
        await expect(page.locator("#creneaux")).to_be_visible()
        await tab_to("[data-premier]")
        await page.keyboard.press("Enter")
        await expect(page.locator(".creneau").first).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#coordonnees")).to_be_visible()
        await tab_to('[name="civilite"]')
        await page.keyboard.press("Space")
        for champ, valeur in (
            ("nom_usage", "Valenton"),
            ("prenoms", "Philippa"),
            ("telephone1", "0612345678"),
            ("precision", "Ma demande"),
        ):
            await tab_to(f'[name="{champ}"]')
            await page.keyboard.type(valeur)
        await tab_to("[data-envoi]")
        await page.keyboard.press("Enter")
        assert len(await code_of(page)) == 6

    async def test_enter_in_a_field_books_what_the_page_announces(self, monde: Monde, ouvrir: Ouvrir) -> None:
        page = await ouvrir(creneau(monde))
        await follow(page, page.locator(".creneau:not(:disabled)").first)
        quand = await page.locator(".recap__titre").inner_text()
        await fill(page)
        await page.locator('[name="courriel"]').press("Enter")
        await expect(page.locator(".billet__quand")).to_contain_text(quand.split(" à ")[0])


class TestSansJavaScript:
    """« Without JavaScript the same page works by links »."""

    async def test_the_whole_journey_without_javascript(self, monde: Monde, ouvrir: Ouvrir) -> None:
        page = await ouvrir(f"/rdv/{monde.service.id}/motif", java_script_enabled=False)
        await page.get_by_text("Un particulier", exact=True).click()
        await follow(page, page.get_by_role("button", name="Continuer"))
        await page.get_by_text("Problème de paiement d'un impôt").click()
        await follow(page, page.get_by_role("button", name="Continuer"))
        await follow(page, page.get_by_role("button", name="Rechercher un créneau disponible"))
        await expect(page.get_by_role("alert")).to_contain_text("Choisissez comment vous souhaitez être reçu(e).")
        await page.locator("#question-type label", has_text="Par téléphone").click()
        await follow(page, page.get_by_role("button", name="Rechercher un créneau disponible"))
        await follow(page, page.locator("a.jour[href]").nth(2))
        await follow(page, page.locator(".creneau:not(:disabled)").last)
        await fill(page)
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        assert len(await code_of(page)) == 6
        assert await page.get_by_role("button", name="Imprimer").count() == 0
        await page.go_back()
        assert len(await code_of(page)) == 6


class TestGrilleVivante:
    """La grille publique est vivante : ce que quelqu'un d'autre prend disparaît, ce qu'il rend revient."""

    async def test_a_creneau_taken_by_somebody_else_leaves_the_open_page(
        self, monde: Monde, ouvrir: Ouvrir, rival: Navigateur, temoin: Temoin
    ) -> None:
        page = await ouvrir(creneau(monde))
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        bouton = page.locator(".creneau:not(:disabled)").nth(4)
        ident, debut = await bouton.get_attribute("id"), await bouton.get_attribute("value")
        cible = page.locator(f"#{ident}")
        await cible.focus()
        assert debut
        assert (await rival.send(await rival.open_form(debut))).status_code == 303
        await expect(cible).to_be_enabled()  # the other guichet is still free
        maintenant = clock.now()
        minute = int(str(ident)[1:])
        await place_option(
            monde.outils,
            service_id=monde.service.id,
            motif_id=monde.service.motifs[0],
            type_rdv="guichet",
            debut=minute,
            visite="un troisieme",
            maintenant=maintenant,
        )
        await expect(cible).to_be_disabled()
        await expect(cible).to_contain_text("vient d’être pris")
        assert await page.evaluate("document.activeElement.classList.contains('creneau')"), "the focus is not lost"
        await expect(page.locator("#annonces")).to_contain_text("vient d’être pris")
        await wait_for_versions(page, await read_versions(monde.outils))
        assert await find_difference(page, temoin) == ""
        await release_option(monde.outils, "un troisieme", clock.now())
        await expect(cible).to_be_enabled()
        await wait_for_versions(page, await read_versions(monde.outils))
        assert await find_difference(page, temoin) == ""

    async def test_what_a_reload_of_the_grid_takes_away_is_said_and_moves_the_focus_too(
        self, monde: Monde, ouvrir: Ouvrir, temoin: Temoin
    ) -> None:
        page = await ouvrir(creneau(monde))
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        bouton = page.locator(".creneau:not(:disabled)").nth(4)
        cible = page.locator(f"#{await bouton.get_attribute('id')}")
        minute = int(str(await cible.get_attribute("data-m")))
        await cible.focus()

        async def take_silently(uow: UnitOfWork) -> None:
            """Both places, told by nothing but a change of the planning: the page asks for its fragment."""
            ids = {"service": monde.service.id, "motif": monde.service.motifs[0]}
            await uow.conn.execute(PRISE_MUETTE, {**ids, "debut": from_minute(minute), "maintenant": clock.now()})
            uow.annonces.planning(monde.service.id)

        await monde.outils.db.transaction(take_silently)
        await expect(cible).to_be_disabled()
        await expect(page.locator(".creneau:focus")).to_have_count(1)
        await expect(page.locator("#annonces")).to_contain_text("vient d’être pris")
        assert await cible.get_attribute("data-vient") is not None
        async with monde.outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM rendez_vous WHERE option_empreinte = 'muette'"))

        async def reload_grid(uow: UnitOfWork) -> None:
            uow.annonces.planning(monde.service.id)

        await monde.outils.db.transaction(reload_grid)
        await expect(cible).to_be_enabled()
        await wait_for_versions(page, await read_versions(monde.outils))
        assert await find_difference(page, temoin) == ""

    async def test_the_last_hour_of_a_day_makes_it_complete_everywhere(
        self, monde: Monde, ouvrir: Ouvrir, temoin: Temoin
    ) -> None:
        libres = await creneaux_libres(monde.outils, monde.service)
        zone_jour = libres[-1].debut // 1440
        du_jour = [c for c in libres if c.debut // 1440 == zone_jour]
        page = await ouvrir(creneau(monde))
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        for rang, c in enumerate(du_jour):
            for _ in c.guichets:
                await reserve(monde.outils, monde.service, rang, debut=c.debut)
        await wait_for_versions(page, await read_versions(monde.outils))
        assert await find_difference(page, temoin) == ""


class TestAccidents:
    """Rien de ce qui est saisi n'est perdu, et un double clic est un rendez-vous."""

    async def test_a_tab_whose_creneau_was_replaced_in_another_one_says_so(self, monde: Monde, ouvrir: Ouvrir) -> None:
        premier = await ouvrir(creneau(monde))
        await follow(premier, premier.locator(".creneau:not(:disabled)").nth(2))
        await fill(premier)
        second = await premier.context.new_page()
        await second.goto(monde.site.url + creneau(monde))
        await follow(second, second.locator(".creneau:not(:disabled)").nth(5))
        await expect(premier.locator("[data-tenue-phrase]")).to_contain_text("dans un autre onglet")
        await expect(premier.get_by_role("button", name="Réserver de nouveau ce créneau")).to_be_visible()
        await expect(premier.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await expect(second.locator("[data-tenue-phrase]")).to_contain_text("Ce créneau vous est réservé")
        await premier.reload()
        await expect(premier.locator("[data-erreurs]")).to_contain_text("Vous avez choisi un autre créneau")

    async def test_confirming_without_a_network_stays_on_the_form_and_says_so(
        self, monde: Monde, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(creneau(monde))
        await follow(page, page.locator(".creneau:not(:disabled)").nth(3))
        await fill(page)
        await page.context.set_offline(True)
        await page.get_by_role("button", name="Confirmer le rendez-vous").click()
        await expect(page.locator("[data-hors-ligne]")).to_contain_text("rien n’est envoyé")
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await page.context.set_offline(False)
        await expect(page.locator("[data-hors-ligne]")).to_have_count(0)
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        assert len(await code_of(page)) == 6

    async def test_a_creneau_lost_while_typing_is_replaced_in_one_click(
        self, monde: Monde, ouvrir: Ouvrir, rival: Navigateur
    ) -> None:
        page = await ouvrir(creneau(monde))
        bouton = page.locator(".creneau:not(:disabled)").nth(7)
        minute = int(str(await bouton.get_attribute("data-m")))
        await follow(page, bouton)
        await fill(page)
        await _expire(monde)
        for rang in (1, 2):
            await reserve(monde.outils, monde.service, 100 + rang, debut=minute)
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        avis = page.locator(".creneau-pris")
        await expect(avis).to_be_focused()
        await expect(avis).to_contain_text("Ce créneau vient d’être pris.")
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await check_page(page, "créneau perdu")
        await follow(page, page.locator(".alternatives button").first)
        assert len(await code_of(page)) == 6

    async def test_the_time_left_is_told_calmly_and_may_be_extended_in_place(
        self, monde: Monde, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(creneau(monde))
        await follow(page, page.locator(".creneau:not(:disabled)").nth(9))
        adresse = page.url
        async with monde.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "UPDATE rendez_vous SET cree_a = cree_a - interval '250 seconds',"
                    " expire_a = expire_a - interval '250 seconds' WHERE etat = 'option'"
                )
            )
        await page.reload()
        await expect(page.locator("[data-tenue-phrase]")).to_contain_text("moins d’une minute")
        await page.locator('[name="nom_usage"]').fill("Valenton")
        await page.get_by_role("button", name="Garder").click()
        await expect(page.locator("[data-tenue-phrase]")).to_contain_text(re.compile("6.minutes"))
        await expect(page.locator("[data-tenue-annonce]")).to_contain_text("C’est noté")
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        assert page.url == adresse
        await check_page(page, "prolongé")

    async def test_a_double_click_is_one_rendez_vous_and_back_shows_it_again(
        self, monde: Monde, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(creneau(monde))
        await follow(page, page.locator(".creneau:not(:disabled)").nth(11))
        await fill(page)
        avant = await monde.count_rdv()
        await page.get_by_role("button", name="Confirmer le rendez-vous").dblclick()
        lettres = await code_of(page)
        await asyncio.sleep(0.3)
        assert await monde.count_rdv() == avant + 1
        await page.go_back()
        assert await code_of(page) == lettres
        await page.reload()
        assert await code_of(page) == lettres
        assert await monde.count_rdv() == avant + 1

    async def test_a_held_creneau_is_found_again_from_the_hours(self, monde: Monde, ouvrir: Ouvrir) -> None:
        page = await ouvrir(creneau(monde))
        await follow(page, page.locator(".creneau:not(:disabled)").nth(5))
        await expect(page.locator("#coordonnees")).to_be_visible()
        await page.goto(monde.site.url + creneau(monde))
        await expect(page.get_by_role("heading", name="Vous gardez un créneau")).to_be_visible()
        await check_page(page, "créneau gardé")
        await follow(page, page.get_by_role("link", name="Continuer avec ce créneau"))
        await follow(page, page.get_by_role("button", name="Choisir un autre horaire"))
        await expect(page.locator(".fr-alert", has_text="Votre créneau a été rendu")).to_be_focused()
        await check_page(page, "créneau rendu")


async def _expire(monde: Monde) -> None:
    """Time passes: every hold is over."""
    async with monde.outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE rendez_vous SET expire_a = expire_a - interval '1 hour' WHERE etat = 'option'"))
