"""A person in front of a challenge."""

from __future__ import annotations

import html
import re
from itertools import count

import httpx

from app import clock
from app.config import Settings
from app.protection.defis import derive_reponse, read_jeton
from loadtests.personnes import Personne
from tests.booking.usager.navigateur import Navigateur

_JETON = re.compile(r'name="captcha_jeton" value="([^"]+)"')
_rangs = count(500_000)


def jeton(page: str) -> str:
    """The challenge that a page shows, "" when it shows none."""
    trouve = _JETON.search(page)
    return html.unescape(trouve[1]) if trouve else ""


def lire(settings: Settings, usager: Navigateur, texte: str) -> str:
    """What a person reads in the image of that challenge."""
    visite = usager.client.cookies["accueil_visite"]
    lu = read_jeton(settings, visite, texte, clock.now())
    assert lu is not None
    return derive_reponse(settings, lu)


def somebody() -> dict[str, str]:
    """The fields of a person whom no test has met yet."""
    champs = Personne(next(_rangs)).as_form()
    gardes = ("civilite", "nom_usage", "prenoms", "telephone1", "precision")
    return {nom: champs[nom] for nom in gardes} | {"courriel": f"{champs['nom_usage'].split()[-1]}@usagers.test"}


async def prend(usager: Navigateur, **plus: str) -> httpx.Response:
    """The whole journey of a person whom no test has met yet; the answer, not followed."""
    return await usager.send(await usager.open_form(), **somebody(), **plus)
