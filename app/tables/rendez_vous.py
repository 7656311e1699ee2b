"""Rendez-vous and holds, and what is known of the person: PostgreSQL has the last word here.

One exclusion constraint covers holds and rendez-vous alike: two rows that occupy one guichet can never overlap.
``occupe`` is its predicate; it is true in every state but ``annule``, and cleared for the instant of a swap.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Jour, Texte

ETATS = ("option", "prevu", "arrive", "appele", "recu", "termine", "annule", "non_honore")


class RendezVous(Base):
    """A rendez-vous, or a hold (etat ``option``, which carries no personal data and expires)."""

    __tablename__ = "rendez_vous"

    id: Mapped[Ident]
    code: Mapped[str | None] = mapped_column(Text, unique=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    service_origine_id: Mapped[int | None] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    #: Under which delegation it was taken: what its daily quota counts.
    delegation_id: Mapped[int | None] = mapped_column(ForeignKey("delegation.id"))
    guichet_id: Mapped[int] = mapped_column(ForeignKey("guichet.id"))
    motif_id: Mapped[int] = mapped_column(ForeignKey("motif.id"))
    type_rdv: Mapped[Texte]
    debut: Mapped[Instant]
    fin: Mapped[Instant]
    jour: Mapped[Jour]
    etat: Mapped[Texte]
    occupe: Mapped[bool]
    canal: Mapped[Texte]
    origine: Mapped[Texte]

    nature_option: Mapped[str | None] = mapped_column(Text)
    expire_a: Mapped[Instant | None]
    option_empreinte: Mapped[bytes | None] = mapped_column(LargeBinary)

    cle_idempotence: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    empreinte_demande: Mapped[bytes | None] = mapped_column(LargeBinary)
    lien_sel: Mapped[bytes | None] = mapped_column(LargeBinary)
    lien_empreinte: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)

    precision: Mapped[Texte] = mapped_column(server_default="")
    note_interne: Mapped[Texte] = mapped_column(server_default="")
    message_usager: Mapped[Texte] = mapped_column(server_default="")
    visio_lien: Mapped[Texte] = mapped_column(server_default="")
    forcages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    #: Prints of the documents that the usager says he has ready (``app.domain.documents``).
    documents_prets: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")

    sequence: Mapped[int] = mapped_column(server_default="0")
    revision: Mapped[int] = mapped_column(server_default="1")
    cree_a: Mapped[Instant]
    cree_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    modifie_a: Mapped[Instant]
    annule_a: Mapped[Instant | None]
    annule_par: Mapped[str | None] = mapped_column(Text)
    annule_par_agent: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    annule_raison: Mapped[Texte] = mapped_column(server_default="")
    usager_id: Mapped[int | None] = mapped_column(ForeignKey("usager.id"), index=True)
    #: Since when nothing here names anybody any more: retention is over.
    anonymise_a: Mapped[Instant | None]

    __table_args__ = (
        ExcludeConstraint(
            (func.int8range(text("guichet_id"), text("guichet_id"), text("'[]'")), "&&"),
            (func.tstzrange(text("debut"), text("fin")), "&&"),
            name="ex_rendez_vous_guichet",
            using="gist",
            where=text("occupe"),
        ),
        CheckConstraint("debut < fin", name="bornes"),
        CheckConstraint(
            "etat IN ('option','prevu','arrive','appele','recu','termine','annule','non_honore')", name="etat"
        ),
        CheckConstraint("etat <> 'annule' OR NOT occupe", name="annule_libere"),
        CheckConstraint(
            "(etat = 'option') = (nature_option IS NOT NULL) AND (etat = 'option') = (expire_a IS NOT NULL)",
            name="option",
        ),
        CheckConstraint("nature_option IN ('saisie', 'offre', 'gel')", name="nature_option"),
        CheckConstraint("type_rdv IN ('guichet', 'telephone', 'visio')", name="type_rdv"),
        CheckConstraint("canal IN ('internet', 'exterieur', 'rattache')", name="canal"),
        CheckConstraint("origine IN ('internet', 'telephone', 'guichet', 'courriel', 'borne', 'api')", name="origine"),
        CheckConstraint("(etat = 'option') = (code IS NULL)", name="code"),
        Index("ix_rendez_vous_service_jour", "service_id", "jour"),
        Index("ix_rendez_vous_delegation", "delegation_id", "jour", postgresql_where=text("delegation_id IS NOT NULL")),
        Index("ix_rendez_vous_guichet_jour", "guichet_id", "jour", postgresql_where=text("occupe")),
        Index("ix_rendez_vous_expire", "expire_a", postgresql_where=text("etat = 'option'")),
        Index("ix_rendez_vous_option_empreinte", "option_empreinte", postgresql_where=text("etat = 'option'")),
        Index(
            "ix_rendez_vous_a_anonymiser",
            "jour",
            postgresql_where=text("anonymise_a IS NULL AND etat <> 'option'"),
        ),
        Index(
            "ix_rendez_vous_a_clore",
            "jour",
            postgresql_where=text("etat IN ('prevu', 'arrive', 'appele', 'recu')"),
        ),
    )


class RdvUsager(Base):
    """The person as entered for one RDV: a snapshot, so that an anonymous entry updates no register [A1 §2]."""

    __tablename__ = "rdv_usager"

    rdv_id: Mapped[int] = mapped_column(ForeignKey("rendez_vous.id"), primary_key=True)
    nature: Mapped[Texte]
    civilite: Mapped[str | None]
    nom_usage: Mapped[Texte] = mapped_column(server_default="")
    nom_naissance: Mapped[Texte] = mapped_column(server_default="")
    prenoms: Mapped[Texte] = mapped_column(server_default="")
    date_naissance: Mapped[date | None]
    numero_fiscal: Mapped[str | None] = mapped_column(Text, index=True)
    raison_sociale: Mapped[Texte] = mapped_column(server_default="")
    siren: Mapped[str | None] = mapped_column(Text, index=True)
    contact: Mapped[Texte] = mapped_column(server_default="")
    telephones: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    preference_appel: Mapped[str | None]
    courriel: Mapped[str | None] = mapped_column(Text)
    langue: Mapped[Texte] = mapped_column(server_default="fr")
    #: Unaccented, upper case, one space around each word: PostgreSQL here has no unaccent extension.
    recherche: Mapped[Texte] = mapped_column(server_default="")
    #: Whose RDV it is: who receives it, and who entrusted it. Written by the database (triggers of migration 0004).
    services: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    anonymise_a: Mapped[Instant | None]

    __table_args__ = (
        #: Words of the names, each behind each of ``services``; phones; mail address (function of migration 0004).
        Index(
            "ix_rdv_usager_cles",
            text("cles_de_recherche(services, recherche, telephones, courriel)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        CheckConstraint("nature IN ('particulier', 'professionnel')", name="nature"),
        CheckConstraint("civilite IN ('madame', 'monsieur')", name="civilite"),
        CheckConstraint("preference_appel IN ('matin', 'apres-midi')", name="preference"),
    )


class Usager(Base):
    """The register of people known by identification: FranceConnect, or an agent's entry with a checked number."""

    __tablename__ = "usager"

    id: Mapped[Ident]
    nature: Mapped[Texte]
    numero_fiscal: Mapped[str | None] = mapped_column(Text, unique=True)
    siren: Mapped[str | None] = mapped_column(Text, unique=True)
    sujet_oidc: Mapped[str | None] = mapped_column(Text, unique=True)
    civilite: Mapped[str | None]
    nom_usage: Mapped[Texte] = mapped_column(server_default="")
    nom_naissance: Mapped[Texte] = mapped_column(server_default="")
    prenoms: Mapped[Texte] = mapped_column(server_default="")
    date_naissance: Mapped[date | None]
    raison_sociale: Mapped[Texte] = mapped_column(server_default="")
    contact: Mapped[Texte] = mapped_column(server_default="")
    telephones: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    courriel: Mapped[str | None] = mapped_column(Text)
    modifie_a: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("nature IN ('particulier', 'professionnel')", name="nature"),
        Index("ix_usager_courriel", text("lower(courriel)"), postgresql_where=text("courriel IS NOT NULL")),
        Index("ix_usager_telephones", "telephones", postgresql_using="gin"),
    )


class Affectation(Base):
    """An agent assigned to one RDV; one or several [G 2.3.3]."""

    __tablename__ = "affectation"

    rdv_id: Mapped[int] = mapped_column(ForeignKey("rendez_vous.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id"), primary_key=True, index=True)
    cree_a: Mapped[Instant]


class ContreAppel(Base):
    """A call made before the visit; it may settle the matter and cancel the RDV [A1 §3.2]."""

    __tablename__ = "contre_appel"

    id: Mapped[Ident]
    rdv_id: Mapped[int] = mapped_column(ForeignKey("rendez_vous.id"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id"))
    jour: Mapped[Jour]
    resultat: Mapped[Texte]
    commentaire: Mapped[Texte]
    annule_rdv: Mapped[bool]
    cree_a: Mapped[Instant]
    #: What the call was about when it was recorded: the RDV may change since, figures may not. Written by the database
    #: (trigger of migration 0006).
    motif_id: Mapped[int] = mapped_column(BigInteger)
    service_id: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint("resultat IN ('regle', 'a_recevoir', 'sans_reponse', 'message_laisse')", name="resultat"),
        CheckConstraint("commentaire <> ''", name="commentaire"),
        Index("ix_contre_appel_motif_id_cree_a", "motif_id", "cree_a", postgresql_include=["service_id", "resultat"]),
        Index("ix_contre_appel_cree_a", "cree_a", postgresql_include=["resultat"]),
    )


class Suite(Base):
    """What followed the visit: reference of the démarche in the case system, or none needed [A1 §4]."""

    __tablename__ = "suite"

    id: Mapped[Ident]
    rdv_id: Mapped[int] = mapped_column(ForeignKey("rendez_vous.id"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id"))
    nature: Mapped[Texte]
    reference: Mapped[Texte] = mapped_column(server_default="")
    note: Mapped[Texte] = mapped_column(server_default="")
    cree_a: Mapped[Instant]

    __table_args__ = (CheckConstraint("nature IN ('demarche', 'sans_suite', 'fiche_visite')", name="nature"),)


class Passage(Base):
    """A presence: arrival, ticket, call, end. Walk-ins have one without a RDV and never enter the constraint.

    Nobody arrives for a téléphone or visio RDV: its passage begins with the call.
    """

    __tablename__ = "passage"

    id: Mapped[Ident]
    rdv_id: Mapped[int | None] = mapped_column(ForeignKey("rendez_vous.id"), unique=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    jour: Mapped[Jour]
    ticket: Mapped[str | None] = mapped_column(Text)
    motif_id: Mapped[int | None] = mapped_column(ForeignKey("motif.id"))
    guichet_id: Mapped[int | None] = mapped_column(ForeignKey("guichet.id"))
    arrivee_a: Mapped[Instant | None]
    arrivee_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    appel_a: Mapped[Instant | None]
    reception_a: Mapped[Instant | None]
    fin_a: Mapped[Instant | None]

    __table_args__ = (
        UniqueConstraint("site_id", "jour", "ticket"),
        Index("ix_passage_service_jour", "service_id", "jour"),
    )
