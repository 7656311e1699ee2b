"""Prints kept in the journal instead of what a person typed."""

from __future__ import annotations

import hashlib
import hmac

from app.config import Settings


def print_critere(settings: Settings, genre: str, valeur: str) -> str:
    """The keyed print of a criterion (a number, a name, an account): 32 hexadecimal characters.

    Whoever controls the journal asks « was this person looked up? » by computing the same print; the journal alone
    tells nobody's number, nor a password typed in the wrong field.
    """
    message = f"{genre}\n{valeur}".encode("utf-8", "surrogatepass")
    return hmac.new(settings.derive_key("journal"), message, hashlib.sha256).hexdigest()[:32]
