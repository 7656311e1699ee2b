"""What the journal keeps of reads and of refusals: no journal, no access.

Opening a page always leaves a line. A live page then fetches its region again and again: those reads leave a line only
when the agent has none, for the same thing and from the same place, within ``fenetre`` (docs/decisions, « A line a
screen »).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.journal import write_journal
from app.tables import Journal

_FICHE: Final = timedelta(minutes=15)
_ECRAN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Trace:
    """One line to write. ``apres`` holds facts (which days, which print was looked up), never what was typed."""

    action: str
    service_id: int | None = None
    rdv_id: int | None = None
    apres: Mapping[str, Any] | None = None

    @property
    def fenetre(self) -> timedelta:
        """How long one line stands for the refreshes of a live region."""
        return _FICHE if self.action == "rdv.lu" else _ECRAN


async def write_lines(conn: AsyncConnection, auteur: Auteur, a: datetime, *traces: Trace) -> None:
    """Journal reads of personal data, or refused ones, on a connection already held."""
    for trace in traces:
        await write_journal(
            conn,
            a=a,
            acteur=auteur.nature,
            action=trace.action,
            origine=auteur.origine,
            agent_id=auteur.agent_id,
            service_id=_bigint(trace.service_id),
            rdv_id=_bigint(trace.rdv_id),
            adresse=auteur.adresse,
            apres=trace.apres,
        )


async def write_traces(outils: Outils, auteur: Auteur, a: datetime, *traces: Trace) -> None:
    """The same, all or none, in a transaction of their own."""

    async def travail(uow: UnitOfWork) -> None:
        await write_lines(uow.conn, auteur, a, *traces)

    await outils.db.transaction(travail)


def _bigint(ident: int | None) -> int | None:
    return ident if ident is not None and 0 < ident < 2**63 else None


class Lectures:
    """The lines that a process knows to be in the journal: its live pages need not ask again."""

    def __init__(self, taille: int = 20_000) -> None:
        self._connues: OrderedDict[tuple[Any, ...], datetime] = OrderedDict()
        self._taille = taille

    def remember(self, auteur: Auteur, trace: Trace, a: datetime) -> None:
        """That line was written at ``a``. The oldest ones are forgotten first: they cost a question."""
        cle = _cle(auteur, trace)
        self._connues[cle] = a
        self._connues.move_to_end(cle)
        if len(self._connues) > self._taille:
            self._connues.popitem(last=False)

    async def note(self, outils: Outils, auteur: Auteur, a: datetime, *traces: Trace) -> None:
        """Write the lines that no recent one stands for: nothing at all most of the time, else one statement each."""
        for trace in traces:
            vue = self._connues.get(_cle(auteur, trace))
            if vue is None or vue <= a - trace.fenetre:
                self.remember(auteur, trace, await _write_unless_recent(outils, auteur, a, trace))


def _cle(auteur: Auteur, trace: Trace) -> tuple[Any, ...]:
    faits = json.dumps(trace.apres, sort_keys=True)
    return auteur.agent_id, auteur.origine, auteur.adresse, trace.action, trace.service_id, trace.rdv_id, faits


async def _write_unless_recent(outils: Outils, auteur: Auteur, a: datetime, trace: Trace) -> datetime:
    """The instant of the line that stands for this read: one of another process, or the one written now."""
    async with outils.db.read() as conn:
        recente = await conn.execute(
            select(Journal.a)
            .where(
                Journal.agent_id == auteur.agent_id,
                Journal.a > a - trace.fenetre,
                Journal.action == trace.action,
                Journal.origine == auteur.origine,
                Journal.adresse.is_not_distinct_from(auteur.adresse),
                Journal.service_id.is_not_distinct_from(trace.service_id),
                Journal.rdv_id.is_not_distinct_from(trace.rdv_id),
                Journal.apres.is_not_distinct_from(literal(trace.apres, JSONB(none_as_null=True))),
            )
            .order_by(Journal.a.desc())
            .limit(1)
        )
        deja: datetime | None = recente.scalar_one_or_none()
        if deja is None:
            await write_lines(conn, auteur, a, trace)
    return deja or a
