"""The secret link of a RDV, and one-way prints of what browsers hold.

The row keeps 128 random bits (``lien_sel``) and the SHA-256 of the token; the token itself is derived from the bits
with the server's key. A copy of the database therefore opens no link, and a reminder can still carry it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from app.config import Settings


def new_sel() -> bytes:
    """128 random bits."""
    return secrets.token_bytes(16)


def jeton_lien(settings: Settings, sel: bytes) -> str:
    """The token of a link: 32 URL-safe characters (192 bits)."""
    brut = hmac.new(settings.derive_key("lien-rdv"), sel, hashlib.sha256).digest()[:24]
    return base64.urlsafe_b64encode(brut).decode()


def empreinte(jeton: str) -> bytes:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(jeton.encode("utf-8", "surrogatepass")).digest()


def url_lien(settings: Settings, sel: bytes) -> str:
    """The address sent to the usager."""
    return f"{settings.base_url}/mon-rendez-vous/{jeton_lien(settings, sel)}"
