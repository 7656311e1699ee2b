"""One change of an account: one at a time, judged by the pure rules, versioned, journaled, announced.

Changes of accounts are rare and follow one another (one advisory lock): two administrators who remove each other cannot
both succeed. What a removal leaves behind is read after it, in its own transaction, and refused there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import ConflitEdition, journal_refus, record_objet
from app.admin.comptes.droits import Tenu, read_droits, read_tenus, visible_by
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.attribution import (
    Accorde,
    AConfirmer,
    Droit,
    Genre,
    RaisonAttribution,
    Refuse,
    Reponse,
    decide_compte,
)
from app.errors import AccesRefuse, AvertissementRequis, Interdit
from app.tables import Agent, Departement, Habilitation, Journal, Rattachement, ServiceFiscal

T = TypeVar("T")

PHRASE: Final = "Ce compte ne fait pas partie de ceux que vous administrez."
#: Under what the journal files the changes of an account, whose id is then ``objet_id``.
OBJETS: Final = ("agent", "habilitation", "rattachement")
_VERROU: Final = 0x68616269
_ADMINISTRATEURS: Final = ("admin_local", "admin_national")


class AttributionRefusee(Interdit):
    """403: the giver's own rights do not contain what he gives, or what he would leave behind has no owner."""

    code = "attribution-refusee"
    remede = "Rien n’a été modifié. Adressez-vous à un administrateur dont le périmètre est plus large."


@dataclass(slots=True)
class Dossier:
    """An account under change. ``agent`` is its row under the lock; ``services`` gathers who must be told."""

    uow: UnitOfWork
    outils: Outils
    auteur: Auteur
    maintenant: datetime
    donneur: tuple[Droit, ...]
    agent: Mapping[str, Any]
    tenus: tuple[Tenu, ...]
    #: The service under whose pages this happens, None in the national administration.
    service_id: int | None
    #: The reason (``RaisonAttribution``) whose sentence was read and confirmed, or "".
    confirme: str
    services: set[int] = field(default_factory=set)

    @property
    def conn(self) -> AsyncConnection:
        """The transaction's connection."""
        return self.uow.conn

    @property
    def agent_id(self) -> int:
        """The account that is being changed."""
        return int(self.agent["id"])

    @property
    def soi(self) -> bool:
        """True when the administrator is changing his own account."""
        return self.auteur.agent_id == self.agent_id

    @property
    def detenus(self) -> tuple[Droit, ...]:
        """What the account held when the change began."""
        return tuple(tenu.droit for tenu in self.tenus)

    @property
    def nom(self) -> str:
        """« Prénom NOM », for the journal."""
        return f"{self.agent['prenom']} {self.agent['nom']}".strip()

    def check(self, reponse: Reponse) -> None:
        """Raise AttributionRefusee, or AvertissementRequis until it is confirmed."""
        if isinstance(reponse, Refuse):
            raise AttributionRefusee(reponse.phrase, raison=str(reponse.raison))
        if isinstance(reponse, AConfirmer) and self.confirme != reponse.raison:
            raise AvertissementRequis(
                reponse.phrase,
                remede="Rien n’a été modifié. Confirmez si c’est bien ce que vous voulez.",
                raison=str(reponse.raison),
            )

    def check_perte(self, reponse: Reponse, phrase: str) -> None:
        """The same for what takes something away: what the rules allow without a word is confirmed by ``phrase``."""
        permis = isinstance(reponse, Accorde)
        self.check(AConfirmer(RaisonAttribution.PERTE, phrase) if permis else reponse)

    async def record(
        self,
        action: str,
        objet: str,
        *,
        avant: Mapping[str, Any] | None,
        apres: Mapping[str, Any] | None,
        service_id: int | None = None,
    ) -> None:
        """Journal the change with before and after, tied to the account."""
        await record_objet(
            self.uow,
            self.auteur,
            self.maintenant,
            action,
            objet,
            self.agent_id,
            service_id or self.service_id,
            None if avant is None else {"nom": self.nom, **avant},
            None if apres is None else {"nom": self.nom, **apres},
        )

    async def administered(self) -> dict[int, str]:
        """The services (id → name) that the account, active, administers by less than the nation."""
        administrateur = and_(Habilitation.agent_id == self.agent_id, covers_service())
        requete = select(ServiceFiscal.id, ServiceFiscal.libelle).where(
            exists().where(administrateur, Agent.id == Habilitation.agent_id, Agent.suspendu_a.is_(None))
        )
        return {ligne.id: ligne.libelle for ligne in await self.conn.execute(requete)}

    async def orphans(self, avant: Mapping[int, str]) -> Sequence[str]:
        """The names, among ``avant``, of the services that nobody active administers any more below the nation."""
        if not avant:
            return ()
        garde = exists().where(covers_service(), Agent.id == Habilitation.agent_id, Agent.suspendu_a.is_(None))
        requete = select(ServiceFiscal.libelle).where(ServiceFiscal.id.in_(avant), ~garde)
        return list((await self.conn.execute(requete.order_by(ServiceFiscal.libelle))).scalars())

    async def lost_nation(self) -> bool:
        """True when no active national administrator is left."""
        reste = exists().where(
            Habilitation.profil == "admin_national",
            Habilitation.perimetre == "nation",
            Agent.id == Habilitation.agent_id,
            Agent.suspendu_a.is_(None),
        )
        return not (await self.conn.execute(select(reste))).scalar_one()


def covers_service() -> Any:
    """SQL condition: a row of ``habilitation`` below the nation administers the row of ``service_fiscal``."""
    return and_(
        Habilitation.profil.in_(_ADMINISTRATEURS),
        or_(
            Habilitation.service_id == ServiceFiscal.id,
            Habilitation.departement == ServiceFiscal.departement,
            Habilitation.interregion_id
            == select(Departement.interregion_id)
            .where(Departement.code == ServiceFiscal.departement)
            .correlate(ServiceFiscal)
            .scalar_subquery(),
        ),
    )


async def lock_comptes(conn: AsyncConnection) -> None:
    """Wait for the change of accounts under way, until the end of the transaction."""
    await conn.execute(select(func.pg_advisory_xact_lock(_VERROU)))


async def change_compte(
    outils: Outils,
    auteur: Auteur,
    agent_id: int,
    travail: Callable[[Dossier], Awaitable[T]],
    maintenant: datetime,
    *,
    revision: int,
    service_id: int | None = None,
    confirme: str = "",
    action: str = "compte.modifie",
) -> T:
    """Run ``travail`` on an account that the administrator may open, in one transaction; its revision rises.

    Raises AccesRefuse (404, journaled), ConflitEdition when the screen showed another revision, and whatever
    ``travail`` raises, in which case nothing is written.
    """
    assert auteur.agent_id is not None
    admin_id = auteur.agent_id

    async def transaction(uow: UnitOfWork) -> T:
        dossier = await _open(uow, outils, auteur, admin_id, agent_id, maintenant, service_id, confirme)
        if dossier is None:
            raise AccesRefuse(PHRASE)
        if revision != dossier.agent["revision"]:
            raise await _conflit(dossier)
        resultat = await travail(dossier)
        await finish(dossier)
        return resultat

    try:
        return await outils.db.transaction(transaction)
    except AccesRefuse:
        await journal_refus(outils, auteur, maintenant, action, service_id=service_id)
        raise


async def _open(
    uow: UnitOfWork,
    outils: Outils,
    auteur: Auteur,
    admin_id: int,
    agent_id: int,
    maintenant: datetime,
    service_id: int | None,
    confirme: str,
) -> Dossier | None:
    if not 0 < agent_id < 2**63:
        return None
    await lock_comptes(uow.conn)
    requete = select(Agent.__table__).where(Agent.id == agent_id, visible_by(admin_id)).with_for_update(of=Agent)
    agent = (await uow.conn.execute(requete)).mappings().one_or_none()
    if agent is None:
        return None
    return await build_dossier(uow, outils, auteur, dict(agent), maintenant, service_id, confirme)


async def _conflit(dossier: Dossier) -> ConflitEdition:
    """The refusal of a stale form, with the account as it is now and who changed it last.

    An account wider than its reader is told by its name alone, as its sheet is.
    """
    conn, agent = dossier.conn, dossier.agent
    if not dossier.soi and isinstance(decide_compte(dossier.donneur, dossier.detenus), Refuse):
        return ConflitEdition(actuel={cle: agent[cle] for cle in ("revision", "nom", "prenom")}, par="", a="")
    requete = (
        select(Journal.a, Agent.prenom, Agent.nom)
        .outerjoin(Agent, Agent.id == Journal.agent_id)
        .where(Journal.objet.in_(OBJETS), Journal.objet_id == agent["id"])
        .order_by(Journal.id.desc())
        .limit(1)
    )
    derniere = (await conn.execute(requete)).one_or_none()
    par = f"{derniere.prenom or ''} {derniere.nom or ''}".strip() if derniere else ""
    a = derniere.a.isoformat() if derniere else ""
    return ConflitEdition(actuel=await describe(conn, agent), par=par, a=a)


async def build_dossier(
    uow: UnitOfWork,
    outils: Outils,
    auteur: Auteur,
    agent: Mapping[str, Any],
    maintenant: datetime,
    service_id: int | None,
    confirme: str,
) -> Dossier:
    """The account with what it and the administrator hold."""
    assert auteur.agent_id is not None
    donneur = await read_droits(uow.conn, auteur.agent_id)
    tenus = (await read_tenus(uow.conn, [agent["id"]]))[agent["id"]]
    dossier = Dossier(uow, outils, auteur, maintenant, donneur, agent, tuple(tenus), service_id, confirme)
    dossier.services |= await shown_by(uow.conn, agent["id"])
    return dossier


async def finish(dossier: Dossier) -> None:
    """The account's next revision, and its services' screens told."""
    await dossier.conn.execute(update(Agent).where(Agent.id == dossier.agent_id).values(revision=Agent.revision + 1))
    dossier.services |= await shown_by(dossier.conn, dossier.agent_id)
    if dossier.service_id is not None:
        dossier.services.add(dossier.service_id)
    announce(dossier.uow, dossier.services)


def announce(uow: UnitOfWork, services: set[int]) -> None:
    """Tell the agents' screens of these services; plannings and public grids are untouched."""
    for service in sorted(services):
        uow.annonces.add(service, "service", {"type": "guichet.modifie"})


async def shown_by(conn: AsyncConnection, agent_id: int) -> set[int]:
    """The services whose page of agents shows this account by name: attached, or habilitated on that service."""
    rattaches = select(Rattachement.service_id).where(Rattachement.agent_id == agent_id)
    habilites = select(Habilitation.service_id).where(
        Habilitation.agent_id == agent_id, Habilitation.perimetre == str(Genre.SERVICE)
    )
    return {int(ident) for ident in (await conn.execute(rattaches.union(habilites))).scalars() if ident is not None}


async def describe(conn: AsyncConnection, agent: Mapping[str, Any]) -> dict[str, Any]:
    """The account as a stale form must see it."""
    tenus = (await read_tenus(conn, [agent["id"]]))[agent["id"]]
    services = (
        select(ServiceFiscal.libelle)
        .join(Rattachement, Rattachement.service_id == ServiceFiscal.id)
        .where(Rattachement.agent_id == agent["id"])
        .order_by(ServiceFiscal.libelle)
    )
    return {
        "revision": agent["revision"],
        "nom": agent["nom"],
        "prenom": agent["prenom"],
        "courriel": agent["courriel"],
        "etat": "suspendu" if agent["suspendu_a"] is not None else "actif",
        "habilitations": ", ".join(t.mots for t in tenus) or "aucune",
        "rattachements": ", ".join((await conn.execute(services)).scalars()) or "aucun",
    }
