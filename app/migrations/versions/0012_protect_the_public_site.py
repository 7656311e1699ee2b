"""Counts and challenges of the public site.

Both tables are unlogged: counting costs a booking no wait for the disk. A crash of the server forgets them, which costs
nobody anything but the patience of robots.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "comptage",
        sa.Column("cle", sa.LargeBinary(), nullable=False),
        sa.Column("fin", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cle", name=op.f("pk_comptage")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_comptage_fin"), "comptage", ["fin"], unique=False)
    op.create_table(
        "defi",
        sa.Column("empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("visite", sa.LargeBinary(), nullable=False),
        sa.Column("reussi", sa.Boolean(), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cle", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("empreinte", name=op.f("pk_defi")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_defi_visite"), "defi", ["visite"], unique=False)
    op.create_index(op.f("ix_defi_expire_a"), "defi", ["expire_a"], unique=False)


def downgrade() -> None:
    op.drop_table("defi")
    op.drop_table("comptage")
