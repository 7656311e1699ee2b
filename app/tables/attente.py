"""Who waits for a créneau that suits, and the créneaux offered to them one person at a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Jour, Texte


class Attente(Base):
    """One person's wish: to be told when a créneau of that motif and type becomes free between two days.

    ``a_confirmer`` until its contact is proven (one contact may have several of those, each with its link: whoever
    types it replaces nobody's, the others go when one is confirmed), ``active``, ``offre`` while a créneau is offered,
    ``suspendue`` after offers without an answer; ``satisfaite`` and ``retiree`` keep neither name nor contact.
    """

    __tablename__ = "attente"

    id: Mapped[Ident]
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    motif_id: Mapped[int] = mapped_column(ForeignKey("motif.id"))
    type_rdv: Mapped[Texte]
    nature: Mapped[Texte]
    du: Mapped[Jour]
    au: Mapped[Jour]
    demi_journee: Mapped[Texte] = mapped_column(server_default="")
    nom: Mapped[Texte]
    canal: Mapped[Texte]
    contact: Mapped[Texte]
    langue: Mapped[Texte] = mapped_column(server_default="fr")
    etat: Mapped[Texte]
    #: The link is derived from these bits: a copy of the database opens none.
    lien_sel: Mapped[bytes] = mapped_column(LargeBinary)
    lien_empreinte: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    #: Keyed print of the network that registered: how many of one service may come from there.
    origine_empreinte: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: The rendez-vous from whose page it was asked: its offer moves that one.
    rdv_id: Mapped[int | None] = mapped_column(BigInteger)
    cree_a: Mapped[Instant]
    #: Until when it may be confirmed.
    expire_a: Mapped[Instant]
    #: Its place in the line: when it was confirmed, then when its last offer ended.
    rang_a: Mapped[Instant | None]
    confirme_a: Mapped[Instant | None]
    #: When it was told that plenty is free: once.
    prevenu_a: Mapped[datetime | None]
    #: Offers in a row that nobody answered.
    sans_reponse: Mapped[int] = mapped_column(server_default="0")
    fin_a: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("type_rdv IN ('guichet', 'telephone', 'visio')", name="type_rdv"),
        CheckConstraint("nature IN ('particulier', 'professionnel')", name="nature"),
        CheckConstraint("canal IN ('mail', 'sms')", name="canal"),
        CheckConstraint("demi_journee IN ('', 'matin', 'apres-midi')", name="demi_journee"),
        CheckConstraint("du <= au", name="dates"),
        CheckConstraint(
            "etat IN ('a_confirmer', 'active', 'offre', 'suspendue', 'satisfaite', 'retiree')", name="etat"
        ),
        CheckConstraint("(etat IN ('active', 'offre')) <= (rang_a IS NOT NULL)", name="rang"),
        Index(
            "uq_attente_contact",
            "service_id",
            "motif_id",
            text("lower(contact)"),
            unique=True,
            postgresql_where=text("etat IN ('active', 'offre', 'suspendue')"),
        ),
        Index("ix_attente_contact", text("lower(contact)"), postgresql_where=text("contact <> ''")),
        Index("ix_attente_file", "service_id", "rang_a", "id", postgresql_where=text("etat = 'active'")),
        Index("ix_attente_origine", "service_id", "origine_empreinte"),
        Index("ix_attente_au", "au"),
    )


class OffreAttente(Base):
    """A créneau held for one person who waits. ``rdv_id``: the hold, which becomes his rendez-vous or is deleted."""

    __tablename__ = "offre_attente"

    id: Mapped[Ident]
    attente_id: Mapped[int] = mapped_column(ForeignKey("attente.id", ondelete="CASCADE"))
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    rdv_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    debut: Mapped[Instant]
    fin: Mapped[Instant]
    etat: Mapped[Texte]
    cree_a: Mapped[Instant]
    #: Until when it is his to answer.
    expire_a: Mapped[Instant]
    fin_a: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("etat IN ('ouverte', 'prise', 'reservee', 'refusee', 'expiree', 'retiree')", name="etat"),
        Index(
            "uq_offre_attente_vivante",
            "attente_id",
            unique=True,
            postgresql_where=text("etat IN ('ouverte', 'prise')"),
        ),
        Index("ix_offre_attente_attente_id", "attente_id"),
        Index("ix_offre_attente_recentes", "service_id", "cree_a"),
        Index("ix_offre_attente_vivantes", "service_id", postgresql_where=text("etat IN ('ouverte', 'prise')")),
    )
