"""The sending worker: from the queue to the mail server, patiently. At least once, never twice at once [P8, P9].

Several senders work in parallel, each with its own connection, so that a slow message holds one of them. Each takes
a few mails with a lease, sends them one by one and marks each as soon as the server has accepted it. A process killed
between the two leaves the row leased: when the lease ends the mail leaves again **with the same Message-ID**, by which
mail programs know it for the same one.

A server that is away blames no message: nothing is claimed before a connection is open, one sender alone knocks (1 s
rising to 30 s), and no message has been delayed when the server comes back. When several messages in a row fail,
each sender tries a single one at a time, more and more rarely, until one passes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from random import Random, SystemRandom
from typing import Final

import aiosmtplib
import structlog

from app import clock
from app.courrier import file_attente, smtp
from app.courrier.adresse import domaine_de, parse_expediteur
from app.courrier.echecs import judge, wait_for_server
from app.courrier.file_attente import Pli
from app.courrier.issue import Issue, where, write
from app.courrier.remise import Expedition, Lien, deliver
from app.db import Database, UnitOfWork
from app.errors import Indisponible

log = structlog.get_logger("accueil.courrier")

NOM_EXPEDITEUR: Final = "Rendez-vous – Finances publiques"
#: Failures in a row (all senders together) after which mails are tried one by one.
_PRUDENCE: Final = 8
#: Seconds granted to a sending under way when the process must stop.
_GRACE_S: Final = 5.0
_CONNEXION: Final = (aiosmtplib.SMTPException, OSError, TimeoutError)


class Facteur:
    """Sends what is due. One per worker process; any number of processes may run at once.

    ``expediteur`` is ``adresse`` or ``Nom <adresse>``; its domain is also that of calendar UIDs. ``envois`` senders
    work in parallel on ``lot`` mails each; ``attente_s`` is the time between two looks at an empty queue; ``bail`` must
    be longer than ``delai_message_s``, the most a mail may take. ``lien`` derives the secret link of a RDV,
    ``lien_attente`` that of a request of the waiting list.
    Raises ConfigurationInvalide, AdresseRefusee or ValueError on settings that cannot work.
    """

    def __init__(
        self,
        db: Database,
        smtp_url: str,
        expediteur: str,
        *,
        demonstration: bool = False,
        envois: int = 4,
        lot: int = 20,
        attente_s: float = 1.0,
        bail: timedelta = timedelta(minutes=3),
        delai_commande_s: float = smtp.DELAI_COMMANDE_S,
        delai_message_s: float = 60.0,
        hasard: Random | None = None,
        lien: Lien | None = None,
        lien_attente: Lien | None = None,
    ) -> None:
        if bail.total_seconds() <= delai_message_s:
            raise ValueError("the lease must outlast the longest sending")
        nom, adresse = parse_expediteur(expediteur)
        self._db = db
        self._serveur = smtp.parse_smtp_url(smtp_url)
        self._expedition = Expedition(
            nom or NOM_EXPEDITEUR, adresse, demonstration, timedelta(seconds=delai_message_s), lien, lien_attente
        )
        self._envois = envois
        self._lot = lot
        self._attente_s = attente_s
        self._bail = bail
        self._delai_commande_s = delai_commande_s
        self._hasard = hasard or SystemRandom()
        self._porte = asyncio.Lock()
        self._reveil = asyncio.Event()
        self._echecs_de_suite = 0
        self._clients: dict[int, aiosmtplib.SMTP] = {}

    def wake(self) -> None:
        """Look at the queue now: something has just been written. Polling finds it anyway."""
        self._reveil.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; then finish the mails under way (5 s at most) and return.

        Outlives any outage of PostgreSQL or of the mail server.
        """
        taches = [asyncio.create_task(self._send_forever(stop, r), name=f"facteur-{r}") for r in range(self._envois)]
        try:
            await stop.wait()
            self._reveil.set()
            await asyncio.wait(taches, timeout=_GRACE_S)
        finally:
            for tache in taches:
                tache.cancel()
            await asyncio.gather(*taches, return_exceptions=True)

    async def run_once(self) -> int:
        """Send one batch; returns how many mails the server accepted (0 when it is away or nothing is due)."""
        if not await self._is_waiting():
            return 0
        try:
            client = await self._connect()
        except _CONNEXION as erreur:
            log.warning("courrier.serveur_absent", erreur=judge(erreur).detail)
            return 0
        try:
            _, envoyes = await self._send_batch(client, asyncio.Event())
        finally:
            await smtp.disconnect(client)
        return envoyes

    async def _send_forever(self, stop: asyncio.Event, rang: int) -> None:
        try:
            while not stop.is_set():
                try:
                    await self._tour(stop, rang)
                except Indisponible:
                    await self._pause(1.0, stop)
                except Exception as erreur:
                    log.error("courrier.defaut", erreur=type(erreur).__name__, ou=where(erreur))
                    await self._pause(5.0, stop)
        finally:
            await self._hang_up(rang)

    async def _tour(self, stop: asyncio.Event, rang: int) -> None:
        """One look at the queue, one batch."""
        if not await self._is_waiting():
            await self._hang_up(rang)
            # The first sender watches the queue; the others come when it holds more than one can carry.
            await self._sleep(self._attente_s if rang == 0 else 10 * self._attente_s, stop)
            return
        client = self._clients.get(rang)
        if client is None or not client.is_connected:
            client = await self._connect_patiently(stop)
            if client is None:
                return
            self._clients[rang] = client
        pris, _ = await self._send_batch(client, stop)
        if pris >= self._lot:
            self.wake()
        await self._rest(stop)

    async def _hang_up(self, rang: int) -> None:
        client = self._clients.pop(rang, None)
        if client is not None:
            await smtp.disconnect(client)

    async def _send_batch(self, client: aiosmtplib.SMTP, stop: asyncio.Event) -> tuple[int, int]:
        """Claim and send; returns (mails claimed, mails accepted). What could not be tried is put back."""
        plis = await self._claim(1 if self._echecs_de_suite >= _PRUDENCE else self._lot)
        envoyes = 0
        for rang, pli in enumerate(plis):
            trop_tard = clock.now() + self._expedition.delai_message >= pli.bail
            a_menager = rang > 0 and self._echecs_de_suite >= _PRUDENCE
            if stop.is_set() or trop_tard or a_menager or not client.is_connected:
                await self._put_back(plis[rang:])
                break
            issue = await deliver(self._db, client, pli, self._expedition, self._hasard)
            if issue is Issue.ENVOYE:
                envoyes += 1
                self._echecs_de_suite = 0
            elif issue is not Issue.ECARTE:
                self._echecs_de_suite += 1
            if issue is Issue.SERVEUR:
                await smtp.disconnect(client)
                await self._put_back(plis[rang:])
                break
        return len(plis), envoyes

    async def _is_waiting(self) -> bool:
        async with self._db.read() as conn:
            return await file_attente.is_waiting(conn, clock.now())

    async def _claim(self, limite: int) -> list[Pli]:
        async def travail(uow: UnitOfWork) -> list[Pli]:
            return await file_attente.claim(uow.conn, clock.now(), limite=limite, bail=self._bail)

        return await self._db.transaction(travail)

    async def _put_back(self, plis: list[Pli]) -> None:
        await write(self._db, lambda conn: file_attente.put_back(conn, plis, clock.now()))

    async def _connect(self) -> aiosmtplib.SMTP:
        nom_local = domaine_de(self._expedition.adresse)
        return await smtp.connect(self._serveur, nom_local=nom_local, delai_s=self._delai_commande_s)

    async def _connect_patiently(self, stop: asyncio.Event) -> aiosmtplib.SMTP | None:
        """An open connection, however long it takes; None when ``stop`` comes first. One knocks, the others wait."""
        async with self._porte:
            echecs = 0
            while not stop.is_set():
                try:
                    client = await self._connect()
                except _CONNEXION as erreur:
                    echecs += 1
                    log.warning("courrier.serveur_absent", erreur=judge(erreur).detail, essais=echecs)
                    await self._pause(wait_for_server(echecs, self._hasard).total_seconds(), stop)
                else:
                    if echecs:
                        log.info("courrier.serveur_revenu", essais=echecs)
                        self._echecs_de_suite = 0
                    return client
        return None

    async def _rest(self, stop: asyncio.Event) -> None:
        """After failures in a row: go on at once while they are few, then more and more slowly."""
        exces = self._echecs_de_suite - _PRUDENCE
        if exces >= 0:
            await self._pause(wait_for_server(exces + 1, self._hasard).total_seconds(), stop)

    async def _sleep(self, secondes: float, stop: asyncio.Event) -> None:
        """Wait for ``wake``, for the stop or for the time to look again."""
        if stop.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(secondes):
                await self._reveil.wait()
        self._reveil.clear()

    @staticmethod
    async def _pause(secondes: float, stop: asyncio.Event) -> None:
        """Wait, or leave early when the process stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(secondes):
                await stop.wait()
