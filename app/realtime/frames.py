"""From a Redis message to the bytes of a WebSocket frame. Pure."""

from __future__ import annotations

import json
from typing import Final

from websockets.frames import Frame, Opcode

from app import envelope

#: Longest event accepted from Redis, in bytes: an event is a few facts, not a document.
TRAME_MAX: Final = 16_384
_BIGINT_MAX: Final = 2**63 - 1


def to_wire(trame: str) -> bytes:
    """One unmasked text frame, ready for the transports of all its readers: encoded once, written many times."""
    return Frame(Opcode.TEXT, trame.encode()).serialize(mask=False)


def control(genre: str, **champs: str | int) -> bytes:
    """The bytes of a frame that the gateway itself writes (``etat``, ``resync``, ``frais``)."""
    return to_wire(envelope.encode({"type": genre, **champs}))


def read_message(message: bytes, cle: bytes, sujet: str) -> tuple[int, str] | None:
    """Version and text of an event received for ``sujet``; None when it is not one of ours.

    The signature proves who wrote it, the subject inside proves that it was written for this channel: a signed
    message copied from another subject is refused like a forged one.
    """
    if len(message) > TRAME_MAX:
        return None
    trame = envelope.verify(message, cle)
    if trame is None:
        return None
    try:
        evenement = json.loads(trame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(evenement, dict) or evenement.get("sujet") != sujet:
        return None
    genre, version = evenement.get("type"), evenement.get("version")
    if not isinstance(genre, str) or genre not in envelope.EVENEMENT_TYPES or type(version) is not int:
        return None
    return (version, trame) if 0 < version <= _BIGINT_MAX else None
