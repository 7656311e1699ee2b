"""What is held of one person is found by an exact mail address or phone, wherever it is.

Rendez-vous have their index (0004); the register, the waiting list and the messages that belong to no RDV get theirs.
Built beside a service that goes on; each step bears to be run again after an interruption.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEX: Final = {
    "ix_usager_courriel": "usager (lower(courriel)) WHERE courriel IS NOT NULL",
    "ix_usager_telephones": "usager USING gin (telephones)",
    "ix_attente_contact": "attente (lower(contact)) WHERE contact <> ''",
    "ix_courrier_sans_rdv": "courrier (lower(destinataire)) WHERE rdv_id IS NULL AND destinataire <> ''",
}
_INDEX_VALIDE: Final = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:nom)")


def _build(nom: str, objet: str) -> None:
    """The index, unless it is whole. It waits for transactions under way, and nobody waits for it."""
    valide = op.get_bind().execute(_INDEX_VALIDE, {"nom": nom}).scalar_one_or_none()
    if valide is False:  # interrupted
        op.execute(f"DROP INDEX CONCURRENTLY {nom}")
    if not valide:
        op.execute(f"CREATE INDEX CONCURRENTLY {nom} ON {objet}")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for nom, objet in _INDEX.items():
            _build(nom, objet)
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for nom in _INDEX:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {nom}")
        op.execute("RESET lock_timeout")
