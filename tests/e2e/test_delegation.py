"""« A usager books through it in a browser test » [G 2.3.5]: the choice of a place, live on both public grids."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import text

from app import clock
from app.booking.options import place_option, release_option
from app.booking.outils import Outils
from app.db import Database, UnitOfWork, create_engine
from tests.booking.usager.conftest import Monde
from tests.e2e.outillage import Temoin, find_difference, read_versions, wait_for_versions
from tests.e2e.test_usager import ETROIT, LARGE, Ouvrir, check_page, code_of, fill, follow, ouvrir, temoin
from tests.fixtures.base import Site
from tests.fixtures.delegations import change_delegation, insert_delegation, rename
from tests.fixtures.donnees import MondeService, build_service

__all__ = ["ouvrir", "temoin"]
A, B = "SERVICE IMPOTS PARTICULIERS NEVERS", "SERVICE DES IMPÔTS DE COSNE"
COURT = {"width": 720, "height": 450}
TAILLES = pytest.mark.parametrize("taille", [LARGE, ETROIT, COURT], ids=["1440", "390", "200 %"])


@dataclass
class Duo(Monde):
    """Nevers entrusts its first motif to Cosne, which also receives its own usagers online."""

    b: MondeService
    ident: int

    async def change(self, **valeurs: object) -> None:
        """Withdraw it, change its quota…"""

        async def travail(uow: UnitOfWork) -> None:
            await change_delegation(uow, self.ident, **valeurs)

        await self.outils.db.transaction(travail)

    async def open_here(self, ouvert: bool) -> None:
        """Nevers itself receives that motif, or no more."""

        async def travail(uow: UnitOfWork) -> None:
            requete = text("UPDATE motif_service SET ouvert = :o WHERE service_id = :s AND motif_id = :m")
            valeurs = {"o": ouvert, "s": self.service.id, "m": self.service.motifs[0]}
            await uow.conn.execute(requete, valeurs)
            uow.annonces.planning(self.service.id)

        await self.outils.db.transaction(travail)

    def creneau(self, lieu: int | None = None) -> str:
        """The address of step 2 of Nevers."""
        choix = f"motif={self.service.motifs[0]}&type=guichet&nature=particulier"
        return f"/rdv/{self.service.id}/creneau?{choix}" + (f"&lieu={lieu}" if lieu else "")

    async def hold(self, minute: int, visite: str, *, ailleurs: bool) -> None:
        """Somebody else chooses that hour, at Cosne for Nevers or at Nevers."""
        await place_option(
            self.outils,
            service_id=self.b.id if ailleurs else self.service.id,
            delegation_id=self.ident if ailleurs else None,
            motif_id=self.service.motifs[0],
            type_rdv="guichet",
            debut=minute,
            visite=visite,
            maintenant=clock.now(),
        )


@pytest.fixture(scope="module")
async def module_duo(site_du_module: Site, smtp_server: Any) -> AsyncIterator[Duo]:
    """One guichet each: a place taken is an hour gone."""
    outils = Outils(Database(create_engine(site_du_module.settings, nom="tests")), site_du_module.settings)
    async with outils.db.engine.begin() as conn:
        a = await build_service(conn, guichets=1)
        b = await build_service(conn, sages="5800451", libelle=B, guichets=1)
        await rename(conn, b, B, "COSNE-COURS-SUR-LOIRE", "8 rue du Centre")
        ident = await insert_delegation(conn, a, b)
    yield Duo(site_du_module, outils, a, smtp_server.dossier, b, ident)
    await outils.db.close()


@pytest.fixture
async def monde(module_duo: Duo) -> AsyncIterator[Duo]:
    """Both places receive, nobody holds anything; afterwards too."""
    await module_duo.sql_write("DELETE FROM rendez_vous WHERE etat = 'option'")
    await module_duo.sql_write("UPDATE agenda SET version_creneaux = version_creneaux + 1, version = version + 1")
    yield module_duo
    for visite in ("rival", "autre"):
        await release_option(module_duo.outils, visite, clock.now())
    await module_duo.open_here(True)
    depuis = clock.now().date() - timedelta(days=1)
    await module_duo.change(etat="acceptee", quota_jour=None, du=depuis, au=depuis + timedelta(days=90))


async def settle(monde: Duo, temoin: Temoin, *pages: Page) -> None:
    """Each live page is, at the versions of now, what a fresh one is."""
    versions = await read_versions(monde.outils)
    for page in pages:
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        await wait_for_versions(page, versions)
        assert await find_difference(page, temoin) == "", page.url


class TestReserverAilleursDansLeNavigateur:
    """From the first step of Nevers to the code, at Cosne."""

    @TAILLES
    async def test_an_usager_of_nevers_is_received_at_cosne(
        self, monde: Duo, ouvrir: Ouvrir, taille: dict[str, int]
    ) -> None:
        page = await ouvrir(f"/rdv/{monde.service.id}/motif?nature=particulier", viewport=taille)
        await page.get_by_text("Déclaration et calcul de l'impôt sur le revenu").click()
        await page.locator("#question-type label", has_text="Au guichet").click()
        await follow(page, page.get_by_role("button", name="Rechercher un créneau disponible"))
        choix = page.get_by_role("navigation", name="Où souhaitez-vous être reçu(e)\u00a0?")
        await expect(choix.locator("[aria-current]")).to_contain_text(A)
        await check_page(page, "deux lieux, ici")
        await follow(page, choix.get_by_role("link", name=f"À {B}, COSNE-COURS-SUR-LOIRE"))
        await expect(page).to_have_url(re.compile(f"lieu={monde.ident}"))
        await expect(choix.locator("[aria-current]")).to_contain_text(B)
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        await check_page(page, "deux lieux, ailleurs")
        await follow(page, page.locator("a.jour[href]").nth(1))
        await expect(page).to_have_url(re.compile(f"lieu={monde.ident}"))
        await follow(page, page.locator(".creneau:not(:disabled)").first)
        await expect(page.locator(".recap__lieu")).to_contain_text(
            f"À {B}, 8 rue du Centre, 58200 COSNE-COURS-SUR-LOIRE, pour le compte de {A}"
        )
        await check_page(page, "coordonnées ailleurs")
        await fill(page)
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        assert len(await code_of(page)) == 6
        await expect(page.locator(".billet__texte")).to_contain_text(f"{B} vous reçoit pour le compte de {A}")
        await check_page(page, "confirmation ailleurs")
        (ligne,) = await monde.sql(
            "SELECT service_id, service_origine_id, delegation_id FROM rendez_vous ORDER BY id DESC LIMIT 1"
        )
        assert tuple(ligne) == (monde.b.id, monde.service.id, monde.ident)

    @TAILLES
    async def test_when_only_cosne_receives_it_is_shown_with_why(
        self, monde: Duo, ouvrir: Ouvrir, taille: dict[str, int]
    ) -> None:
        await monde.open_here(False)
        page = await ouvrir(monde.creneau(), viewport=taille)
        await expect(page.locator(".lieu-seul")).to_contain_text(f"{A} confie ce rendez-vous à ce service")
        await check_page(page, "ailleurs seulement")

    async def test_by_keyboard_and_without_javascript(self, monde: Duo, ouvrir: Ouvrir) -> None:
        page = await ouvrir(monde.creneau(), java_script_enabled=False)
        lien = page.get_by_role("link", name=f"À {B}")
        await lien.focus()
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await follow(page, page.locator(".creneau:not(:disabled)").last)
        await expect(page.locator(".recap__lieu")).to_contain_text(B)


class TestLesDeuxGrillesVivent:
    """State + events == fresh state, on the grids of both places and on Cosne's own."""

    async def test_each_event_of_either_place_is_followed_by_the_three_grids(
        self, monde: Duo, ouvrir: Ouvrir, temoin: Temoin
    ) -> None:
        ici = await ouvrir(monde.creneau())
        ailleurs = await ouvrir(monde.creneau(monde.ident))
        propre = await ouvrir(f"/rdv/{monde.b.id}/creneau?motif={monde.b.motifs[0]}&type=guichet&nature=particulier")
        pages = (ici, ailleurs, propre)
        await settle(monde, temoin, *pages)
        minutes = [
            int(str(await bouton.get_attribute("data-m")))
            for bouton in await ailleurs.locator(".creneau:not(:disabled)").all()
        ]
        premier = ailleurs.locator(f'.creneau[data-m="{minutes[0]}"]')
        await monde.hold(minutes[0], "rival", ailleurs=True)
        await expect(premier).to_be_disabled()
        await expect(propre.locator(f'.creneau[data-m="{minutes[0]}"]')).to_be_disabled()
        await expect(ici.locator(f'.creneau[data-m="{minutes[0]}"]')).to_be_enabled()
        await settle(monde, temoin, *pages)
        await monde.hold(minutes[3], "rival", ailleurs=True)  # swapped
        await expect(premier).to_be_enabled()
        await settle(monde, temoin, *pages)
        await monde.hold(minutes[0], "autre", ailleurs=False)
        await expect(ici.locator(f'.creneau[data-m="{minutes[0]}"]')).to_be_disabled()
        await settle(monde, temoin, *pages)
        for visite in ("rival", "autre"):
            await release_option(monde.outils, visite, clock.now())
        await settle(monde, temoin, *pages)

    async def test_a_quota_reached_closes_the_day_live_and_a_place_given_back_opens_it(
        self, monde: Duo, ouvrir: Ouvrir, temoin: Temoin
    ) -> None:
        ici, ailleurs = await ouvrir(monde.creneau()), await ouvrir(monde.creneau(monde.ident))
        await settle(monde, temoin, ici, ailleurs)
        bouton = ailleurs.locator(".creneau:not(:disabled)").nth(2)
        minute, debut = int(str(await bouton.get_attribute("data-m"))), str(await bouton.get_attribute("value"))
        jour = ailleurs.locator(f'[data-jour="{debut[:10]}"]')
        await ailleurs.goto(f"{ailleurs.url}&jour={debut[:10]}")  # a page without a day would go to the first free one
        await monde.change(quota_jour=1)
        await settle(monde, temoin, ici, ailleurs)
        await monde.hold(minute, "rival", ailleurs=True)
        await expect(jour).to_contain_text("complet")
        await settle(monde, temoin, ici, ailleurs)
        await release_option(monde.outils, "rival", clock.now())
        await expect(jour).to_contain_text("libre")
        await settle(monde, temoin, ici, ailleurs)

    async def test_withdrawn_the_page_says_so_and_goes_home_and_accepted_again_the_choice_is_back(
        self, monde: Duo, ouvrir: Ouvrir, temoin: Temoin
    ) -> None:
        ici, ailleurs = await ouvrir(monde.creneau()), await ouvrir(monde.creneau(monde.ident))
        await settle(monde, temoin, ici, ailleurs)
        await monde.change(etat="retiree")
        await expect(ailleurs.locator(".lieux__perdu")).to_contain_text(
            f"Le lieu choisi ne reçoit plus ce rendez-vous pour le compte de {A}. Voici les créneaux de {A}."
        )
        await expect(ici.locator(".lieux")).to_have_count(0)
        await settle(monde, temoin, ici, ailleurs)
        await check_page(ailleurs, "lieu perdu")
        await monde.change(etat="acceptee")
        await expect(ici.locator(".lieux")).to_be_visible()
        await settle(monde, temoin, ici, ailleurs)
        await monde.open_here(False)
        await expect(ici.locator(".lieu-seul")).to_contain_text(B)
        await settle(monde, temoin, ici, ailleurs)
        await monde.open_here(True)
        await settle(monde, temoin, ici, ailleurs)

    async def test_the_hour_chosen_just_after_a_withdrawal_is_taken_where_the_page_says(
        self, monde: Duo, ouvrir: Ouvrir
    ) -> None:
        page = await ouvrir(monde.creneau(monde.ident))
        await expect(page.locator("#direct")).to_have_attribute("data-direct", "direct")
        await monde.change(etat="retiree")
        await expect(page.locator(".lieux__perdu")).to_be_visible()
        await follow(page, page.locator(".creneau:not(:disabled)").last)
        await expect(page.locator(".recap__titre")).to_be_visible()
        await expect(page.locator(".recap__lieu")).to_have_count(0)

    async def test_what_was_typed_survives_a_withdrawal(self, monde: Duo, ouvrir: Ouvrir) -> None:
        page = await ouvrir(monde.creneau(monde.ident))
        await follow(page, page.locator(".creneau:not(:disabled)").last)
        await fill(page)
        await monde.change(etat="retiree")
        await follow(page, page.get_by_role("button", name="Confirmer le rendez-vous"))
        await expect(page.get_by_role("alert")).to_contain_text("ne reçoit plus ce rendez-vous pour le compte de")
        await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
        await check_page(page, "retirée pendant la saisie")
        await follow(page, page.locator(".alternatives button").first)
        assert len(await code_of(page)) == 6
