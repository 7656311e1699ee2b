"""A second rendez-vous for one person and motif, over HTTP: one neutral page, and a message to the holder."""

from __future__ import annotations

import re
import statistics
import time

from app.embedded.boite import list_messages
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.navigateur import code
from tests.fixtures.base import until

_JETONS = re.compile(r'(value|content)="[0-9a-f]{40,}"|content="20[^"]+Z"')


async def book_again(arrive: Arrivee, naissance: str, courriel: str, **plus: str) -> tuple[int, str, float]:
    """The same person in another browser: status, address and seconds of the answer."""
    usager = arrive()
    formulaire = await usager.open_form()
    debut = time.perf_counter()
    reponse = await usager.send(formulaire, date_naissance=naissance, courriel=courriel, **plus)
    return reponse.status_code, reponse.headers.get("location", ""), time.perf_counter() - debut


class TestPageNeutre:
    """« for anonymous ones nothing is disclosed (a neutral page; the holder … gets a message) »."""

    async def test_nothing_is_booked_nor_said_and_the_mail_leads_to_the_first(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        premier = arrive()
        page = await premier.book(courriel="holder@usagers.test")
        avant = await monde.count_rdv()
        statut, ou, _ = await book_again(arrive, premier.naissance, "holder@usagers.test")
        assert (statut, ou) == (303, f"/rdv/{monde.service.id}/messagerie")
        assert await monde.count_rdv() == avant
        assert (await monde.sql("SELECT count(*) FROM rendez_vous WHERE etat = 'option'"))[0][0] == 0

        def has_come() -> bool:
            return any("déjà un rendez-vous" in m.sujet for m in list_messages(monde.site_boite))

        await until(has_come, delai_s=15)
        neutre = await arrive().client.get(ou)
        assert neutre.status_code == 200
        for secret in (code(page.text), "Valenton", "Philippa", "holder@", "déjà"):
            assert secret not in neutre.text, secret

    async def test_everybody_reads_the_same_page_in_his_language(self, monde: Monde, arrive: Arrivee) -> None:
        ou = f"/rdv/{monde.service.id}/messagerie"
        lues = [_JETONS.sub("", (await arrive().client.get(ou)).text) for _ in range(2)]
        assert lues[0] == lues[1]
        anglaise = await arrive().client.get(ou, headers={"Accept-Language": "en"})
        assert "Check your messages" in anglaise.text
        assert "Nothing is confirmed by this page yet" in anglaise.text

    async def test_it_answers_as_a_booking_does_and_takes_as_long(self, monde: Monde, arrive: Arrivee) -> None:
        prises, refusees = [], []
        for n in range(6):
            premier = arrive()
            formulaire = await premier.open_form()
            debut = time.perf_counter()
            reponse = await premier.send(formulaire, courriel=f"temps{n}@usagers.test")
            prises.append(time.perf_counter() - debut)
            assert reponse.status_code == 303
            statut, ou, duree = await book_again(arrive, premier.naissance, f"temps{n}@usagers.test")
            assert statut == reponse.status_code
            assert ou.endswith("/messagerie")
            refusees.append(duree)
        assert 0.2 < statistics.median(refusees) / statistics.median(prises) < 5

    async def test_a_couple_on_one_mailbox_books_twice(self, arrive: Arrivee) -> None:
        premier = arrive()
        await premier.book(courriel="couple@usagers.test")
        statut, ou, _ = await book_again(arrive, premier.naissance, "couple@usagers.test", prenoms="Camille")
        assert statut == 303
        assert ou.startswith("/mon-rendez-vous/")
