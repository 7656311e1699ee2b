"""A motif out of the national catalogue, and back: what it reaches is told first, and decided upon under the lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import administrate, record_objet
from app.admin.lies import get_veille
from app.admin.motifs.arbre import list_branche
from app.admin.motifs.catalogue import announce, find_motif, read_type, to_faits, to_noeuds
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import Conflit
from app.tables import Delegation, Motif, MotifService, RendezVous


class RetraitAConfirmer(Conflit):
    """409: the withdrawal reaches services or rendez-vous that the page did not tell."""

    code = "retrait-a-confirmer"
    phrase = "Ce motif sert : son retrait n’est pas encore fait."
    remede = "Lisez ce qu’il retirerait, au bas de la page, puis confirmez-le."


@dataclass(frozen=True, slots=True)
class Portee:
    """What a withdrawal reaches: motifs (itself included), services that open one, rendez-vous to come of one.

    ``recoivent``: services that receive one by a delegation, accepted and not over, without opening it themselves.
    """

    motifs: int
    services: int
    rdv: int
    recoivent: int = 0

    @property
    def vus(self) -> str:
        """What the page sends back to say that all of it was read; "" when there is nothing to read."""
        if not (self.services or self.rdv or self.recoivent):
            return ""
        return f"{self.motifs}.{self.services}.{self.rdv}.{self.recoivent}"

    def check(self, vus: str) -> None:
        """Raise RetraitAConfirmer unless ``vus`` tells no less than this."""
        if not self.vus:
            return
        nombres = [int(n) for n in vus.split(".") if n.isascii() and n.isdigit() and len(n) < 12]
        siens = (self.motifs, self.services, self.rdv, self.recoivent)
        if len(nombres) == len(siens) and all(sien <= lu for sien, lu in zip(siens, nombres, strict=True)):
            return
        raise RetraitAConfirmer


async def read_portee(conn: AsyncConnection, motifs: Sequence[int], maintenant: datetime) -> Portee:
    """What withdrawing ``motifs`` would reach, in every service."""
    ouvrent = select(MotifService.service_id).where(MotifService.motif_id.in_(motifs), MotifService.ouvert)
    services = await conn.execute(
        select(func.count(MotifService.service_id.distinct())).where(
            MotifService.motif_id.in_(motifs), MotifService.ouvert
        )
    )
    recoivent = await conn.execute(
        select(func.count(Delegation.service_delegue_id.distinct())).where(
            Delegation.etat == "acceptee",
            Delegation.au >= get_veille(maintenant),
            Delegation.motifs.op("&&")(cast(list(motifs), ARRAY(BigInteger))),
            Delegation.service_delegue_id.not_in(ouvrent),
        )
    )
    rdv = await conn.execute(
        select(func.count())
        .select_from(RendezVous)
        .where(
            RendezVous.motif_id.in_(motifs),
            RendezVous.etat == "prevu",
            # Only to read the index of days: a service west of Greenwich may still be the day before.
            RendezVous.jour >= maintenant.astimezone(UTC).date() - timedelta(days=1),
            RendezVous.debut > maintenant,
            RendezVous.anonymise_a.is_(None),
            RendezVous.etat != "option",
        )
    )
    return Portee(len(motifs), int(services.scalar_one()), int(rdv.scalar_one()), int(recoivent.scalar_one()))


async def set_actif(
    outils: Outils, auteur: Auteur, maintenant: datetime, motif_id: int, actif: bool, vus: str = ""
) -> str:
    """Withdraw a motif with everything below it, or put it back with what is above and below; its kind of service.

    ``vus``: what the page told of the withdrawal. No RDV is touched: those to come keep their motif. Raises
    Introuvable, RetraitAConfirmer.
    """

    async def travail(uow: UnitOfWork) -> str:
        type_code = str((await find_motif(uow.conn, motif_id))["type_service_code"])
        motifs = await read_type(uow.conn, type_code)
        noeuds = to_noeuds(motifs)
        branche = list_branche(noeuds, motif_id)
        touches = set(branche) | (set(noeuds[motif_id].ancetres) if actif else set())
        changes = [m for m in motifs if m["id"] in touches and m["actif"] is not actif]
        if not changes:
            return type_code
        if not actif:
            (await read_portee(uow.conn, branche, maintenant)).check(vus)
        ids = [m["id"] for m in changes]
        await uow.conn.execute(update(Motif).where(Motif.id.in_(ids)).values(actif=actif, revision=Motif.revision + 1))
        for m in changes:
            avant = to_faits(m, noeuds)
            action = "motif.remis" if actif else "motif.retire"
            await record_objet(
                uow, auteur, maintenant, action, "motif", m["id"], None, avant, {**avant, "actif": actif}
            )
        await announce(uow, type_code, ids)
        return type_code

    return await administrate(outils, auteur, travail, maintenant, action="motif.retire")
