"""How agents are told: notices on their pages, the days whose summary was written, secret calendars [G 2.3.3]."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Jour, Texte


class Avis(Base):
    """A notice to one agent, written with the change that it tells; ``donnees`` is what the mail of it would say.

    ``service_id``: by which service it concerns him; who holds its agenda no more does not read it any more.
    """

    __tablename__ = "avis"

    id: Mapped[Ident]
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"))
    rdv_id: Mapped[int] = mapped_column(ForeignKey("rendez_vous.id"))
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    evenement: Mapped[Texte]
    fait: Mapped[Texte]
    sequence: Mapped[int]
    donnees: Mapped[dict[str, Any]] = mapped_column(JSONB)
    cree_a: Mapped[Instant]
    lu_a: Mapped[Instant | None]

    __table_args__ = (
        Index("uq_avis", "rdv_id", "agent_id", "evenement", "sequence", unique=True),
        Index("ix_avis_agent", "agent_id", "id"),
        Index("ix_avis_non_lus", "agent_id", postgresql_where=text("lu_a IS NULL")),
        Index("ix_avis_cree_a", "cree_a"),
    )


class Abonnement(Base):
    """A calendar that an agent has subscribed to: his own, or a guichet's. Its secret is stored as its SHA-256."""

    __tablename__ = "abonnement"

    id: Mapped[Ident]
    empreinte: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    guichet_id: Mapped[int | None] = mapped_column(ForeignKey("guichet.id", ondelete="CASCADE"), index=True)
    cree_a: Mapped[Instant]
    #: The last day somebody read it, where the agent works.
    lu_le: Mapped[Jour | None]


class Resume(Base):
    """The daily summary of an agent was decided for that day, sent or found empty: never twice."""

    __tablename__ = "resume"

    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), primary_key=True)
    jour: Mapped[date] = mapped_column(primary_key=True, index=True)
    cree_a: Mapped[Instant]
