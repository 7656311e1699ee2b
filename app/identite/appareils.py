"""Browsers from which an account has signed in: each keeps a token that says so, and opens nothing by itself.

Offices share one address, and so may whoever guesses: what tells an agent's own browser from a stranger's behind the
same address is that it has succeeded before. The cookie holds the tokens of the last accounts used on that computer.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from app.config import Settings

COOKIE: Final = "appareil"
#: How long a browser is remembered, in seconds, and how many accounts it may be used for.
DUREE_S: Final = 180 * 24 * 3600
_COMPTES: Final = 12
_SEPARATEUR: Final = "."


def _sign(settings: Settings, compte: str, alea: str) -> str:
    message = f"{compte}\n{alea}".encode()
    return hmac.new(settings.derive_key("appareil"), message, hashlib.sha256).hexdigest()[:40]


def find_appareil(settings: Settings, cookie: str, compte: str) -> str | None:
    """The random part of the token that this browser holds for that account, or None."""
    for jeton in cookie[:4096].split(_SEPARATEUR)[:_COMPTES]:
        alea, _, signature = jeton.partition("-")
        if alea and hmac.compare_digest(signature.encode(), _sign(settings, compte, alea).encode()):
            return alea
    return None


def add_appareil(settings: Settings, cookie: str, compte: str) -> str:
    """The cookie of a browser where that account has just signed in: its token first, the oldest ones left out."""
    alea = find_appareil(settings, cookie, compte) or secrets.token_hex(12)
    neuf = f"{alea}-{_sign(settings, compte, alea)}"
    anciens = [j for j in cookie[:4096].split(_SEPARATEUR) if j and j.isascii() and j.isprintable() and j != neuf]
    return _SEPARATEUR.join([neuf, *anciens[: _COMPTES - 1]])
