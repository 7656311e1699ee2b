"""Usagers who sign in: the id_token of a session, which the provider's own sign-out asks for."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE session_usager ADD COLUMN IF NOT EXISTS jeton_oidc text")


def downgrade() -> None:
    op.execute("ALTER TABLE session_usager DROP COLUMN IF EXISTS jeton_oidc")
