"""Short words for the tests of one's own rendez-vous: book one, read its page, move it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.navigateur import caches, code, creneaux

_rangs = count(1)


@dataclass
class Tenu:
    """An usager's RDV, booked through the journey: its browser, its link, its code."""

    client: httpx.AsyncClient
    lien: str
    code: str
    rdv: int
    monde: Monde
    courriel: str = ""

    async def get(self, suite: str = "", **plus: Any) -> httpx.Response:
        return await self.client.get(self.lien + suite, **plus)

    async def post(self, suite: str, page: httpx.Response, **champs: Any) -> httpx.Response:
        """Press a button of that page: its hidden fields, and those given."""
        return await self.client.post(self.lien + suite, data={**caches(page.text), **champs})

    async def ligne(self, *colonnes: str) -> Any:
        """Columns of its row, straight from PostgreSQL."""
        return (await self.monde.sql(f"SELECT {', '.join(colonnes)} FROM rendez_vous WHERE id = :r", r=self.rdv))[0]

    async def choisir(self, rang: int = 1, **plus: Any) -> tuple[httpx.Response, str]:
        """Press an hour of the grid: the page that asks to confirm, and the instant chosen."""
        page = await self.get("/deplacer", **plus)
        debut = creneaux(page.text)[rang]
        return await self.post("/deplacer", page, debut=debut), debut


async def tenir(monde: Monde, arrive: Arrivee, rang: int = 0, **plus: str) -> Tenu:
    """A RDV at the ``rang``-th free hour of the first day, of somebody who has no other."""
    usager, n = arrive(), next(_rangs)
    plus = {"courriel": f"usager{n}@usagers.test", "telephone1": f"06 12 34 {n // 100:02} {n % 100:02}", **plus}
    debut = creneaux((await usager.page_creneaux()).text)[rang]
    fin = await usager.send(await usager.open_form(debut), **plus)
    assert fin.status_code == 303, fin.text[:2000]
    lien = fin.headers["location"]
    lettres = code((await usager.client.get(lien)).text)
    rdv = (await monde.sql("SELECT id FROM rendez_vous WHERE code = :c", c=lettres))[0][0]
    return Tenu(usager.client, lien, lettres, rdv, monde, plus["courriel"])


def texte(page: str) -> str:
    """What is read of a page's main part."""
    corps = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", corps)).split())
