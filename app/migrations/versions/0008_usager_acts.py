"""What an usager does with his own rendez-vous: the documents that he has made ready."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Alone, and a constant default rewrites nothing: the lock on the busiest table lasts an instant.
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE rendez_vous ADD COLUMN IF NOT EXISTS documents_prets text[] DEFAULT '{}' NOT NULL")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE rendez_vous DROP COLUMN IF EXISTS documents_prets")
