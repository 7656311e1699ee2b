"""A person who has no mouse: reaches with Tab, chooses with the arrows, types; what it cost is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Page, expect

from tests.accueil.monde import axe

#: Keystroke-level model (Card, Moran and Newell): seconds a key, seconds to decide what to do next; and to read a page.
TOUCHE_S: Final = 0.28
DECISION_S: Final = 1.35
LECTURE_S: Final = 5.0
_MAXIMUM: Final = 220

#: What has the focus, for a person: the sentence told, the field, the button.
_ACTIF: Final = """() => {
  const e = document.activeElement;
  return {id: e.id, nom: e.getAttribute("name") ?? "", role: e.getAttribute("role") ?? "",
    texte: e === document.body ? "" : e.textContent.trim(), erreurs: e.hasAttribute("data-erreurs")};
}"""


@dataclass
class Clavier:
    """One page driven by its keyboard alone; every page printed is looked at by axe."""

    page: Page
    frappes: int = 0
    gestes: int = 0
    pages: list[str] = field(default_factory=list)

    @property
    def secondes(self) -> float:
        """The time of a person: each key, one decision for each thing reached, one reading for each page."""
        return self.frappes * TOUCHE_S + self.gestes * DECISION_S + len(self.pages) * LECTURE_S

    async def press(self, *touches: str) -> None:
        """Press these keys."""
        for touche in touches:
            await self.page.keyboard.press(touche)
            self.frappes += 1

    async def type(self, texte: str) -> None:
        """Type a text where the focus is; what a field held is selected when Tab enters it, hence replaced."""
        await self.page.keyboard.type(texte)
        self.frappes += len(texte)

    async def is_on(self, selecteur: str) -> bool:
        """Whether that element has the focus."""
        return bool(await self.page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selecteur))

    async def reach(self, selecteur: str, *, avant: bool = False) -> None:
        """Tab (or Shift+Tab, ``avant``) until that element has the focus: what a keyboard cannot reach is not there."""
        self.gestes += 1
        for _ in range(_MAXIMUM):
            if await self.is_on(selecteur):
                return
            await self.press("Shift+Tab" if avant else "Tab")
        raise AssertionError(f"the keyboard never reaches {selecteur} on {self.page.url}")

    async def write(self, nom: str, texte: str) -> None:
        """Reach a field by its name and fill it."""
        await self.reach(f'[name="{nom}"]')
        await self.type(texte)

    async def pick(self, nom: str, debut: str, valeur: str) -> None:
        """Reach a list and type the beginning of an option: letters and digits, as a list takes them."""
        assert debut.isascii()
        assert debut.isalnum()
        await self.write(nom, debut)
        await expect(self.page.locator(f'select[name="{nom}"]')).to_have_value(valeur)

    async def date(self, nom: str, jour: str) -> None:
        """Reach a date and type it in the order of its segments, which a person sees and no script is told."""
        selecteur = f'input[type="date"][name="{nom}"]'
        champ = self.page.locator(selecteur)
        await self.reach(selecteur)
        annee, mois, quantieme = jour.split("-")
        depart = self.frappes
        for segments in (f"{quantieme}{mois}{annee}", f"{mois}{quantieme}{annee}"):
            self.frappes = depart
            await self.type(segments)
            if await champ.input_value() == jour:
                return
            await self.press("ArrowLeft", "ArrowLeft")
        await expect(champ).to_have_value(jour)

    async def choose(self, selecteur: str) -> None:
        """Reach the group of a radio button, then the button itself by the arrows."""
        nom = await self.page.locator(selecteur).get_attribute("name")
        await self.reach(f'[name="{nom}"]')
        for _ in range(20):
            if await self.is_on(selecteur):
                return
            await self.press("ArrowDown")
        raise AssertionError(f"the arrows never reach {selecteur}")

    async def tick(self, selecteur: str) -> None:
        """Reach a box and tick it."""
        await self.reach(selecteur)
        await self.press("Space")
        await expect(self.page.locator(selecteur)).to_be_checked()

    async def skip(self) -> None:
        """On a page just opened, go past the menus by the link that does it."""
        await self.reach('.fr-skiplinks a[href="#rubrique"]')
        await self.press("Enter")

    async def arrive(self) -> None:
        """Look at the page just printed: it has a title, somewhere to go, nothing for axe."""
        self.pages.append(urlsplit(self.page.url).path)
        await expect(self.page.locator("h1").first).to_be_visible()
        assert await self.page.locator("main a[href], main button").count() > 0, f"a dead end: {self.page.url}"
        assert await axe(self.page) == [], self.page.url

    async def follow(self, *touches: str, statut: int = 200) -> None:
        """Press Enter (or these keys) where the focus is, and be on the next page, answered with ``statut``."""
        async with self.page.expect_navigation(wait_until="load") as navigation:
            await self.press(*(touches or ("Enter",)))
        reponse = await navigation.value
        assert reponse is not None
        assert reponse.status == statut, f"{reponse.status} on {self.page.url}"
        await self.arrive()

    async def go(self, selecteur: str, *, avant: bool = False, statut: int = 200) -> None:
        """Reach a link or a button and press it."""
        await self.reach(selecteur, avant=avant)
        await self.follow(statut=statut)

    async def open(self, url: str) -> None:
        """An address typed, or a link of a mail."""
        reponse = await self.page.goto(url)
        assert reponse is not None
        assert reponse.status == 200, f"{reponse.status} on {url}"
        await self.arrive()

    async def told(self, debut: str) -> None:
        """After a save, the focus is on the sentence that says so."""
        actif: dict[str, Any] = await self.page.evaluate(_ACTIF)
        assert actif["role"] == "status", f"the focus is not on a success: {actif}"
        assert actif["texte"].startswith(debut), actif

    async def refused(self, debut: str) -> None:
        """After a refusal, the focus is on the summary of what is wrong."""
        actif: dict[str, Any] = await self.page.evaluate(_ACTIF)
        assert actif["erreurs"], f"the focus is not on the errors: {actif}"
        assert debut in actif["texte"], actif
