"""The gateway's door: who may pass, decided before the WebSocket is accepted. Reads headers; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from app.errors import Interdit, NonAuthentifie

#: Longest Cookie and Authorization headers read, in bytes.
ENTETE_MAX: Final = 8192


class OrigineRefusee(Interdit):
    """403: a page of another site, or something that is no page and has no key."""

    code = "origine-refusee"
    phrase = "Cette connexion ne vient pas des pages du service."
    remede = "Ouvrez la page depuis l’adresse habituelle du service."


class SessionAbsente(NonAuthentifie):
    """403 rather than 401: a WebSocket cannot answer a challenge."""

    statut = 403


@dataclass(frozen=True, slots=True)
class Titres:
    """What a request shows: the value of the session cookie, or an API key."""

    jeton: str | None
    cle_api: str | None


def read_titres(entetes: Iterable[tuple[bytes, bytes]], *, origine: str, cookie: str) -> Titres:
    """The credentials of a handshake.

    Raises OrigineRefusee unless there is a Bearer key, or one Origin that is exactly ``origine``; an ``Authorization``
    of another kind is no key. The key's validity is judged later, against the database.
    """
    lus: dict[bytes, list[bytes]] = {b"origin": [], b"authorization": [], b"cookie": []}
    for nom, valeur in entetes:
        if nom.lower() in lus:
            lus[nom.lower()].append(valeur[:ENTETE_MAX])
    for valeur in lus[b"authorization"]:
        genre, _, secret = valeur.decode("latin-1").partition(" ")
        if genre.lower() == "bearer":
            return Titres(None, secret.strip())
    if lus[b"origin"] != [origine.encode()]:
        raise OrigineRefusee
    return Titres(_cookie(lus[b"cookie"], cookie), None)


def _cookie(entetes: list[bytes], nom: str) -> str | None:
    """The one cookie of that name. Two of them are an attempt to plant one: neither counts."""
    valeurs: list[str] = []
    for entete in entetes:
        for morceau in entete.decode("latin-1").split(";"):
            cle, egal, valeur = morceau.strip().partition("=")
            if egal and cle == nom:
                valeurs.append(valeur.strip().strip('"'))
    return valeurs[0] if len(valeurs) == 1 else None


def source(client: tuple[str, int] | None) -> str:
    """What counts as one address: an IPv4, or the /64 of an IPv6, which one customer holds whole."""
    if client is None:
        return ""
    try:
        adresse = ip_address(client[0])
    except ValueError:
        return client[0]
    if isinstance(adresse, IPv6Address):
        return str(adresse.ipv4_mapped or IPv6Address(int(adresse) >> 64 << 64))
    return str(adresse)
