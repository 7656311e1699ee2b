"""SQL of the lists of RDV: the zone, the rows of a page, those of an export. The rights are in each statement.

Limits are written in the statements, not given: a plan kept for any limit would read whole tables to join a page.

The services asked for are given with the right, which is asked again: the former let the indexes be used, the latter
decides.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    and_,
    any_,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlalchemy.types import BigInteger

from app.booking.agents.liste_filtres import Filtre
from app.booking.droits import scoped
from app.errors import AccesRefuse
from app.tables import (
    Agenda,
    ContreAppel,
    Epoque,
    Guichet,
    Motif,
    MotifService,
    Passage,
    RdvUsager,
    RendezVous,
    ServiceFiscal,
)
from app.tables.vues import acces

PHRASE_ZONE: Final = "Aucun service n’est rattaché à votre compte : vous n’avez pas de liste de rendez-vous."
_epoque = select(Epoque.valeur).scalar_subquery()


@dataclass(frozen=True, slots=True)
class ServiceZone:
    """A service whose agenda the agent holds. ``recoit``: he may note presence there."""

    id: int
    libelle: str
    zone: ZoneInfo
    departement: str
    version: int
    epoque: str
    recoit: bool


async def read_zone(conn: AsyncConnection, agent_id: int) -> tuple[ServiceZone, ...]:
    """The services of the zone de compétence by name, each at its version. Raises AccesRefuse when there is none."""
    recoit = exists().where(
        acces.c.agent_id == agent_id, acces.c.module == "accueil", acces.c.service_id == ServiceFiscal.id
    )
    requete = (
        select(
            ServiceFiscal.id,
            ServiceFiscal.libelle,
            ServiceFiscal.fuseau,
            ServiceFiscal.departement,
            Agenda.version,
            _epoque,
            recoit,
        )
        .join(Agenda, Agenda.service_id == ServiceFiscal.id)
        .where(
            ServiceFiscal.id.in_(
                select(acces.c.service_id).where(acces.c.agent_id == agent_id, acces.c.module == "agenda")
            )
        )
        .order_by(ServiceFiscal.libelle, ServiceFiscal.id)
    )
    services = tuple(
        ServiceZone(ident, libelle, ZoneInfo(fuseau), departement, version, epoque, recu)
        for ident, libelle, fuseau, departement, version, epoque, recu in await conn.execute(requete)
    )
    if not services:
        raise AccesRefuse(PHRASE_ZONE)
    return services


def _parmi(services: Sequence[int]) -> Any:
    return any_(literal(list(services), ARRAY(BigInteger)))


async def read_choix(conn: AsyncConnection, services: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """What the filters offer: the guichets (id, nom, service_id) and the motifs (id, libelle) of these services."""
    guichets = await conn.execute(
        select(Guichet.id, Guichet.nom, Guichet.service_id)
        .where(Guichet.service_id == _parmi(services))
        .order_by(Guichet.service_id, Guichet.ordre, Guichet.id)
    )
    motifs = await conn.execute(
        select(Motif.id, Motif.libelle)
        .where(Motif.id.in_(select(MotifService.motif_id).where(MotifService.service_id == _parmi(services))))
        .order_by(Motif.libelle, Motif.id)
    )
    return list(guichets), list(motifs)


_RECEVEUR: Final = aliased(ServiceFiscal)
_ORIGINE: Final = aliased(ServiceFiscal)
#: The date of the last contre-appel [A1 §3.2].
_CONTRE_APPEL: Final = (
    select(func.max(ContreAppel.jour)).where(ContreAppel.rdv_id == RendezVous.id).correlate(RendezVous)
).scalar_subquery()
_ORDRE_ETATS: Final = ("prevu", "arrive", "appele", "recu", "termine", "non_honore", "annule")
_TRIS: Final[Mapping[str, tuple[Any, ...]]] = {
    "date": (RendezVous.debut,),
    "service": (_RECEVEUR.libelle, RendezVous.debut),
    "usager": (func.coalesce(RdvUsager.recherche, ""), RendezVous.debut),
    "type": (RendezVous.type_rdv, RendezVous.debut),
    "guichet": (_RECEVEUR.libelle, Guichet.ordre, RendezVous.debut),
    "contre-appel": (_CONTRE_APPEL, RendezVous.debut),
    "etat": (case({etat: i for i, etat in enumerate(_ORDRE_ETATS)}, value=RendezVous.etat, else_=9), RendezVous.debut),
}
_JOINTS: Final = frozenset({"service", "usager", "guichet"})


def _filter(requete: Any, filtre: Filtre, agent_id: int, services: Sequence[int]) -> Any:
    """The RDV of the filter among those of ``services``, or that one of them has entrusted [G 2.3.5]."""
    parmi = _parmi([filtre.service] if filtre.service else services)
    requete = scoped(requete, agent_id, "agenda", origine=True).where(
        or_(RendezVous.service_id == parmi, RendezVous.service_origine_id == parmi),
        RendezVous.jour.between(filtre.du, filtre.au),
        RendezVous.etat != "option",
    )
    if filtre.guichet:  # who entrusts a RDV knows no guichet of the other one
        requete = requete.where(RendezVous.guichet_id == filtre.guichet, RendezVous.service_id == _parmi(services))
    if filtre.etat != "tous":
        requete = requete.where(RendezVous.etat == filtre.etat if filtre.etat else RendezVous.etat != "annule")
    if filtre.type:
        requete = requete.where(RendezVous.type_rdv == filtre.type)
    if filtre.motif:
        requete = requete.where(RendezVous.motif_id == filtre.motif)
    return requete


async def count_rdv(conn: AsyncConnection, agent_id: int, filtre: Filtre, services: Sequence[int]) -> int:
    """How many RDV the filter designates."""
    requete = _filter(select(func.count()).select_from(RendezVous), filtre, agent_id, services)
    return int((await conn.execute(requete)).scalar_one())


def select_lignes(ids: Any) -> Select[*tuple[Any, ...]]:
    """The facts of the rows of a list, for the RDV whose ids are in the subquery ``ids`` (column ``id``)."""
    return (
        select(
            RendezVous.id,
            RendezVous.code,
            RendezVous.service_id,
            RendezVous.service_origine_id,
            RendezVous.guichet_id,
            RendezVous.type_rdv,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.jour,
            RendezVous.etat,
            Guichet.nom.label("guichet_nom"),
            Motif.libelle.label("motif"),
            _RECEVEUR.libelle.label("receveur_libelle"),
            _RECEVEUR.fuseau.label("receveur_fuseau"),
            _RECEVEUR.adresse.label("receveur_adresse"),
            _RECEVEUR.code_postal.label("receveur_code_postal"),
            _RECEVEUR.ville.label("receveur_ville"),
            _ORIGINE.libelle.label("origine_libelle"),
            RdvUsager.nature,
            RdvUsager.nom_usage,
            RdvUsager.prenoms,
            RdvUsager.raison_sociale,
            RdvUsager.telephones,
            Passage.arrivee_a,
            Passage.appel_a,
            Passage.reception_a,
            Passage.fin_a,
            _CONTRE_APPEL.label("contre_appel"),
        )
        .select_from(ids)
        .join(RendezVous, RendezVous.id == ids.c.id)
        .join(Guichet, Guichet.id == RendezVous.guichet_id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .join(_RECEVEUR, _RECEVEUR.id == RendezVous.service_id)
        .outerjoin(_ORIGINE, _ORIGINE.id == RendezVous.service_origine_id)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .outerjoin(Passage, Passage.rdv_id == RendezVous.id)
    )


def _order(filtre: Filtre) -> list[ColumnElement[Any]]:
    colonnes = (*_TRIS[filtre.tri], RendezVous.id)
    return [(c.desc() if filtre.descendant else c.asc()).nulls_last() for c in colonnes]


async def read_page(
    conn: AsyncConnection, agent_id: int, filtre: Filtre, services: Sequence[int]
) -> list[dict[str, Any]]:
    """The rows of one page, in the order of its column. The rows to show are chosen before anything is joined."""
    page = _filter(select(RendezVous.id), filtre, agent_id, services)
    if filtre.tri in _JOINTS:
        page = (
            page.join(_RECEVEUR, _RECEVEUR.id == RendezVous.service_id)
            .join(Guichet, Guichet.id == RendezVous.guichet_id)
            .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        )
    page = (
        page.order_by(*_order(filtre))
        .limit(literal_column(str(filtre.lignes)))
        .offset((filtre.page - 1) * filtre.lignes)
    )
    lignes = await conn.execute(select_lignes(page.cte("page")).order_by(*_order(filtre)))
    return [dict(ligne) for ligne in lignes.mappings()]


async def read_ids(conn: AsyncConnection, agent_id: int, filtre: Filtre, services: Sequence[int]) -> array[int]:
    """The RDV that an export is to hold, by day and hour, as they are at one instant: eight bytes each."""
    ids = _filter(select(RendezVous.id, RendezVous.jour, RendezVous.debut), filtre, agent_id, services).subquery("ids")
    ordre: ColumnElement[Any] = aggregate_order_by(literal_column("''::bytea"), ids.c.jour, ids.c.debut, ids.c.id)
    octets = (await conn.execute(select(func.string_agg(func.int8send(ids.c.id), ordre, type_=LargeBinary)))).scalar()
    lus = array("q", octets or b"")
    if sys.byteorder == "little":
        lus.byteswap()
    return lus


async def read_lot(
    conn: AsyncConnection, agent_id: int, ids: Sequence[int], services: Sequence[int]
) -> list[dict[str, Any]]:
    """Those of these RDV that are still the agent's to read, in the order of ``ids``, as they are now."""
    lot = scoped(select(RendezVous.id), agent_id, "agenda", origine=True).where(
        RendezVous.id == _parmi(ids), designates(services)
    )
    lignes = {ligne["id"]: dict(ligne) for ligne in (await conn.execute(select_lignes(lot.cte("lot")))).mappings()}
    return [lignes[ident] for ident in ids if ident in lignes]


def designates(services: Sequence[int]) -> ColumnElement[bool]:
    """RDV of these services, or that they have entrusted: for statements that carry the right besides."""
    parmi = _parmi(services)
    return and_(
        or_(RendezVous.service_id == parmi, RendezVous.service_origine_id == parmi), RendezVous.etat != "option"
    )
