"""The embedded SMTP server: what is sent is filed, and it fails on request as real relays do."""

from __future__ import annotations

import asyncio
import mailbox
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected, SMTPTimeoutError, send

from app.embedded.boite import list_messages, prune, read_message
from app.embedded.smtp import Smtp, start_smtp
from app.embedded.spawn import DemarrageImpossible


@pytest.fixture
def smtp(dossier: Path) -> Iterator[Smtp]:
    server = start_smtp(dossier / "boite")
    yield server
    server.stop()


def confirmation() -> EmailMessage:
    """A message as the product sends them: text, HTML and a calendar part."""
    message = EmailMessage()
    message["From"] = "Accueil <ne-pas-repondre@rdv.invalid>"
    message["To"] = "Élodie Nævers <elodie@usager.invalid>"
    message["Subject"] = "Votre rendez-vous du mardi 7 avril à 9 h"
    message["Date"] = "Wed, 01 Apr 2026 10:00:00 +0200"
    message["Message-ID"] = "<rdv-1@rdv.invalid>"
    message.set_content("Code : XOWVVO\n")
    message.add_alternative("<p>Code : <b>XOWVVO</b></p>", subtype="html")
    message.add_attachment(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text", "calendar", params={"method": "REQUEST"})
    return message


async def deliver(smtp: Smtp, timeout: float = 5.0) -> None:
    await send(
        confirmation(),
        sender="ne-pas-repondre@rdv.invalid",
        recipients=["elodie@usager.invalid"],
        hostname="127.0.0.1",
        port=smtp.port,
        timeout=timeout,
    )


class TestMailbox:
    async def test_every_part_of_a_message_can_be_read_back(self, smtp: Smtp) -> None:
        await deliver(smtp)
        (apercu,) = list_messages(smtp.dossier)
        assert apercu.sujet == "Votre rendez-vous du mardi 7 avril à 9 h"
        lu = read_message(smtp.dossier, apercu.cle)
        assert lu.destinataires == ("elodie@usager.invalid",)
        assert lu.a == "Élodie Nævers <elodie@usager.invalid>"
        assert lu.texte.strip() == "Code : XOWVVO"
        assert "<b>XOWVVO</b>" in lu.html
        assert (lu.methode, lu.calendrier.splitlines()[0]) == ("REQUEST", "BEGIN:VCALENDAR")
        assert lu.message_id == "<rdv-1@rdv.invalid>"
        assert lu.date is not None
        assert lu.date.utcoffset() is not None

    async def test_the_newest_come_first_and_the_list_is_bounded(self, smtp: Smtp) -> None:
        cles = []
        for _ in range(4):
            await deliver(smtp)
            cles.append(list_messages(smtp.dossier)[0].cle)
        assert [a.cle for a in list_messages(smtp.dossier, limite=3)] == cles[:0:-1]

    @pytest.mark.parametrize("cle", ["", "absent", "../../etc/passwd", "../boite/new/x", "\0"])
    def test_a_forged_key_names_nothing(self, smtp: Smtp, cle: str) -> None:
        with pytest.raises(KeyError):
            read_message(smtp.dossier, cle)

    def test_an_absent_mailbox_is_empty(self, dossier: Path) -> None:
        assert list_messages(dossier / "nulle-part") == []

    async def test_hostile_headers_and_bytes_do_not_break_the_page(self, smtp: Smtp) -> None:
        brut = b"From: <<>>@\xff\r\nTo: =?x?q?=ZZ?=\r\nSubject: =?utf-8?b?////?=\r\nDate: never\r\n"
        brut += b"Content-Type: text/html; charset=nope\r\n\r\n\xff\xfe<script>\r\n"
        async with SMTP(hostname="127.0.0.1", port=smtp.port) as client:
            await client.sendmail("a@b.invalid", ["c@d.invalid"], brut)
        (apercu,) = list_messages(smtp.dossier)
        assert "<script>" in read_message(smtp.dossier, apercu.cle).html

    async def test_only_the_newest_are_kept(self, smtp: Smtp) -> None:
        for _ in range(3):
            await deliver(smtp)
        gardes = [a.cle for a in list_messages(smtp.dossier)][:2]
        prune(mailbox.Maildir(smtp.dossier), 2)
        assert [a.cle for a in list_messages(smtp.dossier)] == gardes


class TestFaults:
    async def test_a_temporary_refusal_of_the_recipient(self, smtp: Smtp) -> None:
        smtp.pannes.rcpt = "451 4.3.0 Try again later"
        with pytest.raises(SMTPRecipientsRefused) as refus:
            await deliver(smtp)
        assert refus.value.recipients[0].code == 451
        smtp.pannes.rcpt = None
        await deliver(smtp)
        assert smtp.recus == 1

    async def test_a_full_relay(self, smtp: Smtp) -> None:
        smtp.pannes.data = "452 4.3.1 Full"
        with pytest.raises(SMTPDataError):
            await deliver(smtp)
        assert list_messages(smtp.dossier) == []

    async def test_a_tarpit_outlasts_the_sender(self, smtp: Smtp) -> None:
        smtp.pannes.lenteur_s = 30
        with pytest.raises((SMTPTimeoutError, SMTPServerDisconnected)):
            await deliver(smtp, timeout=0.3)

    async def test_a_mute_relay_files_nothing(self, smtp: Smtp) -> None:
        smtp.pannes.muet = True
        with pytest.raises((SMTPTimeoutError, SMTPServerDisconnected)):
            await deliver(smtp, timeout=0.3)
        assert list_messages(smtp.dossier) == []

    async def test_stopped_it_refuses_and_comes_back_on_the_same_port(self, smtp: Smtp) -> None:
        port = smtp.port
        async with SMTP(hostname="127.0.0.1", port=port) as client:
            await asyncio.wait_for(asyncio.to_thread(smtp.stop), 3)
            assert not smtp.alive()
            with pytest.raises(OSError):
                await deliver(smtp, timeout=1)
            client.close()
        smtp.start()
        assert smtp.port == port
        await deliver(smtp)

    def test_a_taken_port_is_said(self, smtp: Smtp, dossier: Path) -> None:
        with pytest.raises(DemarrageImpossible, match=str(smtp.port)):
            start_smtp(dossier / "autre", port=smtp.port)
