"""The usager's journey in English, with and without scripts: no French is left but what the office itself wrote."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from tests.accueil.monde import Journee
from tests.e2e.outillage import axe
from tests.fixtures.donnees import MondeService

_FRANCAIS: Final = re.compile(
    r"\b(?:le|la|les|des|vous|votre|vos|est|sont|avec|pour|une|du|au|aux|ce|cette|sera|dans|où|et|rendez-vous|créneaux?|"
    r"jours?|heures?|motif|guichet|courriel|lundi|mardi|mercredi|jeudi|vendredi)\b|[éèêàçùôîï]",
    re.IGNORECASE,
)
#: The page as it is read: what the office wrote is in its own language, and says so.
_LIRE: Final = """() => {
  const titre = document.title;
  const copie = document.body.cloneNode(true);
  copie.querySelectorAll('[lang="fr"], [translate="no"], script, noscript, [hidden]').forEach((e) => e.remove());
  const etiquettes = [...copie.querySelectorAll("[aria-label], [title], [placeholder], [alt]")]
    .flatMap((e) => ["aria-label", "title", "placeholder", "alt"].map((a) => e.getAttribute(a) ?? ""));
  return [titre, copie.textContent, ...etiquettes].join("\\n");
}"""


class Voyage:
    """A visitor who reads English, and what he must not read."""

    def __init__(
        self, journee: Journee, service: MondeService, page: Page, donnees: list[str], *, scripts: bool
    ) -> None:
        self.journee, self.service, self.page = journee, service, page
        self._donnees, self._scripts = donnees, scripts

    async def go(self, chemin: str) -> None:
        await self.page.goto(self.journee.site.url + chemin)
        await self.check(chemin)

    async def click(self, nom: str, *, lien: bool = False) -> None:
        cible = self.page.get_by_role("link" if lien else "button", name=nom).first
        async with self.page.expect_navigation(wait_until="load"):
            await cible.click()
        await self.check(nom)

    async def check(self, ou: str) -> None:
        """Everything shown is in English, and axe finds nothing."""
        assert await self.page.locator("html").get_attribute("lang") == "en", ou
        texte = await self.page.evaluate(_LIRE)
        for donnee in sorted(self._donnees, key=len, reverse=True):
            texte = texte.replace(donnee, "")
        restes = [ligne.strip() for ligne in texte.splitlines() if _FRANCAIS.search(ligne)]
        assert not restes, f"{ou}: {restes[:8]}"
        if self._scripts:  # axe is one
            assert await axe(self.page) == [], ou


async def read_donnees(journee: Journee, service: MondeService) -> list[str]:
    """What the office itself wrote: names, addresses, motifs, documents."""
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(
            text(
                "SELECT unnest(ARRAY[s.libelle, s.adresse, s.ville, s.horaires_texte, s.accessibilite, g.nom])"
                "  FROM service_fiscal s JOIN guichet g ON g.service_id = s.id WHERE s.id = :id"
                " UNION SELECT libelle FROM motif UNION SELECT unnest(documents) FROM motif"
            ),
            {"id": service.id},
        )
        return [valeur for (valeur,) in lignes if valeur]


async def open_voyage(
    journee: Journee, browser: Browser, *, scripts: bool, **options: Any
) -> tuple[Voyage, BrowserContext]:
    service = await journee.service()
    contexte = await browser.new_context(
        **{"locale": "en-GB", "java_script_enabled": scripts, "reduced_motion": "reduce", **options}
    )
    page = await contexte.new_page()
    return Voyage(journee, service, page, await read_donnees(journee, service), scripts=scripts), contexte


async def fill(page: Page) -> None:
    await page.get_by_text("Ms", exact=True).click()
    await page.locator('[name="nom_usage"]').fill("Valenton")
    await page.locator('[name="prenoms"]').fill("Philippa")
    await page.locator('[name="telephone1"]').fill("06 12 34 56 78")
    await page.locator('[name="courriel"]').fill(f"philippa.{secrets.token_hex(4)}@usagers.test")
    await page.locator('[name="precision"]').fill("Question about my rental income")


class TestAnglais:
    """« in French or English »: the same journey, by the reader's own browser."""

    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
    async def test_from_the_service_to_the_code(self, journee: Journee, browser: Browser, scripts: bool) -> None:
        voyage, contexte = await open_voyage(journee, browser, scripts=scripts)
        page, service = voyage.page, voyage.service
        await voyage.go("/")
        await voyage.go(f"/services/{service.id}")
        await voyage.go(f"/rdv/{service.id}/motif?demande=nature")
        await voyage.go(f"/rdv/{service.id}/motif?nature=particulier")
        await voyage.go(f"/rdv/{service.id}/creneau?motif={service.motifs[0]}&type=guichet&nature=particulier")
        if scripts:
            await expect(page.locator("#direct")).to_have_text("Live")
        async with page.expect_navigation(wait_until="load"):
            await page.locator(".creneau:not(:disabled)").first.click()
        await voyage.check("coordonnées")
        await voyage.click("Confirm the appointment")
        await expect(page.locator("[data-erreurs]")).to_contain_text("Enter the surname in use.")
        await fill(page)
        await voyage.click("Confirm the appointment")
        code = await page.locator(".code-rdv [aria-hidden]").inner_text()
        assert re.fullmatch(r"[A-Z]{6}", code)
        async with journee.outils.db.read() as conn:
            langue = await conn.execute(
                text("SELECT u.langue FROM rdv_usager u JOIN rendez_vous r ON r.id = u.rdv_id WHERE r.code = :c"),
                {"c": code},
            )
            assert langue.scalar_one() == "en"
        await contexte.close()

    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
    async def test_changing_the_language_of_the_form_loses_nothing(
        self, journee: Journee, browser: Browser, scripts: bool
    ) -> None:
        voyage, contexte = await open_voyage(journee, browser, scripts=scripts)
        page, service = voyage.page, voyage.service
        await page.goto(
            f"{journee.site.url}/rdv/{service.id}/creneau?motif={service.motifs[0]}&type=guichet&nature=particulier"
        )
        async with page.expect_navigation(wait_until="load"):
            await page.locator(".creneau:not(:disabled)").last.click()
        await fill(page)
        for bouton, titre in (("Français", "Vos coordonnées"), ("English", "Your details")):
            async with page.expect_navigation(wait_until="load"):
                await page.get_by_role("button", name=bouton).click()
            await expect(page.locator(".fr-stepper__title")).to_contain_text(titre)
            await expect(page.locator('[name="nom_usage"]')).to_have_value("Valenton")
            await expect(page.locator('[name="precision"]')).to_have_value("Question about my rental income")
            await expect(page.locator('[name="civilite"]:checked')).to_have_value("madame")
        await voyage.click("Confirm the appointment")
        assert await page.locator(".code-rdv").count() == 1
        await contexte.close()

    async def test_the_pages_around_the_journey_and_refusals_are_in_english_too(
        self, journee: Journee, browser: Browser
    ) -> None:
        voyage, contexte = await open_voyage(journee, browser, scripts=True, viewport={"width": 390, "height": 844})
        for chemin in (
            *("/accessibilite", "/donnees-personnelles", "/mentions-legales", "/contact", "/retrouver"),
            *("/services/99999999", "/mon-rendez-vous/inconnu", "/?q=nowhere"),
        ):
            await voyage.go(chemin)
        await contexte.close()

    async def test_the_reader_sees_french_where_he_must_not(self, journee: Journee, browser: Browser) -> None:
        """Negative control: the same reading of a French page finds its French."""
        voyage, contexte = await open_voyage(journee, browser, scripts=True, locale="fr-FR")
        await voyage.page.goto(journee.site.url + "/")
        assert _FRANCAIS.search(await voyage.page.evaluate(_LIRE))
        await contexte.close()
