"""One change of a service's organisation: who may, one at a time, with its trace and its announcement.

A change locks the service's row of ``agenda`` before it reads anything: two chefs de service follow one another, and no
booking is committed between the moment where the RDV concerned are listed and the moment where the change is (a
booking judged before it finds another planning version under that same lock, and is judged again). What a chef saw is
told by the ``revision`` of the thing he changes: another one → ConflitEdition, with both versions, nothing written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from sqlalchemy import exists, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.lies import CONNUES, OUVERTES, get_veille, select_lies
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import AccesRefuse, Conflit
from app.journal import write_journal
from app.tables import Agenda, Agent, Habilitation, Journal, ServiceFiscal
from app.tables.vues import acces

T = TypeVar("T")

PHRASE: Final = "Ce service ne fait pas partie de ceux que vous organisez."
PHRASE_NATIONALE: Final = "Cette page est réservée aux administrateurs nationaux."


class ConflitEdition(Conflit):
    """409: somebody else changed the same thing. ``details``: ``actuel`` (its fields now), ``par`` and ``a``."""

    code = "conflit-edition"
    phrase = "Cet élément a été modifié par quelqu’un d’autre pendant votre saisie."
    remede = "Votre saisie est conservée : comparez-la à la version enregistrée, puis enregistrez à nouveau."


@dataclass(frozen=True, slots=True)
class Chantier:
    """A change under way. ``service`` is the row of ``service_fiscal`` as it is under the lock.

    ``autre``: the row of a second service that the change concerns, under its own lock; it is told of it too.
    ``lies``: ids of those linked to it by a delegation that is not over, locked too.
    """

    uow: UnitOfWork
    service: Mapping[str, Any]
    auteur: Auteur
    maintenant: datetime
    autre: Mapping[str, Any] | None = None
    lies: frozenset[int] = frozenset()
    _prevenus: set[int] = field(default_factory=set, repr=False)

    @property
    def conn(self) -> AsyncConnection:
        """The transaction's connection."""
        return self.uow.conn

    @property
    def service_id(self) -> int:
        """The service that is being changed."""
        return int(self.service["id"])

    async def record(
        self,
        action: str,
        objet: str,
        objet_id: int | None,
        *,
        avant: Mapping[str, Any] | None,
        apres: Mapping[str, Any] | None,
        genre: str = "planning.modifie",
        **trame: Any,
    ) -> None:
        """Journal the change with before and after, and announce it to agents' and public screens."""
        for service_id in self._cotes:
            await record_objet(
                self.uow, self.auteur, self.maintenant, action, objet, objet_id, service_id, avant, apres
            )
        self.announce(genre, **trame)

    @property
    def _cotes(self) -> tuple[int, ...]:
        return (self.service_id,) if self.autre is None else (self.service_id, int(self.autre["id"]))

    def announce(self, genre: str = "planning.modifie", **trame: Any) -> None:
        """Tell the screens of the service; those linked to it, once, that something changed, without saying what."""
        for service_id in self._cotes:
            self.uow.annonces.planning(service_id, genre, **trame)
        for service_id in sorted(self.lies.difference(self._cotes, self._prevenus)):
            self._prevenus.add(service_id)
            self.uow.annonces.planning(service_id)

    async def check_revision(
        self, objet: str, objet_id: int, actuelle: int, vue: int | None, actuel: Mapping[str, Any]
    ) -> None:
        """Raise ConflitEdition unless the screen (``vue``) showed the present revision."""
        if vue is not None and vue != actuelle:
            raise await build_conflit(self.conn, objet, objet_id, actuel)


async def organise(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    travail: Callable[[Chantier], Awaitable[T]],
    maintenant: datetime,
    *,
    action: str = "service.organise",
    avec: int | None = None,
) -> T:
    """Run ``travail`` in one transaction, under the service's lock, if the agent organises it.

    ``avec``: a second service that the change concerns, locked too, in the order of ids; nothing is asked of the
    agent there, and ``Chantier.autre`` is None when it does not exist.
    Raises AccesRefuse (404, journaled): an unknown service and somebody else's are the same; and whatever
    ``travail`` raises, in which case nothing is written.
    """
    assert auteur.agent_id is not None
    agent_id = auteur.agent_id

    async def transaction(uow: UnitOfWork) -> T:
        service = await _lock_service(uow.conn, agent_id, service_id, avec, maintenant)
        if service is None:
            raise AccesRefuse(PHRASE)
        lies = frozenset(service.pop("lies"))
        autre = None if avec is None else await _read_service(uow.conn, avec)
        return await travail(Chantier(uow, service, auteur, maintenant, autre, lies))

    try:
        return await outils.db.transaction(transaction)
    except AccesRefuse:  # nothing was written: its trace has a transaction of its own
        await journal_refus(outils, auteur, maintenant, action, service_id=service_id)
        raise


async def _lock_service(
    conn: AsyncConnection, agent_id: int, service_id: int, avec: int | None, maintenant: datetime
) -> dict[str, Any] | None:
    """Its row and, in ``lies``, those linked to it: read under the lock, whatever they were when it was asked."""
    if not 0 < service_id < 2**63:
        return None
    permis = exists().where(
        acces.c.agent_id == agent_id, acces.c.module == "organiser", acces.c.service_id == ServiceFiscal.id
    )
    await lock_agendas(conn, (service_id,) if avec is None else (service_id, avec), maintenant)
    lies = func.array(select_lies((service_id,), get_veille(maintenant)).scalar_subquery()).label("lies")
    return await _read_service(conn, service_id, permis, colonnes=(lies,))


async def lock_agendas(conn: AsyncConnection, services: Collection[int], maintenant: datetime) -> None:
    """Hold the services' rows of ``agenda``, and those linked to them, until the end of the transaction.

    One statement, in the order of ids: whoever changes one of two linked services never waits for the other in a ring.
    """
    proches = select_lies(services, get_veille(maintenant), {*CONNUES, *OUVERTES})
    tous = union(select(ServiceFiscal.id).where(ServiceFiscal.id.in_(services)), proches)
    await conn.execute(
        select(Agenda.service_id)
        .where(Agenda.service_id.in_(tous))
        .order_by(Agenda.service_id)
        .with_for_update(key_share=True)
    )


async def _read_service(
    conn: AsyncConnection, service_id: int, *conditions: Any, colonnes: Collection[Any] = ()
) -> dict[str, Any] | None:
    ligne = await conn.execute(
        select(ServiceFiscal.__table__, *colonnes).where(ServiceFiscal.id == service_id, *conditions)
    )
    trouve = ligne.mappings().one_or_none()
    return None if trouve is None else dict(trouve)


def is_national(agent_id: int) -> Any:
    """SQL condition: the agent is a national administrator [C §4]."""
    return exists().where(
        Habilitation.agent_id == agent_id,
        Habilitation.profil == "admin_national",
        Habilitation.perimetre == "nation",
        Agent.id == Habilitation.agent_id,
        Agent.suspendu_a.is_(None),
    )


#: Advisory lock of national changes: they follow one another.
VERROU_NATIONAL: Final = 0x6E61744E


async def administrate(
    outils: Outils,
    auteur: Auteur,
    travail: Callable[[UnitOfWork], Awaitable[T]],
    maintenant: datetime,
    *,
    action: str = "national.modifie",
) -> T:
    """Run a national change in one transaction, one at a time, if the agent is a national administrator.

    Raises AccesRefuse (404, journaled), and whatever ``travail`` raises.
    """
    assert auteur.agent_id is not None
    agent_id = auteur.agent_id

    async def transaction(uow: UnitOfWork) -> T:
        await uow.conn.execute(select(func.pg_advisory_xact_lock(VERROU_NATIONAL)))
        if not (await uow.conn.execute(select(is_national(agent_id)))).scalar_one():
            raise AccesRefuse(PHRASE_NATIONALE)
        return await travail(uow)

    try:
        return await outils.db.transaction(transaction)
    except AccesRefuse:
        await journal_refus(outils, auteur, maintenant, action)
        raise


async def record_objet(
    uow: UnitOfWork,
    auteur: Auteur,
    maintenant: datetime,
    action: str,
    objet: str,
    objet_id: int | None,
    service_id: int | None,
    avant: Mapping[str, Any] | None,
    apres: Mapping[str, Any] | None,
) -> None:
    """One journal row of a change of organisation. ``avant`` None: created; ``apres`` None: removed."""
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action=action,
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=service_id,
        objet=objet,
        objet_id=objet_id,
        adresse=auteur.adresse,
        avant=None if avant is None else to_json(avant),
        apres=None if apres is None else to_json(apres),
    )


async def build_conflit(conn: AsyncConnection, objet: str, objet_id: int, actuel: Mapping[str, Any]) -> ConflitEdition:
    """The refusal of a stale form, with what is recorded now, by whom and since when."""
    derniere = (
        await conn.execute(
            select(Journal.a, Agent.prenom, Agent.nom)
            .outerjoin(Agent, Agent.id == Journal.agent_id)
            .where(Journal.objet == objet, Journal.objet_id == objet_id)
            .order_by(Journal.id.desc())
            .limit(1)
        )
    ).one_or_none()
    par, a = ("", None) if derniere is None else (f"{derniere.prenom or ''} {derniere.nom or ''}".strip(), derniere.a)
    return ConflitEdition(actuel=to_json(actuel), par=par, a=a.isoformat() if a else "")


async def journal_refus(
    outils: Outils, auteur: Auteur, maintenant: datetime, action: str, *, service_id: int | None = None
) -> None:
    """Keep a trace of an attempt to organise what the agent does not."""

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=maintenant,
            acteur=auteur.nature,
            action="organisation.acces_refuse",
            origine=auteur.origine,
            agent_id=auteur.agent_id,
            service_id=service_id if service_id is not None and 0 < service_id < 2**63 else None,
            adresse=auteur.adresse,
            apres={"action": action},
        )

    await outils.db.transaction(travail)


def to_json(faits: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts as JSON can carry: dates as ISO 8601, sets sorted."""
    return {cle: _valeur(valeur) for cle, valeur in faits.items()}


def _valeur(valeur: Any) -> Any:
    if isinstance(valeur, date | datetime):
        return valeur.isoformat()
    if isinstance(valeur, Decimal):
        return float(valeur)
    if isinstance(valeur, Mapping):
        return {str(cle): _valeur(v) for cle, v in valeur.items()}
    if isinstance(valeur, set | frozenset):
        return sorted(_valeur(v) for v in valeur)
    if isinstance(valeur, list | tuple):
        return [_valeur(v) for v in valeur]
    return valeur
