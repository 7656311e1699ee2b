"""Logs are configured by each application of a process: what was written before is read like what is written after."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from app.journaux import configure_logs


def test_a_logger_first_used_under_an_earlier_configuration_follows_the_present_one() -> None:
    configure_logs()
    journal = structlog.get_logger("essai")
    journal.info("essai.premier")
    configure_logs()
    with capture_logs() as lignes:
        journal.info("essai.second")
    assert [ligne["event"] for ligne in lignes] == ["essai.second"]
