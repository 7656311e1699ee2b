"""Challenges that people pass and robots do not: asked only where there is a doubt.

A challenge is a signed token tied to a visit: showing a page writes nothing, and any process can draw it. What it asks
is derived from the token with the server's key: neither the page nor the database holds the answer. It is answered once
(``defi``): a wrong answer is replaced by another challenge, a right one lets the visit book once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.tables import Defi

#: No letter or digit that is taken for another one when read, few when heard.
ALPHABET: Final = "ACEFHJKLPRTUXY34679"
LONGUEUR: Final = 5
#: How long a challenge may be answered; how long its answer lets a visit go on.
DUREE: Final = timedelta(minutes=10)
DUREE_PASSE: Final = timedelta(minutes=30)
_SCEAU: Final = 16
_ALEA: Final = 12
_REPONSE_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Jeton:
    """A challenge, read from a token that is ours, of this visit and still to be answered.

    ``externe``: what CaptchEtat calls it, "" for our own.
    """

    brut: bytes
    externe: str


def _seal(settings: Settings, visite: str, brut: bytes) -> bytes:
    message = visite.encode("utf-8", "surrogatepass") + b"\n" + brut
    return hmac.new(settings.derive_key("defi-sceau"), message, hashlib.sha256).digest()[:_SCEAU]


def new_jeton(settings: Settings, visite: str, a: datetime, externe: str = "") -> str:
    """A challenge for that visit, as it is written in addresses and forms."""
    fin = struct.pack(">I", int((a + DUREE).timestamp()))
    brut = fin + secrets.token_bytes(_ALEA) + externe.encode("ascii")
    return base64.urlsafe_b64encode(_seal(settings, visite, brut) + brut).decode().rstrip("=")


def read_jeton(settings: Settings, visite: str, texte: str, a: datetime) -> Jeton | None:
    """None for what is not ours, another visit's, or too old."""
    if not visite or not texte.isascii() or not 32 <= len(texte) <= 200:
        return None
    try:
        lu = base64.b64decode(texte + "=" * (-len(texte) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    sceau, brut = lu[:_SCEAU], lu[_SCEAU:]
    if len(brut) < 4 + _ALEA or not hmac.compare_digest(sceau, _seal(settings, visite, brut)):
        return None
    if struct.unpack(">I", brut[:4])[0] <= a.timestamp():
        return None
    return Jeton(brut, brut[4 + _ALEA :].decode("ascii"))


def derive_reponse(settings: Settings, jeton: Jeton) -> str:
    """The characters that our own challenge shows."""
    condense = hmac.new(settings.derive_key("defi-reponse"), jeton.brut, hashlib.sha256).digest()
    nombre = int.from_bytes(condense, "big")
    lettres = []
    for _ in range(LONGUEUR):
        nombre, rang = divmod(nombre, len(ALPHABET))
        lettres.append(ALPHABET[rang])
    return "".join(lettres)


def derive_graine(settings: Settings, jeton: Jeton) -> bytes:
    """What makes a challenge always sound the same."""
    return hmac.new(settings.derive_key("defi-bruit"), jeton.brut, hashlib.sha256).digest()


def normalize_reponse(texte: str) -> str:
    """What was typed, as it is compared: case, spaces and width do not count. "" for what cannot be an answer."""
    if len(texte) > _REPONSE_MAX:
        return ""
    court = "".join(unicodedata.normalize("NFKC", texte).upper().split())
    return court if court.isalnum() and court.isascii() else ""


def is_juste(settings: Settings, jeton: Jeton, texte: str) -> bool:
    """True for the answer to our own challenge."""
    return hmac.compare_digest(normalize_reponse(texte).encode(), derive_reponse(settings, jeton).encode())


def print_visite(settings: Settings, visite: str) -> bytes:
    """A visit as ``defi`` keeps it."""
    message = visite.encode("utf-8", "surrogatepass")
    return hmac.new(settings.derive_key("defi-visite"), message, hashlib.sha256).digest()


async def record_reponse(
    conn: AsyncConnection, settings: Settings, visite: str, jeton: Jeton, *, juste: bool, a: datetime
) -> bool:
    """Keep that the challenge was answered. True when it is a right answer, and the first one given.

    The same right answer again (a form sent twice) is right, and gives nothing more.
    """
    ordre = (
        insert(Defi)
        .values(
            empreinte=hashlib.sha256(jeton.brut).digest(),
            visite=print_visite(settings, visite),
            reussi=juste,
            expire_a=a + (DUREE_PASSE if juste else DUREE),
            cle=None,
        )
        .on_conflict_do_nothing()
        .returning(Defi.empreinte)
    )
    if (await conn.execute(ordre)).first() is not None or not juste:
        return juste
    deja = select(Defi.reussi).where(Defi.empreinte == hashlib.sha256(jeton.brut).digest())
    return bool((await conn.execute(deja)).scalar_one_or_none())


async def has_passe(conn: AsyncConnection, settings: Settings, visite: str, a: datetime) -> bool:
    """True when the visit has answered a challenge that has served no booking yet."""
    ouvert = Defi.reussi & Defi.cle.is_(None) & (Defi.expire_a > a)
    requete = select(exists().where(Defi.visite == print_visite(settings, visite), ouvert))
    return bool((await conn.execute(requete)).scalar_one())


async def take_passe(conn: AsyncConnection, settings: Settings, visite: str, cle: bytes, a: datetime) -> bytes | None:
    """Use the visit's answer for what ``cle`` names (a form and who is in it); what to return if it is not done.

    None without one. What has taken one already has it again: two clicks at once are one booking.
    """
    sienne = Defi.visite == print_visite(settings, visite)
    ouvert = Defi.reussi & (Defi.cle.is_(None) | (Defi.cle == cle)) & (Defi.expire_a > a)
    rangees = select(Defi.empreinte).where(sienne, ouvert).order_by(Defi.cle.is_(None), Defi.empreinte)
    une = rangees.limit(1).with_for_update().scalar_subquery()
    ordre = update(Defi).where(Defi.empreinte == une).values(cle=cle).returning(Defi.empreinte)
    prise: bytes | None = (await conn.execute(ordre)).scalar_one_or_none()
    return prise


async def spend_passe(conn: AsyncConnection, empreinte: bytes) -> None:
    """It serves nothing more, not even the form that has it."""
    await conn.execute(update(Defi).where(Defi.empreinte == empreinte).values(reussi=False))


async def return_passe(conn: AsyncConnection, empreinte: bytes) -> None:
    """The booking was not made: the answer still holds."""
    await conn.execute(update(Defi).where(Defi.empreinte == empreinte).values(cle=None))


async def purge_defis(conn: AsyncConnection, a: datetime) -> None:
    """Delete those that are over; called by the worker."""
    await conn.execute(delete(Defi).where(Defi.expire_a < a))
