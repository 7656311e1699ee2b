"""What was decided of a delegation is in its own row; wrong passwords are no longer counted on the account.

They are counted by account and address (``tentative``). The hold of a visitor is found by its print.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("agent", "bloque_jusqu_a")
    op.drop_column("agent", "echecs")
    op.add_column("delegation", sa.Column("acceptee_a", sa.DateTime(timezone=True), nullable=True))
    op.add_column("delegation", sa.Column("reponse", sa.Text(), server_default="", nullable=False))
    op.add_column("delegation", sa.Column("decide_par_service_id", sa.BigInteger(), nullable=True))
    op.execute("UPDATE delegation SET acceptee_a = coalesce(decide_a, cree_a) WHERE etat = 'acceptee'")
    op.create_foreign_key(
        op.f("fk_delegation_decide_par_service_id"),
        "delegation",
        "service_fiscal",
        ["decide_par_service_id"],
        ["id"],
    )
    op.create_index(
        "ix_rendez_vous_option_empreinte",
        "rendez_vous",
        ["option_empreinte"],
        unique=False,
        postgresql_where=sa.text("etat = 'option'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_rendez_vous_option_empreinte", table_name="rendez_vous", postgresql_where=sa.text("etat = 'option'")
    )
    op.drop_constraint(op.f("fk_delegation_decide_par_service_id"), "delegation", type_="foreignkey")
    op.drop_column("delegation", "decide_par_service_id")
    op.drop_column("delegation", "reponse")
    op.drop_column("delegation", "acceptee_a")
    op.add_column("agent", sa.Column("echecs", sa.Integer(), server_default="0", nullable=False))
    op.add_column("agent", sa.Column("bloque_jusqu_a", sa.DateTime(timezone=True), nullable=True))
