"""A few minutes' access to one RDV, given to the browser that has just proved its code and its name.

It is no permanent link: it opens nothing in another browser (the visit's cookie is part of it), and nothing at all
after ``DUREE``. The server keeps nothing of it.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from app.config import Settings

DUREE: Final = timedelta(minutes=15)
#: A link's token has no dot: the two are never taken for one another.
_PREFIXE: Final = "a"
_SIGNATURE: Final = 43


class AccesExpire(Exception):
    """It was good, for this very browser, and its time is over."""


def sign_acces(settings: Settings, rdv_id: int, visite: str, a: datetime) -> str:
    """The access given at ``a`` to the browser whose visit is ``visite``: safe in an address."""
    expire = int((a + DUREE).timestamp())
    return f"{_PREFIXE}.{rdv_id}.{expire}.{_sign(settings, rdv_id, expire, visite)}"


def is_acces(jeton: str) -> bool:
    """True of what has the form of one."""
    return jeton.startswith(f"{_PREFIXE}.")


def read_acces(settings: Settings, jeton: str, visite: str, a: datetime) -> int | None:
    """The id of the RDV that it opens; None when it is of another browser, or was tampered with. Raises AccesExpire."""
    morceaux = jeton.split(".")
    if len(morceaux) != 4 or morceaux[0] != _PREFIXE or not visite:
        return None
    nombres, signature = morceaux[1:3], morceaux[3]
    if not all(n.isascii() and n.isdecimal() and len(n) <= 19 for n in nombres):
        return None
    rdv_id, expire = map(int, nombres)
    if jeton != f"{_PREFIXE}.{rdv_id}.{expire}.{signature}":  # one way to write it
        return None
    attendue = _sign(settings, rdv_id, expire, visite)
    if not hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), attendue.encode()):
        return None
    if a >= datetime.fromtimestamp(expire, UTC):
        raise AccesExpire
    return rdv_id


def _sign(settings: Settings, rdv_id: int, expire: int, visite: str) -> str:
    message = f"{rdv_id}\n{expire}\n{visite}".encode("utf-8", "surrogatepass")
    return hmac.new(settings.derive_key("acces-rdv"), message, hashlib.sha256).hexdigest()[:_SIGNATURE]
