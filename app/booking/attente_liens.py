"""The secret link of somebody who waits: to confirm, to answer an offer, to leave the list. Derived, never stored."""

from __future__ import annotations

import base64
import hashlib
import hmac

from app.config import Settings


def jeton_attente(settings: Settings, sel: bytes) -> str:
    """The token of a request: 32 URL-safe characters (192 bits)."""
    brut = hmac.new(settings.derive_key("lien-attente"), sel, hashlib.sha256).digest()[:24]
    return base64.urlsafe_b64encode(brut).decode()


def url_attente(settings: Settings, sel: bytes) -> str:
    """The address sent to the person."""
    return f"{settings.base_url}/attente/{jeton_attente(settings, sel)}"


def print_origine(settings: Settings, lieu: str) -> bytes:
    """A keyed print of a network: counted, never read."""
    return hmac.new(settings.derive_key("origine-attente"), lieu.encode(), hashlib.sha256).digest()
