"""How many notices an agent has not read, and what tells of new ones: part of the one query that says who is acting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import ARRAY, BigInteger, ScalarSelect, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, array

from app.tables import Agenda, Agent, Avis, Epoque, Rattachement
from app.tables.vues import acces

#: Beyond, the header says « 99+ »: who comes back from leave costs no more than the others.
COMPTES_MAX: Final = 100
#: Services that one page follows: what one socket may (app/realtime: ``SUJETS_MAX``).
SUIVIS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Suivis:
    """(service, version of its agenda), by id, ``SUIVIS_MAX`` at most, in the database ``epoque``.

    ``partiel``: he holds the agenda of more services than that, whose notices no page hears of.
    """

    services: tuple[tuple[int, int], ...] = ()
    epoque: str = ""
    partiel: bool = False

    @classmethod
    def of(cls, lignes: Iterable[Sequence[int]], epoque: str) -> Self:
        """From what ``select_suivis`` and ``select_epoque`` give."""
        tous = tuple((service, version) for service, version in lignes)
        return cls(tous[:SUIVIS_MAX], epoque, len(tous) > SUIVIS_MAX)

    @property
    def sujet(self) -> str:
        """The subjects, as a live region writes them."""
        return " ".join(f"service:{service}" for service, _ in self.services)

    @property
    def version(self) -> str:
        """Their versions, in the same order."""
        return " ".join(str(version) for _, version in self.services)


def select_non_lus(agent_id: Any) -> ScalarSelect[int]:
    """As a column: his unread notices of services whose agenda he still holds, ``COMPTES_MAX`` at most."""
    permis = exists().where(
        acces.c.agent_id == Avis.agent_id, acces.c.module == "agenda", acces.c.service_id == Avis.service_id
    )
    siens = (
        select(Avis.id)
        .where(Avis.agent_id == agent_id, Avis.lu_a.is_(None), permis)
        .limit(COMPTES_MAX)
        .correlate(Agent)
        .subquery("non_lus")
    )
    return select(func.count()).select_from(siens).scalar_subquery()


def select_suivis(agent_id: Any) -> ScalarSelect[list[list[int]]]:
    """As a column: [service, version] of those whose agenda he holds, by id, one more than ``SUIVIS_MAX`` at most.

    It begins with his zone: who has none costs nothing, and rights are looked for only on what will be followed.
    """
    permis = exists().where(
        acces.c.agent_id == Rattachement.agent_id,
        acces.c.module == "agenda",
        acces.c.service_id == Rattachement.service_id,
    )
    siens = (
        select(Agenda.service_id, Agenda.version)
        .join(Rattachement, Rattachement.service_id == Agenda.service_id)
        .where(Rattachement.agent_id == agent_id, permis)
        .order_by(Agenda.service_id)
        .limit(SUIVIS_MAX + 1)
        .correlate(Agent)
        .subquery("suivis")
    )
    paire = aggregate_order_by(array([siens.c.service_id, siens.c.version]), siens.c.service_id)
    return select(func.array_agg(paire, type_=ARRAY(BigInteger, dimensions=2))).scalar_subquery()


def select_epoque() -> ScalarSelect[str]:
    """As a column: the database's epoch."""
    return select(Epoque.valeur).scalar_subquery()
