"""The waiting list and its offers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_VIVANTE = "etat IN ('ouverte', 'prise')"


def upgrade() -> None:
    op.create_table(
        "attente",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("motif_id", sa.BigInteger(), nullable=False),
        sa.Column("type_rdv", sa.Text(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("du", sa.Date(), nullable=False),
        sa.Column("au", sa.Date(), nullable=False),
        sa.Column("demi_journee", sa.Text(), server_default="", nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("canal", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("langue", sa.Text(), server_default="fr", nullable=False),
        sa.Column("etat", sa.Text(), nullable=False),
        sa.Column("lien_sel", sa.LargeBinary(), nullable=False),
        sa.Column("lien_empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("origine_empreinte", sa.LargeBinary(), nullable=True),
        sa.Column("rdv_id", sa.BigInteger(), nullable=True),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rang_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirme_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prevenu_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sans_reponse", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fin_a", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("type_rdv IN ('guichet', 'telephone', 'visio')", name=op.f("ck_attente_type_rdv")),
        sa.CheckConstraint("nature IN ('particulier', 'professionnel')", name=op.f("ck_attente_nature")),
        sa.CheckConstraint("canal IN ('mail', 'sms')", name=op.f("ck_attente_canal")),
        sa.CheckConstraint("demi_journee IN ('', 'matin', 'apres-midi')", name=op.f("ck_attente_demi_journee")),
        sa.CheckConstraint("du <= au", name=op.f("ck_attente_dates")),
        sa.CheckConstraint(
            "etat IN ('a_confirmer', 'active', 'offre', 'suspendue', 'satisfaite', 'retiree')",
            name=op.f("ck_attente_etat"),
        ),
        sa.CheckConstraint("(etat IN ('active', 'offre')) <= (rang_a IS NOT NULL)", name=op.f("ck_attente_rang")),
        sa.ForeignKeyConstraint(["motif_id"], ["motif.id"], name=op.f("fk_attente_motif_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_attente_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attente")),
        sa.UniqueConstraint("lien_empreinte", name=op.f("uq_attente_lien_empreinte")),
    )
    op.create_index(
        "uq_attente_contact",
        "attente",
        ["service_id", "motif_id", sa.text("lower(contact)")],
        unique=True,
        postgresql_where=sa.text("etat IN ('active', 'offre', 'suspendue')"),
    )
    op.create_index(
        "ix_attente_file", "attente", ["service_id", "rang_a", "id"], postgresql_where=sa.text("etat = 'active'")
    )
    op.create_index("ix_attente_origine", "attente", ["service_id", "origine_empreinte"])
    op.create_index("ix_attente_au", "attente", ["au"])
    op.create_table(
        "offre_attente",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("attente_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("debut", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fin", sa.DateTime(timezone=True), nullable=False),
        sa.Column("etat", sa.Text(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fin_a", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "etat IN ('ouverte', 'prise', 'reservee', 'refusee', 'expiree', 'retiree')",
            name=op.f("ck_offre_attente_etat"),
        ),
        sa.ForeignKeyConstraint(
            ["attente_id"], ["attente.id"], name=op.f("fk_offre_attente_attente_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_offre_attente_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offre_attente")),
        sa.UniqueConstraint("rdv_id", name=op.f("uq_offre_attente_rdv_id")),
    )
    op.create_index(
        "uq_offre_attente_vivante",
        "offre_attente",
        ["attente_id"],
        unique=True,
        postgresql_where=sa.text(_VIVANTE),
    )
    op.create_index("ix_offre_attente_attente_id", "offre_attente", ["attente_id"])
    op.create_index("ix_offre_attente_recentes", "offre_attente", ["service_id", "cree_a"])
    op.create_index("ix_offre_attente_vivantes", "offre_attente", ["service_id"], postgresql_where=sa.text(_VIVANTE))


def downgrade() -> None:
    op.drop_table("offre_attente")
    op.drop_table("attente")
