"""Short words for the tests of guichets: a form as a browser sends it, the rows it leaves."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from sqlalchemy import text

from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService

ENTETES: Final = {"Content-Type": "application/x-www-form-urlencoded"}
#: A guichet that takes everything, as the form sends it.
LIBRE: Final[dict[str, Any]] = {
    "nom": "Guichet 9",
    "motifs": "tous",
    "origines": "tous",
    "types": "tous",
    "ouvert": "1",
}


def base(service: MondeService, suite: str = "") -> str:
    return f"/services/{service.id}/organiser/guichets{suite}"


async def send(client: httpx.AsyncClient, url: str, champs: dict[str, Any] | None = None) -> httpx.Response:
    return await client.post(url, content=urlencode(champs or {}, doseq=True), headers=ENTETES)


def hidden(page: str, nom: str) -> str:
    """The value of a hidden field, "" when it is not there."""
    trouve = re.search(rf'name="{nom}" value="([^"]*)"', page)
    return unescape(trouve[1]) if trouve else ""


def words(page: str) -> str:
    """The text of a page: tags out, spaces squeezed."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def read_form(client: httpx.AsyncClient, service: MondeService, guichet_id: int) -> dict[str, Any]:
    """The form of a guichet as the page fills it in."""
    page = (await client.get(base(service, f"/{guichet_id}"))).text
    champs: dict[str, Any] = {}
    for balise in re.findall(r"<input[^>]*>", page[page.index('class="guichet-form"') :]):
        nom = re.search(r' name="([^"]*)"', balise)
        valeur = re.search(r' value="([^"]*)"', balise)
        if nom is None or valeur is None or nom[1] == "_csrf":
            continue
        if "checkbox" in balise or "radio" in balise:
            if " checked" in balise:
                champs.setdefault(nom[1], []).append(unescape(valeur[1]))
        else:
            champs[nom[1]] = unescape(valeur[1])
    return champs


async def seen(journee: Journee, guichet_id: int) -> dict[str, Any]:
    """What a page that has just been opened sends back: the revision that it shows."""
    return {"revision": (await guichet(journee, guichet_id))["revision"]}


async def guichet(journee: Journee, guichet_id: int) -> dict[str, Any]:
    """The row of a guichet."""
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(text("SELECT * FROM guichet WHERE id = :g"), {"g": guichet_id})
        return dict(lignes.mappings().one())
