"""The door of every screen of a service: what the agent may do there, and the versions the screen will show.

Rights and versions are read in one statement, before any row: what is rendered afterwards is at least as recent as
the version it carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from sqlalchemy import func, select

from app import clock
from app.booking.contexte import Versions
from app.booking.outils import Outils
from app.db import UnitOfWork
from app.errors import Introuvable
from app.identite.acteur import Acteur
from app.journal import write_journal
from app.tables import Agenda, Epoque, RendezVous
from app.tables.vues import acces
from app.web.dependances import auteur_agent

PHRASE = "Ce service ne fait pas partie de ceux auxquels vous êtes rattaché."
PHRASE_RDV = "Ce rendez-vous n'existe pas dans les services auxquels vous êtes rattaché."


@dataclass(frozen=True, slots=True)
class Acces:
    """What an agent may do on a service (modules of the view ``acces``), and where its agenda stands."""

    service_id: int
    modules: frozenset[str]
    versions: Versions
    epoque: str

    @property
    def recoit(self) -> bool:
        """True when he may note presence: arrival, call, reception, end."""
        return "accueil" in self.modules


_VERSIONS = (Agenda.version, Agenda.version_creneaux, Agenda.version_affichage, Agenda.version_planning)


_EPOQUE = select(Epoque.valeur).scalar_subquery()


def _modules(agent_id: int) -> Any:
    return (
        select(func.array_agg(acces.c.module))
        .where(acces.c.agent_id == agent_id, acces.c.service_id == Agenda.service_id)
        .correlate(Agenda)
        .scalar_subquery()
    )


async def open_service(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int) -> Acces:
    """The agent's rights on a service of his zone de compétence.

    Raises Introuvable, journaled: another service's id and an unknown one are the same 404 [A1 §3.1].
    """
    if 0 < service_id < 2**63:
        async with outils.db.read() as conn:
            ligne = (
                await conn.execute(
                    select(Agenda.service_id, *_VERSIONS, _EPOQUE, _modules(acteur.agent_id)).where(
                        Agenda.service_id == service_id
                    )
                )
            ).one_or_none()
        if ligne is not None:
            trouve = _read(ligne)
            if "agenda" in trouve.modules:
                return trouve
    await write_acte(outils, acteur, request, "service.acces_refuse", service_id=service_id)
    raise Introuvable(PHRASE)


async def open_rdv(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], rdv_id: int) -> Acces:
    """The same for the service of a RDV (never a hold). Raises Introuvable, journaled."""
    if 0 < rdv_id < 2**63:
        async with outils.db.read() as conn:
            ligne = (
                await conn.execute(
                    select(Agenda.service_id, *_VERSIONS, _EPOQUE, _modules(acteur.agent_id))
                    .join(RendezVous, RendezVous.service_id == Agenda.service_id)
                    .where(RendezVous.id == rdv_id, RendezVous.etat != "option")
                )
            ).one_or_none()
        if ligne is not None:
            trouve = _read(ligne)
            if "agenda" in trouve.modules:
                return trouve
    await write_acte(outils, acteur, request, "rdv.acces_refuse", rdv_id=rdv_id)
    raise Introuvable(PHRASE_RDV)


def _read(ligne: Any) -> Acces:
    service_id, version, creneaux, affichage, planning, epoque, modules = ligne
    return Acces(service_id, frozenset(modules or ()), Versions(version, creneaux, affichage, planning), epoque)


async def write_acte(
    outils: Outils,
    acteur: Acteur,
    request: Request[Any, Any, Any],
    action: str,
    *,
    service_id: int | None = None,
    rdv_id: int | None = None,
) -> None:
    """Journal a read of personal data, or a refused one, in its own transaction: no journal, no access."""
    auteur = auteur_agent(acteur, request)

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=clock.now(),
            acteur=auteur.nature,
            action=action,
            origine=auteur.origine,
            agent_id=auteur.agent_id,
            service_id=_bigint(service_id),
            rdv_id=_bigint(rdv_id),
            adresse=auteur.adresse,
        )

    await outils.db.transaction(travail)


def _bigint(ident: int | None) -> int | None:
    return ident if ident is not None and 0 < ident < 2**63 else None
