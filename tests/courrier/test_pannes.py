"""The sending worker in bad weather [P8, P9]: down, 4xx, 5xx, tarpit, killed, database away."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from structlog.testing import capture_logs

from app import clock
from app.config import RACINE
from app.courrier.echecs import AGE_MAX
from app.courrier.file_attente import EN_COURS
from app.embedded.postgres import Postgres
from app.tables import Courrier
from tests.courrier.conftest import File
from tests.courrier.poste import Poste, Recu
from tests.courrier.test_envoi import facteur, running
from tests.fixtures.base import until

pytestmark = pytest.mark.storm


def _answer(reponse: str, *adresses: str) -> object:
    async def repondre(adresse: str) -> str | None:
        return reponse if not adresses or adresse in adresses else None

    return repondre


class TestP8Panne:
    async def test_a_server_that_is_down_delays_no_message_and_burns_no_attempt(self, file: File, poste: Poste) -> None:
        await poste.stop()
        await file.remplir(60)
        async with running(facteur(file, poste)):
            await asyncio.sleep(1.5)
            assert all((ligne.tentatives, ligne.erreur) == (0, "") for ligne in await file.lignes())
            await poste.start()
            await file.wait_for(60)
        assert len(set(poste.message_ids)) == len(poste.recus) == 60

    async def test_the_doorbell_is_rung_by_one_sender_and_gently(self, file: File, poste: Poste) -> None:
        await poste.stop()
        await file.remplir(5)
        with capture_logs() as journal:

            def coups() -> int:
                return sum(ligne["event"] == "courrier.serveur_absent" for ligne in journal)

            async with running(facteur(file, poste)):
                await until(coups, delai_s=15)
                await asyncio.sleep(2.4)
        assert coups() <= 4

    async def test_a_whole_server_in_4xx_is_tried_little_and_drained_at_once_when_it_recovers(
        self, file: File, poste: Poste
    ) -> None:
        await file.remplir(100)
        poste.rcpt = _answer("451 4.3.0 later")  # type: ignore[assignment]
        async with running(facteur(file, poste)):
            await asyncio.sleep(3)
            touches = [ligne for ligne in await file.lignes() if ligne.tentatives]
            assert len(touches) <= 40, "most mails were left alone"
            assert all(ligne.abandonne_a is None for ligne in await file.lignes())
            assert max(ligne.du_a for ligne in await file.lignes()) <= clock.now() + timedelta(minutes=6)
            poste.repair()
            await file.due_now()
            await file.wait_for(100, 40)
        assert len(set(poste.message_ids)) == len(poste.recus) == 100

    async def test_one_greylisted_mailbox_waits_alone(self, file: File, poste: Poste) -> None:
        messages = await file.remplir(3)
        poste.rcpt = _answer("450 4.2.0 greylisted", f"usager{messages[0].rdv_id}@example.org")  # type: ignore[assignment]
        f = facteur(file, poste)
        assert await f.run_once() == 2
        grise = (await file.lignes())[0]
        assert grise.erreur == "refus temporaire (450 4.2.0)"
        assert timedelta(seconds=20) < grise.du_a - clock.now() < timedelta(seconds=40)
        poste.repair()
        await file.due_now()
        assert await f.run_once() == 1
        assert (await file.lignes())[0].tentatives == 2

    async def test_a_tarpit_holds_one_sender_and_not_the_others(self, file: File, poste: Poste) -> None:
        messages = await file.remplir(41)
        lente = f"usager{messages[0].rdv_id}@example.org"

        async def goudron(adresse: str) -> str | None:
            if adresse == lente:
                await asyncio.sleep(60)
            return None

        poste.rcpt = goudron
        async with running(facteur(file, poste, lot=4, delai_commande_s=4.0)):
            await file.wait_for(37, 3.5)  # all but the batch of the sender that is stuck
            await file.wait_for(40, 15)
        (ligne, *_) = await file.lignes()
        assert ligne.erreur == "refus temporaire (SMTPReadTimeoutError)"

    async def test_a_server_that_hangs_up_in_the_middle_loses_nothing(self, file: File, poste: Poste) -> None:
        await file.remplir(20)

        reprises: list[asyncio.Task[None]] = []

        async def restart() -> None:
            await poste.stop()
            await poste.start()

        async def hang_up(recu: Recu) -> None:
            if len(poste.recus) == 7:
                reprises.append(asyncio.create_task(restart()))  # its own task: the conversation dies with its handler
                await asyncio.sleep(5)

        poste.apres = hang_up
        async with running(facteur(file, poste, envois=1)):
            await file.wait_for(19)
            await file.due_now()
            await file.wait_for(20)
        comptes = Counter(poste.message_ids)
        assert len(comptes) == 20
        assert sum(comptes.values()) <= 21, "at most the mail whose acceptance was not heard comes twice"


class TestRefus:
    async def test_an_address_refused_for_good_is_given_up_without_naming_it(self, file: File, poste: Poste) -> None:
        messages = await file.remplir(2)
        adresse = f"usager{messages[0].rdv_id}@example.org"
        poste.rcpt = _answer(f"550 5.1.1 <{adresse}> unknown", adresse)  # type: ignore[assignment]
        with capture_logs() as journal:
            assert await facteur(file, poste).run_once() == 1
        refusee, envoyee = await file.lignes()
        assert refusee.abandonne_a is not None
        assert refusee.erreur == "adresse refusée (550 5.1.1)"
        assert envoyee.envoye_a is not None
        assert "@example.org" not in str(journal)
        assert "VALENTON" not in str(journal)

    async def test_an_address_with_a_comma_is_refused_and_nobody_is_written_to(self, file: File, poste: Poste) -> None:
        await file.ecrire("confirmation", await file.rendez_vous(), "a@example.org,b@example.org")
        with capture_logs() as journal:
            assert await facteur(file, poste).run_once() == 0
        (ligne,) = await file.lignes()
        assert poste.recus == []
        assert ligne.erreur == "adresse refusée (forme)"
        assert "example.org" not in str(journal)

    async def test_a_relay_that_refuses_everybody_gives_nobody_up(self, file: File, poste: Poste) -> None:
        await file.remplir(3)
        poste.rcpt = _answer("554 5.7.1 relay access denied")  # type: ignore[assignment]
        await facteur(file, poste).run_once()
        assert all(ligne.abandonne_a is None for ligne in await file.lignes())

    async def test_too_old_a_message_is_given_up(self, file: File, poste: Poste) -> None:
        await file.remplir(1)
        async with file.engine.begin() as conn:
            await conn.execute(update(Courrier).values(cree_a=clock.now() - AGE_MAX - timedelta(minutes=1)))
        poste.rcpt = _answer("451 4.3.0 later")  # type: ignore[assignment]
        await facteur(file, poste).run_once()
        (ligne,) = await file.lignes()
        assert ligne.abandonne_a is not None
        assert ligne.erreur == "trop de tentatives : refus temporaire (451 4.3.0)"

    async def test_a_row_that_cannot_be_read_harms_only_itself(self, file: File, poste: Poste) -> None:
        await file.remplir(3)
        async with file.engine.begin() as conn:
            await conn.execute(text('UPDATE courrier SET donnees = \'{"debut": "Nadia"}\' WHERE id = 1'))
        with capture_logs() as journal:
            assert await facteur(file, poste).run_once() == 2
        assert (await file.lignes())[0].erreur.startswith("refus (défaut interne")
        assert "Nadia" not in str(journal)


@asynccontextmanager
async def _process(file: File, poste: Poste, bail_s: float) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.courrier.ouvrier", file.url, poste.url, str(bail_s), cwd=RACINE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class TestP9Mort:
    async def test_killed_between_acceptance_and_mark_the_mail_comes_again_with_the_same_message_id(
        self, file: File, poste: Poste
    ) -> None:
        await file.remplir(8)
        accepte = asyncio.Event()

        async def hold(recu: Recu) -> None:
            accepte.set()
            await asyncio.sleep(30)  # the server has it, the client will never hear so

        poste.apres = hold
        async with _process(file, poste, 2.0) as process:
            await asyncio.wait_for(accepte.wait(), 20)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        assert poste.recus
        assert any(ligne.erreur == EN_COURS for ligne in await file.lignes())
        assert not any(ligne.envoye_a for ligne in await file.lignes())
        deja = set(poste.message_ids)
        poste.apres = None
        async with running(facteur(file, poste)):
            await file.wait_for(8)
        comptes = Counter(poste.message_ids)
        assert set(comptes) == {ligne.message_id for ligne in await file.lignes()}
        assert {i for i, n in comptes.items() if n > 1} == deja
        assert max(comptes.values()) == 2

    async def test_killed_again_and_again_no_mail_is_lost_and_duplicates_stay_below_the_kills(
        self, file: File, poste: Poste
    ) -> None:
        await file.remplir(150)
        morts = 0
        for _ in range(5):
            vus = len(poste.recus)
            async with _process(file, poste, 2.5) as process:
                async with asyncio.timeout(60):
                    while len(poste.recus) < min(vus + 12, 150) and process.returncode is None:
                        await asyncio.sleep(0.002)
                process.kill()
                morts += 1
        async with running(facteur(file, poste)):
            await file.wait_for(150, 90)
        comptes = Counter(poste.message_ids)
        assert len(comptes) == 150
        assert len(poste.recus) - 150 <= morts * 4, "at most one mail under way for each of the four senders"

    async def test_a_restart_of_postgresql_neither_loses_nor_stops_anything(
        self, file: File, poste: Poste, postgres_server: Postgres
    ) -> None:
        await file.remplir(80)

        async def restart(recu: Recu) -> None:
            if len(poste.recus) == 20:
                await asyncio.to_thread(postgres_server.restart)

        poste.apres = restart
        async with running(facteur(file, poste, bail=timedelta(seconds=3), delai_message_s=2.0)):
            await asyncio.sleep(2)
            async with asyncio.timeout(40):
                while True:
                    try:
                        await file.wait_for(80, 40)
                        break
                    except Exception as erreur:
                        if isinstance(erreur, TimeoutError):
                            raise
                        await asyncio.sleep(0.2)
        assert len(set(poste.message_ids)) == 80
        assert len(poste.recus) <= 84
