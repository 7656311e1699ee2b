"""Whom to call before they come: SQL of the worklist « À rappeler » and of the box's contre-appels [A1 §3.2].

Expected RDV of services that the agent holds, that nobody has called yet or reached, on the days asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request
from sqlalchemy import and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.appels import tell_quand
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import TYPES, nom_agent
from app.booking.agents.saisie import national
from app.booking.chances import Chances
from app.booking.droits import scoped
from app.domain.contre_appel import A_REFAIRE, LIBELLES, Chance, Resultat, last_jour
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
from app.web.dates import heure, jour_court

#: No list is longer: what comes after it is not drawn, and says so.
LIGNES_MAX = 100
#: Rows read and ordered at most, the soonest first.
_LUES_MAX = 2000
#: The longest working fortnight with its holidays fits in it, in days.
_HORIZON = timedelta(days=45)


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


async def read_rappels(
    conn: AsyncConnection,
    agent_id: int,
    services: Sequence[ServiceAppels],
    *,
    moment: str = "",
    guichet_id: int | None = None,
) -> list[dict[str, Any]]:
    """Who is to be called, by hour, with the last try; one statement.

    ``moment`` (``matin``, ``apres-midi``): leaves out who prefers the other half-day. Only services where the agent
    holds the agenda, whatever ``services`` says.
    """
    if not services:
        return []
    dernier = (
        select(ContreAppel.resultat, ContreAppel.jour, ContreAppel.cree_a.label("appele_a"), Agent.prenom, Agent.nom)
        .join(Agent, Agent.id == ContreAppel.agent_id)
        .where(ContreAppel.rdv_id == RendezVous.id)
        .order_by(ContreAppel.id.desc())
        .limit(1)
        .lateral("dernier")
    )
    jours = [
        and_(RendezVous.service_id == s.id, RendezVous.jour > s.aujourdhui, RendezVous.jour <= s.dernier)
        for s in services
    ]
    requete = (
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
        )
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .outerjoin(dernier, true())
        .where(
            or_(*jours),
            RendezVous.etat == "prevu",
            RdvUsager.telephones != [],
            or_(dernier.c.resultat.is_(None), dernier.c.resultat.in_([r.value for r in A_REFAIRE])),
        )
        .order_by(RendezVous.debut, RendezVous.id)
        .limit(_LUES_MAX)
    )
    if moment:
        requete = requete.where(or_(RdvUsager.preference_appel.is_(None), RdvUsager.preference_appel == moment))
    if guichet_id is not None:
        requete = requete.where(RendezVous.guichet_id == guichet_id)
    return [dict(ligne) for ligne in (await conn.execute(scoped(requete, agent_id, "agenda"))).mappings()]


def get_chances(request: Request[Any, Any, Any]) -> Chances:
    """What this process knows of the day's figures."""
    connues: Chances | None = request.app.state.get("chances")
    if connues is None:
        connues = request.app.state.chances = Chances()
    return connues


def couples(lignes: Sequence[dict[str, Any]]) -> set[tuple[int, int]]:
    """(service, motif) of the rows: whose figures order them."""
    return {(ligne["service_id"], ligne["motif_id"]) for ligne in lignes}


def order_rappels(lignes: Sequence[dict[str, Any]], chances: dict[tuple[int, int], Chance]) -> list[dict[str, Any]]:
    """Motifs most often settled by phone first; then the soonest."""
    return sorted(lignes, key=lambda r: (-chances[(r["service_id"], r["motif_id"])].note, r["debut"], r["id"]))


def tell_rappel(ligne: dict[str, Any], service: ServiceAppels, chance: Chance) -> dict[str, Any]:
    """One row of the list, in words."""
    return {
        "id": ligne["id"],
        "nom": nom_agenda(ligne) or "Usager anonymisé",
        "contact": ligne["contact"],
        "service": service.libelle,
        "service_id": service.id,
        "motif_id": ligne["motif_id"],
        "jour": jour_court(ligne["jour"]),
        "heure": heure(ligne["debut"], service.zone),
        "motif": ligne["motif"],
        "type": TYPES[ligne["type_rdv"]],
        "telephones": [{"e164": t, "lu": national(t)} for t in ligne["telephones"]],
        "preference": ligne["preference_appel"] or "",
        "chance": tell_chance(chance),
        "essai": tell_essai(ligne, service),
    }


def tell_essai(ligne: dict[str, Any], service: ServiceAppels) -> str:
    """« Sans réponse : appelé lundi 23 novembre à 10:12 par Claire MOREL », "" when nobody has called yet."""
    if ligne["resultat"] is None:
        return ""
    quand = tell_quand({"jour": ligne["appele_le"], "cree_a": ligne["appele_a"]}, service.zone)
    qui = nom_agent(ligne["prenom"], ligne["nom"]) or "un agent"
    return f"{LIBELLES[Resultat(ligne['resultat'])][0]} : appelé {quand} par {qui}"


def tell_chance(chance: Chance) -> str:
    """« réglé par téléphone 7 fois sur 10 », or what is missing to say it."""
    if not chance.source:
        return "pas encore assez d’appels pour ce motif"
    fois = chance.sur_dix
    return f"réglé par téléphone {fois} fois sur 10" if fois else "presque jamais réglé par téléphone"
