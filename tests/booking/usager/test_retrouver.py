"""One's own rendez-vous by its code and name, without the link [A1, summary table]; promises « Codes and links »."""

from __future__ import annotations

import asyncio
import html
import re
import statistics
import time
from datetime import timedelta

import httpx
import pytest

from app import clock
from app.booking.acces_usager import DUREE, AccesExpire, read_acces, sign_acces
from app.booking.outils import Auteur
from app.booking.retrouver import PAR_ADRESSE_ET_CODE, PAR_CODE, find_by_code
from app.booking.usager.garde import DefiRequis
from app.errors import AccesRefuse
from app.identite.empreintes import print_critere
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.mien import Tenu, tenir, texte
from tests.booking.usager.navigateur import caches
from tests.protection.outillage import jeton, lire


@pytest.fixture(autouse=True)
async def aucun_essai(monde: Monde) -> None:
    """Nobody has guessed yet."""
    await monde.sql_write("DELETE FROM tentative")


@pytest.fixture
async def tenu(monde: Monde, arrive: Arrivee) -> Tenu:
    return await tenir(monde, arrive)


async def retrouver(client: httpx.AsyncClient, code: str, nom: str) -> httpx.Response:
    """Fill the form in and send it; the answer, not followed."""
    page = await client.get("/retrouver")
    return await client.post("/retrouver", data={**caches(page.text), "code": code, "nom": nom})


async def repondre(
    client: httpx.AsyncClient, page: httpx.Response, tenu: Tenu, captcha: str, nom: str = "Valenton"
) -> httpx.Response:
    """Send the form with what was read of its challenge."""
    return await client.post(
        "/retrouver", data={**caches(page.text), "code": tenu.code, "nom": nom, "captcha": captcha}
    )


async def nobody() -> None:
    """A robot in front of a challenge."""
    raise DefiRequis


async def ouvrir(client: httpx.AsyncClient, tenu: Tenu) -> str:
    """The address that both words open."""
    reponse = await retrouver(client, tenu.code, "Valenton")
    assert reponse.status_code == 303, texte(reponse.text)
    return str(reponse.headers["location"])


class TestLesDeuxMots:
    """« by link, or code + name »."""

    @pytest.mark.parametrize("forme", ["exact", "minuscules", "espaces", "chiffres"])
    async def test_they_open_the_page_however_they_are_typed(
        self, monde: Monde, arrive: Arrivee, tenu: Tenu, forme: str
    ) -> None:
        if forme == "chiffres":
            lettres = f"OI{tenu.code[2:]}"
            await monde.sql_write("UPDATE rendez_vous SET code = :c WHERE id = :r", c=lettres, r=tenu.rdv)
            tape = f"01{tenu.code[2:]}"
        else:
            tape = {
                "exact": tenu.code,
                "minuscules": tenu.code.lower(),
                "espaces": f" {tenu.code[:3]} {tenu.code[3:]} ",
            }[forme]
        client = arrive().client
        reponse = await retrouver(client, tape, "  VALENTON ")
        assert reponse.status_code == 303, texte(reponse.text)
        page = await client.get(reponse.headers["location"])
        assert "Pièce d'identité" in html.unescape(page.text)

    async def test_neither_stands_in_an_address_and_the_permanent_link_is_not_given(
        self, arrive: Arrivee, tenu: Tenu
    ) -> None:
        client = arrive().client
        adresse = await ouvrir(client, tenu)
        page = await client.get(adresse)
        jeton = tenu.lien.rpartition("/")[2]
        assert tenu.code not in adresse
        assert "alenton" not in adresse
        assert jeton not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"

    async def test_it_shows_no_number(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive(type_rdv="telephone")
        page = await usager.book(telephone1="06 98 76 54 32", courriel="autre@usagers.test")
        assert "06 98 76 54 32" in texte(page.text).replace("\u00a0", " ")
        code = re.findall(r'class="code-rdv"[^>]*><span aria-hidden="true">([A-Z]{6})<', page.text)[0]
        client = arrive().client
        vue = await client.get((await retrouver(client, code, "Valenton")).headers["location"])
        assert "98 76" not in vue.text.replace("\u00a0", " ")
        assert "au numéro que vous avez donné" in texte(vue.text)
        assert "autre@usagers.test" not in vue.text

    async def test_it_gives_no_room_either_and_nor_does_its_calendar_file(
        self, monde: Monde, arrive: Arrivee, tenu: Tenu
    ) -> None:
        salle = "https://visio.etat.test/salle-SECRETE-123"
        await monde.sql_write(
            "UPDATE rendez_vous SET type_rdv = 'visio', visio_lien = :v WHERE id = :r", v=salle, r=tenu.rdv
        )
        client = arrive().client
        adresse = await ouvrir(client, tenu)
        for suite in ("", "/fragment", "/agenda.ics"):
            assert "SECRETE" not in (await client.get(adresse + suite)).text, suite
        agenda = (await tenu.get("/agenda.ics")).text.replace("\r\n ", "")
        assert salle in agenda, "the link of his mail does"

    async def test_from_there_it_is_moved_ticked_and_cancelled(self, arrive: Arrivee, tenu: Tenu) -> None:
        client = arrive().client
        lui = Tenu(client, await ouvrir(client, tenu), tenu.code, tenu.rdv, tenu.monde)
        confirme, _ = await lui.choisir(3)
        fin = await lui.post("/deplacer", confirme, faire="confirmer")
        assert fin.headers["location"] == f"{lui.lien}?avis=deplace"
        coche = re.findall(r'name="document" value="([0-9a-f]{12})"', (await lui.get()).text)
        assert (await lui.post("/documents", await lui.get(), document=coche[0])).status_code == 303
        assert (await lui.get("/agenda.ics")).status_code == 200
        assert (await lui.post("/annuler", await lui.get("/annuler"))).status_code == 303
        assert (await lui.ligne("etat", "annule_par", "sequence")) == ("annule", "usager", 2)

    async def test_the_journal_says_by_what_it_was_read(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        await ouvrir(arrive().client, tenu)
        lignes = await monde.sql(
            "SELECT acteur, apres->>'par' FROM journal WHERE rdv_id = :r AND action = 'rdv.lu' ORDER BY id", r=tenu.rdv
        )
        assert lignes == [("usager", "lien"), ("usager", "code")]


class TestQuelquesMinutes:
    """The access is this browser's, and ends by itself."""

    async def test_another_browser_finds_nothing(self, arrive: Arrivee, tenu: Tenu) -> None:
        adresse = await ouvrir(arrive().client, tenu)
        autre = arrive().client
        assert (await autre.get(adresse)).status_code == 404
        await autre.get("/retrouver")
        for suite in ("", "/fragment", "/annuler", "/deplacer", "/plus-tot", "/agenda.ics", "/documents"):
            assert (await autre.get(adresse + suite)).status_code == 404

    async def test_tampered_it_is_the_same_404_as_any_other(self, arrive: Arrivee, tenu: Tenu) -> None:
        client = arrive().client
        adresse = await ouvrir(client, tenu)
        base, _, jeton = adresse.rpartition("/")
        a, rdv, expire, signature = jeton.split(".")
        faux = [
            f"{a}.{int(rdv) + 1}.{expire}.{signature}",
            f"{a}.{rdv}.{int(expire) + 900}.{signature}",
            f"{a}.0{rdv}.{expire}.{signature}",
            f"{a}.{rdv}.{expire}.{signature[:-1]}",
            f"{a}.{rdv}.{expire}",
            f"{a}...",
            "a." + "9" * 400,
            "a.é.1.x",
            "x",
        ]
        pages = [await client.get(f"{base}/{f}") for f in faux]
        assert {p.status_code for p in pages} == {404}
        assert len({texte(p.text) for p in pages}) == 1

    async def test_once_over_both_words_are_asked_again(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        client = arrive().client
        await client.get("/retrouver")
        visite = client.cookies["accueil_visite"]
        vieux = sign_acces(monde.site.settings, tenu.rdv, visite, clock.now() - DUREE)
        for suite in ("", "/annuler", "/fragment"):
            fin = await client.get(f"/mon-rendez-vous/{vieux}{suite}")
            assert (fin.status_code, fin.headers["location"]) == (303, "/retrouver?avis=expire")
        assert "Votre accès est terminé" in texte((await client.get("/retrouver?avis=expire")).text)
        formulaire = caches((await client.get("/retrouver")).text)
        fin = await client.post(f"/mon-rendez-vous/{vieux}/annuler", data={**formulaire, "revision": "1"})
        assert fin.status_code == 303
        assert (await tenu.ligne("etat")) == ("prevu",)

    def test_it_lasts_fifteen_minutes_to_the_second(self, monde: Monde) -> None:
        settings, maintenant = monde.site.settings, clock.now().replace(microsecond=0)
        jeton = sign_acces(settings, 12, "v" * 43, maintenant)
        assert read_acces(settings, jeton, "v" * 43, maintenant + DUREE - timedelta(seconds=1)) == 12
        assert read_acces(settings, jeton, "w" * 43, maintenant) is None
        assert read_acces(settings, jeton, "", maintenant) is None
        with pytest.raises(AccesExpire):
            read_acces(settings, jeton, "v" * 43, maintenant + DUREE)


class TestRefus:
    """« wrong code, wrong name, other's code → the same 404, same time »."""

    async def test_whatever_is_wrong_the_answer_is_the_same(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        autre = await tenir(monde, arrive, 3, nom_usage="Merville")
        essais = [
            ("AAAAAA", "Valenton"),
            (tenu.code, "Merville"),
            (autre.code, "Valenton"),
            (tenu.code, "Philippa"),
            (tenu.code, "%"),
            ("x", "Valenton"),
            ("😀" * 6, "\u202e"),
        ]
        client = arrive().client
        reponses = [await retrouver(client, code, nom) for code, nom in essais]
        assert {r.status_code for r in reponses} == {404}
        assert len({texte(r.text) for r in reponses}) == 1
        assert "Aucun rendez-vous ne correspond à ce code et à ce nom." in texte(reponses[0].text)
        assert f'value="{tenu.code}"' in reponses[1].text, "what was typed is kept"

    async def test_a_word_left_empty_is_said(self, arrive: Arrivee) -> None:
        page = await retrouver(arrive().client, "  ", "")
        assert page.status_code == 422
        assert "Saisissez le code" in texte(page.text)
        assert 'href="#champ-nom"' in page.text

    async def test_it_takes_the_same_time(self, monde: Monde, tenu: Tenu) -> None:
        durees: dict[str, list[float]] = {tenu.code: [], "AAAAAA": []}
        for _ in range(15):
            for essai, liste in durees.items():
                await monde.sql_write("DELETE FROM tentative")
                depart = time.perf_counter()
                with pytest.raises(AccesRefuse):
                    await find_by_code(
                        monde.outils, essai, "Autre", Auteur("usager"), clock.now(), check_personne=nobody
                    )
                liste.append(time.perf_counter() - depart)
        bon, faux = (statistics.median(liste) for liste in durees.values())
        assert abs(bon - faux) < 0.5 * max(bon, faux)

    async def test_each_try_leaves_a_line_that_names_nobody(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        await retrouver(arrive().client, tenu.code, "Personne-Ici")
        ((apres,),) = await monde.sql(
            "SELECT CAST(apres AS text) FROM journal WHERE action = 'rdv.acces_refuse' ORDER BY id DESC LIMIT 1"
        )
        assert print_critere(monde.outils.settings, "code", tenu.code) in apres
        assert tenu.code not in apres
        assert "Personne" not in apres

    async def test_one_that_is_over_since_a_day_is_reached_no_more(self, monde: Monde, arrive: Arrivee) -> None:
        tenu = await tenir(monde, arrive)
        await monde.sql_write(
            "UPDATE rendez_vous SET debut = debut - interval '40 days', fin = fin - interval '40 days',"
            " jour = jour - 40, etat = 'non_honore' WHERE id = :r",  # as the worker closes it
            r=tenu.rdv,
        )
        assert (await retrouver(arrive().client, tenu.code, "Valenton")).status_code == 404


class TestEssais:
    """Guessing is stopped where it comes from; who is right goes on."""

    async def test_wrong_names_on_one_code_are_limited_and_another_code_is_not(
        self, monde: Monde, arrive: Arrivee, tenu: Tenu
    ) -> None:
        client = arrive().client
        for rang in range(PAR_ADRESSE_ET_CODE):
            assert (await retrouver(client, tenu.code, f"Nom{rang}")).status_code == 404
        refus = await retrouver(client, tenu.code, "Valenton")
        assert refus.status_code == 429
        assert 0 < int(refus.headers["retry-after"]) <= 300
        assert f'value="{tenu.code}"' in refus.text
        autre = await tenir(monde, arrive, 2)
        assert (await retrouver(client, autre.code, "Valenton")).status_code == 303

    async def test_a_hundred_sent_at_once_are_not_a_hundred_tries(self, monde: Monde, tenu: Tenu) -> None:
        async def essayer(rang: int) -> bool:
            auteur = Auteur("usager", adresse=f"192.0.2.{rang % 250}")
            try:
                await find_by_code(monde.outils, tenu.code, f"Nom{rang}", auteur, clock.now(), check_personne=nobody)
            except DefiRequis:
                return False
            except AccesRefuse:
                return True
            raise AssertionError

        verifies = sum(await asyncio.gather(*map(essayer, range(60))))
        assert verifies == PAR_CODE

    async def test_who_knows_a_code_keeps_its_holder_from_nothing(
        self, monde: Monde, arrive: Arrivee, tenu: Tenu
    ) -> None:
        """Past the tries of everybody on one code a challenge is asked, and answered it opens."""
        for rang in range(PAR_CODE):
            auteur = Auteur("usager", adresse=f"192.0.2.{rang}")
            with pytest.raises(AccesRefuse):
                await find_by_code(monde.outils, tenu.code, "Autre", auteur, clock.now(), check_personne=nobody)
        lui = arrive()
        page = await retrouver(lui.client, tenu.code, "Valenton")
        assert page.status_code == 422
        assert f'value="{tenu.code}"' in page.text, "what was typed is kept"
        faux = await repondre(lui.client, page, tenu, "AAAAA")
        assert faux.status_code == 422
        assert "ne correspond pas" in texte(faux.text)
        change = await lui.client.post(
            "/retrouver/captcha", data={**caches(faux.text), "code": tenu.code, "nom": "Valenton"}
        )
        assert change.status_code == 200
        assert jeton(change.text) not in ("", jeton(faux.text))
        assert 'value="Valenton"' in change.text
        code = lire(monde.site.settings, lui, jeton(change.text))
        fin = await repondre(lui.client, change, tenu, code)
        assert fin.status_code == 303, texte(fin.text)

    async def test_an_answer_serves_one_try(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        for rang in range(PAR_CODE):
            auteur = Auteur("usager", adresse=f"192.0.2.{rang}")
            with pytest.raises(AccesRefuse):
                await find_by_code(monde.outils, tenu.code, "Autre", auteur, clock.now(), check_personne=nobody)
        robot = arrive()
        page = await retrouver(robot.client, tenu.code, "Autre")
        code = lire(monde.site.settings, robot, jeton(page.text))
        refus = await repondre(robot.client, page, tenu, code, nom="Autre")
        assert refus.status_code == 404
        assert jeton(refus.text), "the next try is asked for another one at once"
        assert (await repondre(robot.client, page, tenu, code, nom="Encore")).status_code == 422

    async def test_right_ones_never_count(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        client = arrive().client
        for _ in range(PAR_ADRESSE_ET_CODE + 3):
            await ouvrir(client, tenu)
        assert await monde.sql("SELECT count(*) FROM tentative WHERE nombre > 0") in ([(0,)],)


class TestHygiene:
    """« tampered token → 404; Referrer-Policy; absent from logs »; GET and HEAD change nothing."""

    async def test_no_secret_is_in_the_logs_nor_in_a_title(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        client = arrive().client
        acces = await ouvrir(client, tenu)
        for base in (tenu.lien, acces):
            for suite in ("", "/fragment", "/annuler", "/deplacer", "/plus-tot", "/deplacer/fragment", "/inconnu"):
                page = await (tenu.client if base == tenu.lien else client).get(base + suite)
                titre = re.findall(r"<title>(.*?)</title>", page.text)
                assert not [t for t in titre if tenu.code in t or "alenton" in t]
        lu = monde.site.journal.read_text()
        for secret in (tenu.lien.rpartition("/")[2], acces.rpartition("/")[2].rpartition(".")[2], tenu.code):
            assert secret not in lu
            for table in ("journal", "outbox"):
                lignes = await monde.sql(
                    f"SELECT count(*) FROM {table} t WHERE CAST(t AS text) LIKE :j",
                    j=f"%{secret}%",
                )
                assert lignes == [(0,)]

    async def test_reading_changes_nothing_whoever_reads(self, monde: Monde, arrive: Arrivee, tenu: Tenu) -> None:
        scanner = arrive().client
        await scanner.get(tenu.lien)  # the line of this hour
        avant = await _everything(monde)
        suites = ("", "/fragment", "/annuler", "/deplacer", "/deplacer/fragment", "/plus-tot", "/plus-tot/fragment")
        for suite in suites:
            for methode in ("GET", "HEAD"):
                reponse = await scanner.request(methode, tenu.lien + suite)
                assert reponse.status_code == 200, (methode, suite)
        for adresse in (f"{tenu.lien}/documents", "/retrouver"):
            assert (await scanner.get(adresse)).status_code in (200, 303)
        assert await _everything(monde) == avant


async def _everything(monde: Monde) -> list[object]:
    """The rows that matter, and how many lines the journal and the queue have."""
    tables = ("rendez_vous", "rdv_usager", "agenda")
    lignes = [await monde.sql(f"SELECT CAST(t AS text) FROM {t} t ORDER BY 1") for t in tables]
    comptes = [await monde.sql(f"SELECT count(*) FROM {t}") for t in ("journal", "outbox", "courrier", "tentative")]
    return [*lignes, *comptes]
