"""« 10⁶ code guesses from 1,000 addresses: nothing disclosed, legitimate success ≥ 99 % » [P14], scaled down.

Guessed: services, links, ids of rendez-vous, codes. What exists but is not the guesser's answers exactly as what does
not exist; the guesses are counted; whoever holds a true link opens it meanwhile, even from the guesser's own address.
"""

from __future__ import annotations

import html
import re
import secrets

import httpx
import pytest

from tests.booking.usager.conftest import Monde
from tests.booking.usager.navigateur import Navigateur, caches
from tests.protection.conftest import Venue, new_adresse
from tests.protection.outillage import prend

#: Wrong addresses that an address may ask for at once, and some.
ESSAIS = 90
_VARIE = re.compile(r"[0-9a-f]{8,}|[A-Za-z0-9_-]{20,}|\d+")


def shape(reponse: httpx.Response) -> str:
    """An answer, but for what changes each time, and the address asked for, which the page repeats."""
    texte = reponse.text.replace(html.escape(reponse.request.url.path), "")
    return _VARIE.sub("#", texte)


async def book(usager: Navigateur) -> str:
    """Book as somebody; the address of his own page."""
    reponse = await prend(usager)
    assert reponse.status_code == 303, reponse.text[:500]
    return str(reponse.headers["location"]).partition("?")[0]


class TestEnumerer:
    """Nothing is learnt, everything is counted, nobody else pays for it."""

    async def test_wrong_links_answer_alike_and_are_counted_while_true_ones_open(
        self, garde: Monde, vient: Venue
    ) -> None:
        lieu = new_adresse()
        titulaire = vient(lieu)
        sienne = await book(titulaire)
        devin, statuts, formes = vient(lieu), [], set()
        ouverts = 0
        for rang in range(ESSAIS):
            faux = secrets.token_urlsafe(len(sienne.rpartition("/")[2]) * 3 // 4)
            reponse = await devin.client.get(f"/mon-rendez-vous/{faux}")
            statuts.append(reponse.status_code)
            if reponse.status_code == 404:
                formes.add(shape(reponse))
            else:
                assert int(reponse.headers["retry-after"]) > 0
                assert "rendez-vous" not in reponse.text
            if rang % 10 == 0:
                ouverts += (await titulaire.client.get(sienne)).status_code == 200
        assert set(statuts) == {404, 429}, "the guesses are counted"
        assert 55 <= statuts.count(404) <= 80
        assert len(formes) == 1
        assert ouverts == 9, "the holder opens his page, from the guesser's own address"
        assert (await vient().client.get(f"/mon-rendez-vous/{secrets.token_urlsafe(16)}")).status_code == 404

    async def test_a_link_cut_or_changed_by_a_letter_answers_as_a_made_up_one(self, garde: Monde, vient: Venue) -> None:
        sienne = await book(vient())
        jeton = sienne.rpartition("/")[2]
        autre = "A" if jeton[0] != "A" else "B"
        faux = [autre + jeton[1:], jeton[:-1], jeton + "A", jeton.swapcase(), secrets.token_urlsafe(16)]
        reponses = [await vient().client.get(f"/mon-rendez-vous/{f}") for f in faux]
        assert {r.status_code for r in reponses} == {404}
        assert len({shape(r) for r in reponses}) == 1

    async def test_ids_of_rendez_vous_lead_nowhere(self, garde: Monde, vient: Venue) -> None:
        """Whether it exists or not, an id is no way in."""
        await book(vient())
        vrai = (await garde.sql("SELECT max(id) FROM rendez_vous WHERE etat = 'prevu'"))[0][0]
        code = (await garde.sql("SELECT code FROM rendez_vous WHERE id = :id", id=vrai))[0][0]
        for chemin in ("/mon-rendez-vous/{}", "/mes-rendez-vous/{}", "/rendez-vous/{}", "/attente/{}"):
            for vraie, fausse in ((vrai, vrai + 100_000), (code, "QQQQQQ")):
                une, autre = [await vient().client.get(chemin.format(nom)) for nom in (vraie, fausse)]
                assert une.status_code == autre.status_code != 200, chemin
                assert shape(une) == shape(autre), chemin

    async def test_services_tell_what_is_public_and_counting_them_is_bounded(self, garde: Monde, vient: Venue) -> None:
        await book(vient())
        noms = [ligne[0] for ligne in await garde.sql("SELECT nom_usage FROM rdv_usager")]
        devin = vient()
        statuts = []
        for identifiant in [garde.service.id, *range(900_000, 900_000 + ESSAIS)]:
            reponse = await devin.client.get(f"/services/{identifiant}")
            statuts.append(reponse.status_code)
            assert not [nom for nom in noms if nom and nom in reponse.text]
        assert statuts[0] == 200
        assert {404, 429} <= set(statuts[1:])
        assert (await devin.client.get(f"/services/{garde.service.id}")).status_code == 200, "what exists still answers"

    @pytest.mark.parametrize("methode", ["GET", "HEAD", "POST"])
    async def test_every_way_of_asking_is_counted(self, garde: Monde, vient: Venue, methode: str) -> None:
        devin = vient()
        champs = caches((await devin.client.get("/retrouver")).text)
        for _ in range(ESSAIS):
            chemin = f"/mon-rendez-vous/{secrets.token_urlsafe(16)}" + ("/annuler" if methode == "POST" else "")
            reponse = await devin.client.request(methode, chemin, data=champs if methode == "POST" else None)
            if reponse.status_code == 429:
                return
            assert reponse.status_code == 404
        raise AssertionError("never counted")

    async def test_many_addresses_at_a_thousandth_of_the_size_learn_nothing(self, garde: Monde, vient: Venue) -> None:
        """A thousand guesses from ten addresses: no page opens, and every holder opens his own."""
        siennes = [(u := vient(), await book(u)) for _ in range(3)]
        ouvertes = 0
        for _ in range(10):
            devin = vient()
            for _ in range(100):
                reponse = await devin.client.get(f"/mon-rendez-vous/{secrets.token_urlsafe(16)}")
                assert reponse.status_code in (404, 429)
            ouvertes += sum([(await u.client.get(page)).status_code == 200 for u, page in siennes])
        assert ouvertes == 30
