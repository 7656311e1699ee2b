"""The day of a perimeter, service by service, in one statement: figures, versions and total come from one snapshot.

Each service counts its own local day. The version is the one of ``compteurs.read_compteurs``: the sum of the agenda
versions, so that a page knows an older frame from its own state.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, RowMapping, Text, bindparam, cast, func, select, true
from sqlalchemy.dialects.postgresql import DATE
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.horaires import get_cadran
from app.domain.vocabulaire import ANNULES, COMPTES
from app.errors import AccesRefuse
from app.pilotage.compteurs import ETATS, split_perimetre
from app.pilotage.perimetres import HORS_PERIMETRE
from app.tables import Agenda, CompteurJour, Departement, ServiceFiscal
from app.tables.vues import acces_pilotage

#: Rows of one page of the table.
PAR_PAGE: Final = 50
PARIS: Final = ZoneInfo("Europe/Paris")
#: The columns of the table, in the order of a visit: the counters above it, then the cancelled.
COMPTES_PILOTAGE: Final = (*COMPTES, ANNULES)


def total_of(par_etat: Mapping[str, int]) -> int:
    """Rendez-vous of the day: all states but the cancelled ones."""
    return sum(par_etat[etat] for etat in ETATS if etat != "annule")


def count_of(par_etat: Mapping[str, int]) -> dict[str, int]:
    """Counters of the day by key."""
    return {compte.cle: compte.count(par_etat) for compte in COMPTES_PILOTAGE}


@dataclass(frozen=True, slots=True)
class LigneService:
    """One service on its local day, its figures by state."""

    id: int
    libelle: str
    sages: str
    ville: str
    departement: str
    zone: ZoneInfo
    jour: date
    ferme: bool
    version: int
    par_etat: Mapping[str, int]

    @property
    def total(self) -> int:
        """All but the cancelled."""
        return total_of(self.par_etat)

    @property
    def comptes(self) -> dict[str, int]:
        """Its counters by key."""
        return count_of(self.par_etat)

    @property
    def ordre(self) -> tuple[str, int]:
        """By name, without accents nor case, as a person reads a list."""
        plie = unicodedata.normalize("NFKD", self.libelle).casefold()
        return "".join(c for c in plie if not unicodedata.combining(c)), self.id


@dataclass(frozen=True, slots=True)
class JourPerimetre:
    """Every service of the perimeter, by name. A closed one stays as long as it has rendez-vous today."""

    lignes: tuple[LigneService, ...]
    version: int
    par_etat: Mapping[str, int]
    maintenant: datetime

    @property
    def total(self) -> int:
        """All but the cancelled."""
        return total_of(self.par_etat)

    @property
    def comptes(self) -> dict[str, int]:
        """Its counters by key."""
        return count_of(self.par_etat)

    @property
    def zones(self) -> frozenset[ZoneInfo]:
        """Zones of its services; Paris when there is none."""
        return frozenset(ligne.zone for ligne in self.lignes) or frozenset({PARIS})

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the page's clock: that of the services when they share one, else Paris."""
        return next(iter(self.zones)) if len(self.zones) == 1 else PARIS

    @property
    def jour(self) -> date:
        """Today, by the page's clock."""
        return self.maintenant.astimezone(self.zone).date()

    @property
    def bornes(self) -> tuple[int, int]:
        """Minutes since the Unix epoch between which the figures stand for these days: no service changes day."""
        cadrans = [get_cadran(self.maintenant.astimezone(zone).date(), zone) for zone in self.zones]
        return max(c.debut for c in cadrans), min(c.fin for c in cadrans)


def _inside(perimetre: str) -> ColumnElement[bool]:
    genre, valeur = split_perimetre(perimetre)
    if genre == "service":
        return ServiceFiscal.id == int(valeur)
    if genre == "departement":
        return ServiceFiscal.departement == valeur
    if genre == "interregion":
        return Departement.interregion_id == int(valeur)
    return true()


async def read_jour(conn: AsyncConnection, agent_id: int, perimetre: str, maintenant: datetime) -> JourPerimetre:
    """The day of every service of ``perimetre``, for an agent who steers it (view ``acces_pilotage``).

    Raises AccesRefuse when he does not (any more), ValueError on a malformed perimeter.
    """
    droit = (
        select(acces_pilotage.c.perimetre)
        .where(acces_pilotage.c.agent_id == agent_id, acces_pilotage.c.perimetre == perimetre)
        .subquery("permis")
    )
    local = func.timezone(ServiceFiscal.fuseau, bindparam("maintenant", maintenant))
    visee = (
        select(
            ServiceFiscal.id,
            ServiceFiscal.libelle,
            ServiceFiscal.sages,
            ServiceFiscal.ville,
            ServiceFiscal.departement,
            ServiceFiscal.fuseau,
            ServiceFiscal.ferme_a.is_not(None).label("ferme"),
            Agenda.version,
            cast(local, DATE).label("jour"),
        )
        .join(Departement, Departement.code == ServiceFiscal.departement)
        .join(Agenda, Agenda.service_id == ServiceFiscal.id)
        .where(_inside(perimetre))
        .cte("visee")
    )
    comptes = (
        select(
            CompteurJour.service_id,
            func.jsonb_object_agg(cast(CompteurJour.etat, Text), CompteurJour.nombre).label("par_etat"),
        )
        .join(visee, (visee.c.id == CompteurJour.service_id) & (visee.c.jour == CompteurJour.jour))
        .group_by(CompteurJour.service_id)
        .cte("comptes")
    )
    requete = (
        select(visee, comptes.c.par_etat)
        .select_from(droit)
        .outerjoin(visee, true())
        .outerjoin(comptes, comptes.c.service_id == visee.c.id)
    )
    lues = (await conn.execute(requete)).mappings().all()
    if not lues:  # one row at least, of nulls, in a perimeter without services
        raise AccesRefuse(HORS_PERIMETRE)
    lignes = [_ligne(ligne) for ligne in lues if ligne["id"] is not None]
    return JourPerimetre(
        lignes=tuple(sorted((ligne for ligne in lignes if not ligne.ferme or any(ligne.par_etat.values())), key=_nom)),
        version=sum(ligne.version for ligne in lignes),
        par_etat={etat: sum(ligne.par_etat[etat] for ligne in lignes) for etat in ETATS},
        maintenant=maintenant,
    )


def _nom(ligne: LigneService) -> tuple[str, int]:
    return ligne.ordre


def _ligne(ligne: RowMapping) -> LigneService:
    comptes = ligne["par_etat"] or {}
    return LigneService(
        id=ligne["id"],
        libelle=ligne["libelle"],
        sages=ligne["sages"],
        ville=ligne["ville"],
        departement=ligne["departement"],
        zone=ZoneInfo(ligne["fuseau"]),
        jour=ligne["jour"],
        ferme=ligne["ferme"],
        version=ligne["version"],
        par_etat={etat: comptes.get(etat, 0) for etat in ETATS},
    )


@dataclass(frozen=True, slots=True)
class Tri:
    """How the table is ordered and cut: from the address, hence from anybody. Unknown words mean the default."""

    colonne: str = "service"
    descendant: bool = False
    page: int = 1

    @classmethod
    def parse(cls, tri: str, sens: str, page: str) -> Tri:
        """Read ``?tri=&sens=&page=``. Figures come largest first unless told otherwise, names from A."""
        colonne = tri if tri in COLONNES else "service"
        descendant = sens == "desc" if sens in ("asc", "desc") else colonne != "service"
        numero = int(page) if page.isascii() and page.isdecimal() and len(page) <= 6 else 1
        return cls(colonne, descendant, max(1, numero))

    def query(self, **changes: Any) -> str:
        """The address's query for this order, changed: only what differs from the default is written."""
        voulu = Tri(
            changes.get("colonne", self.colonne),
            changes.get("descendant", self.descendant),
            changes.get("page", self.page),
        )
        parts = []
        if voulu.colonne != "service" or voulu.descendant:
            parts.append(f"tri={voulu.colonne}&sens={'desc' if voulu.descendant else 'asc'}")
        if voulu.page > 1:
            parts.append(f"page={voulu.page}")
        return "?" + "&".join(parts) if parts else ""


COLONNES: Final = ("service", "total", *(compte.cle for compte in COMPTES_PILOTAGE))


def sort_lignes(lignes: Sequence[LigneService], tri: Tri) -> list[LigneService]:
    """The rows in the order asked for; equal figures stay in the order of names."""
    if tri.colonne == "service":
        return sorted(lignes, key=_nom, reverse=tri.descendant)
    signe = -1 if tri.descendant else 1

    def cle(ligne: LigneService) -> tuple[int, tuple[str, int]]:
        valeur = ligne.total if tri.colonne == "total" else ligne.comptes[tri.colonne]
        return signe * valeur, ligne.ordre

    return sorted(lignes, key=cle)
