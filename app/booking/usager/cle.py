"""The idempotency key of a form: one hold, one form, one rendez-vous.

The key is derived from the visit's secret and the hold, so that two tabs on the same hold, a reload or the back
button post the same key, and find the same confirmation. It looks like a UUID 4; nobody guesses it without the visit.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid

from app.config import Settings


def derive_cle(settings: Settings, visite: str, option_id: int) -> str:
    """The key of the form filled in under that hold."""
    brut = hmac.new(settings.derive_key("cle-formulaire"), f"{visite}\n{option_id}".encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=brut[:16], version=4))


def is_cle(texte: str) -> bool:
    """True for a UUID in its usual form."""
    try:
        return str(uuid.UUID(texte)) == texte.lower()
    except ValueError:
        return False


def print_cle_usager(cle: str) -> bytes:
    """The key of a usager's request as its row stores it (``Reservation.print_cle``)."""
    return hashlib.sha256(f"usager\n{cle}".encode("utf-8", "surrogatepass")).digest()
