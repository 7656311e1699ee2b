"""The closed vocabulary of the wire, shared by web, worker and gateway. Standard library only.

A subject (``sujet``) names one feed: ``service:<id>``, ``creneaux:<id>``, ``affichage:<service id>`` or
``pilotage:<perimetre>`` with perimetre one of ``service-<id>``, ``departement-<code>``,
``interregion-<id>``, ``nation``. Each subject has its own gapless version, a positive integer kept in
PostgreSQL; an event is its subject, its version and the few facts a screen needs. **No frame carries
personal data.**

A message on Redis is ``<hex HMAC-SHA256>.<JSON>``: a stranger who can publish on Redis cannot forge a screen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

#: Events of the life of a RDV, on ``service:<id>``.
RDV_TYPES: Final = frozenset(
    {
        "rdv.cree",
        "rdv.modifie",
        "rdv.replanifie",
        "rdv.annule",
        "rdv.arrive",
        "rdv.arrivee_annulee",
        "rdv.appele",
        "rdv.recu",
        "rdv.termine",
        "rdv.non_honore",
    }
)

#: Every type that may travel from Redis to a screen.
EVENEMENT_TYPES: Final = RDV_TYPES | {
    "option.posee",
    "option.levee",
    "planning.modifie",
    "guichet.modifie",
    "creneau.pris",
    "creneau.libre",
    "ticket.tire",
    "ticket.appele",
    "compteurs",
}

#: Types that the gateway itself writes.
CONTROLE_TYPES: Final = frozenset({"etat", "resync", "frais"})

#: Prefix of the channel on which each gateway sends itself a tick, to know that Redis is neither dead nor frozen.
CANAL_BATTEMENT: Final = "accueil:battement"
_PREFIXE: Final = "accueil:"

_SUJET = re.compile(
    r"(?:(?:service|creneaux|affichage):[1-9][0-9]{0,17}"
    r"|pilotage:(?:nation|service-[1-9][0-9]{0,17}|departement-[0-9AB]{2,3}|interregion-[1-9][0-9]{0,8}))"
)


def is_sujet(texte: str) -> bool:
    """True when ``texte`` is a well-formed subject. Says nothing of its existence nor of anybody's rights."""
    return _SUJET.fullmatch(texte) is not None


def canal(sujet: str) -> str:
    """The Redis channel of a subject."""
    return _PREFIXE + sujet


def encode(evenement: Mapping[str, Any]) -> str:
    """One frame: compact JSON, ``type`` first.

    Raises ValueError when the type is not in the vocabulary: a new one is added here and in the wire contract.
    """
    genre = evenement.get("type")
    if genre not in EVENEMENT_TYPES and genre not in CONTROLE_TYPES:
        raise ValueError(f"unknown frame type {genre!r}")
    ordre = {"type": genre, **{k: v for k, v in evenement.items() if k != "type"}}
    return json.dumps(ordre, ensure_ascii=False, separators=(",", ":"))


def sign(trame: str, cle: bytes) -> str:
    """The Redis message for a frame: its HMAC-SHA256 in hex, a dot, the frame."""
    return hmac.new(cle, trame.encode(), hashlib.sha256).hexdigest() + "." + trame


def verify(message: str | bytes, cle: bytes) -> str | None:
    """The frame of a Redis message, or None when it is malformed or not signed with ``cle``."""
    try:
        texte = message.decode() if isinstance(message, bytes) else message
    except UnicodeDecodeError:
        return None
    signature, point, trame = texte.partition(".")
    if not point:
        return None
    attendue = hmac.new(cle, trame.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return trame if hmac.compare_digest(signature.encode(), attendue.encode()) else None
