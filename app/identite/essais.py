"""Wrong passwords, counted: guessing is stopped where it comes from, and nobody else is kept out by it.

An account is closed to the address that tried ``PAR_ADRESSE`` wrong passwords on it, and only to that one. When
guesses come from everywhere (``PAR_COMPTE``), it is closed to the addresses from which its agent has never signed in:
he himself goes on, at his usual place. An account that does not exist counts like any other: a refusal tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import and_, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.errors import TropDeDemandes
from app.journal import read_adresse
from app.tables import Journal, Tentative

#: Wrong passwords of one address for one account, and of all addresses for one account, during ``FENETRE``.
PAR_ADRESSE: Final = 8
PAR_COMPTE: Final = 60
FENETRE: Final = timedelta(minutes=5)
#: An address from which the agent signed in during that time is one of his.
_HABITUDE: Final = timedelta(days=60)


def _print_cle(settings: Settings, *parts: str) -> bytes:
    return hmac.new(settings.derive_key("essais"), "\n".join(parts).encode(), hashlib.sha256).digest()


def _print_ici(settings: Settings, compte: str, adresse: str | None) -> bytes:
    return _print_cle(settings, "ici", compte, adresse or "")


def _open_fenetre(a: datetime) -> datetime:
    """The beginning of the window in which ``a`` falls."""
    duree = FENETRE.total_seconds()
    return datetime.fromtimestamp(a.timestamp() // duree * duree, UTC)


async def take_essai(
    conn: AsyncConnection, settings: Settings, compte: str, agent_id: int | None, adresse: str | None, a: datetime
) -> None:
    """Count a password about to be verified, before it is: a hundred sent at once are not a hundred tries.

    Raises TropDeDemandes (429, ``details['attendre_s']``) when that address may not try that account for now; what is
    refused to an address counts for it alone, so that it cannot close the account to others.
    """
    debut = _open_fenetre(a)
    if await _count(conn, _print_ici(settings, compte, adresse), debut, 1) <= PAR_ADRESSE:
        partout = await _count(conn, _print_cle(settings, "partout", compte), debut, 1)
        if partout <= PAR_COMPTE or await _is_habituelle(conn, agent_id, adresse, a):
            return
    raise TropDeDemandes(
        "Trop de mots de passe erronés : ce compte n’accepte plus d’essai d’ici pendant quelques minutes.",
        remede="Patientez cinq minutes, ou demandez un nouveau lien à votre responsable.",
        attendre_s=max(1, int((debut + FENETRE - a).total_seconds())),
    )


async def _count(conn: AsyncConnection, cle: bytes, debut: datetime, delta: int) -> int:
    ordre = insert(Tentative).values(cle=cle, fenetre=debut, nombre=delta)
    somme = ordre.on_conflict_do_update(
        index_elements=["cle", "fenetre"], set_={"nombre": Tentative.nombre + ordre.excluded.nombre}
    ).returning(Tentative.nombre)
    return int((await conn.execute(somme)).scalar_one())


async def _is_habituelle(conn: AsyncConnection, agent_id: int | None, adresse: str | None, a: datetime) -> bool:
    lue = read_adresse(adresse)
    if agent_id is None or lue is None:
        return False
    connexions = exists().where(
        and_(
            Journal.agent_id == agent_id,
            Journal.a > a - _HABITUDE,
            Journal.action == "connexion",
            Journal.adresse == lue,
        )
    )
    return bool((await conn.execute(select(connexions))).scalar_one())


async def forget_essais(
    conn: AsyncConnection, settings: Settings, compte: str, adresse: str | None, a: datetime
) -> None:
    """The password was right: that one was no guess, and what that address got wrong before it counts no more."""
    debut = _open_fenetre(a)
    ici = _print_ici(settings, compte, adresse)
    await conn.execute(delete(Tentative).where(Tentative.cle == ici, Tentative.fenetre == debut))
    await _count(conn, _print_cle(settings, "partout", compte), debut, -1)


async def purge_essais(conn: AsyncConnection, a: datetime) -> None:
    """Delete the windows that are over; called by the worker."""
    await conn.execute(delete(Tentative).where(Tentative.fenetre < _open_fenetre(a)))
