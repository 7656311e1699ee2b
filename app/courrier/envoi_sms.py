"""The sender of short messages: the same queue and the same care as the mails', and its own loop, so that neither
waits for the other's outage. At least once, never twice at once.

A process killed between the provider's acceptance and its mark leaves the row leased: it leaves again with the same
``id``, by which a provider that knows it sends nothing more. A provider that cannot be reached blames no message: it is
put back, untried, and the loop knocks more and more rarely (1 s rising to 30 s).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from random import Random, SystemRandom
from typing import Final

import structlog

from app import clock
from app.courrier import debit_sms, file_attente
from app.courrier.attente import EVENEMENTS as ATTENTE
from app.courrier.attente import read_partant, render_attente_sms
from app.courrier.echecs import Echec, Genre, wait_for_server
from app.courrier.file_attente import Pli
from app.courrier.issue import Issue, give_up, mark_sent, record_failure, where, write
from app.courrier.message import MessageRdv
from app.courrier.operateurs import EchecSms, Operateur, Sms
from app.courrier.opportunite import obstacle
from app.courrier.remise import Lien, add_lien
from app.courrier.sms import render_sms
from app.db import Database, UnitOfWork
from app.errors import Indisponible

log = structlog.get_logger("accueil.sms")

CANAL: Final = "sms"
#: Failures in a row after which messages are tried one by one.
_PRUDENCE: Final = 4
#: Seconds granted to a sending under way when the process must stop.
_GRACE_S: Final = 5.0


class FacteurSms:
    """Sends what is due. One per worker process; any number of processes may run at once.

    ``envois`` senders work in parallel on ``lot`` messages each. ``bail`` must outlast what the provider may take for
    one. ``lien`` derives the secret link of a RDV, ``lien_attente`` that of a request of the waiting list.
    ``cle``: key of the prints under which a number's messages are counted (``debit_sms``); without one nothing is.
    """

    def __init__(
        self,
        db: Database,
        operateur: Operateur,
        *,
        lien: Lien | None = None,
        lien_attente: Lien | None = None,
        cle: bytes = b"",
        demonstration: bool = False,
        envois: int = 2,
        lot: int = 5,
        attente_s: float = 1.0,
        bail: timedelta = timedelta(minutes=3),
        hasard: Random | None = None,
    ) -> None:
        self._db = db
        self._operateur = operateur
        self._lien = lien
        self._lien_attente = lien_attente
        self._cle = cle
        self._demonstration = demonstration
        self._envois = envois
        self._lot = lot
        self._attente_s = attente_s
        self._bail = bail
        self._hasard = hasard or SystemRandom()
        self._echecs_de_suite = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; then finish what is under way (5 s at most), close and return."""
        taches = [asyncio.create_task(self._send_forever(stop), name=f"sms-{r}") for r in range(self._envois)]
        try:
            await stop.wait()
            await asyncio.wait(taches, timeout=_GRACE_S)
        finally:
            for tache in taches:
                tache.cancel()
            await asyncio.gather(*taches, return_exceptions=True)
            await self._operateur.aclose()

    async def run_once(self) -> int:
        """Send one batch; returns how many messages the provider took."""
        return (await self._send_batch(asyncio.Event()))[1]

    async def _send_forever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                pris, _ = await self._send_batch(stop)
                if self._echecs_de_suite >= _PRUDENCE:
                    exces = self._echecs_de_suite - _PRUDENCE + 1
                    await _pause(wait_for_server(exces, self._hasard).total_seconds(), stop)
                elif not pris:
                    await _pause(self._attente_s, stop)
            except Indisponible:
                await _pause(1.0, stop)
            except Exception as erreur:
                log.error("sms.defaut", erreur=type(erreur).__name__, ou=where(erreur))
                await _pause(5.0, stop)

    async def _send_batch(self, stop: asyncio.Event) -> tuple[int, int]:
        """(messages claimed, messages taken). What could not be tried is put back."""
        plis = await self._claim(1 if self._echecs_de_suite >= _PRUDENCE else self._lot)
        pris = 0
        for rang, pli in enumerate(plis):
            trop_tard = clock.now() + self._bail / 2 >= pli.bail
            if stop.is_set() or trop_tard or (rang and self._echecs_de_suite >= _PRUDENCE):
                await self._put_back(plis[rang:])
                break
            issue = await self._deliver(pli)
            if issue is Issue.ENVOYE:
                pris += 1
                self._echecs_de_suite = 0
            elif issue is not Issue.ECARTE:
                self._echecs_de_suite += 1
            if issue is Issue.SERVEUR:
                self._echecs_de_suite = max(self._echecs_de_suite, _PRUDENCE)
                await self._put_back(plis[rang:])
                break
        return len(plis), pris

    async def _deliver(self, pli: Pli) -> Issue:
        """Raises Indisponible when PostgreSQL is away: the lease then decides."""
        compte = b""
        try:
            sms = await self._prepare(pli)
            if not isinstance(sms, str):
                compte, sms = await self._count(pli, sms)
            if isinstance(sms, str):
                log.info("sms.non_envoye", courrier=pli.id, evenement=pli.evenement, raison=sms)
                return await give_up(self._db, pli, sms, Issue.ECARTE)
            await self._operateur.send(sms)
        except Indisponible:
            raise
        except EchecSms as refus:
            return await self._fail(pli, refus.echec, compte)
        except Exception as erreur:
            log.error("sms.defaut", courrier=pli.id, erreur=type(erreur).__name__, ou=where(erreur))
            return await self._fail(pli, Echec(Genre.REFUS, f"défaut interne, {type(erreur).__name__}"), compte)
        await mark_sent(self._db, pli)
        log.info("sms.envoye", courrier=pli.id, evenement=pli.evenement, tentatives=pli.tentatives)
        return Issue.ENVOYE

    async def _count(self, pli: Pli, sms: Sms) -> tuple[bytes, Sms | str]:
        """(what was counted, the message or why it must not leave)."""
        if not self._cle:
            return b"", sms
        a = clock.now()
        empreinte = debit_sms.print_jour(self._cle, pli.destinataire, a)
        async with self._db.read() as conn:
            permis = await debit_sms.take(conn, empreinte, pli.evenement, a)
        return (empreinte, sms) if permis else (b"", debit_sms.TROP)

    async def _fail(self, pli: Pli, echec: Echec, compte: bytes) -> Issue:
        """What did not leave is not counted."""
        if compte:
            await write(self._db, lambda conn: debit_sms.give_back(conn, compte))
        return await record_failure(self._db, pli, echec, self._hasard)

    async def _prepare(self, pli: Pli) -> Sms | str:
        """The message, or the reason why it must not leave."""
        if pli.evenement in ATTENTE:
            async with self._db.read() as conn:
                attente = await read_partant(conn, pli.donnees, self._lien_attente, clock.now())
            if isinstance(attente, str):
                return attente
            return Sms(pli.message_id.strip("<>"), pli.destinataire, render_attente_sms(attente))
        async with self._db.read() as conn:
            situation = await file_attente.read_situation(conn, pli)
        if situation is None:
            return "rendez-vous inconnu"
        message = add_lien(MessageRdv.from_donnees(pli.donnees), situation, self._lien)
        raison = obstacle(pli.evenement, message, situation, clock.now())
        if raison is not None:
            return raison
        texte = render_sms(pli.evenement, message, demonstration=self._demonstration)
        return Sms(pli.message_id.strip("<>"), pli.destinataire, texte)

    async def _claim(self, limite: int) -> list[Pli]:
        async with self._db.read() as conn:
            if not await file_attente.is_waiting(conn, clock.now(), CANAL):
                return []

        async def travail(uow: UnitOfWork) -> list[Pli]:
            return await file_attente.claim(uow.conn, clock.now(), limite=limite, bail=self._bail, canal=CANAL)

        return await self._db.transaction(travail)

    async def _put_back(self, plis: list[Pli]) -> None:
        await write(self._db, lambda conn: file_attente.put_back(conn, plis, clock.now()))


async def _pause(secondes: float, stop: asyncio.Event) -> None:
    """Wait, or leave early when the process stops."""
    with suppress(TimeoutError):
        async with asyncio.timeout(secondes):
            await stop.wait()
