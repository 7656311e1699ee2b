"""What the services of the demo entrust to one another: one delegation that lives, one that waits for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.demo.monde import BOURGES, NEVERS
from app.tables import Agent, Delegation, Motif


@dataclass(frozen=True, slots=True)
class DelegationDecrite:
    """``de`` entrusts ``motifs`` (codes of its catalogue) to ``vers``; days are counted from the installation."""

    de: str
    vers: str
    motifs: tuple[str, ...]
    du: int
    au: int
    quota_jour: int | None
    message: str
    #: What the other service answered; None while nobody has.
    reponse: str | None = None


DELEGATIONS: Final = (
    DelegationDecrite(
        NEVERS,
        BOURGES,
        ("M05", "M21"),  # Nevers still receives the first: usagers choose the place; it has closed the second
        -30,
        120,
        6,
        "Notre spécialiste est partie : pouvez-vous recevoir ces usagers ?",
        "D’accord, dans la limite de six par jour.",
    ),
    DelegationDecrite(
        BOURGES,
        NEVERS,
        ("M15", "M18"),
        7,
        180,
        4,
        "Notre guichet est fermé le mercredi : pouvez-vous recevoir une partie des demandes de paiement ?",
    ),
)


async def insert_delegations(
    conn: AsyncConnection, services: Mapping[str, int], organisateurs: Mapping[str, str], maintenant: datetime
) -> None:
    """Insert them. ``services``: SAGES → id; ``organisateurs``: SAGES → identifiant of who decides there."""
    agents = {ligne.identifiant: ligne.id for ligne in await conn.execute(select(Agent.identifiant, Agent.id))}
    motifs = {
        ligne.code: ligne.id
        for ligne in await conn.execute(select(Motif.code, Motif.id).where(Motif.type_service_code == "SIP"))
    }
    aujourdhui = maintenant.date()
    for decrite in DELEGATIONS:
        acceptee = decrite.reponse is not None
        propose_a = maintenant - timedelta(days=45 if acceptee else 1)  # before the oldest of what it was booked for
        decide_a = propose_a + timedelta(days=2) if acceptee else None
        await conn.execute(
            insert(Delegation).values(
                service_id=services[decrite.de],
                service_delegue_id=services[decrite.vers],
                motifs=sorted(motifs[code] for code in decrite.motifs),
                du=aujourdhui + timedelta(days=decrite.du),
                au=aujourdhui + timedelta(days=decrite.au),
                quota_jour=decrite.quota_jour,
                etat="acceptee" if acceptee else "proposee",
                cree_par=agents[organisateurs[decrite.de]],
                cree_a=propose_a,
                message=decrite.message,
                decide_par=agents[organisateurs[decrite.vers]] if acceptee else None,
                decide_par_service_id=services[decrite.vers] if acceptee else None,
                decide_a=decide_a,
                acceptee_a=decide_a,
                reponse=decrite.reponse or "",
            )
        )
