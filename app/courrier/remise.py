"""One claimed mail, from its row to the server's acceptance, and the outcome written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage
from random import Random

import aiosmtplib
import structlog

from app import clock
from app.courrier import file_attente, smtp
from app.courrier.adresse import AdresseRefusee, parse_adresse
from app.courrier.affectation import EVENEMENT as AFFECTATION
from app.courrier.affectation import MessageAffectation, find_obstacle, render_affectation
from app.courrier.attente import EVENEMENTS as ATTENTE
from app.courrier.attente import read_partant, render_attente
from app.courrier.changement import EVENEMENT as CHANGEMENT
from app.courrier.changement import MessageChangement, render_changement
from app.courrier.changement import find_obstacle as find_obstacle_changement
from app.courrier.delegation import EVENEMENT as DELEGATION
from app.courrier.delegation import MessageDelegation, render_delegation
from app.courrier.delegation import find_obstacle as find_obstacle_delegation
from app.courrier.designation import EVENEMENT as DESIGNATION
from app.courrier.designation import MessageDesignation, render_designation
from app.courrier.designation import find_obstacle as find_obstacle_designation
from app.courrier.echecs import Echec, Genre, judge
from app.courrier.file_attente import Pli
from app.courrier.invitation import EVENEMENT as INVITATION
from app.courrier.invitation import render_invitation
from app.courrier.issue import Issue, give_up, mark_sent, record_failure, where
from app.courrier.message import MessageRdv
from app.courrier.opportunite import Situation, obstacle
from app.courrier.rendu import Entete, render
from app.courrier.resume import EVENEMENT as RESUME
from app.courrier.resume import MessageResume, render_resume
from app.courrier.resume import find_obstacle as find_obstacle_resume
from app.db import Database
from app.errors import Indisponible

log = structlog.get_logger("accueil.courrier")

#: From the random bits of a RDV to the address of its page: the server's key is not this module's business.
Lien = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Expedition:
    """Who sends, and within which time for a whole message. ``lien``: the secret link derived from a RDV's bits.

    ``lien_attente``: that of a request of the waiting list.
    """

    nom: str
    adresse: str
    demonstration: bool
    delai_message: timedelta
    lien: Lien | None = None
    lien_attente: Lien | None = None


async def deliver(db: Database, client: aiosmtplib.SMTP, pli: Pli, expedition: Expedition, hasard: Random) -> Issue:
    """Send ``pli`` if it must still leave. ``client`` may be closed on return: its conversation was broken.

    Raises Indisponible when PostgreSQL is away: the lease then decides.
    """
    try:
        prepare = await _prepare(db, pli, expedition)
        if isinstance(prepare, str):
            log.info("courrier.non_envoye", courrier=pli.id, evenement=pli.evenement, raison=prepare)
            return await give_up(db, pli, prepare, Issue.ECARTE)
        adresse, courriel = prepare
        async with asyncio.timeout(expedition.delai_message.total_seconds()):
            await smtp.hand_over(client, courriel, de=expedition.adresse, a=adresse)
    except Indisponible:
        raise
    except AdresseRefusee:
        return await record_failure(db, pli, Echec(Genre.ADRESSE, "forme"), hasard)
    except Exception as erreur:
        if isinstance(erreur, OSError | TimeoutError):
            client.close()  # out of step: an answer still to come would be read as the next one's
        elif not isinstance(erreur, aiosmtplib.SMTPException):
            log.error("courrier.defaut", courrier=pli.id, erreur=type(erreur).__name__, ou=where(erreur))
        return await record_failure(db, pli, judge(erreur), hasard)
    await mark_sent(db, pli)
    log.info("courrier.envoye", courrier=pli.id, evenement=pli.evenement, tentatives=pli.tentatives)
    return Issue.ENVOYE


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
    if pli.evenement in ATTENTE:
        async with db.read() as conn:
            attente = await read_partant(conn, pli.donnees, expedition.lien_attente, clock.now())
        if isinstance(attente, str):
            return attente
        entete = _build_entete(pli, expedition)
        return entete.destinataire, render_attente(attente, entete, clock.now())
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
    message = add_lien(MessageRdv.from_donnees(pli.donnees), situation, expedition.lien)
    raison = obstacle(pli.evenement, message, situation, a)
    if raison is not None:
        return raison
    entete = _build_entete(pli, expedition)
    return entete.destinataire, render(pli.evenement, message, entete, a)


def add_lien(message: MessageRdv, situation: Situation, lien: Lien | None) -> MessageRdv:
    """The message with the secret link of its RDV: derived as it leaves, so that none waits in the queue."""
    if message.lien_gestion or lien is None or not situation.lien_sel:
        return message
    return replace(message, lien_gestion=lien(situation.lien_sel))


def _build_entete(pli: Pli, expedition: Expedition) -> Entete:
    adresse = parse_adresse(pli.destinataire)
    return Entete(expedition.nom, expedition.adresse, adresse, pli.message_id, expedition.demonstration)
