"""Logs of the process: structured, one line each, on standard error, without personal data."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

import structlog

#: One list for the life of the process: a logger keeps the one with which it was first used.
_PROCESSEURS: Final[list[structlog.typing.Processor]] = []


def configure_logs() -> None:
    """JSON in production, readable lines on a terminal. ``LOG_LEVEL`` sets the level (default INFO)."""
    niveau = logging.getLevelNamesMapping().get(os.environ.get("LOG_LEVEL", "INFO").upper(), logging.INFO)
    rendu: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False) if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    _PROCESSEURS[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        rendu,
    ]
    structlog.configure(
        processors=_PROCESSEURS,
        wrapper_class=structlog.make_filtering_bound_logger(niveau),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(niveau, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
