"""A person is found by any word of a name, a phone or an address among millions, in the services where one may look.

One index holds, for each RDV, the words of its names, each behind the services that see the RDV (a common name costs what
it costs in these services, not in the nation), and its phones and mail address as they are (rare, they need no service).
Which services see it is copied beside the person by the database itself, whoever writes.

Everything here is committed step by step, beside a service that goes on reading and booking: no step holds a lock that
anybody feels, and each bears to be run again after an interruption. A row whose ``services`` is NULL is still to be
filled; from its trigger on, the database fills or corrects the others, so that no lot ever writes over a newer value.
The code that searches is started after the end.
"""

from __future__ import annotations

import time
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: « 42 MARTIN », « +33612345678 », « @p.martin@exemple.fr ». Its cost keeps the planner from reading whole tables.
#: What is empty or NULL is no key, and no reason to refuse the row: an index does not judge what it is given.
_CLES = """
CREATE OR REPLACE FUNCTION cles_de_recherche(services bigint[], recherche text, telephones text[], courriel text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 500 AS $$
    SELECT coalesce(array_to_tsvector(array_agg(cle)), ''::tsvector)
      FROM (SELECT s || ' ' || left(mot, 40) FROM unnest(services) s, string_to_table(recherche, ' ') mot
             WHERE mot <> ''
             UNION ALL SELECT t FROM unnest(telephones) t
             UNION ALL SELECT '@' || lower(courriel) WHERE courriel IS NOT NULL) c(cle)
     WHERE cle <> ''
$$
"""
_PERSONNE = """
CREATE OR REPLACE FUNCTION services_du_rdv() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT array_remove(ARRAY[service_id, service_origine_id], NULL) INTO NEW.services
      FROM rendez_vous WHERE id = NEW.rdv_id;
    NEW.services := coalesce(NEW.services, '{}');
    RETURN NEW;
END $$
"""
_RENDEZ_VOUS = """
CREATE OR REPLACE FUNCTION services_suivent_le_rdv() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rdv_usager SET services = array_remove(ARRAY[NEW.service_id, NEW.service_origine_id], NULL)
     WHERE rdv_id = NEW.id;
    RETURN NULL;
END $$
"""
_SUIVRE = """
CREATE OR REPLACE TRIGGER services_suivent_le_rdv AFTER UPDATE OF service_id, service_origine_id ON rendez_vous
FOR EACH ROW WHEN (OLD.service_id <> NEW.service_id
                   OR OLD.service_origine_id IS DISTINCT FROM NEW.service_origine_id)
EXECUTE FUNCTION services_suivent_le_rdv()
"""
_INSERER = """
CREATE OR REPLACE TRIGGER services_du_rdv BEFORE INSERT ON rdv_usager
FOR EACH ROW EXECUTE FUNCTION services_du_rdv()
"""
#: One lock on one table a statement, each for an instant. A person inserted before the last one is still NULL.
_PREPARER: Final = (
    "ALTER TABLE rdv_usager ADD COLUMN IF NOT EXISTS services bigint[]",
    _CLES,
    _PERSONNE,
    _RENDEZ_VOUS,
    _SUIVRE,
    _INSERER,
)
#: Rows of one lot: what a booking may wait for is a fraction of a second.
_LOT: Final = 2_000
#: A row that somebody holds is left to a later pass; one that the trigger has filled meanwhile, to the trigger.
_REMPLIR: Final = sa.text(
    """
    WITH lot AS MATERIALIZED (
        SELECT rdv_id FROM rdv_usager WHERE rdv_id > :apres AND services IS NULL
         ORDER BY rdv_id LIMIT :lot FOR NO KEY UPDATE SKIP LOCKED),
    remplis AS (
        UPDATE rdv_usager u SET services = array_remove(ARRAY[r.service_id, r.service_origine_id], NULL)
          FROM lot LEFT JOIN rendez_vous r ON r.id = lot.rdv_id WHERE u.rdv_id = lot.rdv_id AND u.services IS NULL)
    SELECT max(rdv_id) FROM lot
    """
)
#: The check is validated without stopping anybody; it then spares NOT NULL from reading the table.
_EXIGER: Final = (
    "ALTER TABLE rdv_usager ALTER COLUMN services SET DEFAULT '{}'",
    "ALTER TABLE rdv_usager DROP CONSTRAINT IF EXISTS services_remplis",
    "ALTER TABLE rdv_usager ADD CONSTRAINT services_remplis CHECK (services IS NOT NULL) NOT VALID",
    "ALTER TABLE rdv_usager VALIDATE CONSTRAINT services_remplis",
    "ALTER TABLE rdv_usager ALTER COLUMN services SET NOT NULL",
    "ALTER TABLE rdv_usager DROP CONSTRAINT services_remplis",
)
_INDEX_VALIDE: Final = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_rdv_usager_cles')")
_SUPPRIMER_INDEX: Final = "DROP INDEX CONCURRENTLY IF EXISTS ix_rdv_usager_cles"
_INDEXER: Final = """
CREATE INDEX CONCURRENTLY ix_rdv_usager_cles ON rdv_usager
 USING gin (cles_de_recherche(services, recherche, telephones, courriel)) WITH (fastupdate = off)
"""


def _fill() -> None:
    """Every row, by lots committed apart."""
    connection = op.get_bind()
    while connection.execute(sa.text("SELECT EXISTS (SELECT FROM rdv_usager WHERE services IS NULL)")).scalar_one():
        apres: int | None = -(2**63)
        while apres is not None:
            apres = connection.execute(_REMPLIR, {"apres": apres, "lot": _LOT}).scalar_one()
        time.sleep(0.1)


def _build_index() -> None:
    """The index, unless it is whole. It waits for transactions under way, and nobody waits for it."""
    op.execute("SET lock_timeout = 0")
    valide = op.get_bind().execute(_INDEX_VALIDE).scalar_one_or_none()
    if valide is False:  # interrupted
        op.execute(_SUPPRIMER_INDEX)
    if not valide:
        op.execute(_INDEXER)
    op.execute("RESET lock_timeout")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for ordre in _PREPARER:
            op.execute(ordre)
        _fill()
        for ordre in _EXIGER:
            op.execute(ordre)
        _build_index()


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute(_SUPPRIMER_INDEX)
        op.execute("RESET lock_timeout")
        for ordre in (
            "DROP TRIGGER IF EXISTS services_suivent_le_rdv ON rendez_vous",
            "DROP TRIGGER IF EXISTS services_du_rdv ON rdv_usager",
            "DROP FUNCTION IF EXISTS services_suivent_le_rdv",
            "DROP FUNCTION IF EXISTS services_du_rdv",
            "DROP FUNCTION IF EXISTS cles_de_recherche",
            "ALTER TABLE rdv_usager DROP COLUMN IF EXISTS services",
        ):
            op.execute(ordre)
