"""What makes screens live and history provable: versions, outbox, counters, journal, mail queue."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Jour, Texte


class Agenda(Base):
    """The versions of a service's subjects, updated last in each transaction: gapless, one row lock."""

    __tablename__ = "agenda"

    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    version_creneaux: Mapped[int] = mapped_column(BigInteger, server_default="1")
    version_affichage: Mapped[int] = mapped_column(BigInteger, server_default="1")
    #: Rises with each change of plannings, exceptions, guichets, motifs or parameters: the key of cached ouvertures.
    version_planning: Mapped[int] = mapped_column(BigInteger, server_default="1")


class Epoque(Base):
    """The identity of this database, renewed by a restore: versions of another epoch mean nothing here."""

    __tablename__ = "epoque"

    seul: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1", autoincrement=False)
    valeur: Mapped[Texte]

    __table_args__ = (CheckConstraint("seul = 1", name="seul"),)


class Outbox(Base):
    """Announcements committed with the change they announce. ``trame`` is the frame, ready to publish."""

    __tablename__ = "outbox"

    id: Mapped[Ident]
    sujet: Mapped[Texte]
    version: Mapped[int] = mapped_column(BigInteger)
    trame: Mapped[Texte]
    cree_a: Mapped[Instant]
    publie_a: Mapped[Instant | None]

    __table_args__ = (
        Index("uq_outbox_sujet_version", "sujet", "version", unique=True),
        Index("ix_outbox_a_publier", "id", postgresql_where=text("publie_a IS NULL")),
        Index("ix_outbox_publie_a", "publie_a", postgresql_where=text("publie_a IS NOT NULL")),
    )


class CompteurJour(Base):
    """RDV of a service on a day, by state: what the live steering pages add up. Always equals COUNT(*)."""

    __tablename__ = "compteur_jour"

    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), primary_key=True)
    jour: Mapped[Jour] = mapped_column(primary_key=True)
    etat: Mapped[str] = mapped_column(Text, primary_key=True)
    nombre: Mapped[int]

    __table_args__ = (Index("ix_compteur_jour_jour", "jour"),)


class Journal(Base):
    """Who, when, from where, before, after; reads of personal data too. Append-only: a trigger refuses the rest."""

    __tablename__ = "journal"

    id: Mapped[Ident]
    a: Mapped[Instant]
    acteur: Mapped[Texte]
    agent_id: Mapped[int | None] = mapped_column(BigInteger)
    service_id: Mapped[int | None] = mapped_column(BigInteger)
    rdv_id: Mapped[int | None] = mapped_column(BigInteger)
    #: What else was changed (``guichet``, ``planning``, ``motif``, ``agent``…) and its id, which may be gone since.
    objet: Mapped[str | None] = mapped_column(Text)
    objet_id: Mapped[int | None] = mapped_column(BigInteger)
    action: Mapped[Texte]
    origine: Mapped[Texte]
    adresse: Mapped[str | None] = mapped_column(INET)
    avant: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    apres: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("acteur IN ('usager', 'agent', 'systeme', 'inconnu')", name="acteur"),
        Index("ix_journal_rdv", "rdv_id", "id", postgresql_where=text("rdv_id IS NOT NULL")),
        Index("ix_journal_service_a", "service_id", "a"),
        Index("ix_journal_agent_a", "agent_id", "a"),
        Index("ix_journal_objet", "objet", "objet_id", "id", postgresql_where=text("objet IS NOT NULL")),
    )


class Courrier(Base):
    """An intent to write to somebody, committed with what it tells. Sent by workers, retried, never twice at once.

    ``message_id`` is chosen once, so that a message sent again after a crash is recognised as the same one.
    ``donnees`` holds what the templates need at that moment: a message says what was true when it was due.
    """

    __tablename__ = "courrier"

    id: Mapped[Ident]
    rdv_id: Mapped[int | None] = mapped_column(ForeignKey("rendez_vous.id"), index=True)
    evenement: Mapped[Texte]
    canal: Mapped[Texte]
    destinataire: Mapped[Texte]
    langue: Mapped[Texte] = mapped_column(server_default="fr")
    message_id: Mapped[Texte] = mapped_column(unique=True)
    donnees: Mapped[dict[str, Any]] = mapped_column(JSONB)
    cree_a: Mapped[Instant]
    du_a: Mapped[Instant]
    tentatives: Mapped[int] = mapped_column(server_default="0")
    envoye_a: Mapped[Instant | None]
    abandonne_a: Mapped[Instant | None]
    erreur: Mapped[Texte] = mapped_column(server_default="")

    __table_args__ = (
        CheckConstraint("canal IN ('mail', 'sms')", name="canal"),
        Index(
            "ix_courrier_canal_du_a",
            "canal",
            "du_a",
            postgresql_where=text("envoye_a IS NULL AND abandonne_a IS NULL"),
        ),
        Index(
            "ix_courrier_sans_rdv",
            text("lower(destinataire)"),
            postgresql_where=text("rdv_id IS NULL AND destinataire <> ''"),
        ),
        Index(
            "uq_courrier_evenement",
            "rdv_id",
            "evenement",
            "canal",
            "destinataire",
            text("(donnees->>'sequence')"),
            unique=True,
        ),
    )


class Tentative(Base):
    """Attempts of one origin during one window: what bounds them when Redis is away. ``cle`` is a keyed print."""

    __tablename__ = "tentative"

    cle: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fenetre: Mapped[Instant] = mapped_column(primary_key=True, index=True)
    nombre: Mapped[int]
