"""Agents are told on their pages, by a daily summary and in their calendars.

Notices are written with the change that they tell; a summary is one row an agent and a day, so that it is written once;
a calendar's secret is kept as its SHA-256.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Alone: every booking reads its agent, and would wait while the foreign keys below wait for bookings.
    with op.get_context().autocommit_block():
        op.execute(
            "ALTER TABLE agent ADD COLUMN IF NOT EXISTS resume_minute integer DEFAULT 420 NOT NULL"
            " CONSTRAINT ck_agent_resume_minute CHECK (resume_minute BETWEEN 0 AND 1439)"
        )
    op.create_table(
        "avis",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("evenement", sa.Text(), nullable=False),
        sa.Column("fait", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("donnees", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lu_a", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_avis_agent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_avis_rdv_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_avis_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avis")),
    )
    op.create_index("uq_avis", "avis", ["rdv_id", "agent_id", "evenement", "sequence"], unique=True)
    op.create_index("ix_avis_agent", "avis", ["agent_id", "id"], unique=False)
    op.create_index("ix_avis_non_lus", "avis", ["agent_id"], unique=False, postgresql_where=sa.text("lu_a IS NULL"))
    op.create_index("ix_avis_cree_a", "avis", ["cree_a"], unique=False)
    op.create_table(
        "abonnement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("guichet_id", sa.BigInteger(), nullable=True),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lu_le", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_abonnement_agent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["guichet_id"], ["guichet.id"], name=op.f("fk_abonnement_guichet_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_abonnement")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_abonnement_empreinte")),
    )
    op.create_index(op.f("ix_abonnement_agent_id"), "abonnement", ["agent_id"], unique=False)
    op.create_index(op.f("ix_abonnement_guichet_id"), "abonnement", ["guichet_id"], unique=False)
    op.create_table(
        "resume",
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_resume_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("agent_id", "jour", name=op.f("pk_resume")),
    )
    op.create_index(op.f("ix_resume_jour"), "resume", ["jour"], unique=False)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE agent DROP COLUMN IF EXISTS resume_minute")
    op.drop_table("resume")
    op.drop_table("abonnement")
    op.drop_table("avis")
