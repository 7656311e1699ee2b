"""The way to the mail server, from its URL; one message to one mailbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from app.config import ConfigurationInvalide

#: Seconds granted to each command: a tarpit holds one sender, for this long.
DELAI_COMMANDE_S: Final = 20.0

_PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True, slots=True)
class Serveur:
    """Where and how to hand mail over. TLS certificates are always checked."""

    hote: str
    port: int
    tls: bool
    starttls: bool
    utilisateur: str | None = None
    mot_de_passe: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> Serveur:
    """``smtp://`` (plain), ``smtps://`` (TLS from the first byte), ``smtp+starttls://`` (TLS required after EHLO).

    ``user:password@`` is percent-decoded; the default ports are 25, 465 and 587. Raises ConfigurationInvalide.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as erreur:
        raise ConfigurationInvalide("SMTP_URL is not a URL") from erreur
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigurationInvalide("SMTP_URL must be smtp://, smtps:// or smtp+starttls://[user:password@]host[:port]")
    return Serveur(
        hote=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        starttls=parts.scheme == "smtp+starttls",
        utilisateur=unquote(parts.username) if parts.username else None,
        mot_de_passe=unquote(parts.password) if parts.password else None,
    )


#: Headers are kept on one line: the standard library loses a space between two encoded words when it folds.
LIGNE_ENTETE: Final = 900


async def connect(serveur: Serveur, *, nom_local: str, delai_s: float = DELAI_COMMANDE_S) -> aiosmtplib.SMTP:
    """An open, greeted and authenticated connection. Raises aiosmtplib.SMTPException, OSError or TimeoutError."""
    client = aiosmtplib.SMTP(
        hostname=serveur.hote,
        port=serveur.port,
        use_tls=serveur.tls,
        start_tls=serveur.starttls,
        username=serveur.utilisateur,
        password=serveur.mot_de_passe,
        local_hostname=nom_local,
        timeout=delai_s,
    )
    try:
        await client.connect()
        if not client.is_ehlo_or_helo_needed:
            return client
        await client.ehlo()
    except BaseException:
        client.close()
        raise
    return client


async def hand_over(client: aiosmtplib.SMTP, courriel: EmailMessage, *, de: str, a: str) -> None:
    """Give one message to the server for exactly one address: the header ``To`` addresses nobody.

    Returns once the server has accepted it. Raises what ``echecs.judge`` reads.
    """
    options = [] if a.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
    octets = courriel.as_bytes(policy=courriel.policy.clone(max_line_length=LIGNE_ENTETE))
    await client.sendmail(de, [a], octets, mail_options=options)


async def disconnect(client: aiosmtplib.SMTP) -> None:
    """Leave politely, and in any case leave."""
    try:
        if client.is_connected:
            await client.quit(timeout=2.0)
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        pass
    finally:
        client.close()
