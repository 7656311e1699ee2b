"""What each failure means, and that nothing personal is kept of it."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import aiosmtplib
import pytest
from aiosmtplib import SMTPRecipientRefused, SMTPRecipientsRefused

from app.config import ConfigurationInvalide
from app.courrier.echecs import AGE_MAX, AGE_MAX_REFUS, Genre, age_max, judge, wait_before_retry, wait_for_server
from app.courrier.smtp import parse_smtp_url


def _refus(code: int, texte: str) -> SMTPRecipientsRefused:
    return SMTPRecipientsRefused([SMTPRecipientRefused(code, texte, "nadia@example.org")])


class TestVerdict:
    @pytest.mark.parametrize(
        ("erreur", "genre"),
        [
            (_refus(550, "5.1.1 <nadia@example.org> unknown"), Genre.ADRESSE),
            (_refus(553, "no such mailbox"), Genre.ADRESSE),
            (_refus(450, "4.2.1 greylisted"), Genre.TEMPORAIRE),
            (_refus(554, "5.7.1 policy"), Genre.REFUS),
            (_refus(550, "relay access denied"), Genre.REFUS),
            (_refus(530, "authentication required"), Genre.REFUS),
            (_refus(421, "4.3.2 shutting down"), Genre.SERVEUR),
            (aiosmtplib.SMTPDataError(452, "4.3.1 full"), Genre.TEMPORAIRE),
            (aiosmtplib.SMTPDataError(554, "5.6.0 content"), Genre.REFUS),
            (aiosmtplib.SMTPDataError(421, "bye"), Genre.SERVEUR),
            (aiosmtplib.SMTPSenderRefused(550, "who are you", "no@rdv.invalid"), Genre.SERVEUR),
            (aiosmtplib.SMTPAuthenticationError(535, "wrong password"), Genre.SERVEUR),
            (aiosmtplib.SMTPNotSupported("SMTPUTF8 is not supported"), Genre.ADRESSE),
            (aiosmtplib.SMTPReadTimeoutError("timed out"), Genre.TEMPORAIRE),
            (aiosmtplib.SMTPServerDisconnected("gone"), Genre.TEMPORAIRE),
            (ConnectionResetError(), Genre.TEMPORAIRE),
            (TimeoutError(), Genre.TEMPORAIRE),
            (KeyError("nadia@example.org"), Genre.REFUS),
        ],
    )
    def test_each_failure_blames_the_right_one(self, erreur: Exception, genre: Genre) -> None:
        echec = judge(erreur)
        assert echec.genre is genre
        assert "nadia" not in str(echec)

    def test_the_numbers_are_kept(self) -> None:
        assert judge(_refus(550, "5.1.1 <nadia@example.org> unknown")).detail == "550 5.1.1"


class TestP8Patience:
    def test_a_temporary_failure_waits_thirty_seconds_then_never_more_than_six_minutes(self) -> None:
        hasard = Random(1)
        delais = [wait_before_retry(Genre.TEMPORAIRE, n, hasard) for n in range(1, 50)]
        assert timedelta(seconds=24) <= delais[0] <= timedelta(seconds=36)
        assert max(delais) <= timedelta(minutes=6)
        assert len(set(delais[3:])) > 20, "retries spread"

    def test_a_refusal_waits_longer_and_is_given_up_sooner(self) -> None:
        assert wait_before_retry(Genre.REFUS, 10, Random(1)) > timedelta(minutes=45)
        assert (age_max(Genre.REFUS), age_max(Genre.TEMPORAIRE)) == (AGE_MAX_REFUS, AGE_MAX)

    def test_a_server_that_is_away_is_asked_again_within_36_seconds(self) -> None:
        assert wait_for_server(1, Random(1)) < timedelta(seconds=2)
        assert wait_for_server(1000, Random(1)) <= timedelta(seconds=36)


class TestSmtpUrl:
    def test_schemes_ports_and_credentials(self) -> None:
        assert parse_smtp_url("smtp://relais").port == 25
        tls = parse_smtp_url("smtps://u%40x:p%3A%2F@relais")
        assert (tls.port, tls.tls, tls.starttls, tls.utilisateur, tls.mot_de_passe) == (465, True, False, "u@x", "p:/")
        assert parse_smtp_url("smtp+starttls://relais").starttls
        assert parse_smtp_url("smtp+starttls://[::1]:2525").hote == "::1"

    def test_the_password_is_not_printed(self) -> None:
        assert "secret" not in repr(parse_smtp_url("smtp://u:secret@relais"))

    @pytest.mark.parametrize("url", ["http://relais", "smtp://", "relais:25", "smtp://relais:port", "smtp://[x"])
    def test_anything_else_is_a_configuration_error(self, url: str) -> None:
        with pytest.raises(ConfigurationInvalide, match="SMTP_URL"):
            parse_smtp_url(url)
