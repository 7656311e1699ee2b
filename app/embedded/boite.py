"""The mailbox of the embedded SMTP server: a Maildir folder written by it and read by a page of the demo."""

from __future__ import annotations

import contextlib
import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

_DE, _POUR = "X-Enveloppe-De", "X-Enveloppe-Pour"


@dataclass(frozen=True, slots=True)
class Apercu:
    """One line of the list. ``cle`` names the message; ``recu`` is the instant of filing, in UTC."""

    cle: str
    recu: datetime
    sujet: str
    de: str
    a: str


@dataclass(frozen=True, slots=True)
class Courriel:
    """A whole message. ``destinataires`` are those of the SMTP envelope; absent parts are empty strings.

    ``html`` is what the sender wrote: hostile until shown in a sandboxed frame. ``calendrier`` is the text of
    the iCalendar part and ``methode`` its method (``REQUEST``, ``CANCEL``).
    """

    cle: str
    recu: datetime
    sujet: str
    de: str
    a: str
    date: datetime | None
    message_id: str
    destinataires: tuple[str, ...]
    texte: str
    html: str
    calendrier: str
    methode: str
    brut: bytes


def file_message(boite: mailbox.Maildir, contenu: bytes, de: str, pour: list[str]) -> str:
    """File one message, its envelope written on top of it. Returns its key."""
    enveloppe = f"{_DE}: {de}\r\n{_POUR}: {', '.join(pour)}\r\n".encode()
    return boite.add(enveloppe + contenu)


def list_messages(dossier: Path, limite: int = 100) -> list[Apercu]:
    """The newest messages, newest first, at most ``limite``. An absent folder is an empty mailbox."""
    return [_apercu(cle, _parse(chemin, headers_only=True)) for cle, chemin in _newest(dossier)[:limite]]


def read_message(dossier: Path, cle: str) -> Courriel:
    """One message. Raises KeyError when there is none of that key (a forged key is just unknown)."""
    chemin = dict(_newest(dossier)).get(cle)
    if chemin is None:
        raise KeyError(cle)
    try:
        message = _parse(chemin)
        brut = chemin.read_bytes()
    except FileNotFoundError:
        raise KeyError(cle) from None
    apercu = _apercu(cle, message)
    date: datetime | None = None
    with contextlib.suppress(TypeError, ValueError):
        date = parsedate_to_datetime(str(message["Date"]))
    calendrier = _first_part(message, "text/calendar")
    return Courriel(
        cle=cle,
        recu=apercu.recu,
        sujet=apercu.sujet,
        de=apercu.de,
        a=apercu.a,
        date=date,
        message_id=_header(message, "Message-ID"),
        destinataires=tuple(d.strip() for d in _header(message, _POUR).split(",") if d.strip()),
        texte=_content(_first_part(message, "text/plain")),
        html=_content(_first_part(message, "text/html")),
        calendrier=_content(calendrier),
        methode=str(calendrier.get_param("method", "") or "") if calendrier is not None else "",
        brut=brut,
    )


def prune(boite: mailbox.Maildir, garder: int) -> None:
    """Remove the oldest messages beyond the newest ``garder``: a demo left running must not fill the disk."""
    for _cle, chemin in _newest(Path(boite._path))[garder:]:
        chemin.unlink(missing_ok=True)


def _newest(dossier: Path) -> list[tuple[str, Path]]:
    """(key, file) of every message, newest first: Maildir names begin with the second and microsecond."""
    trouves = [(chemin.name.partition(":")[0], chemin) for sous in ("new", "cur") for chemin in _files(dossier / sous)]
    return sorted(trouves, key=lambda t: _order(t[0]), reverse=True)


def _files(dossier: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from (f for f in dossier.iterdir() if not f.name.startswith("."))


def _order(cle: str) -> tuple[float, int]:
    """(instant, sequence) read in ``1700000000.M123456P42Q7.host``."""
    secondes, _, reste = cle.partition(".")
    micro, _, suite = reste.partition("P")
    rang = suite.partition("Q")[2].partition(".")[0]
    try:
        return float(secondes) + int(micro.lstrip("M") or 0) / 1e6, int(rang or 0)
    except ValueError:
        return 0.0, 0


def _parse(chemin: Path, *, headers_only: bool = False) -> EmailMessage:
    with chemin.open("rb") as fichier:
        return BytesParser(policy=policy.default).parse(fichier, headersonly=headers_only)


def _apercu(cle: str, message: EmailMessage) -> Apercu:
    recu = datetime.fromtimestamp(_order(cle)[0], UTC)
    return Apercu(cle, recu, _header(message, "Subject"), _header(message, "From"), _header(message, "To"))


def _header(message: EmailMessage, nom: str) -> str:
    """A header as text; one that cannot be parsed is an empty one."""
    try:
        return str(message[nom] or "")
    except Exception:  # the parser of the standard library raises many kinds on hostile headers
        return ""


def _first_part(message: EmailMessage, genre: str) -> EmailMessage | None:
    for partie in message.walk():
        if partie.get_content_type() == genre and isinstance(partie, EmailMessage):
            return partie
    return None


def _content(partie: EmailMessage | None) -> str:
    if partie is None:
        return ""
    octets = partie.get_payload(decode=True)
    assert octets is None or isinstance(octets, bytes)
    try:
        return (octets or b"").decode(partie.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # an encoding that does not exist
        return (octets or b"").decode(errors="replace")
