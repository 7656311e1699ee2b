"""P4, P5, P6, P7, P9 on the whole site: servers killed, frozen, cut or restarted under open screens and people at work.

After each storm the screens, opened long before, equal the same pages opened afresh, and the invariants hold.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.domain.rendez_vous import Action
from app.embedded.boite import list_messages, read_message
from tests.accueil.monde import JOUR
from tests.storms.monde import Tempete, print_measure, until_true

pytestmark = [pytest.mark.storm, pytest.mark.e2e]


@pytest.fixture(autouse=True)
async def calme(tempete: Tempete) -> AsyncIterator[None]:
    """Before a storm every screen is live; after it, the invariants hold."""
    await tempete.wait_for_heal(time.monotonic())
    yield
    await tempete.check_invariants()


class TestRedis:
    """P4, P6: Redis is optional for work; screens say that they are late, then converge."""

    async def test_killed_people_work_on_screens_admit_it_and_an_arrival_still_posts(self, tempete: Tempete) -> None:
        rdv = await tempete.book_today()
        await tempete.wait_for_heal(time.monotonic())
        depart = time.monotonic()
        tempete.redis.kill()
        try:
            await tempete.work()
            await tempete.wait_for_admission(depart)
            accueil = tempete.pages["accueil"]
            ligne = accueil.locator(f'[data-rdv="{rdv}"]')
            await ligne.get_by_role("button", name="Arrivé").click()
            await until_true(
                lambda: accueil.evaluate(f"document.querySelector('[data-rdv=\"{rdv}\"]')?.dataset.etat === 'arrive'"),
                4.0,
                "the arrival that this very page posted is not shown",
            )
            assert await tempete.journee.scalar("SELECT etat FROM rendez_vous WHERE id = :id", id=rdv) == "arrive", (
                "P5: an arrival still posts over HTTP"
            )
        finally:
            tempete.redis.restart()
        await tempete.wait_for_heal(time.monotonic())

    async def test_frozen_eight_seconds_delays_nobody(self, tempete: Tempete) -> None:
        depart = time.monotonic()
        tempete.redis.freeze()
        try:
            await tempete.work()
            await tempete.wait_for_admission(depart)
            await asyncio.sleep(max(0.0, 8 - (time.monotonic() - depart)))
        finally:
            tempete.redis.thaw()
        await tempete.wait_for_heal(time.monotonic())

    async def test_subscriptions_cut_lose_nothing(self, tempete: Tempete) -> None:
        client = Redis.from_url(tempete.redis.url)
        try:
            coupees = await client.client_kill_filter(_type="pubsub")
            await tempete.work()
            coupees += await client.client_kill_filter(_type="pubsub")
            assert coupees >= 1
        finally:
            await client.aclose()
        await tempete.wait_for_heal(time.monotonic())


class TestProcessus:
    """P4, P5, P9: kill -9."""

    async def test_web_and_gateway_killed_an_arrival_fails_visibly_then_everything_is_caught_up(
        self, tempete: Tempete
    ) -> None:
        journee, accueil = tempete.journee, tempete.pages["accueil"]
        rdv, autre = await tempete.book_today(), await tempete.book_today()
        await tempete.wait_for_heal(time.monotonic())
        serveur = next(p for p in journee.site.processus if "serve" in p.args and p.poll() is None)  # type: ignore[operator]
        serveur.send_signal(signal.SIGKILL)
        serveur.wait()
        depart = time.monotonic()
        try:
            await tempete.wait_for_admission(depart)
            await accueil.locator(f'[data-rdv="{rdv}"]').get_by_role("button", name="Arrivé").click()
            await until_true(
                lambda: accueil.evaluate("document.body.textContent.includes('Action non enregistrée')"),
                4.0,
                "P5: an arrival visibly fails",
            )
            assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :id", id=rdv) == "prevu"
            await journee.act(tempete.service, autre, Action.MARQUER_ARRIVEE)  # another machine's web is alive
        finally:
            await tempete.restart("serve")
        await tempete.wait_for_heal(time.monotonic())

    async def test_the_worker_killed_screens_stay_live_and_no_mail_is_lost(self, tempete: Tempete) -> None:
        journee = tempete.journee
        ouvrier = next(p for p in journee.site.processus if "worker" in p.args and p.poll() is None)  # type: ignore[operator]
        ouvrier.send_signal(signal.SIGKILL)
        ouvrier.wait()
        rdv = await tempete.work()
        accueil = tempete.pages["accueil"]
        await until_true(
            lambda: accueil.evaluate(f"document.querySelector('[data-rdv=\"{rdv}\"]')?.dataset.etat === 'arrive'"),
            3.0,
            "the fast path needs no worker",
        )
        elus = journee.site.journal.read_text().count("elu")
        await tempete.restart("worker")

        async def elected() -> bool:
            return journee.site.journal.read_text().count("elu") > elus

        await until_true(elected, 20.0, "a worker is elected again")
        await tempete.wait_for_heal(time.monotonic())

        async def all_sent() -> bool:
            restants = await journee.scalar(
                "SELECT count(*) FROM courrier WHERE envoye_a IS NULL AND evenement <> 'rappel'"
            )
            return bool(restants == 0)

        print_measure("every mail sent after", await until_true(all_sent, 15.0, "every mail leaves"))
        adresses = [
            adresse
            for apercu in list_messages(tempete.smtp.dossier, 1000)
            for adresse in read_message(tempete.smtp.dossier, apercu.cle).destinataires
            if adresse.startswith("tempete")
        ]
        assert set(adresses) == tempete.adresses, "no mail is lost"
        assert sum(Counter(adresses).values()) <= len(tempete.adresses) + 1, "duplicates at most one a kill"


class TestPostgreSQL:
    """P7: only 503 with Retry-After meanwhile; back within 10 s of the database, no process restarted."""

    async def test_restarted_the_service_says_so_and_comes_back_by_itself(self, tempete: Tempete) -> None:
        journee, service = tempete.journee, tempete.service
        vivants = [p.pid for p in journee.site.processus if p.poll() is None]
        statuts: Counter[int] = Counter()
        url = f"/services/{service.id}/agenda?jour={JOUR}&vue=jour"
        async with journee.client(service.agents["agent"]) as agent, journee.client() as public:

            async def ask() -> bool:
                bonnes = 0
                for client, chemin in ((agent, url), (public, f"/rdv/{service.id}/motif"), (public, "/sante")):
                    reponse = await client.get(chemin)
                    statuts[reponse.status_code] += 1
                    if reponse.status_code == 503:
                        assert int(reponse.headers["retry-after"]) >= 1
                    else:
                        assert reponse.status_code == 200, f"{chemin}: {reponse.status_code}"
                        bonnes += 1
                return bonnes == 3

            async def ask_for_ever() -> None:
                while True:
                    await ask()
                    await asyncio.sleep(0.05)

            questions = asyncio.create_task(ask_for_ever())
            await asyncio.sleep(0.3)
            await asyncio.to_thread(tempete.postgres.kill)
            await asyncio.sleep(2)
            with pytest.raises(AssertionError, match="503"):
                await tempete.book_today()
            await asyncio.to_thread(tempete.postgres.restart)
            retour = time.monotonic()
            await asyncio.sleep(0)
            if questions.done():
                questions.result()
            questions.cancel()
            await asyncio.gather(questions, return_exceptions=True)
            revenu = await until_true(ask, 10.0, "the service is back")
        print_measure("service back after the database", revenu)
        assert statuts[503] > 0
        assert set(statuts) <= {200, 503}
        assert [p.pid for p in journee.site.processus if p.poll() is None] == vivants
        await tempete.work()
        print_measure("bookings again after", time.monotonic() - retour)
        await tempete.wait_for_heal(time.monotonic())
