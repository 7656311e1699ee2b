"""Where the mails of the demo can be read, if they can."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.config import Settings


def find_boite(settings: Settings) -> Path | None:
    """The folder of the embedded server's mailbox, or None when mails leave by another relay."""
    parts = urlsplit(settings.boite_url)
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.path else None


def name_relais(settings: Settings) -> str:
    """``host:port`` of the relay, without user nor password."""
    parts = urlsplit(settings.smtp_url)
    return f"{parts.hostname or '?'}:{parts.port or (465 if parts.scheme == 'smtps' else 25)}"
