"""The door of every screen of a service: what the agent may do there, and the versions the screen will show.

Rights and versions are read in one statement, before any row: what is rendered afterwards is at least as recent as
the version it carries.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request
from sqlalchemy import BigInteger, Select, any_, bindparam, exists, func, literal, or_, select

from app import clock
from app.booking.agents.lectures import PHRASE
from app.booking.contexte import Versions
from app.booking.droits import AGENT, SERVICE
from app.booking.outils import Outils
from app.booking.traces import Lectures, Trace, write_traces
from app.errors import AccesRefuse, Introuvable
from app.identite.acteur import Acteur
from app.tables import Agenda, Delegation, Epoque, RendezVous
from app.tables.vues import acces
from app.web.dependances import auteur_agent

PHRASE_RDV: Final = "Ce rendez-vous n’existe pas dans les services auxquels vous êtes rattaché."


@dataclass(frozen=True, slots=True)
class Acces:
    """What an agent may do on a service (modules of the view ``acces``), and where its agenda stands.

    ``delegue``: the service entrusts RDV to another one, or has done so [G 2.3.5]; ``receveur_id``: the service that
    receives the RDV, that other one when it was entrusted.
    """

    agent_id: int
    service_id: int
    modules: frozenset[str]
    versions: Versions
    epoque: str
    delegue: bool
    receveur_id: int

    @property
    def confie(self) -> bool:
        """True when the RDV is seen from the service that entrusted it: to be read and cancelled, nothing else."""
        return self.receveur_id != self.service_id

    @property
    def recoit(self) -> bool:
        """True when he may note presence: arrival, call, reception, end."""
        return "accueil" in self.modules and not self.confie


_VERSIONS = (Agenda.version, Agenda.version_creneaux, Agenda.version_affichage, Agenda.version_planning)
_EPOQUE = select(Epoque.valeur).scalar_subquery()


def _select_acces() -> Select[*tuple[Any, ...]]:
    """Services whose agenda the agent holds, with his modules and their versions."""
    permis = (
        select(func.array_agg(acces.c.module).label("modules"))
        .where(acces.c.agent_id == AGENT, acces.c.service_id == Agenda.service_id)
        .correlate(Agenda)
        .lateral("permis")
    )
    delegue = exists().where(Delegation.service_id == Agenda.service_id, Delegation.etat.in_(["acceptee", "retiree"]))
    return (
        select(Agenda.service_id, *_VERSIONS, _EPOQUE, permis.c.modules, delegue)
        .select_from(Agenda)
        .join(permis, literal("agenda") == any_(permis.c.modules))
    )


#: Built once: every request of an agent asks one of them.
_PAR_SERVICE: Final = _select_acces().where(Agenda.service_id == SERVICE)
_PAR_RDV: Final = (
    _select_acces()
    .add_columns(RendezVous.service_id)
    .join(
        RendezVous,
        or_(RendezVous.service_id == Agenda.service_id, RendezVous.service_origine_id == Agenda.service_id),
    )
    .where(RendezVous.id == bindparam("rdv", type_=BigInteger), RendezVous.etat != "option")
    .order_by(RendezVous.service_id != Agenda.service_id)
    .limit(1)
)


async def open_service(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int) -> Acces:
    """The agent's rights on a service of his zone de compétence.

    Raises AccesRefuse, journaled: another service's id and an unknown one are the same 404 [A1 §3.1].
    """
    if 0 < service_id < 2**63:
        trouve = await _read(outils, acteur, _PAR_SERVICE, service=service_id)
        if trouve is not None:
            return trouve
    await write_acte(outils, acteur, request, Trace("service.acces_refuse", service_id=service_id))
    raise AccesRefuse(PHRASE)


async def open_rdv(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], rdv_id: int) -> Acces:
    """The same for the service of a RDV (never a hold), else for the one that entrusted it to another.

    Raises AccesRefuse, journaled.
    """
    if 0 < rdv_id < 2**63:
        trouve = await _read(outils, acteur, _PAR_RDV, rdv=rdv_id)
        if trouve is not None:
            return trouve
    await write_acte(outils, acteur, request, Trace("rdv.acces_refuse", rdv_id=rdv_id))
    raise AccesRefuse(PHRASE_RDV)


async def _read(outils: Outils, acteur: Acteur, requete: Select[*tuple[Any, ...]], **cherche: int) -> Acces | None:
    async with outils.db.read() as conn:
        ligne = (await conn.execute(requete, {"agent": acteur.agent_id, **cherche})).one_or_none()
    if ligne is None:
        return None
    service_id, version, creneaux, affichage, planning, epoque, modules, delegue, *receveur = ligne
    versions = Versions(version, creneaux, affichage, planning)
    return Acces(
        acteur.agent_id, service_id, frozenset(modules), versions, epoque, delegue, *(receveur or [service_id])
    )


def _lectures(request: Request[Any, Any, Any]) -> Lectures:
    """What this process remembers of the journal."""
    lectures: Lectures | None = request.app.state.get("lectures")
    if lectures is None:
        lectures = request.app.state.lectures = Lectures()
    return lectures


async def write_acte(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], *traces: Trace) -> None:
    """Journal a search or a refusal: always, all the lines or none."""
    await write_traces(outils, auteur_agent(acteur, request), clock.now(), *traces)


async def write_lecture(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], *traces: Trace) -> None:
    """Journal the opening of a page that shows personal data: always. No journal, no access."""
    a, auteur = clock.now(), auteur_agent(acteur, request)
    await write_traces(outils, auteur, a, *traces)
    for trace in traces:
        _lectures(request).remember(auteur, trace, a)


async def note_lecture(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], *traces: Trace) -> None:
    """Journal a region fetched again, unless a recent line of the same agent says it already (``Lectures``)."""
    await _lectures(request).note(outils, auteur_agent(acteur, request), clock.now(), *traces)


@asynccontextmanager
async def journal_refus(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], trace: Trace
) -> AsyncIterator[None]:
    """Around reads that carry the right themselves: what they do not find is a refusal, and leaves its line."""
    try:
        yield
    except Introuvable:
        await write_acte(outils, acteur, request, trace)
        raise
