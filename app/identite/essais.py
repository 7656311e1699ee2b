"""Wrong passwords, counted: guessing is stopped where it comes from, and an agent at his own browser goes on.

Three counts for strangers: of one address on one account, of all addresses on one account, of one address on all
accounts. A browser from which the account has signed in before (``app.identite.appareils``) has a count of its own,
that nobody else can fill. An account that does not exist counts like any other: a refusal tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.errors import TropDeDemandes
from app.tables import Tentative

#: Tries during ``FENETRE``: of an address (or of an agent's own browser) on an account, of all addresses on an account,
#: of an address on all accounts.
PAR_ADRESSE: Final = 8
PAR_COMPTE: Final = 60
PAR_LIEU: Final = 60
FENETRE: Final = timedelta(minutes=5)
#: Households and offices are given at least that much of IPv6.
_PREFIXE_V6: Final = 64


#: Name, what is counted together, and how many are allowed in a window.
Comptage = tuple[str, tuple[str, ...], int]


class Comptable(Protocol):
    """Something about to be verified, and counted before it is: the narrowest count first."""

    @property
    def a(self) -> datetime: ...
    @property
    def comptages(self) -> tuple[Comptage, ...]: ...


def find_lieu(adresse: str | None) -> str:
    """An address as it is counted: the network of an IPv6 one, itself otherwise."""
    try:
        lue = ipaddress.ip_address(adresse or "")
    except ValueError:
        return adresse or ""
    if isinstance(lue, ipaddress.IPv6Address) and lue.ipv4_mapped is None:
        return str(ipaddress.ip_network((lue, _PREFIXE_V6), strict=False))
    return str(lue)


@dataclass(frozen=True, slots=True)
class Essai:
    """A password about to be verified: for which account, from where, by a browser known for it or not."""

    compte: str
    adresse: str | None
    appareil: str | None
    a: datetime

    @property
    def lieu(self) -> str:
        """The address as it is counted."""
        return find_lieu(self.adresse)

    @property
    def comptages(self) -> tuple[Comptage, ...]:
        """What is counted, the narrowest first."""
        if self.appareil is not None:
            return (("appareil", (self.compte, self.appareil), PAR_ADRESSE),)
        return (
            ("adresse", (self.compte, self.lieu), PAR_ADRESSE),
            ("lieu", (self.lieu,), PAR_LIEU),
            ("compte", (self.compte,), PAR_COMPTE),
        )


@dataclass(frozen=True, slots=True)
class Arret:
    """A try that is not allowed. ``premier``: the one that passed the bound, to be journaled once."""

    regle: str
    premier: bool
    attendre_s: int

    def build_refus(self) -> TropDeDemandes:
        """As an answer (429)."""
        return TropDeDemandes(
            "Trop de mots de passe erronés : aucun essai n’est accepté d’ici pendant quelques minutes.",
            remede="Patientez cinq minutes, ou demandez un nouveau lien à votre responsable.",
            attendre_s=self.attendre_s,
        )


def _print_cle(settings: Settings, *parts: str) -> bytes:
    return hmac.new(settings.derive_key("essais"), "\n".join(parts).encode(), hashlib.sha256).digest()


def _open_fenetre(a: datetime) -> datetime:
    """The beginning of the window in which ``a`` falls."""
    duree = FENETRE.total_seconds()
    return datetime.fromtimestamp(a.timestamp() // duree * duree, UTC)


async def take_essai(conn: AsyncConnection, settings: Settings, essai: Comptable) -> Arret | None:
    """Count what is about to be verified, before it is: a hundred sent at once are not a hundred tries.

    What is refused by one count is not added to the next ones: an address cannot close an account to others.
    """
    debut = _open_fenetre(essai.a)
    for regle, parts, limite in essai.comptages:
        nombre = await _count(conn, _print_cle(settings, regle, *parts), debut, 1)
        if nombre > limite:
            attente = max(1, int((debut + FENETRE - essai.a).total_seconds()))
            return Arret(regle, nombre == limite + 1, attente)
    return None


async def forget_essai(conn: AsyncConnection, settings: Settings, essai: Essai) -> None:
    """The password was right: that one was no guess, and what was wrong before it from there counts no more."""
    debut = _open_fenetre(essai.a)
    (regle, parts, _), *larges = essai.comptages
    sienne = _print_cle(settings, regle, *parts)
    await conn.execute(delete(Tentative).where(Tentative.cle == sienne, Tentative.fenetre == debut))
    for regle, parts, _ in larges:
        await _count(conn, _print_cle(settings, regle, *parts), debut, -1)


async def return_essai(conn: AsyncConnection, settings: Settings, essai: Comptable) -> None:
    """It was not verified, or it was no guess: as if it had not been sent."""
    for regle, parts, _ in essai.comptages:
        await _count(conn, _print_cle(settings, regle, *parts), _open_fenetre(essai.a), -1)


async def _count(conn: AsyncConnection, cle: bytes, debut: datetime, delta: int) -> int:
    ordre = insert(Tentative).values(cle=cle, fenetre=debut, nombre=delta)
    somme = ordre.on_conflict_do_update(
        index_elements=["cle", "fenetre"], set_={"nombre": Tentative.nombre + ordre.excluded.nombre}
    ).returning(Tentative.nombre)
    return int((await conn.execute(somme)).scalar_one())


async def count_in_window(conn: AsyncConnection, settings: Settings, a: datetime, *parts: str) -> tuple[int, int]:
    """Count one more of what ``parts`` name: (how many in the present window, seconds until the next one)."""
    debut = _open_fenetre(a)
    nombre = await _count(conn, _print_cle(settings, *parts), debut, 1)
    return nombre, max(1, int((debut + FENETRE - a).total_seconds()))


async def purge_essais(conn: AsyncConnection, a: datetime) -> None:
    """Delete the windows that are over; called by the worker."""
    await conn.execute(delete(Tentative).where(Tentative.fenetre < _open_fenetre(a)))
