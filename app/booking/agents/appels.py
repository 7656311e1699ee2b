"""The contre-appels and suites of one RDV: SQL, and the words of the partials that show them on every screen.

Each statement asks the right again: the service that receives the RDV, or the one that entrusted it [G 2.3.5].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.mots import nom_agent
from app.booking.droits import scoped
from app.domain.contre_appel import LIBELLES, Resultat
from app.domain.suite_donnee import LIBELLES as SUITES
from app.domain.suite_donnee import NatureSuite
from app.tables import Agent, ContreAppel, RendezVous, Suite
from app.web.dates import heure, jour_moyen


async def read_contre_appels(conn: AsyncConnection, agent_id: int, rdv_id: int) -> list[dict[str, Any]]:
    """The calls made about a RDV, the last one first; none when it is not his."""
    requete = (
        select(
            ContreAppel.id,
            ContreAppel.jour,
            ContreAppel.resultat,
            ContreAppel.commentaire,
            ContreAppel.annule_rdv,
            ContreAppel.cree_a,
            Agent.prenom,
            Agent.nom,
        )
        .join(RendezVous, RendezVous.id == ContreAppel.rdv_id)
        .join(Agent, Agent.id == ContreAppel.agent_id)
        .where(ContreAppel.rdv_id == rdv_id)
        .order_by(ContreAppel.id.desc())
    )
    lignes = await conn.execute(scoped(requete, agent_id, "agenda", origine=True))
    return [dict(ligne) for ligne in lignes.mappings()]


async def read_suites(conn: AsyncConnection, agent_id: int, rdv_id: int) -> list[dict[str, Any]]:
    """What followed the visit, oldest first; none when the RDV is not his."""
    requete = (
        select(Suite.id, Suite.nature, Suite.reference, Suite.note, Suite.cree_a, Agent.prenom, Agent.nom)
        .join(RendezVous, RendezVous.id == Suite.rdv_id)
        .join(Agent, Agent.id == Suite.agent_id)
        .where(Suite.rdv_id == rdv_id)
        .order_by(Suite.id)
    )
    lignes = await conn.execute(scoped(requete, agent_id, "agenda", origine=True))
    return [dict(ligne) for ligne in lignes.mappings()]


def tell_contre_appels(lignes: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The shape of ``_contre_appels.html``."""
    return [
        {
            "id": ligne["id"],
            "resultat": ligne["resultat"],
            "libelle": LIBELLES[Resultat(ligne["resultat"])][0],
            "quand": tell_quand(ligne, zone),
            "qui": nom_agent(ligne["prenom"], ligne["nom"]),
            "commentaire": ligne["commentaire"],
            "annule": ligne["annule_rdv"],
        }
        for ligne in lignes
    ]


def tell_quand(appel: Mapping[str, Any], zone: ZoneInfo) -> str:
    """« lundi 23 novembre à 10:12 », or the day alone when it was recorded another day than it was made."""
    note: datetime = appel["cree_a"].astimezone(zone)
    if note.date() == appel["jour"]:
        return f"{jour_moyen(appel['jour'])} à {heure(note, zone)}"
    return jour_moyen(appel["jour"])


def tell_suites(lignes: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The shape of ``_suites.html``; ``phrase`` is what the usager reads."""
    suites = []
    for ligne in lignes:
        libelle, _, phrase = SUITES[NatureSuite(ligne["nature"])]
        a: datetime = ligne["cree_a"].astimezone(zone)
        suites.append(
            {
                "id": ligne["id"],
                "nature": ligne["nature"],
                "libelle": libelle,
                "phrase": phrase,
                "reference": ligne["reference"],
                "note": ligne["note"],
                "quand": f"{jour_moyen(a.date())} à {heure(a, zone)}",
                "qui": nom_agent(ligne["prenom"], ligne["nom"]),
            }
        )
    return suites
