"""Opening hours: journées types, semaines and mois types, alternation, exceptions, holidays [G 2.3.4]."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Jour, Texte


class JourneeType(Base):
    """A named day made of plages, reused by semaines and mois types."""

    __tablename__ = "journee_type"

    id: Mapped[Ident]
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    nom: Mapped[Texte]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (UniqueConstraint("service_id", "nom"),)


class Plage(Base):
    """Local minutes of the day [debut, fin) during which a journée type receives."""

    __tablename__ = "plage"

    id: Mapped[Ident]
    journee_type_id: Mapped[int] = mapped_column(ForeignKey("journee_type.id", ondelete="CASCADE"), index=True)
    debut_minute: Mapped[int]
    fin_minute: Mapped[int]

    __table_args__ = (
        CheckConstraint("0 <= debut_minute AND debut_minute < fin_minute AND fin_minute <= 1440", name="bornes"),
    )


class Planning(Base):
    """A semaine type (``cycle`` weeks in alternation, counted from the Monday of ``du``) or a mois type.

    Without ``guichet_id`` it serves every guichet of the service that has none of its own on that day.
    """

    __tablename__ = "planning"

    id: Mapped[Ident]
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    guichet_id: Mapped[int | None] = mapped_column(ForeignKey("guichet.id", ondelete="CASCADE"), index=True)
    nom: Mapped[Texte]
    nature: Mapped[Texte]
    cycle: Mapped[int] = mapped_column(server_default="1")
    du: Mapped[Jour]
    au: Mapped[Jour | None]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint("nature IN ('semaine', 'mois')", name="nature"),
        CheckConstraint("cycle BETWEEN 1 AND 8", name="cycle"),
        CheckConstraint("au IS NULL OR du <= au", name="dates"),
    )


class PlanningJour(Base):
    """One day of a planning. ``rang``: week of the cycle from 0, or nth weekday of the month (1–5, −1 the last)."""

    __tablename__ = "planning_jour"

    id: Mapped[Ident]
    planning_id: Mapped[int] = mapped_column(ForeignKey("planning.id", ondelete="CASCADE"))
    rang: Mapped[int]
    jour_semaine: Mapped[int]
    journee_type_id: Mapped[int] = mapped_column(ForeignKey("journee_type.id"), index=True)

    __table_args__ = (
        UniqueConstraint("planning_id", "rang", "jour_semaine", "journee_type_id"),
        CheckConstraint("rang BETWEEN -1 AND 8", name="rang"),
        CheckConstraint("jour_semaine BETWEEN 1 AND 7", name="jour"),
    )


class ExceptionPlanning(Base):
    """A closure, an extra opening or another journée on one or more dates, for one guichet or all.

    Without minutes a closure takes whole days, and an opening reopens the plages planned on a holiday. The rows of
    nature ``remplacement`` of a day are its plages instead of the planned ones; one without minutes: no plage.
    """

    __tablename__ = "exception_planning"

    id: Mapped[Ident]
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    guichet_id: Mapped[int | None] = mapped_column(ForeignKey("guichet.id", ondelete="CASCADE"), index=True)
    nature: Mapped[Texte]
    du: Mapped[Jour]
    au: Mapped[Jour]
    debut_minute: Mapped[int | None]
    fin_minute: Mapped[int | None]
    libelle: Mapped[Texte] = mapped_column(server_default="")
    cree_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    cree_a: Mapped[Instant]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        Index("ix_exception_planning_service_dates", "service_id", "du", "au"),
        CheckConstraint("nature IN ('fermeture', 'ouverture', 'remplacement')", name="nature"),
        CheckConstraint("du <= au", name="dates"),
        CheckConstraint("(debut_minute IS NULL) = (fin_minute IS NULL)", name="heures_ensemble"),
        CheckConstraint("0 <= debut_minute AND debut_minute < fin_minute AND fin_minute <= 1440", name="bornes"),
    )


class JourOuvert(Base):
    """A public holiday that the chef de service reopens: the plannings apply as on any day."""

    __tablename__ = "jour_ouvert"

    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), primary_key=True)
    jour: Mapped[Jour] = mapped_column(primary_key=True)
    libelle: Mapped[Texte] = mapped_column(server_default="")


class Maintien(Base):
    """A RDV that a change of the organisation left outside it, and that the chef de service decided to keep."""

    __tablename__ = "maintien"

    rdv_id: Mapped[int] = mapped_column(ForeignKey("rendez_vous.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    #: Revision of the RDV when it was decided: moved since, it is looked at again.
    revision_rdv: Mapped[int]
    #: Why it was outside: for another cause, it is looked at again.
    cause: Mapped[Texte]
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id"))
    a: Mapped[Instant]
