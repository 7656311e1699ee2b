"""The queue in the table ``courrier``: claim with a lease, mark, put back.

A row is pending while neither ``envoye_a`` nor ``abandonne_a`` is set. Claiming it pushes ``du_a`` to the end of the
lease, counts the attempt and writes ``EN_COURS`` in ``erreur``: if the process dies, the row comes back by itself
when the lease ends, and until then says honestly that its outcome is unknown. No transaction is open while a mail
is being sent.

Messages of one RDV to one address keep their order: a row is not claimed while an earlier one is pending, except a
move or a cancellation, which gives up the earlier ones it replaces unless one is on its way at that moment.

Mails and short messages (``canal``) are two queues in one table: each sender claims its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    exists,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.courrier.opportunite import REMPLACE, Situation
from app.tables import Agent, Avis, Courrier, RdvUsager, RendezVous
from app.tables.vues import acces

EN_COURS: Final = "envoi commencé, issue inconnue"
#: Events that make the earlier messages of the same RDV untrue.
REMPLACANTS: Final = ("annulation", "deplacement")
#: Events that a later message to the same address never makes untrue: a cancellation, what agents are told.
_RESTENT: Final = ("annulation", "affectation", "designation", "changement")
#: Events told to an agent, whose right is asked again when they leave. Each has its notice, written with it.
_AUX_AGENTS: Final = ("affectation", "designation")
#: Events that are about no RDV.
SANS_RDV: Final = ("invitation", "delegation", "resume", "attente", "offre")


@dataclass(frozen=True, slots=True)
class Pli:
    """A claimed row. ``tentatives`` counts this attempt; ``bail`` is when the row becomes free again.

    ``rdv_id`` is None for the events of ``SANS_RDV``.
    """

    id: int
    rdv_id: int | None
    evenement: str
    destinataire: str
    langue: str
    message_id: str
    donnees: dict[str, Any]
    cree_a: datetime
    tentatives: int
    bail: datetime
    canal: str = "mail"


def _pending(table: type[Courrier]) -> ColumnElement[bool]:
    return and_(table.envoye_a.is_(None), table.abandonne_a.is_(None))


def _siblings(a: type[Courrier], b: type[Courrier]) -> ColumnElement[bool]:
    return and_(a.rdv_id == b.rdv_id, a.canal == b.canal, a.destinataire == b.destinataire)


def _claimable(a: datetime, canal: str) -> ColumnElement[bool]:
    """Due, and not waiting for an earlier message of the same RDV to the same address.

    One that was never tried and is to leave later (a reminder) keeps nobody waiting: it has no turn yet.
    """
    precedent = aliased(Courrier)
    son_tour = or_(precedent.du_a <= a, precedent.tentatives > 0)
    attend = exists().where(_siblings(precedent, Courrier), precedent.id < Courrier.id, _pending(precedent), son_tour)
    return and_(
        _pending(Courrier),
        Courrier.canal == canal,
        Courrier.du_a <= a,
        or_(Courrier.rdv_id.is_not(None), Courrier.evenement.in_(SANS_RDV)),
        or_(Courrier.evenement.in_(REMPLACANTS), ~attend),
    )


async def is_waiting(conn: AsyncConnection, a: datetime, canal: str = "mail") -> bool:
    """True when at least one message is due: worth opening a connection."""
    return bool((await conn.execute(select(exists().where(_claimable(a, canal))))).scalar())


async def claim(conn: AsyncConnection, a: datetime, *, limite: int, bail: timedelta, canal: str = "mail") -> list[Pli]:
    """Take up to ``limite`` due messages, oldest first, until ``a + bail``; other workers skip them."""
    candidats = (
        await conn.execute(
            select(Courrier.id, Courrier.evenement)
            .where(_claimable(a, canal))
            .order_by(Courrier.du_a, Courrier.id)
            .limit(limite)
            .with_for_update(skip_locked=True, of=Courrier)
        )
    ).all()
    ids = [ligne.id for ligne in candidats]
    remplacants = [ligne.id for ligne in candidats if ligne.evenement in REMPLACANTS]
    if remplacants:
        exclus = await _replace_earlier(conn, remplacants, a)
        ids = [i for i in ids if i not in exclus]
    if not ids:
        return []
    lignes = await conn.execute(
        update(Courrier)
        .where(Courrier.id.in_(ids))
        .values(du_a=a + bail, tentatives=Courrier.tentatives + 1, erreur=EN_COURS)
        .returning(
            Courrier.id,
            Courrier.rdv_id,
            Courrier.evenement,
            Courrier.destinataire,
            Courrier.langue,
            Courrier.message_id,
            Courrier.donnees,
            Courrier.cree_a,
            Courrier.tentatives,
            Courrier.du_a,
            Courrier.canal,
        )
    )
    return sorted((Pli(*ligne) for ligne in lignes), key=lambda pli: pli.id)


async def _replace_earlier(conn: AsyncConnection, remplacants: Sequence[int], a: datetime) -> set[int]:
    """Give up the pending mails that these replace. Returns what must not leave now: those given up, and the
    replacing ones that must wait for an earlier one on its way."""
    nouveau, ancien = aliased(Courrier), aliased(Courrier)
    couples = (
        select(ancien.id)
        .join(nouveau, and_(_siblings(ancien, nouveau), ancien.id < nouveau.id))
        .where(
            nouveau.id.in_(remplacants),
            _pending(ancien),
            ancien.evenement.not_in(_RESTENT),
            or_(ancien.erreur != EN_COURS, ancien.du_a <= a),
        )
        .with_for_update(skip_locked=True, of=ancien)
    )
    perimes = list((await conn.execute(couples)).scalars())
    if perimes:
        await conn.execute(
            update(Courrier).where(Courrier.id.in_(perimes), _pending(Courrier)).values(abandonne_a=a, erreur=REMPLACE)
        )
    restants = await conn.execute(
        select(nouveau.id)
        .distinct()
        .join(ancien, and_(_siblings(ancien, nouveau), ancien.id < nouveau.id))
        .where(nouveau.id.in_(remplacants), _pending(ancien))
    )
    return {*perimes, *restants.scalars()}


def _situation() -> Select[str, datetime, datetime, bool, bytes | None]:
    suivant = aliased(Courrier)
    qui = bindparam("destinataire", type_=Text)
    remplace = exists().where(
        suivant.rdv_id == bindparam("rdv_id"),
        suivant.canal == bindparam("canal"),
        suivant.destinataire == bindparam("destinataire"),
        suivant.id > bindparam("id"),
        suivant.evenement.in_(REMPLACANTS),
    )
    # The link is renewed when an address is corrected: a message that still leaves for the former one has none.
    sien = exists().where(
        RdvUsager.rdv_id == RendezVous.id, or_(RdvUsager.courriel == qui, qui == any_(RdvUsager.telephones))
    )
    lien_sel = type_coerce(case((sien, RendezVous.lien_sel)), LargeBinary())
    return select(
        RendezVous.etat, RendezVous.debut, RendezVous.fin, remplace.label("remplace"), lien_sel.label("lien_sel")
    ).where(RendezVous.id == bindparam("rdv_id"))


def _permis() -> ColumnElement[bool]:
    """True when somebody told by this change is active, has this address, and holds the agenda by which he was told."""
    return exists().where(
        Avis.rdv_id == bindparam("rdv_id"),
        Avis.evenement == bindparam("evenement"),
        Avis.sequence == bindparam("sequence"),
        Agent.id == Avis.agent_id,
        Agent.suspendu_a.is_(None),
        Agent.courriel == bindparam("destinataire"),
        acces.c.agent_id == Avis.agent_id,
        acces.c.module == "agenda",
        acces.c.service_id == Avis.service_id,
    )


# Built once: one of these runs for every mail, and building them costs more than running them.
_SITUATION: Final = _situation()
_SITUATION_AGENT: Final = _SITUATION.add_columns(_permis().label("permis"))
_NOTER: Final = (
    update(Courrier)
    .where(Courrier.id == bindparam("pli"))
    .values(envoye_a=bindparam("a"), abandonne_a=None, erreur="", donnees=Courrier.donnees.op("-")("lien_gestion"))
)


async def read_situation(conn: AsyncConnection, pli: Pli) -> Situation | None:
    """The RDV of a claimed message as it is now, or None when it no longer exists. One query, whatever the mail.

    Raises KeyError when a row to an agent has no ``sequence``.
    """
    qui = {"rdv_id": pli.rdv_id, "destinataire": pli.destinataire, "id": pli.id, "canal": pli.canal}
    if pli.evenement in _AUX_AGENTS:
        qui |= {"evenement": pli.evenement, "sequence": pli.donnees["sequence"]}
        ligne = (await conn.execute(_SITUATION_AGENT, qui)).one_or_none()
    else:
        ligne = (await conn.execute(_SITUATION, qui)).one_or_none()
    return None if ligne is None else Situation(*ligne)


def _held(pli: Pli) -> ColumnElement[bool]:
    """The row, as long as it is ours: a lease that ended and was taken by another worker has another ``du_a``."""
    return and_(Courrier.id == pli.id, _pending(Courrier), Courrier.erreur == EN_COURS, Courrier.du_a == pli.bail)


async def mark_sent(conn: AsyncConnection, pli: Pli, a: datetime) -> None:
    """The server has accepted it. The secret link has served: it leaves the row at once."""
    await conn.execute(_NOTER, {"pli": pli.id, "a": a})


async def give_up(conn: AsyncConnection, pli: Pli, a: datetime, raison: str) -> None:
    """It will not leave, for this reason."""
    await conn.execute(
        update(Courrier)
        .where(_held(pli))
        .values(abandonne_a=a, erreur=raison, donnees=Courrier.donnees.op("-")("lien_gestion"))
    )


async def postpone(conn: AsyncConnection, pli: Pli, du_a: datetime, raison: str) -> None:
    """Try again at ``du_a``."""
    await conn.execute(update(Courrier).where(_held(pli)).values(du_a=du_a, erreur=raison))


async def put_back(conn: AsyncConnection, plis: Sequence[Pli], a: datetime) -> None:
    """Give back claimed mails that were not tried: due again at once, the attempt not counted."""
    if plis:
        await conn.execute(
            update(Courrier).where(or_(*map(_held, plis))).values(du_a=a, tentatives=Courrier.tentatives - 1, erreur="")
        )
