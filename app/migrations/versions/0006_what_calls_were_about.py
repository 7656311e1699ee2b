"""A call keeps the motif and the service it was about: the RDV may change since, the figures of the day may not.

Written by the database itself, whoever records the call. Committed step by step, beside a service that goes on recording
calls: no step holds a lock that anybody feels, and each bears to be run again after an interruption.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLONNES = (
    "ALTER TABLE contre_appel ADD COLUMN IF NOT EXISTS motif_id bigint, ADD COLUMN IF NOT EXISTS service_id bigint"
)
_FONCTION = """
CREATE OR REPLACE FUNCTION objet_du_contre_appel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT motif_id, service_id INTO NEW.motif_id, NEW.service_id FROM rendez_vous WHERE id = NEW.rdv_id;
    RETURN NEW;
END $$
"""
_DECLENCHEUR = """
CREATE OR REPLACE TRIGGER objet_du_contre_appel BEFORE INSERT ON contre_appel
FOR EACH ROW EXECUTE FUNCTION objet_du_contre_appel()
"""
#: Calls filled by one statement: those recorded before the trigger, for what their RDV is about now.
_LOT: Final = 2_000
_BORNES: Final = sa.text("SELECT min(id), max(id) FROM contre_appel WHERE motif_id IS NULL")
_REMPLIR: Final = sa.text(
    """
    UPDATE contre_appel c SET motif_id = r.motif_id, service_id = r.service_id
      FROM rendez_vous r
     WHERE r.id = c.rdv_id AND c.id >= :debut AND c.id < :debut + :lot AND c.motif_id IS NULL
    """
)
#: The check is validated without stopping anybody; it then spares NOT NULL from reading the table.
_EXIGER: Final = (
    "ALTER TABLE contre_appel DROP CONSTRAINT IF EXISTS objet_rempli",
    """
    ALTER TABLE contre_appel ADD CONSTRAINT objet_rempli
      CHECK (motif_id IS NOT NULL AND service_id IS NOT NULL) NOT VALID
    """,
    "ALTER TABLE contre_appel VALIDATE CONSTRAINT objet_rempli",
    "ALTER TABLE contre_appel ALTER COLUMN motif_id SET NOT NULL, ALTER COLUMN service_id SET NOT NULL",
    "ALTER TABLE contre_appel DROP CONSTRAINT objet_rempli",
)
_INDEX: Final = {
    "ix_contre_appel_motif_id_cree_a": "contre_appel (motif_id, cree_a) INCLUDE (service_id, resultat)",
    "ix_contre_appel_cree_a": "contre_appel (cree_a) INCLUDE (resultat)",
}
_INDEX_VALIDE: Final = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:nom)")


def _fill() -> None:
    """Every row, by lots committed apart."""
    connection = op.get_bind()
    premier, dernier = connection.execute(_BORNES).one()
    if dernier is not None:
        for debut in range(premier, dernier + 1, _LOT):
            connection.execute(_REMPLIR, {"debut": debut, "lot": _LOT})


def _build(nom: str, objet: str) -> None:
    """The index, unless it is whole. It waits for transactions under way, and nobody waits for it."""
    valide = op.get_bind().execute(_INDEX_VALIDE, {"nom": nom}).scalar_one_or_none()
    if valide is False:  # interrupted
        op.execute(f"DROP INDEX CONCURRENTLY {nom}")
    if not valide:
        op.execute(f"CREATE INDEX CONCURRENTLY {nom} ON {objet}")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for ordre in (_COLONNES, _FONCTION, _DECLENCHEUR):
            op.execute(ordre)
        _fill()
        for ordre in _EXIGER:
            op.execute(ordre)
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
        for ordre in (
            "DROP TRIGGER IF EXISTS objet_du_contre_appel ON contre_appel",
            "DROP FUNCTION IF EXISTS objet_du_contre_appel",
            "ALTER TABLE contre_appel DROP COLUMN IF EXISTS service_id, DROP COLUMN IF EXISTS motif_id",
        ):
            op.execute(ordre)
