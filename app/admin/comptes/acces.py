"""« Qui a accès à quoi »: agents × modules of one service, or everything that one agent may do, with the reason why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.comptes.droits import Tenu, find_service, find_services, read_tenus
from app.admin.comptes.lectures import Fiche
from app.domain.acces import OUVERTURES, explain_acces
from app.domain.attribution import Genre, Lieu
from app.tables import Agent, Departement, Habilitation, Rattachement, ServiceFiscal
from app.web.tableur import write_csv

MOTS: Final = {"agenda": "Agenda", "accueil": "Accueil et box", "organiser": "Organiser", "pilotage": "Pilotage"}
MODULES: Final = tuple(OUVERTURES)


@dataclass(frozen=True, slots=True)
class LigneAcces:
    """An agent, or a service of an agent, and why each module is open (empty: it is not)."""

    id: int
    nom: str
    identifiant: str
    rattache: bool
    modules: dict[str, tuple[str, ...]]


async def read_acces(conn: AsyncConnection, service_id: int) -> list[LigneAcces]:
    """Every active agent who may do something on the service, whatever the width of his perimeter. Three statements."""
    endroit = await find_service(conn, ident=service_id)
    if endroit is None:
        return []
    couvre = exists().where(
        Habilitation.agent_id == Agent.id,
        ServiceFiscal.id == service_id,
        Departement.code == ServiceFiscal.departement,
        or_(
            Habilitation.perimetre == "nation",
            Habilitation.service_id == service_id,
            Habilitation.departement == Departement.code,
            Habilitation.interregion_id == Departement.interregion_id,
        ),
    )
    rattache = exists().where(Rattachement.agent_id == Agent.id, Rattachement.service_id == service_id)
    requete = (
        select(Agent.id, Agent.nom, Agent.prenom, Agent.identifiant, rattache.label("rattache"))
        .where(and_(Agent.suspendu_a.is_(None), couvre))
        .order_by(Agent.nom, Agent.prenom, Agent.id)
    )
    agents = (await conn.execute(requete)).all()
    tenus = await read_tenus(conn, [agent.id for agent in agents])
    lignes = []
    for agent in agents:
        modules = explain_acces(_covering(tenus[agent.id], endroit.lieu), rattache=agent.rattache)
        if any(modules.values()):
            nom = f"{agent.nom.upper()} {agent.prenom}".strip()
            lignes.append(LigneAcces(agent.id, nom, agent.identifiant, agent.rattache, modules))
    return sorted(lignes, key=lambda ligne: not ligne.rattache)  # the service's own people first


def _covering(tenus: Iterable[Tenu], lieu: Lieu) -> list[tuple[str, str]]:
    """(profile, words) of those whose perimeter contains the service."""
    couvrants = (t for t in tenus if t.droit.lieu.contains(lieu))
    return [(t.droit.profil, f"{t.profil} – ce service" if t.droit.lieu == lieu else t.mots) for t in couvrants]


async def read_acces_agent(conn: AsyncConnection, fiche: Fiche) -> list[LigneAcces]:
    """All that the account opens: one line per service of its zone, then one per perimeter that needs no zone.

    A national perimeter is one line, not four thousand.
    """
    if fiche.etat == "suspendu":
        return []
    identifiant = str(fiche.agent["identifiant"])
    lignes = []
    endroits = await find_services(conn, [service_id for service_id, *_ in fiche.rattachements])
    for service_id, libelle, *_ in fiche.rattachements:
        modules = explain_acces(_covering(fiche.tenus, endroits[service_id].lieu), rattache=True)
        lignes.append(LigneAcces(service_id, libelle, identifiant, True, modules))
    zone = {ligne.id for ligne in lignes}
    for tenu in fiche.tenus:
        if tenu.droit.lieu.genre is Genre.SERVICE and int(tenu.droit.lieu.cle) in zone:
            continue
        modules = explain_acces([(tenu.droit.profil, tenu.mots)], rattache=False)
        if any(modules.values()):
            lignes.append(LigneAcces(0, tenu.endroit, identifiant, False, modules))
    return lignes


def acces_csv(lignes: Iterable[LigneAcces]) -> bytes:
    """The table agents × modules of a service: each cell says why, an empty one that it is closed."""
    titres = ["Agent", "Identifiant", "Rattaché", *(MOTS[m] for m in MODULES)]
    return write_csv(
        titres,
        (
            [ligne.nom, ligne.identifiant, "oui" if ligne.rattache else "non"]
            + [" ; ".join(ligne.modules[module]) for module in MODULES]
            for ligne in lignes
        ),
    )
