"""The waiting list sends a message to whoever is typed: robots are asked for a code, as for a booking [A1 §2; P15]."""

from __future__ import annotations

import re

import httpx

from app.protection.limites import ACTES
from tests.booking.usager.conftest import Monde
from tests.booking.usager.navigateur import Navigateur, caches
from tests.protection.conftest import Venue, new_adresse
from tests.protection.outillage import jeton, lire
from tests.protection.test_captcha import set_captcha

LIBRES = next(li.doux for li in ACTES["attente"] if li.portee == "adresse")


async def join(usager: Navigateur, courriel: str, **plus: str) -> httpx.Response:
    """The form of the waiting list, filled in and sent."""
    page = await usager.client.get(f"{usager.base}/attente", params=usager.choix)
    jours = {nom: re.findall(rf'name="{nom}"[^>]*value="([^"]+)"', page.text)[0] for nom in ("du", "au")}
    saisie = {**caches(page.text), **jours, "nom": "Valenton", "courriel": courriel}
    return await usager.client.post(f"{usager.base}/attente", data={**saisie, **plus})


async def count_messages(garde: Monde) -> int:
    return int((await garde.sql("SELECT count(*) FROM courrier WHERE evenement = 'attente'"))[0][0])


class TestAttente:
    async def test_many_from_one_address_are_asked_for_a_code_and_lose_nothing(
        self, garde: Monde, vient: Venue
    ) -> None:
        adresse = new_adresse()
        avant = await count_messages(garde)
        for rang in range(LIBRES):
            assert (await join(vient(adresse), f"cible{rang}@usagers.test")).status_code == 303
        usager = vient(adresse)
        refus = await join(usager, "quatre@usagers.test")
        assert refus.status_code == 422
        assert jeton(refus.text)
        assert 'value="quatre@usagers.test"' in refus.text
        assert await count_messages(garde) == avant + LIBRES
        juste = lire(garde.site.settings, usager, jeton(refus.text))
        bonne = {"captcha_jeton": jeton(refus.text), "captcha": juste}
        assert (await join(usager, "quatre@usagers.test", **bonne)).status_code == 303
        assert await count_messages(garde) == avant + LIBRES + 1
        assert (await join(usager, "cinq@usagers.test", **bonne)).status_code == 422, "one answer, one request"

    async def test_a_wrong_code_sends_nothing_and_another_one_is_shown(self, garde: Monde, vient: Venue) -> None:
        try:
            await set_captcha(garde, "toujours")
            usager = vient()
            page = await usager.client.get(f"{usager.base}/attente", params=usager.choix)
            premier = jeton(page.text)
            assert premier
            avant = await count_messages(garde)
            faux = await join(usager, "ada@usagers.test", captcha_jeton=premier, captcha="XXXXX")
            assert faux.status_code == 422
            assert jeton(faux.text) not in ("", premier)
            assert await count_messages(garde) == avant
            autre = await join(usager, "ada@usagers.test", captcha_renouveler="1")
            assert autre.status_code == 200
            assert 'value="ada@usagers.test"' in autre.text
            assert jeton(autre.text) not in ("", jeton(faux.text))
            assert await count_messages(garde) == avant
        finally:
            await set_captcha(garde, None)
