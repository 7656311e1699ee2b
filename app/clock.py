"""The only reader of wall time.

Everything else receives instants as arguments, so that rules can be tested on any day of any year.
``ACCUEIL_HORLOGE`` (an ISO 8601 instant with its offset) shifts the clock of a whole process: tests and
rehearsals of the two DST nights use it. It is refused outside the demo and the tests (see ``config``).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

_decalage = timedelta(0)


def _lire_decalage() -> timedelta:
    depart = os.environ.get("ACCUEIL_HORLOGE")
    if not depart:
        return timedelta(0)
    instant = datetime.fromisoformat(depart)
    if instant.tzinfo is None:
        raise ValueError("ACCUEIL_HORLOGE must carry an offset, e.g. 2027-03-28T00:30:00+01:00")
    return instant.astimezone(UTC) - datetime.now(UTC)


_decalage = _lire_decalage()


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC) + _decalage


def shift(delta: timedelta) -> None:
    """Move the clock of this process (tests only)."""
    global _decalage
    _decalage += delta
