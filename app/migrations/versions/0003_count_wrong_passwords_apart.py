"""Wrong passwords are counted by account and address (``tentative``), no longer on the account itself."""

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


def downgrade() -> None:
    op.add_column("agent", sa.Column("echecs", sa.Integer(), server_default="0", nullable=False))
    op.add_column("agent", sa.Column("bloque_jusqu_a", sa.DateTime(timezone=True), nullable=True))
