"""One socket's conversation, without I/O: what it asks for, what it is told first, why it is refused or closed.

A client sends nothing but its request line. The rest of the conversation is the server's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import parse_qsl

from app import envelope
from app.errors import AppError
from app.realtime import frames
from app.realtime.history import OCTETS, History

#: Subjects of one socket, and bytes of its query string.
SUJETS_MAX: Final = 20
REQUETE_MAX: Final = 4096

_SUIVI: Final = re.compile(r"(?P<sujet>[^@]{1,80})(?:@(?P<version>0|[1-9][0-9]{0,17}))?")
_EPOQUE: Final = re.compile(r"[\x21-\x7e]{1,80}")


class Fin(IntEnum):
    """Close codes that the gateway sends (RFC 6455 §7.4); 4401 and 4403 are ours."""

    ARRET = 1012  # the process stops or restarts: come back after a random wait of at most 3 s
    BINAIRE = 1003  # binary message
    REGLE = 1008  # any text message, or one socket too many for this session
    SESSION_FINIE = 4401  # session or key ended or revoked, agent suspended: sign in again
    DROIT_PERDU = 4403  # the right on this subject is lost


class DemandeInvalide(AppError):
    """400: the query string cannot be read."""

    statut = 400
    code = "demande-invalide"
    phrase = "Cette demande de suivi en temps réel n’est pas lisible."
    remede = "Rechargez la page."


@dataclass(frozen=True, slots=True)
class Demande:
    """What a socket follows: each subject with the version its page already shows (None: nothing yet)."""

    suivis: tuple[tuple[str, int | None], ...]
    epoque: str | None

    @property
    def sujets(self) -> tuple[str, ...]:
        return tuple(sujet for sujet, _ in self.suivis)

    @property
    def publique(self) -> bool:
        """True when only public subjects are asked for: no session is needed."""
        return all(sujet.startswith("creneaux:") for sujet in self.sujets)


def parse(requete: bytes) -> Demande:
    """Read ``sujet=<sujet>[@<version>]`` (1 to 20 times) and ``epoque=<epoque>`` (at most once).

    Raises DemandeInvalide. Other parameters are ignored.
    """
    if len(requete) > REQUETE_MAX:
        raise DemandeInvalide
    try:
        champs = parse_qsl(
            requete.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=SUJETS_MAX + 10
        )
    except ValueError as erreur:
        raise DemandeInvalide from erreur
    suivis: dict[str, int | None] = {}
    for texte in (valeur for nom, valeur in champs if nom == "sujet"):
        lu = _SUIVI.fullmatch(texte)
        if lu is None or not envelope.is_sujet(lu["sujet"]) or lu["sujet"] in suivis:
            raise DemandeInvalide
        suivis[lu["sujet"]] = int(lu["version"]) if lu["version"] is not None else None
    epoques = [valeur for nom, valeur in champs if nom == "epoque"]
    if not 1 <= len(suivis) <= SUJETS_MAX or len(epoques) > 1 or not all(_EPOQUE.fullmatch(e) for e in epoques):
        raise DemandeInvalide
    return Demande(tuple(suivis.items()), epoques[0] if epoques else None)


def opening(demande: Demande, epoque: str, histoires: dict[str, History], devances: frozenset[str]) -> list[bytes]:
    """The first frames of a socket: for each subject ``etat``, then the events it missed, or ``resync``.

    ``devances``: subjects whose claimed version the database itself has not reached. Missed events are bounded over
    the whole socket, so that a late reader of many subjects cannot be slow before it has begun.
    """
    autre_epoque = demande.epoque is not None and demande.epoque != epoque
    reste = OCTETS
    sortie: list[bytes] = []
    for sujet, vue in demande.suivis:
        histoire = histoires[sujet]
        version = histoire.version or 0
        sortie.append(frames.control("etat", sujet=sujet, epoque=epoque, version=version))
        manques = histoire.since(vue) if vue is not None else []
        octets = sum(map(len, manques or ()))
        if autre_epoque or sujet in devances or manques is None or octets > reste:
            sortie.append(resync(sujet, epoque, version))
        else:
            reste -= octets
            sortie += manques
    return sortie


def resync(sujet: str, epoque: str, version: int) -> bytes:
    """« Reload your fragment »: it will be at ``version`` or later, and the events after it follow."""
    return frames.control("resync", sujet=sujet, epoque=epoque, version=version)
