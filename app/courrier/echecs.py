"""What a failure says, and when to try again. Pure: an exception in, a verdict out; nothing personal comes out.

A server's answer often quotes the address (« 550 <x@y> unknown »): only its numbers are kept.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

import aiosmtplib

#: Nobody reads a confirmation three days late; a refusal that blames no address is retried for a day.
AGE_MAX: Final = timedelta(days=3)
AGE_MAX_REFUS: Final = timedelta(days=1)

#: A temporary failure is never left alone more than five minutes: an hour of 4xx is caught up within ten [P8].
_DELAIS_TEMPORAIRES: Final = (30.0, 120.0, 300.0)
_DELAIS_REFUS: Final = (30.0, 120.0, 600.0, 1800.0, 3600.0)
#: Between two attempts to reach a server that is away.
_DELAIS_SERVEUR: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

_STATUT: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


class Genre(enum.Enum):
    """Who is to blame."""

    #: The server is away, slow, or refuses us: no message is at fault, none is given up for it.
    SERVEUR = "serveur indisponible"
    #: This message, for now (4xx, timeout or disconnection under way).
    TEMPORAIRE = "refus temporaire"
    #: This message, for a reason that is not its address (policy, content, a defect of ours): retried for a day.
    REFUS = "refus"
    #: This address: given up at once.
    ADRESSE = "adresse refusée"


@dataclass(frozen=True, slots=True)
class Echec:
    """A failure: its kind, and a detail fit for a log (« 550 5.1.1 », « SMTPReadTimeoutError »)."""

    genre: Genre
    detail: str

    def __str__(self) -> str:
        return f"{self.genre.value} ({self.detail})"


def judge(erreur: Exception) -> Echec:
    """The verdict on what an attempt to send one message raised, once the connection was open."""
    if isinstance(erreur, aiosmtplib.SMTPRecipientsRefused) and erreur.recipients:
        return _judge_destinataire(erreur.recipients[0])
    if isinstance(erreur, aiosmtplib.SMTPRecipientRefused):
        return _judge_destinataire(erreur)
    if isinstance(erreur, aiosmtplib.SMTPResponseException):
        detail = _numeros(erreur.code, erreur.message)
        if erreur.code == 421 or isinstance(
            erreur, aiosmtplib.SMTPHeloError | aiosmtplib.SMTPAuthenticationError | aiosmtplib.SMTPConnectError
        ):
            return Echec(Genre.SERVEUR, detail)
        # Our own sender refused is a setting to mend: the messages wait for it.
        if isinstance(erreur, aiosmtplib.SMTPSenderRefused):
            return Echec(Genre.SERVEUR, f"expéditeur, {detail}")
        return Echec(Genre.TEMPORAIRE if 400 <= erreur.code < 500 else Genre.REFUS, detail)
    if isinstance(erreur, aiosmtplib.SMTPNotSupported):
        return Echec(Genre.ADRESSE, "SMTPUTF8")
    if isinstance(erreur, aiosmtplib.SMTPException | OSError | TimeoutError):
        return Echec(Genre.TEMPORAIRE, type(erreur).__name__)
    return Echec(Genre.REFUS, f"défaut interne, {type(erreur).__name__}")


def wait_before_retry(genre: Genre, tentatives: int, hasard: Random) -> timedelta:
    """The delay after the ``tentatives``-th failure (1 = the first), ± 20 % so that a herd spreads."""
    delais = _DELAIS_REFUS if genre is Genre.REFUS else _DELAIS_TEMPORAIRES
    return _spread(delais, tentatives, hasard)


def wait_for_server(echecs: int, hasard: Random) -> timedelta:
    """The delay after the ``echecs``-th failure in a row to reach the server: 1 s rising to 30 s, ± 20 %."""
    return _spread(_DELAIS_SERVEUR, echecs, hasard)


def age_max(genre: Genre) -> timedelta:
    """How old a message may grow before such a failure makes it given up."""
    return AGE_MAX_REFUS if genre is Genre.REFUS else AGE_MAX


def _spread(delais: tuple[float, ...], rang: int, hasard: Random) -> timedelta:
    return timedelta(seconds=delais[min(max(rang, 1), len(delais)) - 1] * hasard.uniform(0.8, 1.2))


def _judge_destinataire(erreur: aiosmtplib.SMTPRecipientRefused) -> Echec:
    detail = _numeros(erreur.code, erreur.message)
    if erreur.code == 421:
        return Echec(Genre.SERVEUR, detail)
    if 400 <= erreur.code < 500:
        return Echec(Genre.TEMPORAIRE, detail)
    # « Relay denied », « authentication required »: the relay's policy, which would refuse everybody alike.
    politique = erreur.code in {530, 535, 538} or re.search(r"\b5\.7\.\d|relay", erreur.message, re.IGNORECASE)
    return Echec(Genre.REFUS if politique else Genre.ADRESSE, detail)


def _numeros(code: int, message: str) -> str:
    statut = _STATUT.search(message)
    return f"{code} {statut.group(1)}" if statut else str(code)
