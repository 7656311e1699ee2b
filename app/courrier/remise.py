"""One claimed mail, from its row to the server's acceptance, and the outcome written down."""

from __future__ import annotations

import asyncio
import enum
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from random import Random

import aiosmtplib
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.courrier import file_attente, smtp
from app.courrier.adresse import AdresseRefusee, parse_adresse
from app.courrier.affectation import EVENEMENT as AFFECTATION
from app.courrier.affectation import MessageAffectation, find_obstacle, render_affectation
from app.courrier.changement import EVENEMENT as CHANGEMENT
from app.courrier.changement import MessageChangement, render_changement
from app.courrier.changement import find_obstacle as find_obstacle_changement
from app.courrier.delegation import EVENEMENT as DELEGATION
from app.courrier.delegation import MessageDelegation, render_delegation
from app.courrier.delegation import find_obstacle as find_obstacle_delegation
from app.courrier.designation import EVENEMENT as DESIGNATION
from app.courrier.designation import MessageDesignation, render_designation
from app.courrier.designation import find_obstacle as find_obstacle_designation
from app.courrier.echecs import Echec, Genre, age_max, judge, wait_before_retry
from app.courrier.file_attente import Pli
from app.courrier.invitation import EVENEMENT as INVITATION
from app.courrier.invitation import render_invitation
from app.courrier.message import MessageRdv
from app.courrier.opportunite import obstacle
from app.courrier.rendu import Entete, render
from app.courrier.resume import EVENEMENT as RESUME
from app.courrier.resume import MessageResume, render_resume
from app.courrier.resume import find_obstacle as find_obstacle_resume
from app.db import Database
from app.errors import Indisponible

log = structlog.get_logger("accueil.courrier")


class Issue(enum.Enum):
    """What became of a mail."""

    #: Accepted by the server, and written down.
    ENVOYE = "envoyé"
    #: It must not leave, or its address is refused: given up, the server is not at fault.
    ECARTE = "écarté"
    #: It failed and will be tried again (or is too old and was given up).
    ECHEC = "échec"
    #: The server is at fault: nothing was written, the caller puts the mail back.
    SERVEUR = "serveur"


@dataclass(frozen=True, slots=True)
class Expedition:
    """Who sends, and within which time for a whole message."""

    nom: str
    adresse: str
    demonstration: bool
    delai_message: timedelta


async def deliver(db: Database, client: aiosmtplib.SMTP, pli: Pli, expedition: Expedition, hasard: Random) -> Issue:
    """Send ``pli`` if it must still leave. ``client`` may be closed on return: its conversation was broken.

    Raises Indisponible when PostgreSQL is away: the lease then decides.
    """
    try:
        prepare = await _prepare(db, pli, expedition)
        if isinstance(prepare, str):
            log.info("courrier.non_envoye", courrier=pli.id, evenement=pli.evenement, raison=prepare)
            return await _give_up(db, pli, prepare, Issue.ECARTE)
        adresse, courriel = prepare
        async with asyncio.timeout(expedition.delai_message.total_seconds()):
            await smtp.hand_over(client, courriel, de=expedition.adresse, a=adresse)
    except Indisponible:
        raise
    except AdresseRefusee:
        return await _record_failure(db, pli, Echec(Genre.ADRESSE, "forme"), hasard)
    except Exception as erreur:
        if isinstance(erreur, OSError | TimeoutError):
            client.close()  # out of step: an answer still to come would be read as the next one's
        elif not isinstance(erreur, aiosmtplib.SMTPException):
            log.error("courrier.defaut", courrier=pli.id, erreur=type(erreur).__name__, ou=where(erreur))
        return await _record_failure(db, pli, judge(erreur), hasard)
    await _mark_sent(db, pli)
    log.info("courrier.envoye", courrier=pli.id, evenement=pli.evenement, tentatives=pli.tentatives)
    return Issue.ENVOYE


def where(erreur: BaseException) -> str:
    """Where it broke (file:line), without the message: it may quote personal data."""
    cadres = traceback.extract_tb(erreur.__traceback__)
    return f"{cadres[-1].filename.rpartition('/')[2]}:{cadres[-1].lineno}" if cadres else "?"


async def write(db: Database, ordre: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    """Run one statement, which is its own transaction: autocommit spares two round trips for every mail."""
    async with db.read() as conn:
        await ordre(conn)


async def _prepare(db: Database, pli: Pli, expedition: Expedition) -> tuple[str, EmailMessage] | str:
    """The address and the mail, or the reason why it must not leave."""
    if pli.evenement == INVITATION:
        entete = _build_entete(pli, expedition)
        rendu = render_invitation(pli.donnees, entete, clock.now())
        return rendu if isinstance(rendu, str) else (entete.destinataire, rendu)
    if pli.evenement == DELEGATION:
        delegation = MessageDelegation.from_donnees(pli.donnees)
        async with db.read() as conn:
            raison = await find_obstacle_delegation(conn, delegation)
        entete = _build_entete(pli, expedition)
        return raison or (entete.destinataire, render_delegation(delegation, entete, clock.now()))
    if pli.evenement == RESUME:
        resume = MessageResume.from_donnees(pli.donnees)
        async with db.read() as conn:
            raison = await find_obstacle_resume(conn, resume, pli.destinataire, clock.now())
        entete = _build_entete(pli, expedition)
        return raison or (entete.destinataire, render_resume(resume, entete, clock.now()))
    async with db.read() as conn:
        situation = await file_attente.read_situation(conn, pli)
    if situation is None:
        return "rendez-vous inconnu"
    a = clock.now()
    if pli.evenement == AFFECTATION:
        affectation = MessageAffectation.from_donnees(pli.donnees)
        raison = find_obstacle(affectation, situation, a)
        entete = _build_entete(pli, expedition)
        return raison if raison is not None else (entete.destinataire, render_affectation(affectation, entete, a))
    if pli.evenement == DESIGNATION:
        designation = MessageDesignation.from_donnees(pli.donnees)
        raison = find_obstacle_designation(designation, situation, a)
        entete = _build_entete(pli, expedition)
        return raison if raison is not None else (entete.destinataire, render_designation(designation, entete, a))
    if pli.evenement == CHANGEMENT:
        changement = MessageChangement.from_donnees(pli.donnees)
        raison = find_obstacle_changement(changement, situation, a)
        entete = _build_entete(pli, expedition)
        return raison if raison is not None else (entete.destinataire, render_changement(changement, entete, a))
    message = MessageRdv.from_donnees(pli.donnees)
    raison = obstacle(pli.evenement, message, situation, a)
    if raison is not None:
        return raison
    entete = _build_entete(pli, expedition)
    return entete.destinataire, render(pli.evenement, message, entete, a)


def _build_entete(pli: Pli, expedition: Expedition) -> Entete:
    adresse = parse_adresse(pli.destinataire)
    return Entete(expedition.nom, expedition.adresse, adresse, pli.message_id, expedition.demonstration)


async def _record_failure(db: Database, pli: Pli, echec: Echec, hasard: Random) -> Issue:
    log.warning("courrier.echec", courrier=pli.id, evenement=pli.evenement, echec=str(echec), tentatives=pli.tentatives)
    if echec.genre is Genre.SERVEUR:
        return Issue.SERVEUR
    if echec.genre is Genre.ADRESSE:
        return await _give_up(db, pli, str(echec), Issue.ECARTE)
    a = clock.now()
    if a - pli.cree_a > age_max(echec.genre):
        return await _give_up(db, pli, f"trop de tentatives : {echec}", Issue.ECHEC)
    suivante = a + wait_before_retry(echec.genre, pli.tentatives, hasard)
    await write(db, lambda conn: file_attente.postpone(conn, pli, suivante, str(echec)))
    return Issue.ECHEC


async def _give_up(db: Database, pli: Pli, raison: str, issue: Issue) -> Issue:
    a = clock.now()
    await write(db, lambda conn: file_attente.give_up(conn, pli, a, raison))
    return issue


async def _mark_sent(db: Database, pli: Pli) -> None:
    """Insist while the lease lasts: each second without PostgreSQL is a duplicate avoided."""
    a, patience = clock.now(), 0.2
    while True:
        try:
            await write(db, lambda conn: file_attente.mark_sent(conn, pli, a))
        except Indisponible:
            if clock.now() + timedelta(seconds=patience) >= pli.bail:
                log.error("courrier.envoye_non_note", courrier=pli.id)
                raise
            await asyncio.sleep(patience)
            patience = min(patience * 2, 5.0)
        else:
            return
