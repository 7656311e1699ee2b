"""Who may do what: agents, profiles × perimeters, zone de compétence, sessions, API keys [C §4; G 2.3.2]."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Ident, Instant, Texte


class Agent(Base):
    """An account. ``mot_de_passe`` is an argon2 hash; without one, only ProConnect or a key opens it."""

    __tablename__ = "agent"

    id: Mapped[Ident]
    identifiant: Mapped[Texte] = mapped_column(unique=True)
    nom: Mapped[Texte]
    prenom: Mapped[Texte]
    courriel: Mapped[Texte]
    mot_de_passe: Mapped[str | None]
    sujet_oidc: Mapped[str | None] = mapped_column(unique=True)
    suspendu_a: Mapped[Instant | None]
    connexion_a: Mapped[Instant | None]
    connexion_precedente_a: Mapped[Instant | None]
    resume_quotidien: Mapped[bool] = mapped_column(server_default="false")
    #: When it is sent, in minutes of the day where the agent works.
    resume_minute: Mapped[int] = mapped_column(server_default="420")
    #: None for an account made here; ``present`` or ``absent`` for one provisioned from a directory export [G 2.2.2].
    annuaire: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint("annuaire IN ('present', 'absent')", name="annuaire"),
        CheckConstraint("resume_minute BETWEEN 0 AND 1439", name="resume_minute"),
    )


class Habilitation(Base):
    """A profile over a perimeter: services, a département, an interregion, or the nation."""

    __tablename__ = "habilitation"

    id: Mapped[Ident]
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    profil: Mapped[Texte]
    perimetre: Mapped[Texte]
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service_fiscal.id"), index=True)
    departement: Mapped[str | None] = mapped_column(ForeignKey("departement.code"), index=True)
    interregion_id: Mapped[int | None] = mapped_column(ForeignKey("interregion.id"), index=True)
    #: Given by the directory export, which alone takes it back.
    annuaire: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint(
            "profil IN ('agent_local', 'agent_national', 'admin_local', 'admin_national', 'pilotage')", name="profil"
        ),
        CheckConstraint(
            "num_nonnulls(service_id, departement, interregion_id) = (perimetre <> 'nation')::int"
            " AND (perimetre = 'service') = (service_id IS NOT NULL)"
            " AND (perimetre = 'departement') = (departement IS NOT NULL)"
            " AND (perimetre = 'interregion') = (interregion_id IS NOT NULL)"
            " AND perimetre IN ('service', 'departement', 'interregion', 'nation')",
            name="perimetre",
        ),
        Index(
            "uq_habilitation",
            "agent_id",
            "profil",
            "perimetre",
            text("coalesce(service_id, 0)"),
            text("coalesce(departement, '')"),
            text("coalesce(interregion_id, 0)"),
            unique=True,
        ),
    )


class Rattachement(Base):
    """The zone de compétence: services whose agenda the agent holds, where he may force [A1 §3.1]."""

    __tablename__ = "rattachement"

    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service_fiscal.id"), primary_key=True, index=True)
    #: Given by the directory export, which alone takes it back.
    annuaire: Mapped[bool] = mapped_column(server_default="false")


class SessionAgent(Base):
    """One sign-in. The cookie's token is stored as its SHA-256; the row is new at each login (no fixation)."""

    __tablename__ = "session"

    id: Mapped[Ident]
    empreinte: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    cree_a: Mapped[Instant]
    vue_a: Mapped[Instant]
    expire_a: Mapped[Instant] = mapped_column(index=True)
    revoquee_a: Mapped[Instant | None]
    #: The id_token of a sign-in through ProConnect, which its own sign-out asks for; erased with it.
    jeton_oidc: Mapped[str | None]


class CleApi(Base):
    """A key of the API. It acts as its agent: same profile, same perimeter, same journal."""

    __tablename__ = "cle_api"

    id: Mapped[Ident]
    empreinte: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    libelle: Mapped[Texte]
    cree_a: Mapped[Instant]
    expire_a: Mapped[Instant | None]
    revoquee_a: Mapped[Instant | None]


class Invitation(Base):
    """A one-time link by which an agent chooses a password."""

    __tablename__ = "invitation"

    id: Mapped[Ident]
    empreinte: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    #: The link is derived from these bits: a copy of the database opens none.
    sel: Mapped[bytes] = mapped_column(LargeBinary)
    cree_par: Mapped[int | None] = mapped_column(ForeignKey("agent.id"))
    cree_a: Mapped[Instant]
    expire_a: Mapped[Instant]
    utilisee_a: Mapped[Instant | None]


class SessionUsager(Base):
    """The sign-in of an usager through FranceConnect; the cookie's token is stored as its SHA-256."""

    __tablename__ = "session_usager"

    id: Mapped[Ident]
    empreinte: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    usager_id: Mapped[int] = mapped_column(ForeignKey("usager.id", ondelete="CASCADE"), index=True)
    cree_a: Mapped[Instant]
    vue_a: Mapped[Instant]
    expire_a: Mapped[Instant] = mapped_column(index=True)
    revoquee_a: Mapped[Instant | None]
    #: The id_token that FranceConnect's own sign-out asks for; erased with the session.
    jeton_oidc: Mapped[str | None]


class DemandeOidc(Base):
    """A sign-in begun at an identity provider, until it comes back: state (its SHA-256), nonce, PKCE verifier."""

    __tablename__ = "demande_oidc"

    empreinte_etat: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fournisseur: Mapped[Texte]
    nonce: Mapped[Texte]
    verificateur: Mapped[Texte]
    #: SHA-256 of the visit that began: another browser cannot finish it.
    visite: Mapped[bytes] = mapped_column(LargeBinary)
    retour: Mapped[Texte]
    cree_a: Mapped[Instant]
    expire_a: Mapped[Instant] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("fournisseur IN ('proconnect', 'franceconnect')", name="fournisseur"),)
