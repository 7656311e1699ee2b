"""What the pages of delegations read: one statement for all of a service, the right in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Date, bindparam, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.vie_delegation import Accord, Etape, find_etape
from app.tables import Delegation, Motif, MotifService, ServiceFiscal

_LISTE = text(
    """
    SELECT d.*, a.libelle AS libelle, a.ville AS ville, b.libelle AS libelle_delegue, b.ville AS ville_delegue,
           (SELECT array_agg(m.libelle ORDER BY m.ordre, m.id) FROM motif m WHERE m.id = ANY(d.motifs)) AS mots,
           (SELECT array_agg(NOT m.actif ORDER BY m.ordre, m.id) FROM motif m WHERE m.id = ANY(d.motifs)) AS retires,
           (SELECT count(*) FROM rendez_vous r
             WHERE r.delegation_id = d.id AND r.jour >= :aujourdhui
               AND r.etat IN ('prevu', 'arrive', 'appele', 'recu')) AS a_venir,
           p.libelle AS par
      FROM delegation d
      JOIN service_fiscal a ON a.id = d.service_id
      JOIN service_fiscal b ON b.id = d.service_delegue_id
      LEFT JOIN service_fiscal p ON p.id = d.decide_par_service_id
     WHERE :service IN (d.service_id, d.service_delegue_id)
       AND (:id = 0 OR d.id = :id)
       AND EXISTS (SELECT FROM acces x
                    WHERE x.agent_id = :agent AND x.module = 'organiser' AND x.service_id = :service)
     ORDER BY (d.etat IN ('proposee', 'acceptee') AND d.au >= :aujourdhui) DESC, d.du, d.id
    """
).bindparams(
    *(bindparam(nom, type_=BigInteger) for nom in ("service", "agent", "id")),
    bindparam("aujourdhui", type_=Date),
)
_COMPTES = text(
    """
    SELECT count(*) FILTER (WHERE d.service_id = :service AND d.etat = 'acceptee') AS confiees,
           count(*) FILTER (WHERE d.service_delegue_id = :service AND d.etat = 'acceptee') AS recues,
           count(*) FILTER (WHERE d.service_id = :service AND d.etat = 'proposee') AS en_attente,
           count(*) FILTER (WHERE d.service_delegue_id = :service AND d.etat = 'proposee') AS a_repondre
      FROM delegation d
     WHERE :service IN (d.service_id, d.service_delegue_id) AND d.au >= :aujourdhui
    """
).bindparams(bindparam("service", type_=BigInteger), bindparam("aujourdhui", type_=Date))


@dataclass(frozen=True, slots=True)
class DelegationLue:
    """A delegation as the screens of one of its two services show it, on one day.

    ``mots``: the motifs in words, and in ``retires`` which of them left the national catalogue; ``a_venir``: RDV taken
    under it that are still to come, at the service that receives; ``reponse`` and ``par``: what was written with its
    last decision, and by which service.
    """

    id: int
    service_id: int
    libelle: str
    ville: str
    service_delegue_id: int
    libelle_delegue: str
    ville_delegue: str
    motifs: tuple[int, ...]
    mots: tuple[str, ...]
    retires: tuple[bool, ...]
    du: date
    au: date
    quota_jour: int | None
    etat: str
    etape: Etape
    cree_a: datetime
    decide_a: datetime | None
    message: str
    reponse: str
    par: str
    a_venir: int
    revision: int

    def is_recue(self, service_id: int) -> bool:
        """True seen from the service that receives, False from the one that delegates."""
        return service_id == self.service_delegue_id

    @property
    def is_vide(self) -> bool:
        """True when no motif of it is left in the national catalogue: it gives nothing."""
        return all(self.retires)

    def get_autre(self, service_id: int) -> int:
        """The other service."""
        return self.service_id if self.is_recue(service_id) else self.service_delegue_id


class Comptes(NamedTuple):
    """How many are alive: accepted ones given and received; proposals that wait for the other, and for us."""

    confiees: int
    recues: int
    en_attente: int
    a_repondre: int


def _build(ligne: Mapping[str, Any], aujourdhui: date) -> DelegationLue:
    arretee = ligne["acceptee_a"] is not None
    return DelegationLue(
        id=ligne["id"],
        service_id=ligne["service_id"],
        libelle=ligne["libelle"],
        ville=ligne["ville"],
        service_delegue_id=ligne["service_delegue_id"],
        libelle_delegue=ligne["libelle_delegue"],
        ville_delegue=ligne["ville_delegue"],
        motifs=tuple(ligne["motifs"]),
        mots=tuple(ligne["mots"] or ()),
        retires=tuple(ligne["retires"] or ()),
        du=ligne["du"],
        au=ligne["au"],
        quota_jour=ligne["quota_jour"],
        etat=ligne["etat"],
        etape=find_etape(ligne["etat"], ligne["du"], ligne["au"], aujourdhui, arretee=arretee),
        cree_a=ligne["cree_a"],
        decide_a=ligne["decide_a"],
        message=ligne["message"],
        reponse=ligne["reponse"],
        par=ligne["par"] or "",
        a_venir=ligne["a_venir"],
        revision=ligne["revision"],
    )


async def read_delegations(
    conn: AsyncConnection, agent_id: int, service_id: int, aujourdhui: date, *, delegation_id: int = 0
) -> list[DelegationLue]:
    """Those that the service gives or receives, the open ones first; none when the agent does not organise it."""
    parametres = {"service": service_id, "agent": agent_id, "aujourdhui": aujourdhui, "id": delegation_id}
    lignes = (await conn.execute(_LISTE, parametres)).mappings()
    return [_build(dict(ligne), aujourdhui) for ligne in lignes]


async def read_delegation(
    conn: AsyncConnection, agent_id: int, service_id: int, delegation_id: int, aujourdhui: date
) -> DelegationLue | None:
    """One of them, or None."""
    if not 0 < delegation_id < 2**63:
        return None
    trouvees = await read_delegations(conn, agent_id, service_id, aujourdhui, delegation_id=delegation_id)
    return trouvees[0] if trouvees else None


async def count_delegations(conn: AsyncConnection, service_id: int, aujourdhui: date) -> Comptes:
    """For the first page of « Organiser »: one statement."""
    ligne = (await conn.execute(_COMPTES, {"service": service_id, "aujourdhui": aujourdhui})).one()
    return Comptes(*ligne)


async def read_accords(conn: AsyncConnection, service_id: int, delegue_id: int, sauf: int = 0) -> list[Accord]:
    """What the first has entrusted to the second, accepted, whatever its dates; ``sauf``: but that one."""
    table = Delegation
    lignes = await conn.execute(
        select(table.id, table.motifs, table.du, table.au).where(
            table.service_id == service_id,
            table.service_delegue_id == delegue_id,
            table.etat == "acceptee",
            table.id != sauf,
        )
    )
    return [Accord(ident, frozenset(motifs), du, au) for ident, motifs, du, au in lignes]


async def read_motifs_propres(conn: AsyncConnection, service_id: int) -> frozenset[int]:
    """The motifs of the service's own catalogue: not those that it merely receives from another."""
    lignes = await conn.execute(
        select(Motif.id)
        .join(ServiceFiscal, ServiceFiscal.id == service_id)
        .outerjoin(MotifService, (MotifService.motif_id == Motif.id) & (MotifService.service_id == ServiceFiscal.id))
        .where(or_(Motif.type_service_code == ServiceFiscal.type_code, MotifService.service_id.is_not(None)))
    )
    return frozenset(lignes.scalars())


async def read_libelles(conn: AsyncConnection, motifs: Sequence[int]) -> dict[int, str]:
    """Motif → its words, in the order of the catalogue."""
    lignes = await conn.execute(
        select(Motif.id, Motif.libelle).where(Motif.id.in_(motifs)).order_by(Motif.ordre, Motif.id)
    )
    return {ligne.id: ligne.libelle for ligne in lignes}
