"""Whom to call before they come: SQL of the worklist « À rappeler » and of the box's contre-appels [A1 §3.2].

Expected RDV of services that the agent holds, that nobody has called yet or reached, on the days asked for. They are
counted by motif without anybody's name; then the figures of these motifs order them, and only the rows drawn are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import LateralFromClause

from app.booking.droits import scoped
from app.domain.contre_appel import A_REFAIRE, Chance, last_jour
from app.domain.horaires import get_cadran
from app.feries import feries
from app.tables import (
    Agenda,
    Agent,
    ContreAppel,
    Epoque,
    Motif,
    RdvUsager,
    RendezVous,
    ServiceFiscal,
)
from app.tables.vues import acces

#: The longest working fortnight with its holidays fits in it, in days.
_HORIZON: Final = timedelta(days=45)

#: (service, motif).
Couple = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ServiceAppels:
    """A service whose people may be called: its days, half-open by its local today, and its agenda's version."""

    id: int
    libelle: str
    zone: ZoneInfo
    version: int
    aujourdhui: date
    dernier: date

    @property
    def du(self) -> int:
        """When tomorrow begins there, in minutes since the Unix epoch: the list changes then too."""
        return get_cadran(self.aujourdhui + timedelta(days=1), self.zone).debut

    @property
    def au(self) -> int:
        """When the last day ends there, in minutes since the Unix epoch."""
        return get_cadran(self.dernier, self.zone).fin


@dataclass(frozen=True, slots=True)
class Recherche:
    """Whose calls: these services, one guichet of theirs, those who do not prefer the other half-day.

    ``moment``: ``matin``, ``apres-midi``, or "" for everybody. The agent's own right is asked for in each statement,
    whatever ``services`` says.
    """

    agent_id: int
    services: Sequence[ServiceAppels]
    moment: str = ""
    guichet_id: int | None = None


def place_service(
    ident: int, libelle: str, zone: ZoneInfo, version: int, departement: str, maintenant: datetime, jours: int
) -> ServiceAppels:
    """The service with the days from tomorrow to the ``jours``-th working day after today, where it is."""
    aujourdhui = maintenant.astimezone(zone).date()
    dernier = last_jour(aujourdhui, jours, feries(departement, aujourdhui, aujourdhui + _HORIZON))
    return ServiceAppels(ident, libelle, zone, version, aujourdhui, dernier)


async def read_zone(
    conn: AsyncConnection, agent_id: int, maintenant: datetime, jours: int
) -> tuple[list[ServiceAppels], str]:
    """The services of the agent's zone by label, at their versions, and the database's epoch."""
    requete = (
        select(
            ServiceFiscal.id,
            ServiceFiscal.libelle,
            ServiceFiscal.fuseau,
            ServiceFiscal.departement,
            Agenda.version,
            select(Epoque.valeur).scalar_subquery(),
        )
        .join(Agenda, Agenda.service_id == ServiceFiscal.id)
        .join(acces, acces.c.service_id == ServiceFiscal.id)
        .where(acces.c.agent_id == agent_id, acces.c.module == "agenda", ServiceFiscal.ferme_a.is_(None))
        .order_by(ServiceFiscal.libelle, ServiceFiscal.id)
    )
    lignes = (await conn.execute(requete)).all()
    services = [
        place_service(ident, libelle, ZoneInfo(fuseau), version, departement, maintenant, jours)
        for ident, libelle, fuseau, departement, version, _ in lignes
    ]
    return services, lignes[0][5] if lignes else ""


async def count_rappels(conn: AsyncConnection, recherche: Recherche) -> dict[Couple, int]:
    """How many people are to be called, by service and motif, exactly; nobody's name is read."""
    if not recherche.services:
        return {}
    requete = _restrict(
        select(RendezVous.service_id, RendezVous.motif_id, func.count()), recherche, _last_call(ContreAppel.resultat)
    ).group_by(RendezVous.service_id, RendezVous.motif_id)
    return {(service, motif): nombre for service, motif, nombre in await conn.execute(requete)}


async def read_rappels(
    conn: AsyncConnection, recherche: Recherche, chances: Mapping[Couple, Chance], limite: int
) -> list[dict[str, Any]]:
    """The ``limite`` first to call, with the last try: motifs most often settled by phone first, then the soonest.

    Only those whose motif has its figure in ``chances``.
    """
    if not recherche.services or not chances:
        return []
    dernier = _last_call(
        ContreAppel.resultat, ContreAppel.jour, ContreAppel.cree_a.label("appele_a"), Agent.prenom, Agent.nom
    )
    notes = _tabulate(chances)
    requete = (
        _restrict(
            select(
                RendezVous.id,
                RendezVous.service_id,
                RendezVous.motif_id,
                RendezVous.type_rdv,
                RendezVous.debut,
                RendezVous.jour,
                RdvUsager.nature,
                RdvUsager.nom_usage,
                RdvUsager.prenoms,
                RdvUsager.raison_sociale,
                RdvUsager.contact,
                RdvUsager.telephones,
                RdvUsager.preference_appel,
                Motif.libelle.label("motif"),
                dernier.c.resultat,
                dernier.c.jour.label("appele_le"),
                dernier.c.appele_a,
                dernier.c.prenom,
                dernier.c.nom,
            ),
            recherche,
            dernier,
        )
        .join(Motif, Motif.id == RendezVous.motif_id)
        .join(notes, and_(notes.c.service_id == RendezVous.service_id, notes.c.motif_id == RendezVous.motif_id))
        .order_by(notes.c.note.desc(), RendezVous.debut, RendezVous.id)
        .limit(limite)
    )
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


def _last_call(*colonnes: Any) -> LateralFromClause:
    """These columns of the last call about the RDV of the row, and who made it."""
    return (
        select(*colonnes)
        .join(Agent, Agent.id == ContreAppel.agent_id)
        .where(ContreAppel.rdv_id == RendezVous.id)
        .order_by(ContreAppel.id.desc())
        .limit(1)
        .lateral("dernier")
    )


def _restrict(requete: Select[*tuple[Any, ...]], recherche: Recherche, dernier: FromClause) -> Select[*tuple[Any, ...]]:
    """The statement about ``RendezVous``, for those that are still to be called."""
    jours = [
        and_(RendezVous.service_id == s.id, RendezVous.jour > s.aujourdhui, RendezVous.jour <= s.dernier)
        for s in recherche.services
    ]
    conditions: list[ColumnElement[bool]] = [
        or_(*jours),
        RendezVous.etat == "prevu",
        RdvUsager.telephones != [],
        or_(dernier.c.resultat.is_(None), dernier.c.resultat.in_([r.value for r in A_REFAIRE])),
    ]
    if recherche.moment:
        conditions.append(or_(RdvUsager.preference_appel.is_(None), RdvUsager.preference_appel == recherche.moment))
    if recherche.guichet_id is not None:
        conditions.append(RendezVous.guichet_id == recherche.guichet_id)
    restreinte = (
        requete.select_from(RendezVous)
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .outerjoin(dernier, true())
        .where(*conditions)
    )
    return scoped(restreinte, recherche.agent_id, "agenda")


def _tabulate(chances: Mapping[Couple, Chance]) -> FromClause:
    """The figures as a table of the statement: three arrays, however many rows."""
    services, motifs = zip(*chances, strict=True)
    notes = [chance.note for chance in chances.values()]
    return (
        func.unnest(
            bindparam("services", list(services), ARRAY(BigInteger)),
            bindparam("motifs", list(motifs), ARRAY(BigInteger)),
            bindparam("notes", notes, ARRAY(Double)),
        )
        .table_valued(
            column("service_id", BigInteger), column("motif_id", BigInteger), column("note", Double), name="chances"
        )
        .render_derived()
    )
