"""The sending worker on real PostgreSQL and real SMTP, in good weather."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from app import clock
from app.courrier import opportunite
from app.courrier.envoi import Facteur
from tests.courrier.conftest import File
from tests.courrier.poste import Poste

EXPEDITEUR = "Mes rendez-vous <ne-pas-repondre@rdv.example.fr>"


def facteur(file: File, poste: Poste, **reglages: Any) -> Facteur:
    return Facteur(file.db, poste.url, EXPEDITEUR, **{"attente_s": 0.05, **reglages})


@asynccontextmanager
async def running(*facteurs: Facteur) -> AsyncIterator[None]:
    """These workers at work, stopped on leaving."""
    stop = asyncio.Event()
    taches = [asyncio.create_task(f.run(stop)) for f in facteurs]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*taches)


class TestEnvoi:
    async def test_a_confirmation_reaches_its_mailbox_as_written(self, file: File, poste: Poste) -> None:
        m = await file.rendez_vous()
        await file.ecrire("confirmation", m, "nadia@example.org")
        assert await facteur(file, poste).run_once() == 1
        (recu,) = poste.recus
        (ligne,) = await file.lignes()
        assert recu.pour == ("nadia@example.org",)
        assert recu.de == "ne-pas-repondre@rdv.example.fr"
        assert recu.message_id == ligne.message_id
        assert recu.courriel["From"].addresses[0].display_name == "Mes rendez-vous"
        assert ligne.envoye_a is not None
        assert (ligne.tentatives, ligne.erreur) == (1, "")

    async def test_once_sent_the_secret_link_leaves_the_database(self, file: File, poste: Poste) -> None:
        await file.remplir(1)
        assert "mon-rendez-vous" in await file.brut()
        await facteur(file, poste).run_once()
        assert "mon-rendez-vous" not in await file.brut()
        assert "mon-rendez-vous" in poste.recus[0].courriel.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    async def test_what_is_not_due_waits(self, file: File, poste: Poste) -> None:
        await file.ecrire("rappel", await file.rendez_vous(), du_a=clock.now() + timedelta(hours=1))
        assert await facteur(file, poste).run_once() == 0
        assert poste.connexions == 0

    async def test_one_connection_carries_a_whole_batch(self, file: File, poste: Poste) -> None:
        await file.remplir(15)
        assert await facteur(file, poste).run_once() == 15
        assert poste.connexions == 1

    async def test_an_accented_mailbox_is_reached(self, file: File, poste: Poste) -> None:
        await file.ecrire("confirmation", await file.rendez_vous(), "zoé@example.org")
        assert await facteur(file, poste).run_once() == 1
        assert poste.recus[0].pour == ("zoé@example.org",)

    async def test_two_workers_send_each_mail_once(self, file: File, poste: Poste) -> None:
        await file.remplir(120)
        async with running(facteur(file, poste, lot=5), facteur(file, poste, lot=5)):
            await file.wait_for(120)
        assert len(poste.recus) == len(set(poste.message_ids)) == 120

    async def test_a_mail_written_while_it_waits_leaves_at_once_when_woken(self, file: File, poste: Poste) -> None:
        f = facteur(file, poste, attente_s=60.0)
        async with running(f):
            await asyncio.sleep(0.3)
            await file.remplir(1)
            f.wake()
            await file.wait_for(1, 3)

    async def test_it_stops_within_a_moment(self, file: File, poste: Poste) -> None:
        await file.remplir(1)
        depart = asyncio.get_running_loop().time()
        async with running(facteur(file, poste, attente_s=60.0)):
            await file.wait_for(1)
        assert asyncio.get_running_loop().time() - depart < 3


class TestOrdre:
    async def test_messages_of_one_rendez_vous_keep_their_order(self, file: File, poste: Poste) -> None:
        m = await file.rendez_vous()
        await file.ecrire("confirmation", m)
        f = facteur(file, poste)
        await f.run_once()
        apres = await file.move(m)
        await file.ecrire("deplacement", apres)
        await file.ecrire("rappel", apres)
        async with running(f):
            await file.wait_for(3)
        assert [i.split(".")[1] for i in poste.message_ids] == ["confirmation", "deplacement", "rappel"]

    async def test_a_cancellation_replaces_a_confirmation_that_has_not_left(self, file: File, poste: Poste) -> None:
        m = await file.rendez_vous()
        await file.ecrire("confirmation", m)
        await file.ecrire("annulation", await file.cancel(m))
        async with running(facteur(file, poste)):
            await file.wait_for(1)
            await asyncio.sleep(0.3)
        assert [i.split(".")[1] for i in poste.message_ids] == ["annulation"]
        confirmation, annulation = await file.lignes()
        assert confirmation.erreur == opportunite.REMPLACE
        assert confirmation.envoye_a is None
        assert annulation.envoye_a is not None

    async def test_another_recipient_of_the_same_rendez_vous_is_another_story(self, file: File, poste: Poste) -> None:
        m = await file.rendez_vous()
        await file.ecrire("confirmation", m, "ancienne@example.org")
        apres = await file.move(m)
        await file.ecrire("deplacement", apres, "nouvelle@example.org")
        await facteur(file, poste).run_once()
        assert [recu.pour for recu in poste.recus] == [("nouvelle@example.org",)]
        assert (await file.lignes())[0].erreur == opportunite.RDV_DEPLACE

    async def test_a_cancellation_waits_for_a_confirmation_on_its_way(self, file: File, poste: Poste) -> None:
        en_route, lacher = asyncio.Event(), asyncio.Event()

        async def lent(adresse: str) -> str | None:
            if not en_route.is_set():  # only the confirmation is slow
                en_route.set()
                await lacher.wait()
            return None

        poste.data = lent
        m = await file.rendez_vous()
        await file.ecrire("confirmation", m)
        async with running(facteur(file, poste), facteur(file, poste)):
            await en_route.wait()
            await file.ecrire("annulation", await file.cancel(m))
            await asyncio.sleep(0.5)
            assert poste.recus == []
            lacher.set()
            await file.wait_for(2)
        assert [i.split(".")[1] for i in poste.message_ids] == ["confirmation", "annulation"]


class TestP8Rappels:
    async def test_no_reminder_for_a_cancelled_moved_or_past_rendez_vous(self, file: File, poste: Poste) -> None:
        annule, deplace = await file.rendez_vous(), await file.rendez_vous()
        passe, debout = await file.rendez_vous(dans=timedelta(minutes=-1)), await file.rendez_vous()
        for m in (annule, deplace, passe, debout):
            await file.ecrire("rappel", m)
        await file.change(annule, etat="annule", occupe=False)
        await file.move(deplace)
        await facteur(file, poste).run_once()
        assert [recu.pour[0] for recu in poste.recus] == [f"usager{debout.rdv_id}@example.org"]
        assert [ligne.erreur for ligne in await file.lignes()] == [
            opportunite.RDV_ANNULE,
            opportunite.RDV_DEPLACE,
            opportunite.RDV_PASSE,
            "",
        ]

    async def test_it_is_checked_again_just_before_leaving(self, file: File, poste: Poste) -> None:
        premier, second = await file.rendez_vous(), await file.rendez_vous()
        await file.ecrire("rappel", premier)
        await file.ecrire("rappel", second)

        async def cancel_second(recu: object) -> None:
            if len(poste.recus) == 1:
                await file.change(second, etat="annule", occupe=False)

        poste.apres = cancel_second
        assert await facteur(file, poste).run_once() == 1
        assert (await file.lignes())[1].erreur == opportunite.RDV_ANNULE
