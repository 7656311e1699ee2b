"""A call keeps the motif and the service it was about: the RDV may change since, the figures of the day may not.

Written by the database itself, whoever records the call. Nothing waits for this migration longer than an instant: the
columns come empty, are filled lot by lot while calls go on being recorded, and the indexes are built beside them. What
was stopped half-way is taken up again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: Calls filled by one statement.
_LOT = 5_000

_COLONNES = """
ALTER TABLE contre_appel ADD COLUMN IF NOT EXISTS motif_id bigint, ADD COLUMN IF NOT EXISTS service_id bigint
"""
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
_REMPLIR = """
UPDATE contre_appel c SET motif_id = r.motif_id, service_id = r.service_id
  FROM rendez_vous r
 WHERE r.id = c.rdv_id AND c.id BETWEEN :debut AND :fin AND c.motif_id IS NULL
"""
_INDEX = {
    "ix_contre_appel_motif_id_cree_a": "contre_appel (motif_id, cree_a) INCLUDE (service_id, resultat)",
    "ix_contre_appel_cree_a": "contre_appel (cree_a) INCLUDE (resultat)",
}


def upgrade() -> None:
    for ordre in (_COLONNES, _FONCTION, _DECLENCHEUR):
        op.execute(ordre)
    with op.get_context().autocommit_block():
        conn = op.get_bind()
        premier, dernier = conn.execute(sa.text("SELECT min(id), max(id) FROM contre_appel")).one()
        if dernier is not None:
            for debut in range(premier, dernier + 1, _LOT):
                conn.execute(sa.text(_REMPLIR), {"debut": debut, "fin": debut + _LOT - 1})
        for nom, objet in _INDEX.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {nom}")  # one whose building was interrupted is invalid
            op.execute(f"CREATE INDEX CONCURRENTLY {nom} ON {objet}")


def downgrade() -> None:
    for nom in _INDEX:
        op.drop_index(nom, table_name="contre_appel")
    op.execute("DROP TRIGGER objet_du_contre_appel ON contre_appel")
    op.execute("DROP FUNCTION objet_du_contre_appel")
    op.drop_column("contre_appel", "service_id")
    op.drop_column("contre_appel", "motif_id")
