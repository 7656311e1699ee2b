"""Journal any object; devices; usagers' sessions; attempts; OIDC requests; kept RDV; a day's own plages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "demande_oidc",
        sa.Column("empreinte_etat", sa.LargeBinary(), nullable=False),
        sa.Column("fournisseur", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verificateur", sa.Text(), nullable=False),
        sa.Column("visite", sa.LargeBinary(), nullable=False),
        sa.Column("retour", sa.Text(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fournisseur IN ('proconnect', 'franceconnect')", name=op.f("ck_demande_oidc_fournisseur")),
        sa.PrimaryKeyConstraint("empreinte_etat", name=op.f("pk_demande_oidc")),
    )
    op.create_index(op.f("ix_demande_oidc_expire_a"), "demande_oidc", ["expire_a"], unique=False)
    op.create_table(
        "tentative",
        sa.Column("cle", sa.LargeBinary(), nullable=False),
        sa.Column("fenetre", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cle", "fenetre", name=op.f("pk_tentative")),
    )
    op.create_index(op.f("ix_tentative_fenetre"), "tentative", ["fenetre"], unique=False)
    op.create_table(
        "session_usager",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("usager_id", sa.BigInteger(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vue_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoquee_a", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["usager_id"], ["usager.id"], name=op.f("fk_session_usager_usager_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_usager")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_session_usager_empreinte")),
    )
    op.create_index(op.f("ix_session_usager_expire_a"), "session_usager", ["expire_a"], unique=False)
    op.create_index(op.f("ix_session_usager_usager_id"), "session_usager", ["usager_id"], unique=False)
    op.create_table(
        "appareil",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("libelle", sa.Text(), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=True),
        sa.Column("cree_par", sa.BigInteger(), nullable=True),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vu_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoque_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("nature IN ('borne', 'ecran')", name=op.f("ck_appareil_nature")),
        sa.ForeignKeyConstraint(["cree_par"], ["agent.id"], name=op.f("fk_appareil_cree_par")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_appareil_service_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_appareil_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appareil")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_appareil_empreinte")),
    )
    op.create_index(op.f("ix_appareil_service_id"), "appareil", ["service_id"], unique=False)
    op.create_index(op.f("ix_appareil_site_id"), "appareil", ["site_id"], unique=False)
    op.create_table(
        "maintien",
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("revision_rdv", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_maintien_agent_id")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_maintien_rdv_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_maintien_service_id")),
        sa.PrimaryKeyConstraint("rdv_id", name=op.f("pk_maintien")),
    )
    op.create_index(op.f("ix_maintien_service_id"), "maintien", ["service_id"], unique=False)
    op.add_column("delegation", sa.Column("cree_par", sa.BigInteger(), nullable=True))
    op.add_column("delegation", sa.Column("cree_a", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE delegation SET cree_a = coalesce(decide_a, du::timestamptz)")
    op.alter_column("delegation", "cree_a", nullable=False)
    op.add_column("delegation", sa.Column("message", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(op.f("fk_delegation_cree_par"), "delegation", "agent", ["cree_par"], ["id"])
    op.execute("DELETE FROM invitation")  # their links carried no bits to derive them from: they are sent again
    op.add_column("invitation", sa.Column("sel", sa.LargeBinary(), nullable=False))
    op.add_column("invitation", sa.Column("cree_par", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_invitation_cree_par"), "invitation", "agent", ["cree_par"], ["id"])
    op.add_column("agent", sa.Column("annuaire", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_agent_annuaire"), "agent", "annuaire IN ('present', 'absent')")
    op.add_column("habilitation", sa.Column("annuaire", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("rattachement", sa.Column("annuaire", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("session", sa.Column("jeton_oidc", sa.Text(), nullable=True))
    op.add_column("journal", sa.Column("objet", sa.Text(), nullable=True))
    op.add_column("journal", sa.Column("objet_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_journal_objet",
        "journal",
        ["objet", "objet_id", "id"],
        unique=False,
        postgresql_where=sa.text("objet IS NOT NULL"),
    )
    op.add_column("rendez_vous", sa.Column("delegation_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_rendez_vous_delegation",
        "rendez_vous",
        ["delegation_id", "jour"],
        unique=False,
        postgresql_where=sa.text("delegation_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_rendez_vous_delegation_id"), "rendez_vous", "delegation", ["delegation_id"], ["id"])
    op.add_column("rendez_vous", sa.Column("anonymise_a", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_rendez_vous_a_anonymiser",
        "rendez_vous",
        ["jour"],
        unique=False,
        postgresql_where=sa.text("anonymise_a IS NULL AND etat <> 'option'"),
    )
    op.add_column("service_fiscal", sa.Column("reference_externe", sa.Text(), nullable=True))
    op.add_column("service_fiscal", sa.Column("annuaire", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.alter_column("service_fiscal", "sages", existing_type=sa.Text(), nullable=True)
    op.create_unique_constraint(op.f("uq_service_fiscal_reference_externe"), "service_fiscal", ["reference_externe"])
    op.drop_constraint(op.f("ck_exception_planning_nature"), "exception_planning", type_="check")
    op.create_check_constraint(
        op.f("ck_exception_planning_nature"),
        "exception_planning",
        "nature IN ('fermeture', 'ouverture', 'remplacement')",
    )


def downgrade() -> None:
    op.execute("DELETE FROM exception_planning WHERE nature = 'remplacement'")
    op.drop_constraint(op.f("ck_exception_planning_nature"), "exception_planning", type_="check")
    op.create_check_constraint(
        op.f("ck_exception_planning_nature"), "exception_planning", "nature IN ('fermeture', 'ouverture')"
    )
    op.drop_constraint(op.f("uq_service_fiscal_reference_externe"), "service_fiscal", type_="unique")
    op.execute("UPDATE service_fiscal SET sages = lpad((9000000 + id % 1000000)::text, 7, '9') WHERE sages IS NULL")
    op.alter_column("service_fiscal", "sages", existing_type=sa.Text(), nullable=False)
    op.drop_column("service_fiscal", "annuaire")
    op.drop_column("service_fiscal", "reference_externe")
    op.drop_index(
        "ix_rendez_vous_a_anonymiser",
        table_name="rendez_vous",
        postgresql_where=sa.text("anonymise_a IS NULL AND etat <> 'option'"),
    )
    op.drop_column("rendez_vous", "anonymise_a")
    op.drop_constraint(op.f("fk_rendez_vous_delegation_id"), "rendez_vous", type_="foreignkey")
    op.drop_index(
        "ix_rendez_vous_delegation", table_name="rendez_vous", postgresql_where=sa.text("delegation_id IS NOT NULL")
    )
    op.drop_column("rendez_vous", "delegation_id")
    op.drop_index("ix_journal_objet", table_name="journal", postgresql_where=sa.text("objet IS NOT NULL"))
    op.drop_column("journal", "objet_id")
    op.drop_column("journal", "objet")
    op.drop_column("session", "jeton_oidc")
    op.drop_column("rattachement", "annuaire")
    op.drop_column("habilitation", "annuaire")
    op.drop_constraint(op.f("ck_agent_annuaire"), "agent", type_="check")
    op.drop_column("agent", "annuaire")
    op.drop_constraint(op.f("fk_invitation_cree_par"), "invitation", type_="foreignkey")
    op.drop_column("invitation", "cree_par")
    op.drop_column("invitation", "sel")
    op.drop_constraint(op.f("fk_delegation_cree_par"), "delegation", type_="foreignkey")
    op.drop_column("delegation", "message")
    op.drop_column("delegation", "cree_a")
    op.drop_column("delegation", "cree_par")
    op.drop_index(op.f("ix_maintien_service_id"), table_name="maintien")
    op.drop_table("maintien")
    op.drop_index(op.f("ix_appareil_site_id"), table_name="appareil")
    op.drop_index(op.f("ix_appareil_service_id"), table_name="appareil")
    op.drop_table("appareil")
    op.drop_index(op.f("ix_session_usager_usager_id"), table_name="session_usager")
    op.drop_index(op.f("ix_session_usager_expire_a"), table_name="session_usager")
    op.drop_table("session_usager")
    op.drop_index(op.f("ix_tentative_fenetre"), table_name="tentative")
    op.drop_table("tentative")
    op.drop_index(op.f("ix_demande_oidc_expire_a"), table_name="demande_oidc")
    op.drop_table("demande_oidc")
