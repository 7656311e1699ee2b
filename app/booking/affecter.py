"""The agents assigned to a RDV: one or several of those who hold the service's agenda, told by mail [G 2.3.3].

What is sent is the whole list as it should be: two chefs who press together cannot each undo the other in silence, the
revision says so. Whoever comes or goes is told, but for the one who decides. Several agents may receive at one guichet.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.acte import check_transition, perform, raise_revision, record
from app.booking.contexte import ServiceContexte
from app.booking.droits import has_acces, scoped
from app.booking.outils import Auteur, Outils
from app.config import Settings
from app.courrier.designation import MessageDesignation, write_designation
from app.db import UnitOfWork
from app.domain.rendez_vous import FINAUX, Action, Etat
from app.errors import Conflit, SaisieInvalide, TransitionImpossible
from app.tables import Affectation, Agent, RendezVous

_FINI = "Ce rendez-vous est terminé : il n’y a plus personne à affecter."


@dataclass(frozen=True, slots=True)
class AgentAffectable:
    """An agent: assigned or not; ``permis``: he still holds the service's agenda. ``courriel``: he can be told."""

    id: int
    nom: str
    prenom: str
    affecte: bool
    permis: bool
    courriel: bool


@dataclass(frozen=True, slots=True)
class RdvAffecte:
    """Who came and who went, by id."""

    id: int
    service_id: int
    etat: str
    revision: int
    ajoutes: tuple[int, ...]
    retires: tuple[int, ...]

    @property
    def change(self) -> bool:
        """True when something was written."""
        return bool(self.ajoutes or self.retires)


async def assign(
    outils: Outils, rdv_id: int, agents: Set[int], auteur: Auteur, maintenant: datetime, *, revision: int
) -> RdvAffecte:
    """Make ``agents`` the ones assigned to the RDV.

    Raises Introuvable (journaled), TransitionImpossible once it is over, SaisieInvalide for somebody who does not hold
    the agenda of the service, Conflit when ``revision`` is no longer the RDV's and something would be written.
    """

    async def travail(uow: UnitOfWork, rdv: dict[str, Any], contexte: ServiceContexte) -> RdvAffecte:
        check_transition(rdv, contexte, Action.MODIFIER, maintenant)
        if Etat(rdv["etat"]) in FINAUX:
            raise TransitionImpossible(_FINI, remede="", etat=rdv["etat"])
        connus = {agent.id: agent for agent in await _list(uow.conn, rdv["id"], rdv["service_id"])}
        actuels = {agent.id for agent in connus.values() if agent.affecte}
        ajoutes, retires = sorted(agents - actuels), sorted(actuels - agents)
        if not ajoutes and not retires:
            return RdvAffecte(rdv["id"], rdv["service_id"], rdv["etat"], rdv["revision"], (), ())
        if revision != rdv["revision"]:
            raise Conflit(etat=rdv["etat"], revision=rdv["revision"])
        if not all(ident in connus and connus[ident].permis for ident in ajoutes):
            raise SaisieInvalide(champs={"agents": "Choisissez des agents rattachés à ce service."})
        await _write(uow, rdv["id"], ajoutes, retires, maintenant)
        suivante = await raise_revision(uow, rdv, maintenant)
        await record(
            uow,
            rdv,
            auteur,
            maintenant,
            "rdv.affecte",
            avant={"agents": sorted(actuels)},
            apres={"agents": sorted(agents)},
        )
        message = _build_message(outils.settings, contexte, {**rdv, "revision": suivante})
        dit = await write_designation(
            uow.conn,
            message,
            ajoutes=ajoutes,
            retires=retires,
            auteur_id=auteur.agent_id,
            maintenant=maintenant,
            domaine=outils.settings.domaine_messages,
        )
        if dit:
            uow.annonces.annotate(rdv["id"], avis=True)
        return RdvAffecte(rdv["id"], rdv["service_id"], rdv["etat"], suivante, tuple(ajoutes), tuple(retires))

    return await perform(outils, rdv_id, auteur, maintenant, "affectation", travail)


async def list_affectables(conn: AsyncConnection, agent_id: int, rdv_id: int) -> list[AgentAffectable]:
    """Those whom an agent of the service may assign, and those assigned; nobody when the RDV is not his."""
    requete = scoped(select(RendezVous.service_id).where(RendezVous.id == rdv_id), agent_id, "agenda")
    service_id = (await conn.execute(requete)).scalar_one_or_none()
    return [] if service_id is None else await _list(conn, rdv_id, service_id)


def select_affectes(rdv_id: int, agent_id: int) -> Select[*tuple[Any, ...]]:
    """The agents assigned, by name, for who reads the fiche; ``permis``: each still holds the service's agenda."""
    requete = (
        select(
            Agent.id,
            Agent.prenom,
            Agent.nom,
            (has_acces(Agent.id, "agenda", RendezVous.service_id) & Agent.suspendu_a.is_(None)).label("permis"),
        )
        .join(Affectation, Affectation.agent_id == Agent.id)
        .join(RendezVous, RendezVous.id == Affectation.rdv_id)
        .where(Affectation.rdv_id == rdv_id)
        .order_by(Agent.nom, Agent.prenom, Agent.id)
    )
    return scoped(requete, agent_id, "agenda", origine=True)


async def _list(conn: AsyncConnection, rdv_id: int, service_id: int) -> list[AgentAffectable]:
    permis = (has_acces(Agent.id, "agenda", service_id) & Agent.suspendu_a.is_(None)).label("permis")
    requete = (
        select(Agent.id, Agent.nom, Agent.prenom, Affectation.rdv_id.is_not(None), permis, Agent.courriel != "")
        .outerjoin(Affectation, (Affectation.agent_id == Agent.id) & (Affectation.rdv_id == rdv_id))
        .where(permis.element | Affectation.rdv_id.is_not(None))
        .order_by(Agent.nom, Agent.prenom, Agent.id)
    )
    return [AgentAffectable(*ligne) for ligne in await conn.execute(requete)]


async def _write(
    uow: UnitOfWork, rdv_id: int, ajoutes: Sequence[int], retires: Sequence[int], maintenant: datetime
) -> None:
    if ajoutes:
        lignes = [{"rdv_id": rdv_id, "agent_id": ident, "cree_a": maintenant} for ident in ajoutes]
        await uow.conn.execute(insert(Affectation), lignes)
    if retires:
        await uow.conn.execute(
            delete(Affectation).where(Affectation.rdv_id == rdv_id, Affectation.agent_id.in_(retires))
        )


def _build_message(settings: Settings, contexte: ServiceContexte, rdv: dict[str, Any]) -> MessageDesignation:
    motif, guichet = contexte.motifs.get(rdv["motif_id"]), contexte.guichets.get(rdv["guichet_id"])
    return MessageDesignation(
        fait="affecte",
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["revision"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif=motif.libelle if motif else "",
        guichet_nom=guichet.nom if guichet else "",
        service_libelle=contexte.libelle,
        fiche_url=f"{settings.base_url}/rendez-vous/{rdv['id']}",
    )
