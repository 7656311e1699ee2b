"""Each journey of an usager, by the same steps: in French and in English, with scripts and without."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import text

from app import clock
from app.admin.annuaire.reference import install_reference
from app.booking.options import place_option, release_option
from app.booking.outils import Outils
from app.db import Database, create_engine
from app.langue import in_langue, tr
from app.protection.defis import derive_reponse, read_jeton
from tests.booking.usager.conftest import Monde
from tests.fixtures.base import Site
from tests.fixtures.donnees import MondeService, build_service

pytestmark = pytest.mark.e2e
LANGUES: Final = {"fr": "fr-FR", "en": "en-GB"}


@dataclass
class Pays(Monde):
    """Nevers, and the office of those who live abroad."""

    dresg: MondeService


@pytest.fixture(scope="module")
async def monde(site_du_module: Site, smtp_server: Any) -> AsyncIterator[Pays]:
    outils = Outils(Database(create_engine(site_du_module.settings, nom="tests")), site_du_module.settings)
    async with outils.db.engine.begin() as conn:
        await install_reference(conn)
        service = await build_service(conn, types=["guichet", "telephone"], guichets=1, plages=((420, 1260),))
        dresg = await build_service(conn, sages="9300001", libelle="RESIDENTS A L ETRANGER", guichets=1)
        await conn.execute(text("UPDATE service_fiscal SET type_code = 'DRESG' WHERE id = :s"), {"s": dresg.id})
        await conn.execute(
            text(
                "INSERT INTO motif_service (service_id, motif_id, ouvert) SELECT :s, id, TRUE FROM motif"
                " WHERE type_service_code = 'DRESG' AND actif ON CONFLICT DO NOTHING"
            ),
            {"s": dresg.id},
        )
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
    yield Pays(site_du_module, outils, service, smtp_server.dossier, dresg)
    await outils.db.close()


@dataclass
class Visiteur:
    """A browser in one language, with or without scripts, and the words that it reads."""

    monde: Pays
    page: Page
    contexte: BrowserContext
    langue: str
    scripts: bool

    def dit(self, phrase: str) -> str:
        """The French sentence as this visitor reads it."""
        with in_langue(self.langue):
            return tr(phrase)

    async def go(self, chemin: str) -> None:
        await self.page.goto(self.monde.site.url + chemin)
        await expect(self.page.locator("html")).to_have_attribute("lang", self.langue)

    async def follow(self, cible: Locator) -> None:
        async with self.page.expect_navigation(wait_until="load"):
            await cible.click()

    async def press(self, bouton: str) -> None:
        await self.follow(self.page.get_by_role("button", name=self.dit(bouton), exact=True).first)

    async def link(self, lien: str) -> None:
        await self.follow(self.page.get_by_role("link", name=re.compile(re.escape(self.dit(lien)))).first)

    async def answer(self, groupe: str, rang: int = 0) -> None:
        """Tick an answer; without scripts « Continuer » asks for what follows."""
        choix = self.page.locator(f'input[name="{groupe}"]').nth(rang)
        if self.scripts:
            async with self.page.expect_event("framenavigated"):
                await choix.check(force=True)
        else:
            await choix.check(force=True)

    async def choose(self, rang: int = 0, *, nature: str = "particulier") -> str:
        """An hour of Nevers; what the form's title says of it."""
        motif = self.monde.service.motifs[0]
        await self.go(f"/rdv/{self.monde.service.id}/creneau?motif={motif}&type=guichet&nature={nature}")
        await self.follow(self.page.locator(".creneau:not(:disabled)").nth(rang))
        return await self.page.locator(".recap__titre").inner_text()

    async def fill(self, nature: str = "particulier") -> None:
        champs = {
            "telephone1": "06 12 34 56 78",
            "courriel": f"usager.{secrets.token_hex(4)}@usagers.test",
            "precision": "Revenus fonciers",
        }
        if nature == "professionnel":
            champs |= {"raison_sociale": "Charpentes du Morvan", "siren": "732 829 320", "contact": "Ada Morel"}
        else:
            await self.page.locator('input[name="civilite"]').first.check(force=True)
            champs |= {"nom_usage": "Valenton", "prenoms": "Philippa"}
        for nom, valeur in champs.items():
            await self.page.locator(f'[name="{nom}"]').fill(valeur)

    async def confirm(self) -> str:
        """Book; the code."""
        await self.press("Confirmer le rendez-vous")
        return await self.read_code()

    async def read_code(self) -> str:
        code = await self.page.locator(".code-rdv [aria-hidden]").inner_text()
        assert re.fullmatch(r"[A-Z]{6}", code)
        return code

    async def read_etat(self, code: str) -> tuple[str, int]:
        """State and sequence of a rendez-vous, straight from PostgreSQL."""
        (ligne,) = await self.monde.sql("SELECT etat, sequence FROM rendez_vous WHERE code = :c", c=code)
        return ligne[0], ligne[1]


@pytest.fixture(params=["fr", "en"])
def langue(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def visiteur(monde: Pays, browser: Browser, langue: str, scripts: bool) -> AsyncIterator[Visiteur]:
    contexte = await browser.new_context(
        locale=LANGUES[langue], java_script_enabled=scripts, viewport={"width": 390, "height": 844}
    )
    yield Visiteur(monde, await contexte.new_page(), contexte, langue, scripts)
    await contexte.close()
    await release_option(monde.outils, "rival", clock.now())
    await monde.sql_write("DELETE FROM parametre WHERE cle = 'captcha'")
    await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")


class TestParcours:
    """Annexe 1 §2 : particulier, professionnel, DRESG."""

    async def test_a_particulier_books(self, visiteur: Visiteur) -> None:
        await visiteur.choose()
        await visiteur.fill()
        assert await visiteur.read_etat(await visiteur.confirm()) == ("prevu", 0)

    async def test_a_professionnel_is_told_what_is_wrong_then_books(self, visiteur: Visiteur) -> None:
        await visiteur.choose(nature="professionnel")
        await visiteur.fill("professionnel")
        await visiteur.page.locator('[name="siren"]').fill("732 829 321")
        await visiteur.press("Confirmer le rendez-vous")
        faute = visiteur.dit("Ce numéro SIREN n’est pas valable : 9 chiffres, par exemple 732 829 320.")
        await expect(visiteur.page.locator("[data-erreurs]")).to_contain_text(faute)
        await expect(visiteur.page.locator('[name="raison_sociale"]')).to_have_value("Charpentes du Morvan")
        await visiteur.page.locator('[name="siren"]').fill("732 829 320")
        code = await visiteur.confirm()
        (ligne,) = await visiteur.monde.sql(
            "SELECT u.nature, u.langue FROM rdv_usager u JOIN rendez_vous r ON r.id = u.rdv_id WHERE r.code = :c",
            c=code,
        )
        assert tuple(ligne) == ("professionnel", visiteur.langue)

    async def test_who_lives_abroad_is_led_to_his_office_and_books(self, visiteur: Visiteur) -> None:
        await visiteur.go("/contact?sujet=p-etranger-revenus")
        await expect(visiteur.page.get_by_text("RESIDENTS A L ETRANGER").first).to_be_visible()
        await visiteur.link("Prendre rendez-vous")
        await visiteur.go(visiteur.page.url.removeprefix(visiteur.monde.site.url) + "?nature=particulier")
        for groupe in ("m1", "m2", "m3"):
            if await visiteur.page.locator(f'input[name="{groupe}"]').count():
                await visiteur.answer(groupe)
                if not visiteur.scripts:
                    await visiteur.press("Continuer")
        if await visiteur.page.locator('input[name="type"]').count():
            await visiteur.page.locator('input[name="type"]').first.check(force=True)
        await visiteur.press("Rechercher un créneau disponible")
        await visiteur.follow(visiteur.page.locator(".creneau:not(:disabled)").first)
        await visiteur.fill()
        assert await visiteur.read_etat(await visiteur.confirm()) == ("prevu", 0)


class TestTenue:
    """« A hold protects the créneau during the form »: extended, expired, lost."""

    async def test_more_time_is_asked_for_without_losing_a_word(self, visiteur: Visiteur) -> None:
        await visiteur.choose()
        await visiteur.fill()
        bouton = visiteur.page.locator("[data-tenue-prolonger]")
        if visiteur.scripts:
            async with visiteur.page.expect_response("**/option/prolonger"):
                await bouton.click()
        else:
            await visiteur.follow(bouton)
        await expect(visiteur.page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        (restant,) = await visiteur.monde.sql(
            "SELECT max(expire_a - cree_a) > interval '6 minutes' FROM rendez_vous WHERE etat = 'option'"
        )
        assert restant[0] is True
        assert await visiteur.read_etat(await visiteur.confirm()) == ("prevu", 0)

    async def test_a_hold_that_expired_is_taken_again_when_nobody_else_wants_it(self, visiteur: Visiteur) -> None:
        quand = await visiteur.choose()
        await visiteur.fill()
        await visiteur.monde.sql_write("DELETE FROM rendez_vous WHERE etat = 'option'")
        code = await visiteur.confirm()
        assert await visiteur.read_etat(code) == ("prevu", 0)
        assert quand.split()[1] in await visiteur.page.locator(".billet__quand").inner_text()

    async def test_a_creneau_taken_meanwhile_is_said_and_another_one_is_a_click_away(self, visiteur: Visiteur) -> None:
        await visiteur.choose(2)
        debut = await visiteur.page.locator('input[name="debut"]').first.input_value()
        await visiteur.fill()
        await visiteur.monde.sql_write("DELETE FROM rendez_vous WHERE etat = 'option'")
        await visiteur.monde.sql_write("UPDATE agenda SET version_creneaux = version_creneaux + 1")
        await self._take(visiteur.monde, debut)
        await visiteur.press("Confirmer le rendez-vous")
        await expect(visiteur.page.locator(".creneau-pris")).to_contain_text(
            visiteur.dit("Ce créneau vient d’être pris.")
        )
        await expect(visiteur.page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await visiteur.follow(visiteur.page.locator(".alternatives button").first)
        assert await visiteur.read_etat(await visiteur.read_code()) == ("prevu", 0)

    async def _take(self, monde: Pays, debut: str) -> None:
        (minute,) = await monde.sql("SELECT extract(epoch FROM CAST(:d AS text)::timestamptz)::bigint / 60", d=debut)
        await place_option(
            monde.outils,
            service_id=monde.service.id,
            motif_id=monde.service.motifs[0],
            type_rdv="guichet",
            debut=minute[0],
            visite="rival",
            maintenant=clock.now(),
        )


class TestCode:
    """« captcha (image, French sound, renew) », scripts or not."""

    async def test_a_code_is_changed_copied_and_the_rendez_vous_is_taken(self, visiteur: Visiteur) -> None:
        monde, page = visiteur.monde, visiteur.page
        await monde.sql_write(
            "INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('captcha', '\"toujours\"', :a)", a=clock.now()
        )
        await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")
        await visiteur.choose()
        await visiteur.fill()
        avant = await page.locator("input[name=captcha_jeton]").input_value()
        changer = page.get_by_role("button", name=visiteur.dit("Changer de code"))
        if visiteur.scripts:
            await changer.click()
        else:
            await visiteur.follow(changer)
        await expect(page.locator("input[name=captcha_jeton]")).not_to_have_value(avant)
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        biscuits = {b.get("name"): b.get("value") for b in await visiteur.contexte.cookies()}
        jeton = await page.locator("input[name=captcha_jeton]").input_value()
        lu = read_jeton(monde.outils.settings, str(biscuits["accueil_visite"]), jeton, clock.now())
        assert lu is not None
        await page.locator("#champ-captcha").fill(derive_reponse(monde.outils.settings, lu))
        assert await visiteur.read_etat(await visiteur.confirm()) == ("prevu", 0)


class TestLibreService:
    """« see, move, cancel (POST with confirmation) »."""

    async def test_one_s_own_rendez_vous_is_moved(self, visiteur: Visiteur) -> None:
        await visiteur.choose(1)
        await visiteur.fill()
        code = await visiteur.confirm()
        await visiteur.link("Déplacer")
        await visiteur.follow(visiteur.page.locator(".creneau:not(:disabled)").last)
        await visiteur.follow(visiteur.page.locator("main form button.fr-btn").first)
        assert await visiteur.read_etat(code) == ("prevu", 1)
        assert await visiteur.read_code() == code

    async def test_one_s_own_rendez_vous_is_cancelled_and_nothing_brings_it_back(self, visiteur: Visiteur) -> None:
        await visiteur.choose(1)
        await visiteur.fill()
        code = await visiteur.confirm()
        await visiteur.link("Annuler")
        assert (await visiteur.read_etat(code))[0] == "prevu"
        await visiteur.press("Annuler définitivement")
        assert (await visiteur.read_etat(code))[0] == "annule"
        await visiteur.page.go_back()
        assert (await visiteur.read_etat(code))[0] == "annule"
