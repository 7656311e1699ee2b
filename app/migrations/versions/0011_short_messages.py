"""Short messages: each sender finds what is due by its own channel, whatever waits for the other."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NEUF: Final = "ix_courrier_canal_du_a"
_ANCIEN: Final = "ix_courrier_a_envoyer"
_ATTEND: Final = "WHERE envoye_a IS NULL AND abandonne_a IS NULL"
_INDEX_VALIDE: Final = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:nom)")


def _build(nom: str, colonnes: str) -> None:
    """The index, unless it is whole. It waits for transactions under way, and nobody waits for it."""
    valide = op.get_bind().execute(_INDEX_VALIDE, {"nom": nom}).scalar_one_or_none()
    if valide is False:  # interrupted
        op.execute(f"DROP INDEX CONCURRENTLY {nom}")
    if not valide:
        op.execute(f"CREATE INDEX CONCURRENTLY {nom} ON courrier ({colonnes}) {_ATTEND}")


def _replace(nom: str, colonnes: str, ancien: str) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        _build(nom, colonnes)
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {ancien}")
        op.execute("RESET lock_timeout")


def upgrade() -> None:
    _replace(_NEUF, "canal, du_a", _ANCIEN)


def downgrade() -> None:
    _replace(_ANCIEN, "du_a", _NEUF)
