"""A sign-in begun at a provider, until it comes back: once, within ten minutes, in the browser that began it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert

from app.db import Database, UnitOfWork
from app.identite.sessions import empreinte
from app.tables import DemandeOidc

DUREE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Demande:
    """What the provider's answer must match. ``etat`` is known by the browser alone: the row keeps its SHA-256."""

    etat: str
    nonce: str
    verificateur: str
    retour: str


def _visite(visite: str) -> bytes:
    return hashlib.sha256(f"oidc\n{visite}".encode()).digest()


async def begin(db: Database, fournisseur: str, visite: str, retour: str, a: datetime) -> Demande:
    """Remember a sign-in that leaves for the provider; those long expired are forgotten."""
    demande = Demande(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64), retour)

    async def travail(uow: UnitOfWork) -> None:
        await uow.conn.execute(delete(DemandeOidc).where(DemandeOidc.expire_a < a))
        await uow.conn.execute(
            insert(DemandeOidc).values(
                empreinte_etat=empreinte(demande.etat),
                fournisseur=fournisseur,
                nonce=demande.nonce,
                verificateur=demande.verificateur,
                visite=_visite(visite),
                retour=retour,
                cree_a=a,
                expire_a=a + DUREE,
            )
        )

    await db.transaction(travail)
    return demande


async def finish(db: Database, fournisseur: str, visite: str, etat: str, a: datetime) -> Demande | None:
    """Spend the request of that state, or None: unknown, spent, expired, or begun by another browser."""

    async def travail(uow: UnitOfWork) -> Demande | None:
        ordre = (
            delete(DemandeOidc)
            .where(
                DemandeOidc.empreinte_etat == empreinte(etat),
                DemandeOidc.fournisseur == fournisseur,
                DemandeOidc.visite == _visite(visite),
                DemandeOidc.expire_a > a,
            )
            .returning(DemandeOidc.nonce, DemandeOidc.verificateur, DemandeOidc.retour)
        )
        ligne = (await uow.conn.execute(ordre)).one_or_none()
        return None if ligne is None else Demande(etat, *ligne)

    return await db.transaction(travail)
