"""The queue of short messages, on a real database and a real gateway: nothing lost, nothing slowed by the mails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from structlog.testing import capture_logs

from app import clock
from app.booking.liens import empreinte
from app.courrier.envoi import Facteur
from app.courrier.envoi_sms import FacteurSms
from app.courrier.message import MessageRdv
from app.courrier.operateurs import create_operateur
from app.courrier.opportunite import RDV_ANNULE, REMPLACE
from app.tables import Courrier, RdvUsager
from tests.courrier.conftest import File
from tests.courrier.passerelle import Passerelle, accept, dawdle, refuse
from tests.courrier.poste import Poste

MOBILE = "+33612345678"
SEL = b"0123456789abcdef"


def lien(sel: bytes) -> str:
    return f"https://rdv.example.fr/mon-rendez-vous/{empreinte(sel.decode()).hex()[:32]}"


def facteur(file: File, passerelle: Passerelle, *, delai_s: float = 2.0, **reglages: Any) -> FacteurSms:
    operateur = create_operateur(passerelle.url, "cle", "IMPOTS", delai_s=delai_s)
    assert operateur is not None
    return FacteurSms(file.db, operateur, **{"attente_s": 0.05, "lien": lien, **reglages})


async def ecrire(file: File, evenement: Any, m: MessageRdv, numero: str = MOBILE, **plus: Any) -> None:
    await file.ecrire(evenement, replace(m, lien_gestion=""), numero, canal="sms", **plus)


async def usager(file: File, m: MessageRdv, *, courriel: str | None, telephones: list[str]) -> None:
    """The person of a RDV, and the bits of its link."""
    async with file.engine.begin() as conn:
        await conn.execute(text("SET LOCAL session_replication_role = replica"))
        await conn.execute(
            insert(RdvUsager).values(rdv_id=m.rdv_id, nature="particulier", courriel=courriel, telephones=telephones)
        )
    await file.change(m, lien_sel=SEL, lien_empreinte=empreinte(str(m.rdv_id)))


@contextlib.asynccontextmanager
async def running(envoi: FacteurSms | Facteur) -> Any:
    stop = asyncio.Event()
    tache = asyncio.create_task(envoi.run(stop))
    try:
        yield
    finally:
        stop.set()
        await tache


class TestEnvoi:
    async def test_what_is_due_leaves_once_with_its_identity(self, file: File, passerelle: Passerelle) -> None:
        m = await file.rendez_vous()
        await ecrire(file, "confirmation", m)
        assert await facteur(file, passerelle).run_once() == 1
        assert await facteur(file, passerelle).run_once() == 0
        (recu,) = passerelle.recus
        (ligne,) = await file.lignes()
        assert recu.corps["to"] == MOBILE
        assert m.code in recu.corps["text"]
        assert recu.corps["id"] == ligne.message_id.strip("<>")
        assert ligne.envoye_a is not None

    async def test_each_sender_takes_its_own_channel(self, file: File, passerelle: Passerelle, poste: Poste) -> None:
        m = await file.rendez_vous()
        await ecrire(file, "confirmation", m)
        await file.ecrire("confirmation", m)
        mails = Facteur(file.db, poste.url, "ne-pas-repondre@rdv.example.fr")
        assert await mails.run_once() == 1
        assert passerelle.recus == []
        assert await facteur(file, passerelle).run_once() == 1
        assert len(poste.recus) == 1

    async def test_the_link_goes_only_where_the_usager_is_reached_now(self, file: File, passerelle: Passerelle) -> None:
        m = await file.rendez_vous()
        await usager(file, m, courriel=None, telephones=["+33145678901", MOBILE])
        await ecrire(file, "confirmation", m)
        await ecrire(file, "confirmation", m, "+33698765432")  # before a correction
        assert await facteur(file, passerelle).run_once() == 2
        textes = {recu.corps["to"]: recu.corps["text"] for recu in passerelle.recus}
        assert lien(SEL) in textes[MOBILE]
        assert "mon-rendez-vous" not in textes["+33698765432"]
        assert "mon-rendez-vous" not in await file.brut(), "no secret link waits in the database"

    async def test_a_reminder_carries_the_link_too(self, file: File, passerelle: Passerelle) -> None:
        m = await file.rendez_vous()
        await usager(file, m, courriel=None, telephones=[MOBILE])
        await ecrire(file, "rappel", m, du_a=clock.now() + timedelta(days=2))
        assert await facteur(file, passerelle).run_once() == 0, "not before its time"
        await file.due_now()
        assert await facteur(file, passerelle).run_once() == 1
        assert lien(SEL) in passerelle.recus[0].corps["text"]

    async def test_nothing_untrue_leaves(self, file: File, passerelle: Passerelle) -> None:
        m = await file.rendez_vous()
        await ecrire(file, "confirmation", m)
        await ecrire(file, "rappel", m)
        annulation = await file.cancel(m)
        await ecrire(file, "annulation", annulation)
        assert await facteur(file, passerelle).run_once() == 1
        assert passerelle.recus[0].corps["text"].startswith("RDV annulé")
        assert sorted(ligne.erreur for ligne in await file.lignes()) == ["", REMPLACE, REMPLACE]

    async def test_a_reminder_of_a_cancelled_one_never_leaves(self, file: File, passerelle: Passerelle) -> None:
        m = await file.rendez_vous()
        await ecrire(file, "rappel", m)
        await file.cancel(m)
        assert await facteur(file, passerelle).run_once() == 0
        assert [ligne.erreur for ligne in await file.lignes()] == [RDV_ANNULE]
        assert passerelle.recus == []

    async def test_it_is_told_in_the_language_of_the_rendez_vous(self, file: File, passerelle: Passerelle) -> None:
        await ecrire(file, "confirmation", await file.rendez_vous(langue="en"), langue="en")
        await facteur(file, passerelle).run_once()
        assert passerelle.recus[0].corps["text"].startswith("Appointment confirmed")

    async def test_logs_hold_no_number(self, file: File, passerelle: Passerelle) -> None:
        for _ in range(2):
            await ecrire(file, "confirmation", await file.rendez_vous())
        reponses = [refuse(400, MOBILE.encode()), accept]
        passerelle.answer = lambda corps: reponses.pop(0)(corps)
        with capture_logs() as journal:
            assert await facteur(file, passerelle).run_once() == 1
        assert {ligne["event"] for ligne in journal} == {"courrier.echec", "sms.envoye"}
        assert "612345678" not in str(journal)


class TestRefus:
    async def test_a_number_that_is_refused_is_given_up(self, file: File, passerelle: Passerelle) -> None:
        await ecrire(file, "confirmation", await file.rendez_vous())
        passerelle.answer = refuse(422)
        await facteur(file, passerelle).run_once()
        (ligne,) = await file.lignes()
        assert ligne.abandonne_a is not None
        assert ligne.erreur == "adresse refusée (422)"

    @pytest.mark.parametrize("code", [429, 500, 503])
    async def test_a_trouble_is_tried_again_with_the_same_identity(
        self, file: File, passerelle: Passerelle, code: int
    ) -> None:
        await ecrire(file, "confirmation", await file.rendez_vous())
        passerelle.answer = refuse(code)
        assert await facteur(file, passerelle).run_once() == 0
        (ligne,) = await file.lignes()
        assert ligne.abandonne_a is None
        assert ligne.du_a > clock.now() + timedelta(seconds=20)
        passerelle.answer = accept
        await file.due_now()
        assert await facteur(file, passerelle).run_once() == 1
        assert len({recu.corps["id"] for recu in passerelle.recus}) == 1
        assert len(passerelle.recus) == 2

    async def test_an_answer_that_comes_too_late_is_asked_again(self, file: File, passerelle: Passerelle) -> None:
        await ecrire(file, "confirmation", await file.rendez_vous())
        passerelle.answer = dawdle(0.8)
        assert await facteur(file, passerelle, delai_s=0.2).run_once() == 0
        passerelle.answer = accept
        await file.due_now()
        assert await facteur(file, passerelle).run_once() == 1
        assert len({recu.corps["id"] for recu in passerelle.recus}) == 1

    async def test_a_reminder_written_weeks_ago_survives_a_trouble(self, file: File, passerelle: Passerelle) -> None:
        m = await file.rendez_vous(dans=timedelta(days=2))
        await ecrire(file, "rappel", m)
        async with file.engine.begin() as conn:
            await conn.execute(update(Courrier).values(cree_a=clock.now() - timedelta(days=28)))
        passerelle.answer = refuse(503)
        await facteur(file, passerelle).run_once()
        passerelle.answer = accept
        await file.due_now()
        assert await facteur(file, passerelle).run_once() == 1


class TestPannes:
    async def test_a_gateway_that_is_away_delays_no_message_and_no_mail(
        self, file: File, passerelle: Passerelle, poste: Poste
    ) -> None:
        envoi = facteur(file, passerelle)
        port = int(passerelle.url.rsplit(":")[-1].split("/")[0])
        passerelle.stop()
        for _ in range(3):
            m = await file.rendez_vous()
            await ecrire(file, "confirmation", m)
            await file.ecrire("confirmation", m)
        async with running(envoi), running(Facteur(file.db, poste.url, "x@rdv.example.fr", attente_s=0.05)):
            await file.wait_for(3)  # the mails
            assert len(poste.recus) == 3
            assert all(ligne.abandonne_a is None for ligne in await file.lignes())
            passerelle.start(port)
            await file.wait_for(6)
        assert len(passerelle.recus) == 3
        assert max(ligne.tentatives for ligne in await file.lignes()) == 1, "an absent gateway costs no attempt"

    async def test_a_mail_server_that_is_away_delays_no_short_message(
        self, file: File, passerelle: Passerelle, poste: Poste
    ) -> None:
        await poste.stop()
        for _ in range(3):
            m = await file.rendez_vous()
            await file.ecrire("confirmation", m)
            await ecrire(file, "confirmation", m)
        async with running(facteur(file, passerelle)), running(Facteur(file.db, poste.url, "x@rdv.example.fr")):
            await file.wait_for(3)
        assert len(passerelle.recus) == 3

    async def test_a_worker_killed_between_the_sending_and_its_mark_sends_again_under_the_same_identity(
        self, file: File, passerelle: Passerelle
    ) -> None:
        await ecrire(file, "confirmation", await file.rendez_vous())
        passerelle.answer = dawdle(1.0)  # taken, and the worker dies before it hears so
        ouvrier = [sys.executable, str(Path(__file__).with_name("ouvrier_sms.py")), file.url, passerelle.url, "3"]
        processus = await asyncio.create_subprocess_exec(*ouvrier, env=_env())
        async with asyncio.timeout(20):
            while not passerelle.recus:
                await asyncio.sleep(0.02)
        processus.kill()
        await processus.wait()
        (ligne,) = await file.lignes()
        assert ligne.envoye_a is None
        passerelle.answer = accept
        async with running(facteur(file, passerelle)):
            await file.wait_for(1)  # once the lease is over
        assert len(passerelle.recus) == 2
        assert len({recu.corps["id"] for recu in passerelle.recus}) == 1

    async def test_two_workers_send_each_message_once(self, file: File, passerelle: Passerelle) -> None:
        for _ in range(12):
            await ecrire(file, "confirmation", await file.rendez_vous())
        async with running(facteur(file, passerelle)), running(facteur(file, passerelle)):
            await file.wait_for(12)
        assert len(passerelle.recus) == 12
        assert len({recu.corps["id"] for recu in passerelle.recus}) == 12

    async def test_asked_to_stop_it_finishes_what_is_under_way(self, file: File, passerelle: Passerelle) -> None:
        for _ in range(8):
            await ecrire(file, "confirmation", await file.rendez_vous())
        passerelle.answer = dawdle(0.2)
        stop = asyncio.Event()
        tache = asyncio.create_task(facteur(file, passerelle).run(stop))
        while not passerelle.recus:
            await asyncio.sleep(0.02)
        stop.set()
        async with asyncio.timeout(5):
            await tache
        lignes = await file.lignes()
        assert sum(ligne.envoye_a is not None for ligne in lignes) == len(passerelle.recus)
        assert all(ligne.erreur == "" for ligne in lignes), "what was claimed and not tried is put back"


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
