"""A browser without JavaScript: cookies, forms, links; each form sent as the page wrote it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx

SAISIE = {
    "civilite": "madame",
    "nom_usage": "Valenton",
    "prenoms": "Philippa",
    "date_naissance": "10/01/1985",
    "telephone1": "06 12 34 56 78",
    "courriel": "philippa@usagers.test",
    "precision": "Question sur mes revenus fonciers",
}
#: Two people of one name and one mail address, born on two days, may each have a rendez-vous for one motif.
NAISSANCE = date(1985, 1, 10)
_rangs = count()
_CACHE = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"(?: form="[^"]+")?(?: data-jamais)?>')
_CRENEAU = re.compile(r'name="debut" value="([^"]+)" data-m="(\d+)" data-libre="1"')
_ALTERNATIVE = re.compile(r'<button class="fr-btn[^"]*"[^>]*name="debut" value="([^"]+)"')


def caches(texte: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return {nom: html.unescape(valeur) for nom, valeur in _CACHE.findall(texte)}


def creneaux(texte: str) -> list[str]:
    """The instants of the free hours shown."""
    return [html.unescape(debut) for debut, _ in _CRENEAU.findall(texte)]


def alternatives(texte: str) -> list[str]:
    """The instants of the alternatives offered as buttons."""
    return [html.unescape(debut) for debut in _ALTERNATIVE.findall(texte)]


def code(texte: str) -> str:
    """The code of a confirmation."""
    trouve = re.search(r'class="code-rdv"[^>]*><span aria-hidden="true">([A-Z]{6})<', texte)
    assert trouve, texte[:3000]
    return trouve[1]


@dataclass
class Navigateur:
    """One visitor, a person of his own by his date of birth. ``choix``: motif and type of the journey."""

    client: httpx.AsyncClient
    service: int
    choix: dict[str, Any] = field(default_factory=dict)
    naissance: str = field(default_factory=lambda: f"{NAISSANCE + timedelta(days=next(_rangs)):%d/%m/%Y}")

    @property
    def base(self) -> str:
        return f"/rdv/{self.service}"

    async def page_creneaux(self, **plus: str) -> httpx.Response:
        """Step 2."""
        return await self.client.get(f"{self.base}/creneau", params={**self.choix, **plus})

    async def choose(self, debut: str | None = None) -> httpx.Response:
        """Press an hour of step 2 (the first free one); the answer, not followed."""
        page = await self.page_creneaux()
        assert page.status_code == 200, page.text
        donnees = {**caches(page.text), "debut": debut or creneaux(page.text)[0]}
        return await self.client.post(f"{self.base}/option", data=donnees)

    async def open_form(self, debut: str | None = None) -> dict[str, str]:
        """Steps 2 and 3: the hidden fields of the form of coordonnées."""
        reponse = await self.choose(debut)
        assert reponse.status_code == 303, reponse.text
        page = await self.client.get(reponse.headers["location"])
        assert page.status_code == 200, page.text
        return caches(page.text)

    async def send(self, formulaire: dict[str, str], **plus: str) -> httpx.Response:
        """Press « Confirmer le rendez-vous »; the answer, not followed."""
        donnees = {**formulaire, **SAISIE, "date_naissance": self.naissance, **plus}
        return await self.client.post(f"{self.base}/coordonnees", data=donnees)

    async def book(self, **plus: str) -> httpx.Response:
        """The whole journey: the page of confirmation."""
        reponse = await self.send(await self.open_form(), **plus)
        assert reponse.status_code == 303, reponse.text
        return await self.client.get(reponse.headers["location"])
