"""What a delegation still allows, asked where it is true: the services' contexts, then the writing transaction.

A delegation is judged on the delegating service's rules as they are at one planning version, which the transaction
expects unchanged under the lock of its row: one withdrawn meanwhile is never booked under. The daily quota is counted
under an advisory lock of the delegation's day, so that rivals who saw the same last place are told one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.domain.delegation import Delegation, find_delegation
from app.domain.raisons import Raison
from app.errors import CreneauPris, RegleRefusee
from app.outbox import Annonces
from app.tables import RendezVous


class QuotaAtteint(CreneauPris):
    """The delegation allows nothing more that day, whatever is free there."""

    def __init__(self, delegation: Delegation) -> None:
        confies = "confié" if delegation.quota_jour == 1 else "confiés"
        super().__init__(
            f"La limite de {delegation.quota_jour}\u00a0rendez-vous par jour {confies} par {delegation.libelle}"
            " est atteinte ce jour-là.",
            raison=Raison.COMPLET.value,
        )


@dataclass(frozen=True, slots=True)
class Confiee:
    """A delegation that may be booked under, and the service that gives it, as it was read."""

    delegation: Delegation
    delegant: ServiceContexte

    def expect(self, annonces: Annonces) -> None:
        """The transaction stands only if the delegating service's organisation is still the one read."""
        annonces.expect_planning(self.delegant.id, self.delegant.version_planning)


async def find_confiee(
    outils: Outils,
    conn: AsyncConnection,
    delegation_id: int | None,
    service_id: int,
    motif_id: int,
    maintenant: datetime,
) -> Confiee | None:
    """That delegation, received by ``service_id``; None when none is asked for.

    Raises RegleRefusee when it is no more: withdrawn, over, of another motif, of another service, or never was.
    """
    if delegation_id is None:
        return None
    lu = await store.read_delegant(conn, delegation_id, service_id)
    if lu is None:
        refuse_delegation()
    delegant = await outils.dispo.contextes.get(conn, *lu)
    delegation = find_delegation(delegant.confiees, delegation_id)
    aujourdhui = maintenant.astimezone(delegant.zone).date()
    if delegation is None or not delegation.is_vivante(aujourdhui) or motif_id not in delegation.motifs:
        refuse_delegation(delegant.libelle)
    return Confiee(delegation, delegant)


def refuse_delegation(delegant: str = "") -> NoReturn:
    """The place chosen receives no more for the other service."""
    qui = f" pour le compte de {delegant}" if delegant else ""
    raise RegleRefusee(
        f"Le lieu choisi ne reçoit plus ce rendez-vous{qui}.",
        remede="Choisissez un autre lieu.",
        raison=Raison.MOTIF_NON_PROPOSE.value,
    )


_VERROU = text("SELECT pg_advisory_xact_lock(hashtextextended(:nom, 0))")


async def lock_quota(conn: AsyncConnection, delegation_id: int, jour: date) -> None:
    """One transaction at a time takes places of that delegation on that day. Taken before any insertion or deletion.

    Who holds it waits for nobody who wants it: before it, a transaction has touched the person, the visit or the
    request of the waiting list, for which no insertion waits.
    """
    await conn.execute(_VERROU, {"nom": f"delegation:{delegation_id}:{jour.isoformat()}"})


async def check_quota(
    conn: AsyncConnection, delegation: Delegation, jour: date, maintenant: datetime, *, sauf: int | None = None
) -> None:
    """Raises QuotaAtteint when the day has all that the delegation allows; locked until the end of the transaction.

    ``sauf``: the id of the visitor's own hold, or of the RDV that moves, which leaves its place. Nothing is asked
    when there is no quota. A hold that has expired at ``maintenant`` does not count: whoever still acts on it, a clock
    or a wait behind, must ask here again before it is confirmed or kept longer.
    """
    if delegation.quota_jour is None:
        return
    await lock_quota(conn, delegation.id, jour)
    pris = (
        await conn.execute(
            select(func.count())
            .select_from(RendezVous)
            .where(
                RendezVous.delegation_id == delegation.id,
                RendezVous.jour == jour,
                RendezVous.occupe,
                or_(RendezVous.etat != "option", RendezVous.expire_a > maintenant),
                *(() if sauf is None else (RendezVous.id != sauf,)),
            )
        )
    ).scalar_one()
    if pris >= delegation.quota_jour:
        raise QuotaAtteint(delegation)
