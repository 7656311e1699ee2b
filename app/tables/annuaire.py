"""The directory: where people are received, for what, at which guichets [C §3, §6; G 2.1.1, 2.3.3]."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Jour, Texte


class Interregion(Base):
    """A délégation: several départements under one steering."""

    __tablename__ = "interregion"

    id: Mapped[Ident]
    nom: Mapped[Texte] = mapped_column(unique=True)


class Departement(Base):
    """A département. ``subdivision`` selects its own holidays (Moselle, La Réunion…)."""

    __tablename__ = "departement"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    nom: Mapped[Texte]
    interregion_id: Mapped[int | None] = mapped_column(ForeignKey("interregion.id"), index=True)
    fuseau: Mapped[Texte] = mapped_column(server_default="Europe/Paris")
    subdivision: Mapped[str | None] = mapped_column(Text)


class Commune(Base):
    """A commune, found by an unaccented prefix of its name or by postal code."""

    __tablename__ = "commune"

    code_insee: Mapped[str] = mapped_column(Text, primary_key=True)
    nom: Mapped[Texte]
    nom_recherche: Mapped[Texte]
    departement: Mapped[str] = mapped_column(ForeignKey("departement.code"), index=True)
    codes_postaux: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    population: Mapped[int] = mapped_column(server_default="0")
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(8, 5))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(8, 5))

    __table_args__ = (
        Index("ix_commune_codes_postaux", "codes_postaux", postgresql_using="gin"),
        Index(
            "ix_commune_debut_postal",
            text("array_to_tsvector(array_remove(array_remove(codes_postaux, NULL), ''))"),
            postgresql_using="gin",
        ),
        Index("ix_commune_nom_recherche", "nom_recherche", postgresql_ops={"nom_recherche": "text_pattern_ops"}),
    )


class TypeService(Base):
    """A kind of service; data, hence extensible [C §3]. ``par_adresse``: found by address, not only by code."""

    __tablename__ = "type_service"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    libelle: Mapped[Texte]
    famille: Mapped[Texte]
    par_adresse: Mapped[bool]
    comptable: Mapped[bool]
    ordre: Mapped[int]


class Site(Base):
    """A building with one reception: board, tickets and screen are the site's [G 2.1.1]."""

    __tablename__ = "site"

    id: Mapped[Ident]
    nom: Mapped[Texte]
    adresse: Mapped[Texte]
    complement_adresse: Mapped[Texte] = mapped_column(server_default="")
    code_postal: Mapped[Texte]
    ville: Mapped[Texte]
    fuseau: Mapped[Texte]
    equipement: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    revision: Mapped[int] = mapped_column(server_default="1")


class ServiceFiscal(Base):
    """A tax office that receives by appointment. Closed services keep their rows and their RDV."""

    __tablename__ = "service_fiscal"

    id: Mapped[Ident]
    type_code: Mapped[str] = mapped_column(ForeignKey("type_service.code"), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    #: None for a service imported from a directory that does not give it: it cannot open online until it is known.
    sages: Mapped[str | None] = mapped_column(Text, unique=True)
    #: The service's key in the directory it was imported from: importing again updates it.
    reference_externe: Mapped[str | None] = mapped_column(Text, unique=True)
    #: Its row of that directory as last imported: what was changed here since stays, until the directory changes it.
    annuaire: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    codique: Mapped[str | None] = mapped_column(Text, index=True)
    codique_partage: Mapped[bool] = mapped_column(server_default="false")
    libelle: Mapped[Texte]
    adresse: Mapped[Texte]
    complement_adresse: Mapped[Texte] = mapped_column(server_default="")
    code_postal: Mapped[Texte]
    ville: Mapped[Texte]
    departement: Mapped[str] = mapped_column(ForeignKey("departement.code"), index=True)
    telephone: Mapped[Texte]
    courriel: Mapped[Texte]
    fuseau: Mapped[Texte]
    accessibilite: Mapped[Texte] = mapped_column(server_default="")
    horaires_texte: Mapped[Texte] = mapped_column(server_default="")
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(8, 5))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(8, 5))
    pas_minutes: Mapped[int] = mapped_column(server_default="20")
    duree_minutes: Mapped[int] = mapped_column(server_default="20")
    centre_contact: Mapped[bool] = mapped_column(server_default="false")
    en_ligne: Mapped[bool] = mapped_column(server_default="false")
    visio_base: Mapped[Texte] = mapped_column(server_default="")
    dossier_url: Mapped[Texte] = mapped_column(server_default="")
    ferme_a: Mapped[Instant | None]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint("sages ~ '^[0-9]{7}$'", name="sages"),
        CheckConstraint("codique IS NULL OR codique ~ '^[0-9]{6}$'", name="codique"),
        CheckConstraint("pas_minutes BETWEEN 5 AND 240", name="pas"),
        CheckConstraint("duree_minutes BETWEEN 5 AND 480", name="duree"),
    )


class ServiceRecherche(Base):
    """What the search of services compares, written by triggers: words of its names and towns, its postal codes.

    ``villes``: the towns where it stands, without accents nor CEDEX.
    """

    __tablename__ = "service_recherche"

    service_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("service_fiscal.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    mots: Mapped[Any] = mapped_column(TSVECTOR)
    villes: Mapped[list[str]] = mapped_column(ARRAY(Text))

    __table_args__ = (
        Index("ix_service_recherche_mots", "mots", postgresql_using="gin"),
        Index("ix_service_recherche_villes", "villes", postgresql_using="gin"),
    )


class Competence(Base):
    """Which service is competent for which commune, by kind of service. ``voies`` narrows a shared commune."""

    __tablename__ = "competence"

    id: Mapped[Ident]
    code_insee: Mapped[str] = mapped_column(ForeignKey("commune.code_insee"))
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    voies: Mapped[Texte] = mapped_column(server_default="")

    __table_args__ = (UniqueConstraint("code_insee", "service_id", "voies"),)


class Motif(Base):
    """A subject of the national tree, per type of service, up to three levels [G 2.3.1]."""

    __tablename__ = "motif"

    id: Mapped[Ident]
    code: Mapped[Texte] = mapped_column(unique=True)
    type_service_code: Mapped[str] = mapped_column(ForeignKey("type_service.code"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("motif.id"), index=True)
    libelle: Mapped[Texte]
    nature: Mapped[Texte]
    public: Mapped[Texte] = mapped_column(server_default="tous")
    documents: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    #: The same in English; empty: the French is shown.
    libelle_en: Mapped[Texte] = mapped_column(server_default="")
    documents_en: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    faq_url: Mapped[Texte] = mapped_column(server_default="")
    demarche_url: Mapped[Texte] = mapped_column(server_default="")
    ordre: Mapped[int] = mapped_column(server_default="0")
    actif: Mapped[bool] = mapped_column(server_default="true")
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint("nature IN ('assiette', 'recouvrement', 'mixte')", name="nature"),
        CheckConstraint("public IN ('particulier', 'professionnel', 'tous')", name="public"),
    )


class SujetContact(Base):
    """A subject of the page « Contact »: about what, then more precisely, up to three levels below « vous êtes ».

    A leaf says who answers: ``types_service``, reached by ``voie`` (an address, the DRESG, the DGE, a code; "" for no
    service), and the code of the motif to book for.
    """

    __tablename__ = "sujet_contact"

    id: Mapped[Ident]
    code: Mapped[Texte] = mapped_column(unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("sujet_contact.id"), index=True)
    nature: Mapped[Texte]
    libelle: Mapped[Texte]
    libelle_en: Mapped[Texte] = mapped_column(server_default="")
    faq_url: Mapped[Texte] = mapped_column(server_default="")
    demarche_url: Mapped[Texte] = mapped_column(server_default="")
    types_service: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    motif_code: Mapped[Texte] = mapped_column(server_default="")
    voie: Mapped[Texte] = mapped_column(server_default="")
    ordre: Mapped[int] = mapped_column(server_default="0")
    actif: Mapped[bool] = mapped_column(server_default="true")
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint("nature IN ('particulier', 'professionnel')", name="nature"),
        CheckConstraint("voie IN ('', 'adresse', 'dresg', 'dge', 'code')", name="voie"),
        CheckConstraint("code ~ '^[a-z0-9-]{1,80}$'", name="code"),
    )


class MotifService(Base):
    """A motif as one service offers it: open or not, and its duration (else the service's own)."""

    __tablename__ = "motif_service"

    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), primary_key=True)
    motif_id: Mapped[int] = mapped_column(ForeignKey("motif.id"), primary_key=True, index=True)
    ouvert: Mapped[bool]
    duree_minutes: Mapped[int | None]
    message: Mapped[Texte] = mapped_column(server_default="")

    __table_args__ = (CheckConstraint("duree_minutes BETWEEN 5 AND 480", name="duree"),)


class Guichet(Base):
    """One agenda. A NULL restriction restricts nothing; an empty one lets nobody in [G 2.3.3]."""

    __tablename__ = "guichet"

    id: Mapped[Ident]
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"))
    nom: Mapped[Texte]
    ordre: Mapped[int] = mapped_column(server_default="0")
    ouvert: Mapped[bool]
    motifs: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    canaux: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    types: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("service_id", "nom"),
        CheckConstraint("canaux <@ ARRAY['internet', 'exterieur', 'rattache']", name="canaux"),
        CheckConstraint("types <@ ARRAY['guichet', 'telephone', 'visio']", name="types"),
    )


class GuichetAgent(Base):
    """An agent assigned to a guichet: notified of its RDV."""

    __tablename__ = "guichet_agent"

    guichet_id: Mapped[int] = mapped_column(ForeignKey("guichet.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id"), primary_key=True, index=True)


class Delegation(Base):
    """Chosen motifs entrusted to another service between two dates, once it has accepted [G 2.3.5]."""

    __tablename__ = "delegation"

    id: Mapped[Ident]
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    service_delegue_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    motifs: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    du: Mapped[Jour]
    au: Mapped[Jour]
    quota_jour: Mapped[int | None]
    etat: Mapped[Texte]
    cree_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    cree_a: Mapped[Instant]
    decide_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    decide_a: Mapped[Instant | None]
    #: Which of the two services took the last decision, and what it wrote with it.
    decide_par_service_id: Mapped[int | None] = mapped_column(ForeignKey("service_fiscal.id"))
    reponse: Mapped[Texte] = mapped_column(server_default="")
    #: None until it is accepted; stays when it is ended before its last day.
    acceptee_a: Mapped[Instant | None]
    message: Mapped[Texte] = mapped_column(server_default="")
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint("etat IN ('proposee', 'acceptee', 'refusee', 'retiree')", name="etat"),
        CheckConstraint("du <= au", name="dates"),
        CheckConstraint("quota_jour > 0", name="quota"),
        CheckConstraint("service_id <> service_delegue_id", name="autre_service"),
    )


class Parametre(Base):
    """A national parameter, or its local override when ``service_id`` is set [G 2.3.4]."""

    __tablename__ = "parametre"

    id: Mapped[Ident]
    cle: Mapped[Texte]
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service_fiscal.id"))
    valeur: Mapped[Any] = mapped_column(JSONB)
    modifie_par: Mapped[int | None] = mapped_column(BigInteger)
    modifie_a: Mapped[Instant]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (UniqueConstraint("cle", "service_id", postgresql_nulls_not_distinct=True),)


class Appareil(Base):
    """A kiosk or a call screen of a site, paired once: its cookie's token is stored as its SHA-256 [G 2.1.1, 2.3.7]."""

    __tablename__ = "appareil"

    id: Mapped[Ident]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    nature: Mapped[Texte]
    libelle: Mapped[Texte]
    empreinte: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    cree_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    cree_a: Mapped[Instant]
    vu_a: Mapped[Instant | None]
    revoque_a: Mapped[Instant | None]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (CheckConstraint("nature IN ('borne', 'ecran')", name="nature"),)
