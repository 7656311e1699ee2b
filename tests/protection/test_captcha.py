"""« Captcha only where it helps » [A1 §2]: who meets it, what it asks, that nothing typed is lost; by forms alone."""

from __future__ import annotations

import asyncio
import io
import re
import wave
from datetime import datetime, timedelta

import httpx
import pytest
from PIL import Image

from app import clock
from app.embedded.redis import RedisServer
from app.protection.defis import new_jeton
from app.protection.limites import ACTES
from tests.booking.usager.conftest import Monde
from tests.booking.usager.navigateur import SAISIE, Navigateur, caches, code, creneaux
from tests.protection.conftest import Venue, new_adresse
from tests.protection.outillage import jeton, lire, prend, somebody

LIBRES = min(li.doux for li in ACTES["reserver"] if li.portee == "adresse" and li.doux)


async def set_captcha(garde: Monde, valeur: str | None) -> None:
    """The nation's choice; None: the software's."""
    await garde.sql_write("DELETE FROM parametre WHERE cle = 'captcha'")
    if valeur:
        await garde.sql_write(
            "INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('captcha', to_jsonb(:v ::text), now())", v=valeur
        )
    await garde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")


@pytest.fixture
async def suspect(vient: Venue) -> str:
    """An address from which everything that needs no question has been booked."""
    adresse = new_adresse()
    for _ in range(LIBRES):
        assert (await prend(vient(adresse))).status_code == 303
    return adresse


class TestQuiLeVoit:
    """Not shown to everybody."""

    async def test_a_newcomer_never_sees_it(self, vient: Venue) -> None:
        usager = vient()
        reponse = await usager.choose()
        page = await usager.client.get(reponse.headers["location"])
        assert not jeton(page.text)
        assert "captcha" not in page.text
        assert code((await usager.book(**somebody())).text)

    async def test_who_books_many_from_one_address_is_asked(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        reponse = await usager.choose()
        page = await usager.client.get(reponse.headers["location"])
        assert jeton(page.text)
        assert not jeton((await vient().client.get(reponse.headers["location"])).text)

    async def test_the_nation_may_ask_everybody_or_nobody(self, garde: Monde, vient: Venue, suspect: str) -> None:
        try:
            await set_captcha(garde, "jamais")
            assert (await prend(vient(suspect))).status_code == 303
            await set_captcha(garde, "toujours")
            reponse = await prend(vient())
            assert reponse.status_code == 422
            assert jeton(reponse.text)
            ici = await prend(vient("127.0.0.1"))
            assert jeton(ici.text)
        finally:
            await set_captcha(garde, None)

    async def test_a_crowd_sent_at_once_does_not_pass_before_it_is_counted(self, garde: Monde, vient: Venue) -> None:
        adresse, rivaux = new_adresse(), 12
        libres = creneaux((await vient().page_creneaux()).text)[:rivaux]
        usagers = [vient(adresse) for _ in range(rivaux)]
        pages = [await u.page_creneaux() for u in usagers]
        envois = [
            u.send(
                {
                    **caches(p.text),
                    **somebody(),
                    "debut": debut,
                    "cle": f"5f0c2a34-8f9e-4f43-9a55-0d5a3b1c{rang:04x}",
                    "nature": "particulier",
                },
                **somebody(),
            )
            for rang, (u, p, debut) in enumerate(zip(usagers, pages, libres, strict=False))
        ]
        statuts = [r.status_code for r in await asyncio.gather(*envois)]
        assert statuts.count(303) == LIBRES
        assert set(statuts) == {303, 422}


class TestRecopier:
    """Step 3 with a code to copy, by forms alone."""

    async def test_the_right_code_books(self, garde: Monde, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
        qui = somebody()
        reponse = await usager.send(formulaire, **qui, captcha=f" {lu.lower()} ")
        assert reponse.status_code == 303
        assert code((await usager.client.get(reponse.headers["location"])).text)
        rejeu = await usager.send(formulaire, **qui, captcha=lu)
        assert rejeu.status_code == 303, "a double click finds its rendez-vous again"

    async def test_a_form_with_its_code_sent_ten_times_at_once_is_one_rendez_vous(
        self, garde: Monde, vient: Venue, suspect: str
    ) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
        avant, qui = await garde.count_rdv(), somebody()
        reponses = await asyncio.gather(*(usager.send(formulaire, **qui, captcha=lu) for _ in range(10)))
        assert {r.status_code for r in reponses} == {303}
        assert len({r.headers["location"].partition("?")[0] for r in reponses}) == 1
        assert await garde.count_rdv() == avant + 1

    async def test_one_code_is_one_rendez_vous(self, garde: Monde, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
        assert (await usager.send(formulaire, **somebody(), captcha=lu)).status_code == 303
        suivant = await usager.open_form()
        ancien = {"captcha_jeton": formulaire["captcha_jeton"], "captcha": lu}
        reponse = await usager.send({**suivant, **somebody()}, **somebody(), **ancien)
        assert reponse.status_code == 422
        assert jeton(reponse.text) not in ("", formulaire["captcha_jeton"])

    @pytest.mark.parametrize("faux", ["AAAAA", "", "\x00", "A" * 10_000, "<script>alert(1)</script>", "🙂🙂🙂🙂🙂"])
    async def test_a_wrong_code_says_so_and_keeps_everything(
        self, garde: Monde, vient: Venue, suspect: str, faux: str
    ) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        avant = await garde.count_rdv()
        reponse = await usager.send(formulaire, **{**somebody(), "precision": SAISIE["precision"]}, captcha=faux)
        assert reponse.status_code == 422
        assert SAISIE["precision"] in reponse.text
        assert 'href="#champ-captcha"' in reponse.text
        assert caches(reponse.text)["cle"] == formulaire["cle"]
        assert jeton(reponse.text) not in ("", formulaire["captcha_jeton"])
        assert "<script>alert" not in reponse.text
        assert "Ce créneau vous est réservé" in reponse.text
        assert await garde.count_rdv() == avant

    async def test_a_right_code_beside_a_wrong_field_is_not_asked_again(
        self, garde: Monde, vient: Venue, suspect: str
    ) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
        qui = somebody()
        reponse = await usager.send(formulaire, **{**qui, "telephone1": "12"}, captcha=lu)
        assert reponse.status_code == 422
        assert not jeton(reponse.text)
        assert (await usager.send(caches(reponse.text), **qui)).status_code == 303

    async def test_another_code_is_asked_for_without_losing_a_word(
        self, garde: Monde, vient: Venue, suspect: str
    ) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        donnees = {**formulaire, **SAISIE, "captcha_renouveler": "1"}
        page = await usager.client.post(f"{usager.base}/captcha", data=donnees)
        assert page.status_code == 200
        assert SAISIE["precision"] in page.text
        assert SAISIE["courriel"] in page.text
        neuf = caches(page.text)
        assert neuf["captcha_jeton"] != formulaire["captcha_jeton"]
        assert neuf["cle"] == formulaire["cle"]
        assert "erreurs-resume" not in page.text
        lu = lire(garde.outils.settings, usager, neuf["captcha_jeton"])
        assert (await usager.send(neuf, **somebody(), captcha=lu)).status_code == 303

    async def test_keeping_the_creneau_longer_keeps_the_challenge_on_the_page(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        page = await usager.client.post(f"{usager.base}/option/prolonger", data={**formulaire, **SAISIE})
        assert page.status_code == 200
        assert jeton(page.text)
        assert SAISIE["precision"] in page.text

    async def test_the_page_s_script_gets_another_one_as_json(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        formulaire = await usager.open_form()
        reponse = await usager.client.post(
            f"{usager.base}/captcha", data=formulaire, headers={"Accept": "application/json"}
        )
        assert set(reponse.json()) == {"jeton", "image", "son"}
        assert (await usager.client.get(reponse.json()["image"])).status_code == 200

    async def test_guessing_is_stopped(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        formulaire = {**await usager.open_form(), **somebody()}
        borne = min(li.dur for li in ACTES["defi"])
        for _ in range(borne):
            reponse = await usager.send(formulaire, **somebody(), captcha="AAAAA")
            assert reponse.status_code == 422
            formulaire |= caches(reponse.text)
        reponse = await usager.send(formulaire, **somebody(), captcha="AAAAA")
        assert reponse.status_code == 429
        assert int(reponse.headers["retry-after"]) > 0
        assert "Votre demande" in reponse.text

    async def test_a_challenge_of_another_visit_is_refused(self, garde: Monde, vient: Venue, suspect: str) -> None:
        """A farm that solves challenges elsewhere has to keep the cookie with them."""
        usager, autre = vient(suspect), vient(suspect)
        sien = await usager.open_form()
        lu = lire(garde.outils.settings, usager, sien["captcha_jeton"])
        formulaire = {**await autre.open_form(), "captcha_jeton": sien["captcha_jeton"]}
        assert (await autre.send(formulaire, **somebody(), captcha=lu)).status_code == 422

    async def test_in_english(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect, "en")
        formulaire = await usager.open_form()
        reponse = await usager.send(formulaire, **somebody(), captcha="AAAAA")
        assert reponse.status_code == 422
        for phrase in ("Copy this code", "Change the code", "Listen to the verification code", "does not match"):
            assert phrase in reponse.text, phrase


class TestVoirEtEntendre:
    """An image and a sound that say the same; who can use neither is told whom to call."""

    async def test_the_image_is_large_and_dark_on_white(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        texte = (await usager.open_form())["captcha_jeton"]
        reponse = await usager.client.get(f"/captcha/{texte}.png")
        assert reponse.headers["content-type"] == "image/png"
        assert reponse.headers["cache-control"] == "no-store"
        image = Image.open(io.BytesIO(reponse.content)).convert("L")
        assert image.size >= (260, 80)
        fonces = sum(nombre for valeur, nombre in enumerate(image.histogram()) if valeur < 100)
        assert fonces > 0.03 * image.width * image.height

    @pytest.mark.parametrize("langue", ["fr", "en"])
    async def test_the_sound_says_it_in_both_languages(self, vient: Venue, suspect: str, langue: str) -> None:
        usager = vient(suspect, langue)
        texte = (await usager.open_form())["captcha_jeton"]
        reponse = await usager.client.get(f"/captcha/{texte}.wav")
        assert reponse.status_code == 200, reponse.text[:200]
        assert reponse.headers["content-type"].startswith("audio/")
        with wave.open(io.BytesIO(reponse.content)) as son:
            assert son.getframerate() == 8000
            assert 4 < son.getnframes() / 8000 < 40

    async def test_whoever_can_use_neither_is_told_whom_to_call(self, vient: Venue, suspect: str) -> None:
        usager = vient(suspect)
        reponse = await usager.choose()
        page = (await usager.client.get(reponse.headers["location"])).text
        bloc = page[page.index("data-captcha>") : page.index("data-envoi")]
        assert re.search(r"ni lire ni écouter ce code.*(tel:|mailto:|adresse)", bloc, re.DOTALL)

    async def test_what_is_no_challenge_of_mine_is_not_drawn(self, garde: Monde, vient: Venue, suspect: str) -> None:
        usager, autre = vient(suspect), vient()
        texte = (await usager.open_form())["captcha_jeton"]
        await autre.page_creneaux()
        assert (await autre.client.get(f"/captcha/{texte}.png")).status_code == 404
        perime = new_jeton(garde.outils.settings, usager.client.cookies["accueil_visite"], garde_hier())
        for nom in (f"{perime}.png", f"{texte}.gif", texte, "x.png", "%00.png", f"{'A' * 5000}.wav", "..%2f.png"):
            assert (await usager.client.get(f"/captcha/{nom}")).status_code in (404, 414), nom


class TestAvantDeTenir:
    """Holding many créneaux, or a service whose créneaux are all being held: the code comes before the hold."""

    async def _fill(self, garde: Monde, vient: Venue, adresse: str) -> str:
        """Hold until asked; the page that asks."""
        for _ in range(60):
            usager = vient(adresse)
            reponse = await usager.choose()
            if reponse.status_code == 422:
                self.usager = usager
                return reponse.text
            assert reponse.status_code == 303
        raise AssertionError("never asked")

    async def test_the_code_then_the_hold_and_no_second_code(self, garde: Monde, vient: Venue) -> None:
        page = await self._fill(garde, vient, new_adresse())
        usager = self.usager
        tenus = await garde.sql("SELECT count(*) FROM rendez_vous WHERE etat = 'option'")
        formulaire = caches(page)
        lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
        assert "erreurs-resume" not in page
        faux = await usager.client.post(f"{usager.base}/option", data={**formulaire, "captcha": "AAAAA"})
        assert faux.status_code == 422
        assert "ne correspond pas" in faux.text
        assert await garde.sql("SELECT count(*) FROM rendez_vous WHERE etat = 'option'") == tenus
        formulaire = caches(faux.text)
        neuf = await usager.client.post(f"{usager.base}/option", data={**formulaire, "captcha_renouveler": "1"})
        assert neuf.status_code == 200
        assert caches(neuf.text)["debut"] == formulaire["debut"]
        formulaire = caches(neuf.text)
        lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
        reponse = await usager.client.post(f"{usager.base}/option", data={**formulaire, "captcha": lu})
        assert reponse.status_code == 303
        etape = await usager.client.get(reponse.headers["location"])
        assert not jeton(etape.text)
        assert (await usager.send(caches(etape.text), **somebody())).status_code == 303


class TestTropDeDemandes:
    """429 with Retry-After; the page comes back, with what was typed, in both languages."""

    @pytest.mark.parametrize(("langue", "phrase"), [("fr", "Trop de demandes"), ("en", "Too many requests")])
    async def test_too_many_bookings_wait_with_their_form_kept(
        self, garde: Monde, vient: Venue, langue: str, phrase: str
    ) -> None:
        usager = vient(langue=langue)
        formulaire = await usager.open_form()
        await garde.sql_write("DELETE FROM comptage")
        assert (await usager.send(formulaire, **{**somebody(), "telephone1": "12"})).status_code == 422
        assert (await usager.send(formulaire, **somebody())).status_code == 303
        await garde.sql_write("UPDATE comptage SET nombre = 10000")
        suivant = await usager.open_form()
        lu = lire(garde.outils.settings, usager, suivant["captcha_jeton"])
        reponse = await usager.send(suivant, **{**somebody(), "precision": SAISIE["precision"]}, captcha=lu)
        assert reponse.status_code == 429
        assert 0 < int(reponse.headers["retry-after"]) <= 3600
        assert SAISIE["precision"] in reponse.text
        assert phrase in reponse.text

    async def test_bounds_hold_and_bookings_go_on_while_redis_is_frozen(
        self, garde: Monde, vient: Venue, redis_server: RedisServer
    ) -> None:
        adresse = new_adresse()
        redis_server.freeze()
        try:
            for _ in range(LIBRES):
                assert (await prend(vient(adresse))).status_code == 303
            assert (await prend(vient(adresse))).status_code == 422
            assert (await prend(vient())).status_code == 303
        finally:
            redis_server.thaw()

    async def test_too_many_holds_show_the_hours_again(self, garde: Monde, vient: Venue) -> None:
        adresse = new_adresse()
        assert (await vient(adresse).choose()).status_code == 303
        await garde.sql_write("UPDATE comptage SET nombre = 10000")
        reponse = await vient(adresse).choose()
        assert reponse.status_code == 429
        assert int(reponse.headers["retry-after"]) > 0
        assert creneaux(reponse.text)

    async def test_rotating_the_forwarded_address_changes_nothing_when_no_proxy_is_trusted(
        self, garde: Monde, vient: Venue
    ) -> None:
        """The list of proxies is exact: here the proxy is 127.0.0.1, and what comes from elsewhere is not believed."""
        garde_url = garde.site.url
        async with httpx.AsyncClient(
            base_url=garde_url,
            headers={"Origin": garde_url},
            transport=httpx.AsyncHTTPTransport(local_address="127.0.0.9"),
        ) as client:
            usager = Navigateur(client, garde.service.id, {"motif": garde.service.motifs[0], "type": "guichet"})
            client.headers["X-Forwarded-For"] = new_adresse()
            assert (await usager.choose()).status_code == 303
            await garde.sql_write("UPDATE comptage SET nombre = 10000")
            for _ in range(5):
                client.headers["X-Forwarded-For"] = new_adresse()
                client.cookies.clear()
                assert (await usager.choose()).status_code == 429


def garde_hier() -> datetime:
    """An instant after which every challenge is over."""
    return clock.now() - timedelta(days=1)
