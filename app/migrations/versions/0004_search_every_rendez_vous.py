"""A person is found by any word of a name, a phone or an address among millions, in the services where one may look.

One index holds, for each RDV, the words of its names, each behind the services that see the RDV (a common name costs what
it costs in these services, not in the nation), and its phones and mail address as they are (rare, they need no service).
Which services see it is copied beside the person by the database itself, whoever writes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: « 42 MARTIN », « +33612345678 », « @p.martin@exemple.fr ». Its cost keeps the planner from reading whole tables.
_CLES = """
CREATE FUNCTION cles_de_recherche(services bigint[], recherche text, telephones text[], courriel text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 500 AS $$
    SELECT coalesce(array_to_tsvector(array_agg(cle)), ''::tsvector)
      FROM (SELECT s || ' ' || left(mot, 40) FROM unnest(services) s, string_to_table(recherche, ' ') mot
             WHERE mot <> ''
             UNION ALL SELECT t FROM unnest(telephones) t
             UNION ALL SELECT '@' || lower(courriel) WHERE courriel IS NOT NULL) c(cle)
$$
"""
_PERSONNE = """
CREATE FUNCTION services_du_rdv() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT array_remove(ARRAY[service_id, service_origine_id], NULL) INTO NEW.services
      FROM rendez_vous WHERE id = NEW.rdv_id;
    NEW.services := coalesce(NEW.services, '{}');
    RETURN NEW;
END $$
"""
_RENDEZ_VOUS = """
CREATE FUNCTION services_suivent_le_rdv() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rdv_usager SET services = array_remove(ARRAY[NEW.service_id, NEW.service_origine_id], NULL)
     WHERE rdv_id = NEW.id;
    RETURN NULL;
END $$
"""
_DECLENCHEURS = (
    """
    CREATE TRIGGER services_du_rdv BEFORE INSERT ON rdv_usager
    FOR EACH ROW EXECUTE FUNCTION services_du_rdv()
    """,
    """
    CREATE TRIGGER services_suivent_le_rdv AFTER UPDATE OF service_id, service_origine_id ON rendez_vous
    FOR EACH ROW WHEN (OLD.service_id <> NEW.service_id
                       OR OLD.service_origine_id IS DISTINCT FROM NEW.service_origine_id)
    EXECUTE FUNCTION services_suivent_le_rdv()
    """,
)


def upgrade() -> None:
    op.add_column(
        "rdv_usager",
        sa.Column("services", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
    )
    op.execute(
        """
        UPDATE rdv_usager u SET services = array_remove(ARRAY[r.service_id, r.service_origine_id], NULL)
          FROM rendez_vous r WHERE r.id = u.rdv_id
        """
    )
    for ordre in (_CLES, _PERSONNE, _RENDEZ_VOUS, *_DECLENCHEURS):
        op.execute(ordre)
    op.create_index(
        "ix_rdv_usager_cles",
        "rdv_usager",
        [sa.text("cles_de_recherche(services, recherche, telephones, courriel)")],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


def downgrade() -> None:
    op.drop_index("ix_rdv_usager_cles", table_name="rdv_usager")
    op.execute("DROP TRIGGER services_suivent_le_rdv ON rendez_vous")
    op.execute("DROP TRIGGER services_du_rdv ON rdv_usager")
    op.execute("DROP FUNCTION services_suivent_le_rdv")
    op.execute("DROP FUNCTION services_du_rdv")
    op.execute("DROP FUNCTION cles_de_recherche")
    op.drop_column("rdv_usager", "services")
