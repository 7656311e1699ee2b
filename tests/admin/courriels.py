"""What the real mail server received, for the tests of this folder."""

from __future__ import annotations

from app.embedded.boite import Courriel, list_messages, read_message
from app.embedded.smtp import Smtp
from tests.fixtures.base import until


def read_mails(smtp: Smtp, adresse: str) -> list[Courriel]:
    """The messages to one address, the oldest first."""
    siens = [a for a in list_messages(smtp.dossier, 2000) if adresse in a.a]
    return [read_message(smtp.dossier, a.cle) for a in reversed(siens)]


def plain(texte: str) -> str:
    """The same on one line, with ordinary spaces: « 14 h » is written with a no-break one."""
    return " ".join(texte.split())


async def wait_for_mails(smtp: Smtp, adresse: str, nombre: int, delai_s: float = 20.0) -> list[Courriel]:
    """Those messages, once there are that many."""
    await until(lambda: len(read_mails(smtp, adresse)) >= nombre, delai_s=delai_s, pas_s=0.1)
    return read_mails(smtp, adresse)
